"""What goes to the child that speaks through apprise, and which services it may speak to. Pure.

The list holds services of the network. What runs a command, writes to this machine, or takes a file's path for its key
is not in it: dbus, gnome, macosx, windows, syslog, exec, FCM, VAPID and others.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from core.errors import UsageError
from core.netpolicy import AddressPolicy

SCHEMES: Final = frozenset({
    "bark", "barks", "bluesky", "bsky", "brevo", "cliq", "dingtalk", "feishu", "flock", "gchat", "googlechat", "gotify",
    "gotifys", "guilded", "hassio", "hassios", "ifttt", "join", "kook", "lark", "line", "mailgun", "mailto", "mailtos",
    "mastodon", "mastodons", "matrix", "matrixs", "misskey", "misskeys", "mmost", "mmosts", "nctalk", "nctalks",
    "notifiarr", "ntfy", "ntfys", "opsgenie", "pagerduty", "pbul", "postmark", "pover", "prowl", "push", "pushdeer",
    "pushdeers", "pushed", "pushplus", "pushy", "qq", "resend", "revolt", "rocket", "rockets", "ryver", "schan",
    "sendgrid", "signal", "signals", "simplepush", "spush", "smtp2go", "sparkpost", "splunk", "synology", "synologys",
    "tgram", "threema", "toot", "toots", "twilio", "twist", "victorops", "viber", "webex", "wecombot", "whatsapp",
    "workflow", "workflows", "wxpusher", "wxteams", "zulip", "zoom",
})  # fmt: skip
# They read files of this machine, switch the check of certificates off, or lead elsewhere
_PARAMETERS: Final = re.compile(
    r"(?i)(template|.*file.*|.*cert.*|pgp.*|smime.*|verify|redirect|attach|.*path.*|config)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One message. `file` is attached where the service can; "": none."""

    url: str = field(repr=False)
    title: str
    body: str
    file: str
    policy: AddressPolicy
    deadline_s: float


def check(url: str) -> None:
    """Raises UsageError for a URL that is not spoken to, without the URL in its text."""
    scheme = url.partition("://")[0].lower()
    if scheme not in SCHEMES or "://" not in url:
        raise UsageError(
            f"apprise is not used for {scheme[:20]!r}",
            remedy="Services that are: docs/alerts.md. For JSON to a server of yours make a webhook channel.",
            code="scheme_refused",
        )
    try:
        names = [name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)]
    except ValueError as err:
        raise UsageError("The URL is not well formed", remedy="Check it for typing errors.", code="bad_target") from err
    strange = next((name for name in names if _PARAMETERS.fullmatch(name.lstrip("+-:"))), None)
    if strange is not None:
        raise UsageError(
            f"The parameter {strange[:20]!r} is not taken here",
            remedy="Leave it out: it names a file, or weakens a check.",
            code="bad_target",
        )


def encode(errand: Errand) -> bytes:
    """For the child's stdin."""
    return json.dumps(
        {
            "url": errand.url, "title": errand.title, "body": errand.body, "file": errand.file,
            "deadline_s": errand.deadline_s, "allow": [str(network) for network in errand.policy.allow],
        }
    ).encode()  # fmt: skip


def decode(data: bytes) -> Errand:
    """In the child; raises ValueError, KeyError or TypeError on anything else."""
    found = json.loads(data)
    policy = AddressPolicy(origin="api", allow=tuple(ip_network(text) for text in found["allow"]))
    return Errand(
        url=str(found["url"]),
        title=str(found["title"]),
        body=str(found["body"]),
        file=str(found["file"]),
        policy=policy,
        deadline_s=float(found["deadline_s"]),
    )

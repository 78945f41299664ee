"""Everything else through apprise: a fixed list of services, in a child that is fenced in."""

from __future__ import annotations

import asyncio
import warnings
from pathlib import Path
from typing import Any

import apprise
import pytest
from aiohttp import web

from core.errors import UsageError
from core.netpolicy import AddressPolicy
from supervisor.alerts.errand import SCHEMES, Errand, check
from supervisor.alerts.outgoing import Outgoing
from supervisor.alerts.spoken import speak
from tests.unit.alerts.plant import plant, served

LOCAL = (
    "dbus", "exec", "gnome", "macosx", "windows", "syslog", "rsyslog", "glib", "qt", "kde", "growl", "blink1", "fcm",
    "vapid", "file", "json", "jsons", "xml", "form", "apprise", "http", "https", "smpp", "aprs",
)  # fmt: skip


class FakeNtfy:
    """A server of ntfy's, as far as apprise asks it."""

    def __init__(self) -> None:
        self.came: list[tuple[str, Any]] = []
        self.status = 200

    def app(self) -> web.Application:
        """Messages as JSON, attachments as PUT bodies."""
        app = web.Application(client_max_size=1 << 24)
        app.router.add_post("/", self._post)
        app.router.add_post("/{topic}", self._post)
        app.router.add_put("/{topic}", self._post)
        return app

    @property
    def said(self) -> str:
        """All the words that came: in the query where a file is the body."""
        return "\n".join(words + body.decode("utf-8", "replace") for words, body in self.came)

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.came.append((" ".join(request.query.values()), body))
        return web.json_response({"id": "1"}, status=self.status)


@pytest.mark.parametrize("scheme", LOCAL)
def test_what_acts_on_this_machine_is_refused(scheme: str) -> None:
    """Programs, files, buses; and what a webhook channel does better."""
    with pytest.raises(UsageError) as said:
        check(f"{scheme}://something/secret")
    assert said.value.code == "scheme_refused"
    assert "secret" not in str(said.value)


@pytest.mark.parametrize(
    "name", ["template", "keyfile", "PGPKey", "+cert", "verify", "smime-cert", "attach", "-config"]
)
def test_parameters_that_name_files_or_weaken_a_check_are_refused(name: str) -> None:
    """In any spelling."""
    with pytest.raises(UsageError, match="not taken here"):
        check(f"mailto://u:p@example.org?{name}=/etc/passwd".replace("+", "%2B"))


def test_every_service_of_the_list_is_known_to_apprise() -> None:
    """By the version that is locked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a module that Python will drop, in one of its services
        found = apprise.Apprise().details()["schemas"]
    known = {name for each in found for kind in ("protocols", "secure_protocols") for name in each[kind] or ()}
    assert {"ntfys", "tgram", "mailtos", "matrixs", "gotifys"} <= SCHEMES
    assert SCHEMES - known - {"googlechat"} == set()


async def test_a_clip_is_told_once_with_its_file(tmp_path: Path) -> None:
    """By a real child to a server of ntfy's."""
    async with plant(tmp_path) as p:
        ntfy = FakeNtfy()
        async with served(ntfy.app()) as url:
            port = url.rpartition(":")[2]
            await p.channel("apprise", f"ntfy://127.0.0.1:{port}/clips")
            p.make("master", 1000)
            await p.clip(files=("master",))
            drainer = await p.drain()
            await p.clip(files=("master",), state="final")
            await p.drain(drainer)
            assert "A goal" in ntfy.said
            assert b"master" + b"\0" * 994 in [body for _, body in ntfy.came]
            assert ntfy.said.count("A goal") == 1


async def test_the_child_reaches_no_private_address_and_reads_no_other_file(tmp_path: Path) -> None:
    """The connection itself is refused; so is a service that says no tried again."""
    ntfy = FakeNtfy()
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"top secret")
    async with served(ntfy.app()) as url:
        port = url.rpartition(":")[2]
        errand = Errand(
            url=f"ntfy://localhost:{port}/clips", title="t", body="b", file="", policy=AddressPolicy(origin="api"),
            deadline_s=60,
        )  # fmt: skip
        async with Outgoing(("127.0.0.0/8", "::1/128")) as out:
            open_ = out.policy
        stolen = Errand(
            url=f"ntfy://localhost:{port}/clips?attach={secret}", title="t", body="b", file="", policy=open_,
            deadline_s=60,
        )  # fmt: skip
        ntfy.status = 500
        refused, again = await asyncio.gather(speak(errand), speak(stolen))
        assert (refused.how, again.how) == ("gone", "retry")
        assert "no public address" in refused.what
        assert b"top secret" not in b"".join(body for _, body in ntfy.came)

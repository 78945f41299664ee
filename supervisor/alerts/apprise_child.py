"""Sends one message through apprise; `python -m supervisor.alerts.apprise_child`, a process a message.

stdin: an Errand, stdout: {"ok", "what"} as JSON. The guard of the resolving children fences it in: connections are held
against the address policy at the socket, no program can be started, nothing can be written, and time is limited. Files
are read below the interpreter's own folders and the system's network settings only, and the one that is attached.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from supervisor.alerts.errand import Errand, decode
from supervisor.channels.guard import Guard

READABLE: Final = (
    "/etc/gai.conf", "/etc/host.conf", "/etc/hosts", "/etc/localtime", "/etc/mime.types", "/etc/nsswitch.conf",
    "/etc/resolv.conf", "/etc/services", "/etc/ssl", "/etc/pki", "/usr/lib/ssl", "/usr/share/ca-certificates",
    "/usr/share/zoneinfo", "/dev/null", "/dev/urandom", "/usr/share/mime", "/etc/httpd/mime.types",
    "/usr/local/etc/mime.types",
)  # fmt: skip


def main() -> None:
    """One errand."""
    errand = decode(sys.stdin.buffer.read())
    apprise = importlib.import_module("apprise")  # after stdin: it takes half a second
    _only_read(
        (*READABLE, *map(os.path.realpath, (sys.prefix, sys.base_prefix, *([errand.file] if errand.file else []))))
    )
    guard = Guard(errand.policy)
    guard.enter(errand.deadline_s)
    logging.disable(logging.CRITICAL)
    answer = _send(apprise, errand)
    if guard.refused is not None:
        answer = {"ok": False, "what": guard.refused.what[:300], "refused": True}
    sys.stdout.write(json.dumps(answer))


def _send(apprise: Any, errand: Errand) -> dict[str, Any]:
    asset = apprise.AppriseAsset(plugin_paths=[], storage_path=None, secure_logging=True)
    box = apprise.Apprise(asset=asset)
    if not box.add(errand.url):
        return {"ok": False, "what": "apprise does not understand this URL", "refused": True}
    attached = apprise.AppriseAttachment(errand.file, asset=asset) if errand.file else None
    ok = box.notify(title=errand.title, body=errand.body, body_format="text", attach=attached)
    return {"ok": bool(ok), "what": "" if ok else "the service did not take the message"}


def _only_read(allowed: Sequence[str]) -> None:
    """Refuse to open anything else: parameters of some services name files."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(args[0], str | bytes):
            path = os.path.realpath(os.fsdecode(args[0]))
            if not any(path == each or path.startswith(f"{each}/") for each in allowed):
                raise PermissionError("this file is not read here")

    sys.addaudithook(hook)


if __name__ == "__main__":
    main()

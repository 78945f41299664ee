"""Chat that programs post to a running session: lines of a file in its folder, which its worker follows."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from core.chat import POSTED, POSTED_FILE, hashed
from core.errors import StorageError
from core.ids import SessionId
from core.times import NS_PER_S
from supervisor.api.call import Done, UserCall
from supervisor.api.errors import ApiError
from supervisor.api.models import ChatLine, ChatTaken, NewChat

MAX_FILE: Final = 256 << 20  # bytes of a session: two million messages
MAX_TEXT: Final = 500  # characters; workers keep no more, and read no line above 16 kB
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LINES: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


async def post(call: UserCall) -> Done:
    """POST /sessions/{id}/chat: on the disk when it is answered. A message without a time is of now."""
    body: NewChat = call.body
    catalog = call.services.catalog
    session = await catalog.session(call.workspace, SessionId(call.path["id"]))
    if session.ended_ns is not None:
        raise ApiError(409, "session_ended", "The session is over. Its chat is what it was.")
    stream = await catalog.stream(None, session.stream)
    if stream.options.get("chat") != POSTED:
        raise ApiError(409, "other_chat", f"The stream has another chat. Give it the chat {POSTED!r} first.")
    now_s = call.services.clock.wall_ns() / NS_PER_S
    data = b"".join(_line(each, now_s) for each in body.messages)
    data_dir = Path(call.services.settings.data_dir).absolute()
    await asyncio.to_thread(_append, data_dir, session.id, data)
    return Done(ChatTaken(taken=len(body.messages)), 202)


def _line(message: ChatLine, now_s: float) -> bytes:
    """Without the name: it is counted by, and nobody needs to read it."""
    fields: dict[str, Any] = message.model_dump(mode="json", exclude_none=True, exclude={"user"})
    fields["text"] = message.text[:MAX_TEXT]
    if message.t_s is None and message.wall is None:
        fields["wall"] = round(now_s, 3)
    return json.dumps({**fields, "user": hashed(message.user)}, ensure_ascii=False).encode() + b"\n"


def _append(data_dir: Path, session: SessionId, data: bytes) -> None:
    """One write, so that those of two supervisors don't mix. The folder is its worker's: no link in it is followed.

    Raises ApiError, StorageError."""
    try:
        sessions = os.open(data_dir / "sessions", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            file = _opened(sessions, (session, POSTED_FILE))
        finally:
            os.close(sessions)
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise OSError("no plain file")
            if found.st_size + len(data) > MAX_FILE:
                raise ApiError(409, "chat_full", "This session has had all the chat it takes.")
            if found.st_size and os.pread(file, 1, found.st_size - 1) != b"\n":
                data = b"\n" + data  # a full disk took a part of what came before
            if os.write(file, data) != len(data):
                raise OSError("the disk took a part")
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as err:
        raise StorageError(
            f"The chat cannot be written: {err.strerror or err}", remedy="Check the data folder's space and rights."
        ) from err


def _opened(sessions: int, parts: Sequence[str]) -> int:
    folder = os.open(parts[0], _FOLDER, dir_fd=sessions)
    try:
        return os.open(parts[1], _LINES, 0o644, dir_fd=folder)
    finally:
        os.close(folder)

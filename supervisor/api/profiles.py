"""The area `profiles`: what is shipped, and which clips another profile would have made."""

from __future__ import annotations

import asyncio
from typing import Final

from configs import profile_names
from configs.loader import load_profile
from core.ids import SessionId
from core.times import ns
from supervisor.api.call import Done, UserCall
from supervisor.api.errors import ApiError
from supervisor.api.models import DiffAsked, Listed, Moved, Profile, ProfileDiff, SessionDiff
from supervisor.api.models.profiles import MOST_SESSIONS
from supervisor.catalog import NotFound

LIMIT_NS: Final = ns(120)  # for all sessions of a request; an hour of stream takes a second or two
BUSY_S: Final = 10


async def list_all(_call: UserCall) -> Done:
    """GET /profiles."""
    items = await asyncio.to_thread(lambda: [_profile(name) for name in profile_names()])
    return Done(Listed[Profile](items=items))


async def diff(call: UserCall) -> Done:
    """POST /profiles/{name}/diff. One request at a time in this process: what is recorded goes first."""
    body: DiffAsked = call.body
    name, services = call.path["name"], call.services
    if name not in profile_names():
        raise NotFound("profile", name)
    if body.sessions is None:
        page = await services.catalog.sessions(call.workspace, limit=MOST_SESSIONS)
        sessions = [row.id for row in page.rows]
    else:
        asked = [SessionId(each) for each in dict.fromkeys(body.sessions)]
        sessions = [(await services.catalog.session(call.workspace, each)).id for each in asked]
    if services.replaying.locked():
        raise ApiError(409, "busy", "Another comparison is under way. Ask again.", headers={"Retry-After": str(BUSY_S)})
    async with services.replaying:
        until_ns = services.clock.boottime_ns() + LIMIT_NS
        found = [await _replayed(call, name, each, until_ns) for each in sessions]
    return Done(ProfileDiff(profile=name, sessions=found), target=name, detail={"sessions": sessions})


async def _replayed(call: UserCall, profile: str, session: SessionId, until_ns: int) -> SessionDiff:
    left_ns = until_ns - call.services.clock.boottime_ns()
    if left_ns <= 0:
        return SessionDiff(session=session, error="time_limit")
    said = await call.services.replays(profile, session, left_ns)
    if "error" in said:
        return SessionDiff(session=session, error=str(said["error"]))
    return SessionDiff(
        session=session,
        same=said["same"],
        gained=said["gained"],
        lost=said["lost"],
        moved=[Moved.model_validate({"before": before, "after": after}) for before, after in said["moved"]],
        media_s=said["media_s"],
    )


def _profile(name: str) -> Profile:
    profile = load_profile(name)
    return Profile(
        name=profile.name,
        clips_per_hour=profile.clips_per_hour,
        clip=profile.clip,
        bar=profile.detect.bar,
        weights=profile.detect.weights,
    )

"""The endpoints of recording rooms and of WHIP, as rows of the table."""

from __future__ import annotations

from typing import Final

from supervisor.api import joining, page, roomproxy, rooms, whip
from supervisor.api import models as m
from supervisor.api.call import Endpoint, ForAll, ForUsers
from supervisor.api.prefix import API, ID

_TAKE: Final = ID.replace("{id:", "{take:")
_INVITE: Final = ID.replace("{id:", "{invite:")
_ROOM_FILE: Final = "{name:[a-z0-9][a-z0-9./_-]{0,199}}"  # PID/TRACK/FILE; or a file of the whole take
_KEY: Final = "{key:[A-Za-z0-9_.~!$*+,;:@=-]{16,256}}"
_OFFER: Final = "{offer:[A-Za-z0-9_-]{1,80}}"
_SDP: Final = ("application/sdp", "application/trickle-ice-sdpfrag")

ROOMS: Final[tuple[Endpoint, ...]] = (
    ForUsers(
        method="POST", path=f"{API}/rooms", does=rooms.add, role="editor", action="room.add",
        body=m.NewRoom, answer=m.Room, status=201, summary="Make a recording room",
    ),
    ForUsers(
        method="GET", path=f"{API}/rooms", does=rooms.list_all, role="viewer",
        query=m.Listing, answer=m.Listed[m.Room], summary="Recording rooms",
    ),
    ForUsers(
        method="GET", path=f"{API}/rooms/{ID}", does=rooms.get, role="viewer", answer=m.Room, summary="One room",
    ),
    ForUsers(
        method="PATCH", path=f"{API}/rooms/{ID}", does=rooms.change, role="editor", action="room.change",
        body=m.RoomChange, answer=m.Room, summary="Change, open or close a room",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/rooms/{ID}", does=rooms.delete, role="editor", action="room.delete",
        summary="Delete a closed room with everybody's tracks",
    ),
    ForUsers(
        method="POST", path=f"{API}/rooms/{ID}/invites", does=rooms.add_invite, role="editor",
        action="room.invite", body=m.NewInvite, answer=m.MadeInvite, status=201, summary="Make a link into a room",
    ),
    ForUsers(
        method="GET", path=f"{API}/rooms/{ID}/invites", does=rooms.list_invites, role="viewer",
        query=m.Listing, answer=m.Listed[m.Invite], summary="Links into a room, without their secrets",
    ),
    ForUsers(
        method="DELETE", path=f"{API}/rooms/{ID}/invites/{_INVITE}", does=rooms.revoke_invite, role="editor",
        action="room.revoke", summary="Let nobody in by a link any more",
    ),
    ForUsers(
        method="POST", path=f"{API}/rooms/{ID}/start", does=rooms.start, role="editor", action="room.start",
        answer=m.RoomCommand, status=202, summary="Begin to record",
    ),
    ForUsers(
        method="POST", path=f"{API}/rooms/{ID}/stop", does=rooms.stop, role="editor", action="room.stop",
        answer=m.RoomCommand, status=202, summary="Record no longer",
    ),
    ForUsers(
        method="GET", path=f"{API}/rooms/{ID}/takes", does=rooms.list_takes, role="viewer",
        query=m.Listing, answer=m.Listed[m.Take], summary="What was recorded in a room",
    ),
    ForUsers(
        method="GET", path=f"{API}/rooms/{ID}/takes/{_TAKE}", does=rooms.get_take, role="viewer",
        answer=m.TakeDetail, summary="One recording, with its people and their tracks",
    ),
    ForAll(
        method="GET", path=f"{API}/rooms/{ID}/takes/{_TAKE}/files/{_ROOM_FILE}", does=rooms.take_file,
        query=m.SignedFile, summary="A track's file, by a link of the take",
    ),
    ForAll(
        method="GET", path=f"{API}/rooms/{ID}/notice", does=joining.notice, answer=m.NoticeText,
        summary="What is accepted by who joins",
    ),
    ForAll(
        method="POST", path=f"{API}/rooms/{ID}/join", does=joining.join, body=m.Joining, answer=m.Joined,
        summary="Join by a link",
    ),
    ForAll(
        method="POST", path=f"{API}/rooms/{ID}/refresh", does=joining.refresh, answer=m.RoomTokens,
        summary="New tokens, by a session's token",
    ),
    ForAll(
        method="GET", path=f"{API}/rooms/{ID}/mine", does=joining.mine, answer=m.Mine,
        summary="One's own local tracks, by the upload token",
    ),
    ForAll(
        method="POST", path=f"{API}/rooms/{ID}/segments", does=joining.add_segment, body=m.NewSegment,
        answer=m.SegmentUpload, status=201, summary="A recorder has started, by the upload token",
    ),
    ForAll(
        method="GET", path=f"{API}/rooms/{ID}/ws", does=roomproxy.join_socket, status=101,
        summary="The room's WebSocket, by a session's token as its subprotocol",
    ),
    ForAll(method="GET", path=f"/room/{ID}", does=page.room, media="text/html", summary="The room's page"),
)  # fmt: skip

WHIP: Final[tuple[Endpoint, ...]] = (
    *(
        each
        for place in ("whip", f"whip/{_KEY}")
        for each in (
            ForAll(
                method="POST", path=f"{API}/{place}", does=whip.offer, takes=_SDP[:1], media="application/sdp",
                status=201, summary="Publish over WebRTC, by a stream's key",
            ),
            ForAll(method="GET", path=f"{API}/{place}", does=whip.nothing, status=204, summary="Nothing"),
            ForAll(
                method="OPTIONS", path=f"{API}/{place}", does=whip.options, summary="What may be posted",
            ),
        )
    ),
    *(
        each
        for place in (f"whip/{whip.SESSION}/{_OFFER}", f"whip/{_KEY}/{_OFFER}")
        for each in (
            ForAll(
                method="PATCH", path=f"{API}/{place}", does=whip.change, takes=_SDP[1:],
                summary="Candidates that come later",
            ),
            ForAll(
                method="DELETE", path=f"{API}/{place}", does=whip.end, status=200, media="text/plain",
                summary="Publish no longer",
            ),
            ForAll(method="GET", path=f"{API}/{place}", does=whip.nothing, status=204, summary="Nothing"),
            ForAll(method="OPTIONS", path=f"{API}/{place}", does=whip.options, summary="What may be sent"),
        )
    ),
)  # fmt: skip

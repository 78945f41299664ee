"""Signing in to the page, members, workspaces, narrowed and rotated tokens, as the API has them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import structlog

from core.times import ns
from supervisor.api.cookies import COOKIE, CSRF
from supervisor.api.errors import ApiError
from supervisor.api.passwords import MOST, Passwords
from supervisor.catalog.signins import IDLE_S
from tests.fakes import FakeClock
from tests.unit.api.stage import FOREIGN, Answer, Stage, stage

WORD = "a very long word"
OURS = {"Host": "localhost:8700", "Origin": "http://localhost:8700"}


def cookie_of(answer: Answer) -> str:
    """Its text, after a look at what it allows."""
    named, *rest = answer.headers["Set-Cookie"].split("; ")
    assert rest == ["Max-Age=604800", "Path=/", "HttpOnly", "SameSite=Strict"]
    return named.removeprefix(f"{COOKIE}=")


async def sign_in(api: Stage, **body: Any) -> Answer:
    return await api.ask("POST", "sign-in", body, role=None)


async def member(api: Stage, **changes: Any) -> Answer:
    return await api.ask("POST", "members", {"name": "ann", "role": "editor", "password": WORD} | changes)


async def test_a_token_signs_in_to_the_page_with_its_own_rights(api: Stage) -> None:
    """The cookie is the page's only: what changes something needs the CSRF text of `me`, from our own origin."""
    answer = await sign_in(api, token=api.tokens["default", "editor"])
    text, csrf = cookie_of(answer), answer.body["csrf"]
    cookie = {"Cookie": f"{COOKIE}={text}", **OURS}
    me = await api.ask("GET", "me", role=None, headers=cookie)
    assert me.body == answer.body
    expected = {"id": api.rows["default", "editor"].id, "role": "editor", "workspace": "default", "scopes": []}
    assert me.body.items() >= expected.items()
    assert text not in answer.text + me.text
    body = {"source": "https://www.twitch.tv/ann"}
    assert (await api.ask("POST", "streams", body, role=None, headers=cookie)).code == "csrf"
    assert (await api.ask("POST", "streams", body, role=None, headers={**cookie, CSRF: csrf})).status == 201
    by_fetch = {"Cookie": f"{COOKIE}={text}", CSRF: csrf, "Sec-Fetch-Site": "same-origin"}
    made = (await api.ask("GET", "streams", role=None, headers=cookie)).body["items"][0]["id"]
    assert (await api.ask("DELETE", f"streams/{made}", role=None, headers=by_fetch)).status == 204
    [row] = (await api.ask("GET", "audit?limit=1")).body["items"]
    assert (row["actor"], row["action"]) == (me.body["id"], "stream.delete")


async def test_signing_out_ends_the_cookie_and_nothing_else(api: Stage) -> None:
    """The browser is told to forget it; the token stays what it is, and a bearer token has nothing to sign out of."""
    token = api.tokens["default", "viewer"]
    answer = await sign_in(api, token=token)
    cookie = {"Cookie": f"{COOKIE}={cookie_of(answer)}", CSRF: answer.body["csrf"], **OURS}
    out = await api.ask("POST", "sign-out", role=None, headers=cookie)
    assert (out.status, out.headers["Set-Cookie"].split("; ")[:2]) == (204, [f"{COOKIE}=", "Max-Age=0"])
    assert (await api.ask("GET", "me", role=None, headers=cookie)).code == "unauthorized"
    assert (await api.ask("POST", "sign-out", token=token)).status == 204
    bearer = await api.ask("GET", "me", token=token)
    assert (bearer.status, bearer.body["csrf"]) == (200, None)


async def test_a_member_signs_in_with_a_password(api: Stage) -> None:
    """By name in the workspace; a new password, and the member's end, sign out everywhere."""
    made = await member(api, name="Ann")
    assert (made.status, made.body["name"]) == (201, "ann")
    assert (await member(api)).code == "member_taken"
    answer = await sign_in(api, name="ANN", password=WORD)
    assert (answer.status, answer.body["name"], answer.body["role"]) == (200, "ann", "editor")
    cookie = {"Cookie": f"{COOKIE}={cookie_of(answer)}", **OURS}
    path = f"members/{made.body['id']}"
    assert (await api.ask("PATCH", path, {"role": "viewer"})).body["role"] == "viewer"
    assert (await api.ask("GET", "me", role=None, headers=cookie)).body["role"] == "viewer"
    assert (await api.ask("PATCH", path, {"password": WORD + "!"})).status == 200
    assert (await api.ask("GET", "me", role=None, headers=cookie)).status == 401
    assert (await sign_in(api, name="ann", password=WORD)).code == "sign_in_refused"
    cookie["Cookie"] = f"{COOKIE}={cookie_of(await sign_in(api, name='ann', password=WORD + '!'))}"
    assert (await api.ask("DELETE", path)).status == 204
    assert (await api.ask("GET", "me", role=None, headers=cookie)).status == 401
    for body in ({"role": None}, {}, {"password": "short"}):
        assert (await api.ask("PATCH", path, body)).status == 422


async def test_who_is_unknown_and_who_is_wrong_are_told_the_same(api: Stage) -> None:
    """Also a member of another workspace's; nothing of a password is in the log or the audit."""
    await member(api)
    with structlog.testing.capture_logs() as logs:
        answers = [
            await sign_in(api, name="ann", password="wrong password"),
            await sign_in(api, name="nobody", password="wrong password"),
            await sign_in(api, name="ann", password=WORD, workspace=FOREIGN),
            await sign_in(api, name="ann", password=WORD, workspace="nowhere"),
        ]
        assert (await sign_in(api, name="ann", password=WORD, workspace="default")).status == 200
    assert {(each.status, each.code, each.body["error"]["message"]) for each in answers} == {
        (401, "sign_in_refused", "The name or the password is wrong.")
    }
    audit = (await api.ask("GET", "audit")).text
    assert not [word for word in (WORD, "wrong password", "argon2") if word in str(logs) + audit]


async def test_passwords_are_tried_so_often_by_address_and_by_name(tmp_path: Path) -> None:
    """A right one costs nothing; who knew it before from this address is not held up by what others try on the name."""
    async with stage(tmp_path, clock=FakeClock(), CLIPD_API__SIGN_IN_FAILURES="3") as api:
        await member(api)
        for _ in range(4):
            assert (await sign_in(api, name="ann", password=WORD)).status == 200
        wrong = await asyncio.gather(*(sign_in(api, name="ann", password=f"wrong {n}") for n in range(5)))
        assert sorted(each.status for each in wrong) == [401, 401, 401, 429, 429]  # at once, too
        assert all(int(each.headers["Retry-After"]) >= 1 for each in wrong if each.status == 429)
        assert (await sign_in(api, name="ann", password=WORD)).status == 429  # its address has to wait
        assert (await sign_in(api, token="cd_x_y")).status == 429
        failures = api.services.gate._failures
        for _ in range(3):
            failures.give_back("127.0.0.1")
        for _ in range(3):
            failures.take("default/ann", api.services.clock.boottime_ns())
            failures.take("default/bob", api.services.clock.boottime_ns())
        assert (await sign_in(api, name="ann", password=WORD)).status == 200
        assert (await sign_in(api, name="bob", password=WORD)).status == 429


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": "ann"}, {"password": WORD}, {"token": "x", "name": "ann", "password": WORD}, {"token": ""},
        {"name": "ann\u0131", "password": WORD}, {"name": "ann", "password": "x" * 257},
    ],
)  # fmt: skip
async def test_a_sign_in_names_one_way(body: dict[str, Any], api: Stage) -> None:
    """A token, or a name and a password. A form is no JSON: no page of a stranger can send one."""
    answer = await sign_in(api, **body)
    assert (answer.status, answer.code) == (422, "invalid")
    assert WORD not in answer.text


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://stranger.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)
async def test_a_page_of_a_stranger_signs_nobody_in(headers: dict[str, str], api: Stage) -> None:
    """Not even as somebody else."""
    body = {"token": api.tokens["default", "viewer"]}
    assert (await api.ask("POST", "sign-in", body, role=None, headers=headers)).code == "csrf"


async def test_behind_https_the_cookie_travels_there_only(tmp_path: Path) -> None:
    """The page's origin is what people see, whatever the proxy calls us."""
    async with stage(tmp_path, CLIPD_API__PUBLIC_URL="https://clips.example/") as api:
        headers = {"Origin": "https://clips.example"}
        body = {"token": api.tokens["default", "editor"]}
        answer = await api.ask("POST", "sign-in", body, role=None, headers=headers)
        assert answer.headers["Set-Cookie"].endswith("; HttpOnly; SameSite=Strict; Secure")
        text = answer.headers["Set-Cookie"].partition(";")[0]
        sent = {"Cookie": text, CSRF: answer.body["csrf"], **headers}
        assert (await api.ask("POST", "sign-out", role=None, headers=sent)).status == 204


async def test_a_cookie_that_nobody_uses_ends(tmp_path: Path) -> None:
    """After 12 hours."""
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as api:
        answer = await sign_in(api, token=api.tokens["default", "viewer"])
        cookie = {"Cookie": f"{COOKIE}={cookie_of(answer)}"}
        assert (await api.ask("GET", "streams", role=None, headers=cookie)).status == 200
        clock.advance(ns(IDLE_S))
        assert (await api.ask("GET", "streams", role=None, headers=cookie)).status == 401


async def test_nobody_handles_members_above_them(api: Stage) -> None:
    """An admin makes, changes and removes admins at most; the last owner stays."""
    higher = {"name": "x", "role": "owner", "password": WORD}
    assert (await api.ask("POST", "members", higher, role="admin")).code == "forbidden"
    boss = (await member(api, name="boss", role="owner")).body["id"]
    for method, body in (("PATCH", {"role": "viewer"}), ("PATCH", {"password": WORD}), ("DELETE", None)):
        assert (await api.ask(method, f"members/{boss}", body, role="admin")).code == "forbidden"
    low = (await member(api, name="low", role="viewer")).body["id"]
    assert (await api.ask("PATCH", f"members/{low}", {"role": "owner"}, role="admin")).code == "forbidden"
    cookie = await sign_in(api, name="boss", password=WORD)
    headers = {"Cookie": f"{COOKIE}={cookie_of(cookie)}", CSRF: cookie.body["csrf"], **OURS}
    owner = api.rows["default", "owner"].id
    assert (await api.ask("DELETE", f"tokens/{owner}", role=None, headers=headers)).status == 204
    last = await api.ask("DELETE", f"members/{boss}", role=None, headers=headers)
    assert (last.status, last.code) == (409, "last_owner")


async def test_a_narrowed_token_does_what_its_scopes_say_and_hands_out_no_more(api: Stage) -> None:
    """Writing takes reading along. It makes narrower tokens and no members, and rotates none that is wider."""
    made = await api.ask("POST", "tokens", {"role": "admin", "scopes": ["streams:write", "admin:write"]})
    assert made.body["scopes"] == ["admin:write", "streams:write"]
    token = made.body["secret"]
    assert (await api.ask("GET", "streams", token=token)).status == 200
    assert (await api.ask("POST", "streams", {"source": "https://www.twitch.tv/a"}, token=token)).status == 201
    clips = await api.ask("GET", "clips", token=token)
    assert (clips.status, clips.code) == (403, "scope")
    for scopes, status in (([], 403), (["clips:read"], 403), (["streams:read"], 201), (["streams:write"], 201)):
        body = {"role": "viewer", "scopes": scopes}
        assert (await api.ask("POST", "tokens", body, token=token)).status == status, scopes
    assert (await api.ask("POST", "tokens", {"role": "viewer", "scopes": ["all:read"]})).status == 422
    wide = api.rows["default", "admin"].id
    assert (await api.ask("POST", f"tokens/{wide}/rotate", {}, token=token)).code == "scope"
    body = {"name": "x", "role": "viewer", "password": WORD}
    assert (await api.ask("POST", "members", body, token=token)).code == "scope"
    signed = await sign_in(api, token=token)
    cookie = {"Cookie": f"{COOKIE}={cookie_of(signed)}"}
    assert (await api.ask("GET", "clips", role=None, headers=cookie)).code == "scope"


async def test_a_token_is_rotated_without_a_gap(api: Stage) -> None:
    """Both secrets for a day unless said otherwise; the list says until when, and when it was used last."""
    made = (await api.ask("POST", "tokens", {"role": "viewer"})).body
    path = f"tokens/{made['id']}/rotate"
    key = {"Idempotency-Key": "once"}
    rotated = await api.ask("POST", path, {}, headers=key)
    assert (rotated.status, rotated.body["id"], rotated.body["previous_until"] is not None) == (200, made["id"], True)
    assert (await api.ask("POST", path, {}, headers=key)).body["secret"] is None
    for text in (made["secret"], rotated.body["secret"]):
        assert (await api.ask("GET", "streams", token=text)).status == 200
    last = (await api.ask("POST", path, {"overlap_s": 0})).body["secret"]
    texts = (made["secret"], rotated.body["secret"], last)
    assert [(await api.ask("GET", "streams", token=text)).status for text in texts] == [401, 401, 200]
    [shown] = [each for each in (await api.ask("GET", "tokens")).body["items"] if each["id"] == made["id"]]
    assert shown["last_used"] is not None
    owner = api.rows["default", "owner"].id
    assert (await api.ask("POST", f"tokens/{owner}/rotate", {}, role="admin")).code == "forbidden"
    assert (await api.ask("DELETE", f"tokens/{made['id']}")).status == 204
    assert (await api.ask("POST", path, {})).code == "token_over"


async def test_owners_of_the_first_workspace_make_others(api: Stage) -> None:
    """With a token that owns the new one, shown once; nobody else makes or sees any."""
    key = {"Idempotency-Key": "once"}
    body = {"name": "Studio", "id": "studio"}
    token = (await api.ask("POST", "workspaces", body, headers=key)).body["owner_token"]
    assert (await api.ask("POST", "workspaces", body, headers=key)).body["owner_token"] is None
    assert (await api.ask("POST", "workspaces", {"name": "Again", "id": "studio"})).code == "workspace_taken"
    me = (await api.ask("GET", "me", token=token)).body
    assert (me["workspace"], me["role"]) == ("studio", "owner")
    listed = [each["id"] for each in (await api.ask("GET", "workspaces")).body["items"]]
    assert set(listed) == {"default", FOREIGN, "studio"}
    assert [each["id"] for each in (await api.ask("GET", "workspaces", token=token)).body["items"]] == ["studio"]
    assert (await api.ask("POST", "workspaces", {"name": "x"}, token=token)).code == "forbidden"
    assert (await api.ask("PATCH", "workspaces/default", {"name": "x"}, token=token)).status == 404
    assert (await api.ask("PATCH", "workspaces/studio", {"name": "Ours"}, token=token)).body["name"] == "Ours"
    assert (await api.ask("PATCH", "workspaces/studio", {"name": "Theirs"})).body["name"] == "Theirs"


async def test_passwords_are_argon2id_with_a_salt_of_their_own() -> None:
    """The same letters are the same password however they were typed; nobody's is never right."""
    passwords = Passwords()
    one, two = await passwords.hash("caf\u00e9 au lait"), await passwords.hash("caf\u00e9 au lait")
    assert one.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert one != two
    assert await passwords.is_right("cafe\u0301 au lait", one)
    assert not await passwords.is_right("cafe au lait", one)
    assert not await passwords.is_right("caf\u00e9 au lait", None)
    assert not await passwords.is_right("x", "no hash at all")


async def test_only_so_many_passwords_wait_for_their_turn() -> None:
    """One more is told to come again, and takes no memory."""
    passwords = Passwords()
    async with passwords._turns, passwords._turns:
        waiting = [asyncio.create_task(passwords.is_right("x", None)) for _ in range(MOST)]
        await asyncio.sleep(0)
        with pytest.raises(ApiError) as busy:
            await passwords.hash("x")
        assert (busy.value.status, busy.value.code, "Retry-After" in busy.value.headers) == (503, "busy", True)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert (await passwords.hash("x")).startswith("$argon2id$")

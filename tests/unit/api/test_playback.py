"""What is played: the list of a session's footage, segments and clips' files, by links that carry their own right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from core.ids import SessionId
from core.times import NS_PER_S
from supervisor.api.errors import ApiError
from supervisor.api.files import parts_below
from supervisor.api.signing import LONGEST_NS, Signer, Signers
from tests.fakes import FakeClock
from tests.unit.api.recorded import record
from tests.unit.api.stage import FOREIGN, Answer, Stage
from tests.unit.api.test_workers_side import CLIP, batch, say
from tests.unit.ringbuffer.kit import encode, load

PLAYLIST = "playlist.m3u8"


@pytest.fixture
async def clip(api: Stage) -> dict[str, Any]:
    """A clip with files on the disk, as answers show it."""
    row = await api.stream()
    token, _ = await api.worker(row.id)
    folder = clips(api) / "c1" / "r1"
    folder.mkdir(parents=True)
    files = {"master": "master.mp4", "thumbnail": "thumbnail.jpg", "srt": "captions.srt", "xmeml": "timeline.xml"}
    for name in files.values():
        (folder / name).write_bytes(bytes(range(256)) * 4)
    line = {**CLIP, "title": 'A "goal"', "files": {kind: str(folder / name) for kind, name in files.items()}}
    assert (await say(api, token, "events", batch(row.id, 1, (1, "clip", line)))).status == 200
    shown: dict[str, Any] = (await api.ask("GET", "clips/c1")).body
    return shown


def clips(api: Stage) -> Path:
    return Path(api.services.settings.data_dir) / "sessions" / "s-ann-d" / "clips"


async def get(api: Stage, link: str, **headers: str) -> Answer:
    """Without a token."""
    async with api.client.get(api.url + link, headers=headers) as answer:
        raw = await answer.read()
        body = await answer.json() if answer.content_type == "application/json" else raw
        return Answer(answer.status, answer.headers.copy(), body, "")


async def test_a_clips_files_come_by_their_links_in_ranges_and_harmless(api: Stage, clip: dict[str, Any]) -> None:
    """Fixed types, no sniffing, no scripts; what no browser shows safely is a download."""
    [listed] = (await api.ask("GET", "clips", role="viewer")).body["items"]
    assert listed["files"] == clip["files"]
    assert set(clip["files"]) == {"master", "thumbnail", "srt", "xmeml"}
    master = await get(api, clip["files"]["master"])
    assert (master.status, len(master.body), master.headers["Content-Type"]) == (200, 1024, "video/mp4")
    assert master.headers["X-Content-Type-Options"] == "nosniff"
    assert master.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert master.headers["Content-Disposition"] == 'inline; filename="a-goal-master.mp4"'
    part = await get(api, clip["files"]["master"], Range="bytes=10-13")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, bytes([10, 11, 12, 13]), "bytes 10-13/1024")
    assert (await get(api, clip["files"]["master"], Range="bytes=9999-")).status == 416
    again = await get(api, clip["files"]["master"], **{"If-None-Match": master.headers["ETag"]})
    assert again.status == 304
    saved = await get(api, clip["files"]["thumbnail"] + "&download=1")
    assert saved.headers["Content-Disposition"] == 'attachment; filename="a-goal-thumbnail.jpg"'
    timeline = await get(api, clip["files"]["xmeml"])
    assert timeline.headers["Content-Type"] == "application/octet-stream"
    assert timeline.headers["Content-Disposition"].startswith("attachment")


async def test_a_link_is_for_its_file_and_its_time_only(api: Stage, clip: dict[str, Any]) -> None:
    link = clip["files"]["master"]
    for wrong in (
        link.partition("?")[0],
        link.replace("/master?", "/thumbnail?"),
        link.replace("/c1/", "/c2/"),
        re.sub(r"exp=(\d)", r"exp=9\1", link),
        link[:-1] + ("A" if link[-1] != "A" else "B"),
        re.sub(r"sig=.*", "sig=", link),
    ):
        answer = await get(api, wrong)
        assert (answer.status, answer.code) == (403, "bad_link"), wrong
    assert (await get(api, link + "&sig=x")).code == "invalid"
    signer = await api.services.signers.get()
    path = link.partition("?")[0]
    assert (await get(api, signer.sign(path, api.services.clock.wall_ns() - NS_PER_S))).code == "link_expired"
    assert (await get(api, signer.sign(path.replace("master", "vertical"), signer.usual_ns()))).code == "no_file"
    assert (await get(api, signer.sign(path.replace("c1", "c9"), signer.usual_ns()))).code == "not_found"


async def test_nothing_but_the_clips_own_files_is_handed_out(api: Stage, clip: dict[str, Any]) -> None:
    """Whatever a worker put there: a link in place of the file, of its folder; a pipe; a name that leads elsewhere."""
    secret = Path(api.services.settings.data_dir) / "owner-token"
    secret.write_text("secret")
    master = clips(api) / "c1" / "r1" / "master.mp4"
    master.unlink()
    master.symlink_to(secret)
    assert (await get(api, clip["files"]["master"])).code == "no_file"
    master.unlink()
    master.mkdir()
    assert (await get(api, clip["files"]["master"])).code == "no_file"
    (clips(api) / "c1" / "r1").rename(clips(api) / "c1" / "r2")
    (clips(api) / "c1" / "r1").symlink_to("r2")
    assert (await get(api, clip["files"]["thumbnail"])).code == "no_file"


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/data/sessions/s1/clips/c1/r1/master.mp4", ["s1", "clips", "c1", "r1", "master.mp4"]),
        ("/sessions/s1/clips/c1/x/sessions/s1/clips/c1/r1/m.mp4", ["s1", "clips", "c1", "r1", "m.mp4"]),
        ("/data/sessions/s1/clips/c1/../../../catalog.db", None),
        ("/data/sessions/s1/clips/c1/..", None),
        ("/data/sessions/s1/clips/c1/r1/.hidden", None),
        ("/data/sessions/s1/clips/c1", None),
        ("/data/sessions/s2/clips/c1/r1/master.mp4", None),
        ("/data/sessions/s1/clips/c1/a/b/c/master.mp4", None),
        ("/etc/passwd", None),
        ("", None),
        (None, None),
        ({"a": 1}, None),
    ],
)
def test_of_a_workers_path_only_what_lies_in_its_clip_counts(path: object, below: list[str] | None) -> None:
    assert parts_below(path, "s1", "c1") == below


@pytest.mark.parametrize(("recipe", "inits"), [("h264_aac", 0), ("h264_opus", 1)])
async def test_footage_plays_from_its_list(recipe: str, inits: int, api: Stage, tmp_path: Path) -> None:
    """Every segment by its link, byte ranges behind one header where it is MP4; another workspace sees none of it."""
    row = await api.stream()
    await api.worker(row.id)
    session = SessionId(f"s-{row.id}")
    folder = record(Path(api.services.settings.data_dir), session, load(encode(tmp_path, recipe, 4.0)))
    path = f"/api/v1/sessions/{session}/{PLAYLIST}"
    listed = await api.ask("GET", path, role="viewer")
    assert listed.headers["Content-Type"].startswith("application/vnd.apple.mpegurl")
    links = [line for line in listed.text.splitlines() if line and not line.startswith("#")]
    maps = re.findall(r'#EXT-X-MAP:URI="([^"]+)"', listed.text)
    assert (len(links) >= 2, len(maps)) == (True, inits)
    assert listed.text.count("#EXT-X-BYTERANGE") == (len(links) if inits else 0)
    for link in (*links, *maps):
        found = await get(api, urljoin(path, link))
        name = link.partition("?")[0].rpartition("/")[2]
        [kept] = folder.glob(f"ring/**/{name}")
        assert found.body == kept.read_bytes()
        assert (
            found.headers["Content-Type"]
            == {"ts": "video/mp2t", "m4s": "video/iso.segment", "mp4": "video/mp4"}[name.rpartition(".")[2]]
        )
    assert (await api.ask("GET", path, workspace=FOREIGN)).code == "not_found"
    assert (await get(api, urljoin(path, links[0]).partition("?")[0])).code == "bad_link"
    signer = await api.services.signers.get()
    for name in ("session.db", "playlist.m3u8", "1-99999999.ts"):
        link = signer.sign(f"/api/v1/sessions/{session}/segments/{name}", signer.usual_ns())
        assert (await get(api, link)).code == "no_file", name


async def test_a_list_that_a_worker_wrote_leads_nowhere_else(api: Stage) -> None:
    """Only tags and names of our own are passed on; a session that is over has an end."""
    row = await api.stream()
    await api.worker(row.id)
    session = SessionId(f"s-{row.id}")
    folder = record(Path(api.services.settings.data_dir), session)
    (folder / "ring" / PLAYLIST).write_text(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:2.000,\nmain/1-00000001.ts\nhttp://evil.example/x.ts\n../../catalog.db\n"
        'main/../session.db\n#EXT-X-MAP:URI="file:///etc/passwd"\n#EXT-X-KEY:METHOD=AES-128,URI="http://evil/"\n'
        '#EXTINF:2.000,<script>\n#EXT-X-DEFINE:NAME="a"\n'
    )
    text = (await api.ask("GET", f"sessions/{session}/{PLAYLIST}")).text
    plain = re.sub(r"\?exp=.*", "", text)
    assert plain == "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:2.000,\nsegments/1-00000001.ts\n"
    await api.leading.set_session(session, state="ended", ended=True)
    assert (await api.ask("GET", f"sessions/{session}/{PLAYLIST}")).text.endswith("#EXT-X-ENDLIST\n")
    (folder / "ring" / PLAYLIST).unlink()
    assert (await api.ask("GET", f"sessions/{session}/{PLAYLIST}")).code == "no_footage"


def test_links_of_one_half_day_are_the_same_and_none_is_longer_than_a_day() -> None:
    """So that a browser keeps what it has; 12 to 24 hours."""
    clock = FakeClock()
    signer, other = Signer(b"k" * 32, clock), Signer(b"o" * 32, clock)
    link = signer.sign("/a", signer.usual_ns())
    clock.advance(NS_PER_S)
    assert signer.sign("/a", signer.usual_ns()) == link
    forever = signer.sign("/a", clock.wall_ns() + 100 * LONGEST_NS)
    _, exp, sig = re.split(r"\?exp=|&sig=", forever)
    assert int(exp) == (clock.wall_ns() + LONGEST_NS) // NS_PER_S
    signer.check("/a", exp, sig)
    for path, expires, signature in (("/b", exp, sig), ("/a", exp + "0", sig), ("/a", exp, sig[:-1]), ("/a", "", "ä")):
        with pytest.raises(ApiError):
            signer.check(path, expires, signature)
    with pytest.raises(ApiError):
        other.check("/a", exp, sig)
    clock.advance(LONGEST_NS)
    with pytest.raises(ApiError) as caught:
        signer.check("/a", exp, sig)
    assert caught.value.code == "link_expired"


async def test_all_supervisors_of_an_installation_sign_alike(api: Stage) -> None:
    """The key lies in the catalog."""
    one, two = [await Signers(api.catalog, api.services.clock).get() for _ in range(2)]
    until_ns = one.usual_ns()
    assert one is not two
    assert (
        one.sign("/a", until_ns) == two.sign("/a", until_ns) == (await api.services.signers.get()).sign("/a", until_ns)
    )


async def test_clips_are_found_by_what_is_known_of_them(api: Stage) -> None:
    """Filters join, and the cursor goes on among what fits."""
    row = await api.stream()
    token, _ = await api.worker(row.id)
    titles = ["A goal", "100% sure", "GOALS galore", "quiet", "own_goal"]
    for seq, title in enumerate(titles, 1):
        line = {
            **CLIP,
            "id": f"c{seq}",
            "title": title,
            "score": seq / 10,
            "state": "final" if seq < 5 else "provisional",
        }
        assert (await say(api, token, "events", batch(row.id, 1, (seq, "clip", line)))).status == 200
    await api.catalog.review_clip("default", "c3", "approved", actor="test")

    async def found(query: str) -> list[str]:
        return [item["id"] for item in (await api.ask("GET", f"clips?{query}", role="viewer")).body["items"]]

    assert await found("q=goal") == ["c5", "c3", "c1"]
    assert await found("q=%25") == ["c2"]
    assert await found("q=n_g") == ["c5"]
    assert await found("review=approved") == ["c3"]
    assert await found("review=none&q=goal&state=final") == ["c1"]
    assert await found("min_score=0.35") == ["c5", "c4"]
    first = (await api.ask("GET", "clips?q=goal&limit=2")).body
    rest = (await api.ask("GET", f"clips?q=goal&limit=2&after={first['next']}")).body
    assert [item["id"] for item in (*first["items"], *rest["items"])] == ["c5", "c3", "c1"]
    assert rest["next"] is None
    for bad in ("state=gone", "review=maybe", "min_score=nan", f"q={'x' * 201}"):
        assert (await api.ask("GET", f"clips?{bad}")).code == "invalid"

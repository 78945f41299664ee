"""From what `clipd watch` was asked to the orders of workers, and what a person sees of channels."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from configs import Settings
from configs.streams import StreamEntry
from core.spec import WorkerSpec
from core.times import ns
from daemon.cli.view import TextView
from daemon.cli.watching import WatchRequest, build_spec, channel_job

PAGE = "https://www.twitch.tv/somebody"


def request(tmp_path: Path, **changes: object) -> WatchRequest:
    """For a page, unless changed."""
    fields: dict[str, object] = {
        "kind": "stream",
        "source": PAGE,
        "settings": Settings(data_dir=str(tmp_path / "data")),
        "out_dir": tmp_path / "out",
        "speed": 1.0,
        "chat": None,
        "chat_delay_s": 0.0,
        "duration_s": None,
    }
    return WatchRequest(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"source": "https://www.youtube.com/@somebody/live"}, True),
        ({"duration_s": 60.0}, False),
        ({"kind": "vod"}, False),
        ({"source": "https://cdn.example/live.m3u8"}, False),
        ({"source": "/tmp/x.mp4"}, False),
        ({"source": "rtmp://www.twitch.tv/somebody"}, False),
    ],
)
def test_pages_are_watched_around_the_clock(tmp_path: Path, changes: dict[str, object], expected: bool) -> None:
    """All else once, as always."""
    assert request(tmp_path, **changes).is_channel is expected


def test_every_session_of_a_channel_has_its_own_id_and_folder(tmp_path: Path) -> None:
    """So that one report never replaces another."""
    job = channel_job(request(tmp_path))
    first, second = job.new_spec(), job.new_spec()
    assert first.session != second.session
    assert first.out_dir == str(tmp_path / "out" / first.session)
    assert (job.poll_ns, job.rule.apart_ns, job.rule.silence_ns) == (ns(60), ns(30), ns(300))


def test_a_channels_name_in_lines_holds_no_secrets(tmp_path: Path) -> None:
    """A query may carry a token."""
    assert "SECRET" not in channel_job(request(tmp_path, source=f"{PAGE}?token=SECRET")).name


def test_a_worker_learns_its_own_stream_only(tmp_path: Path) -> None:
    """Its rights, its name; not the other entries of the file, whose chat URLs may carry tokens."""
    others = (StreamEntry(name="zelda", source="https://kick.com/zelda", chat="https://x.example/?token=t"),)
    settings = Settings(data_dir=str(tmp_path), streams=others)
    spec = build_spec(request(tmp_path, settings=settings, rights="own", name="Ann B"))
    assert (spec.rights, spec.stream) == ("own", "ann-b")
    assert "zelda" not in spec.to_json()
    assert WorkerSpec.from_json(spec.to_json()) == spec


def shown(*lines: dict[str, object], live: bool = False) -> str:
    """What a terminal shows of lines."""
    out = io.StringIO()
    view = TextView(Console(file=out, width=200, force_terminal=False), live=live)
    for line in lines:
        view.line(line)
    view.close()
    return out.getvalue()


def test_a_person_sees_which_channel_is_meant() -> None:
    """A channel's own states name it; a page's text is not markup."""
    said = {"type": "state", "session": "", "t_s": 0.0, "state": "offline", "reason": "", "source": PAGE}
    assert shown(said) == f"{PAGE}: offline\n"
    assert "[red]" in shown(said | {"reason": "[red]x"})

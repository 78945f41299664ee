"""Choosing a game: by a name, a folder or `off`; over the profile's, and for one stream over the file's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from configs import load_settings
from configs.games import HUD_FILE, hud_names
from configs.streams import StreamEntry
from core.errors import UsageError
from core.ids import ClipId, SessionId, StreamId
from daemon.cli.configured import ConfiguredStreams, row_of
from daemon.cli.watch import _Asked
from supervisor.api.models import NewStream
from supervisor.api.sources import Asker
from supervisor.api.streams import watch_options
from supervisor.orders import order_rows
from supervisor.runtimes.container import mounts


@pytest.fixture(autouse=True)
def hud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that says it is a HUD, below a working folder without a clipd.yaml."""
    folder = tmp_path / "huds" / "mine"
    folder.mkdir(parents=True)
    (folder / HUD_FILE).touch()
    monkeypatch.chdir(tmp_path)
    return folder


def game(text: str = "", **options: str) -> str | None:
    Path("clipd.yaml").write_text(text)
    return load_settings(environment={}, **options).detection_profile().game  # type: ignore[arg-type]


def test_without_one_there_is_none() -> None:
    """The shipped profiles name no game."""
    assert game() is None


def test_a_folder_is_named_by_its_path(hud: Path) -> None:
    """Relative to where the command runs; workers get it absolute."""
    assert game("game: ./huds/mine") == game(game="huds/mine") == str(hud)


def test_a_profile_may_name_one_and_off_goes_over_it(tmp_path: Path, hud: Path) -> None:
    """Profile, then file, then options."""
    (tmp_path / "shooter.yaml").write_text(f"game: {hud}\n")
    assert game("profile: shooter.yaml") == str(hud)
    assert game("profile: shooter.yaml\ngame: off") is None
    assert game("profile: shooter.yaml", game="off") is None
    assert game("game: off", game=str(hud)) == str(hud)


@pytest.mark.parametrize("name", ["valornat", "./huds/none", "../..", "a\0/b", "x" * 2000])
def test_a_game_that_nobody_knows_is_refused_before_anything_starts(name: str) -> None:
    """With what there is, or what a folder needs."""
    with pytest.raises(UsageError) as caught:
        game(game=name)
    assert caught.value.code == "unknown_game"
    assert len(str(caught.value)) < 500


def test_a_shipped_game_is_named_by_its_name() -> None:
    """Whatever `clipd hud list` shows."""
    assert [game(game=name) for name in hud_names()] == hud_names()


def test_a_stream_may_have_its_own(hud: Path) -> None:
    """An entry of the settings, as a row of the catalog, as orders of a worker and of what renders its clips."""
    entry = StreamEntry(name="ann", source="https://example.org/x.m3u8", game=str(hud), player="Ann")
    row = row_of(entry)
    assert (row.options["game"], row.options["player"]) == (str(hud), "Ann")

    def of_stream(own: StreamEntry) -> object:
        return load_settings(game=own.game, player=own.player, environment={})

    spec = ConfiguredStreams(of_stream).spec(row, SessionId("s1"))  # type: ignore[arg-type]
    assert (spec.settings["game"], spec.settings["player"]) == (str(hud), "Ann")
    assert (hud, False) in mounts(spec, Path(spec.data_dir))
    render, _ = order_rows(replace(row, id=StreamId("ann")), SessionId("s1"), ClipId("c1"), "render", None)
    assert render.options["game"] == str(hud)


def test_the_api_takes_shipped_games_and_owners_folders(hud: Path) -> None:
    """Whoever may name any folder can look into any; so that is for owners, below folders that the settings list."""
    owner = Asker(is_owner=True, folders=(str(hud.parent),))
    guest = Asker(is_owner=False, folders=(str(hud.parent),))

    def asked(name: str, asker: Asker) -> object:
        body = NewStream(source="https://example.org/x.m3u8", game=name, player="Ann")
        return watch_options(body, body.source, asker)["game"]

    assert asked(str(hud), owner) == str(hud)
    assert asked("off", guest) == "off"
    for name, asker in ((str(hud), guest), ("nothing", owner), (str(hud.parents[1] / "x"), owner)):
        with pytest.raises(Exception, match=r"[Ff]iles|Unknown|folder"):
            asked(name, asker)


def test_options_go_over_a_streams_own(hud: Path) -> None:
    """`clipd watch --game off` for all streams of the file."""
    fields = dict.fromkeys(_Asked.__dataclass_fields__, None)
    asked = _Asked(**{**fields, "game": "off", "player": "Bob"})  # type: ignore[arg-type]
    entry = StreamEntry(name="ann", source="x", game=str(hud), player="Ann")
    assert (asked.settings(entry).detection_profile().game, asked.settings(entry).player) == (None, "Bob")

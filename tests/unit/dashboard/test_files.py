"""The control room's files: whose they are, that they bring nothing in, that they can be read by everybody."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

import supervisor.dashboard

HERE: Final = Path(supervisor.dashboard.__file__).parent
WEB, VENDOR = HERE / "web", HERE / "vendor"
SCRIPTS: Final = sorted(WEB.rglob("*.js"))
STYLES: Final = sorted(WEB.rglob("*.css"))
VENDORED: Final[list[dict[str, Any]]] = json.loads((VENDOR / "VENDOR.json").read_text())

# What writes markup, runs text or opens other hosts
FORBIDDEN: Final = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\(\"(style|on\w+)\""
    r"|DOMParser|createContextualFragment|srcdoc|https?://(?!www\.w3\.org/|www\.twitch\.tv/name|example\.org|discord\.com)"
)


def test_every_vendored_file_is_the_one_that_was_taken() -> None:
    """Name, version, licence and where it is from; nothing lies there that is not named."""
    for library in VENDORED:
        assert library.keys() == {"name", "version", "licence", "package", "files"}
        assert library["licence"] in ("MIT", "Apache-2.0")
        for file in library["files"]:
            assert hashlib.sha256((VENDOR / file["name"]).read_bytes()).hexdigest() == file["sha256"], file["name"]
        assert any(file["name"].startswith("LICENSE") for file in library["files"])
    named = {file["name"] for library in VENDORED for file in library["files"]}
    assert {path.name for path in VENDOR.iterdir()} == {*named, "VENDOR.json"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_of_what_it_was_told(path: Path) -> None:
    """Text nodes only; no other host is named but in examples that are shown."""
    assert FORBIDDEN.findall(path.read_text()) == []


@pytest.mark.parametrize("name", ["index.html", "room/index.html"])
def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(name: str) -> None:
    """As its policy says."""
    page = (WEB / name).read_text()
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)", page) == []
    loads = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert [load for load in loads if not load.startswith("/assets/")] == []
    for load in loads:
        name = load.removeprefix("/assets/")
        assert (WEB / name).is_file() or (HERE / name).is_file(), name
    assert [path.name for path in STYLES if re.search(r"url\(|@import", path.read_text())] == []


def test_every_module_that_is_imported_is_there() -> None:
    """There is no build step that would tell."""
    for path in SCRIPTS:
        for target in re.findall(r'(?:from|import)\s*\(?\s*"([^"]+)"', path.read_text()):
            found = (path.parent / target).resolve()
            if "vendor" in found.parts:
                found = VENDOR / found.name
            assert found.is_file(), f"{path.name}: {target}"


def test_files_are_small() -> None:
    """As everywhere in the house: 400 lines at most."""
    assert [path.name for path in [*SCRIPTS, *STYLES] if path.read_text().count("\n") > 400] == []


def test_every_size_and_colour_is_a_token() -> None:
    """A colour stands in tokens.css, or lies over a picture; every var() is defined."""
    defined = set(re.findall(r"(--[\w-]+):", (WEB / "css" / "tokens.css").read_text())) | {"--part", "--bar"}
    for path in STYLES:
        text = path.read_text()
        assert set(re.findall(r"var\((--[\w-]+)\)", text)) <= defined, path.name
        if path.name != "tokens.css":
            strange = [
                line for line in text.splitlines() if re.search(r"#[0-9a-f]{3,8}\b", line) and ".thumb" not in line
            ]
            assert strange == [], path.name


# -- contrast: WCAG 2.2, 1.4.3 and 1.4.11 -----------------------------------------------------------------------------

GROUNDS: Final = ("ground", "surface", "raised")
TEXTS: Final = ("ink", "soft", "accent", "good", "warn", "bad")


def tokens() -> dict[str, tuple[str, str]]:
    """Each colour, light and dark."""
    found = re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", (WEB / "css" / "tokens.css").read_text())
    return {name: (light, dark) for name, light, dark in found}


def rgba(colour: str) -> tuple[float, float, float, float]:
    digits = colour.removeprefix("#")
    red, green, blue, *alpha = (int(digits[at : at + 2], 16) / 255 for at in range(0, len(digits), 2))
    return red, green, blue, alpha[0] if alpha else 1.0


def over(top: str, ground: str) -> tuple[float, float, float]:
    """A colour that lets its ground through, as it is seen."""
    (*front, alpha), (*back, _) = rgba(top), rgba(ground)
    red, green, blue = (a * alpha + b * (1 - alpha) for a, b in zip(front, back, strict=True))
    return red, green, blue


def light(colour: tuple[float, float, float]) -> float:
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_stands_out_from_every_ground(theme: int) -> None:
    """4.5 to 1; edges of controls and the focus ring 3 to 1."""
    colours = {name: pair[theme] for name, pair in tokens().items()}
    assert {*GROUNDS, *TEXTS, "edge", "on-accent"} <= colours.keys()
    for ground in GROUNDS:
        seen = over(colours[ground], "#000000")
        weak = {text: round(contrast(over(colours[text], colours[ground]), seen), 2) for text in TEXTS}
        assert {text: ratio for text, ratio in weak.items() if ratio < 4.5} == {}, ground
    for ground in ("ground", "surface"):
        assert contrast(over(colours["edge"], colours[ground]), over(colours[ground], "#000000")) >= 3, ground
    assert contrast(over(colours["on-accent"], colours["accent"]), over(colours["accent"], "#000000")) >= 4.5
    for tone in ("accent", "good", "warn", "bad"):
        wash = over(colours[f"{tone}-wash"], colours["surface"])
        assert contrast(over(colours[tone], colours["surface"]), wash) >= 4.5, tone


def test_sizes_of_type_are_one_scale() -> None:
    """Six steps, each larger than the one before."""
    text = (WEB / "css" / "tokens.css").read_text()
    sizes = [float(size) for size in re.findall(r"--t-\w+: ([\d.]+)rem", text)]
    assert len(sizes) == 6
    assert all(a < b for a, b in pairwise(sizes))
    for path in STYLES:
        assert re.findall(r"font-size: (?!var\(--t-)[\d.]+(?:px|rem)", path.read_text()) == [], path.name

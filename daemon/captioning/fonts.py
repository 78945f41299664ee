"""Which font sets which letter: the shipped ones, then those of the machine; and the fonts a job's folder needs.

libass would look for other fonts by itself, again for every frame, and draw boxes where it finds none. So each run of
letters names its font here, and a letter without one is left out and told (`Missing`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

from core.errors import MissingPart
from daemon.captioning.face import Face
from daemon.captioning.text import direction, is_emoji, letters
from daemon.ffmpeg import Name

SHIPPED: Final = (
    "Montserrat-ExtraBold.ttf",
    "NotoSans-ExtraBold.ttf",
    "NotoSansArabic-ExtraBold.ttf",
    "NotoSansHebrew-ExtraBold.ttf",
    "NotoEmoji-Bold.ttf",
)
SYSTEM_FOLDERS: Final = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
FONTS: Final = Name("fonts")
_PACKAGE: Final = "daemon.captioning"
_EMOJI: Final = "NotoEmoji-Bold.ttf"
_EMOJI_SCALE: Final = 0.86  # its pictures are 1.24 em wide; so they stand like capitals beside words
_MAX_FILES: Final = 20_000
_JOINER: Final = "\u200d"


@dataclass(frozen=True, slots=True)
class Missing:
    """Letters that no font of the machine has, and Debian's package that does."""

    letters: str
    script: str
    package: str

    @property
    def code(self) -> str:
        """Of the warning."""
        return "font_missing"

    @property
    def message(self) -> str:
        """What happened, for people."""
        return f"No font here has {self.letters[:20]!r} ({self.script}); captions leave it out"

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return f"Install one: apt-get install {self.package}"


@dataclass(frozen=True, slots=True)
class Run:
    """Letters of one font."""

    face: Face
    text: str


@dataclass(frozen=True, slots=True)
class _Fallback:
    script: str
    package: str
    files: tuple[str, ...]
    ranges: tuple[tuple[int, int], ...]

    def covers(self, code: int) -> bool:
        return any(first <= code <= last for first, last in self.ranges)


class FontBook:
    """The fonts of one installation, read when a text needs them. Not for several threads at once."""

    def __init__(self, brand: Sequence[Path] = (), folders: Sequence[Path] = SYSTEM_FOLDERS) -> None:
        """`brand`: fonts that come before ours. Raises MissingPart when one of them, or of ours, is not usable."""
        shipped = Path(str(files(_PACKAGE))) / "fonts"
        self._faces = [_opened(path) for path in brand]
        self._faces += [_opened(shipped / name, _EMOJI_SCALE if name == _EMOJI else 1.0) for name in SHIPPED]
        self._emoji = self._faces[-1]
        self._folders, self._paths = tuple(folders), None if folders else dict[str, Path]()
        self._fallbacks = _fallbacks()
        self._found: dict[str, Face | None] = {}
        self._system: dict[str, Face | None] = {}

    def runs(self, text: str) -> tuple[list[Run], list[Missing]]:
        """A text cut by font, in logical order, and what had to be left out."""
        runs: list[Run] = []
        missing: list[Missing] = []
        rtl = direction(text) == "rtl"
        for letter in letters(text):
            # libass draws the members of a joined emoji one by one, whatever the font could do
            group = letter.replace(_JOINER, "") if is_emoji(letter) else letter
            kept = runs[-1].face if runs and not is_emoji(group) and rtl and runs[-1].face.has(group) else None
            face = kept or self._face(group)
            if face is None:
                missing.append(self._missing(group))
            elif runs and runs[-1].face is face:
                runs[-1] = Run(face, runs[-1].text + group)
            else:
                runs.append(Run(face, group))
        return runs, missing

    def _face(self, group: str) -> Face | None:
        if group not in self._found:
            shipped = [self._emoji, *self._faces] if is_emoji(group) else self._faces
            self._found[group] = next((face for face in shipped if face.has(group)), None) or self._of_system(group)
        return self._found[group]

    def _of_system(self, group: str) -> Face | None:
        names = [name for one in self._fallbacks if one.covers(ord(group[0])) for name in one.files]
        return next((face for name in names if (face := self._system_face(name)) and face.has(group)), None)

    def _system_face(self, name: str) -> Face | None:
        if name not in self._system:
            path = self._index().get(name)
            try:
                self._system[name] = None if path is None else Face(path)
            except (ValueError, OSError):  # a damaged font of the machine is as good as none
                self._system[name] = None
        return self._system[name]

    def _index(self) -> Mapping[str, Path]:
        if self._paths is None:
            self._paths = {}
            for path in _font_files(self._folders):
                self._paths.setdefault(path.name, path)
        return self._paths

    def _missing(self, group: str) -> Missing:
        fallback = next(one for one in self._fallbacks if one.covers(ord(group[0])))
        return Missing(group, fallback.script, fallback.package)


def place_fonts(folder: Path, faces: Sequence[Face]) -> Name:
    """Link the files under generated names into `folder`/fonts, the one place where a child of ours looks for fonts."""
    target = folder / FONTS
    target.mkdir(exist_ok=True)
    for number, path in enumerate(dict.fromkeys(face.path for face in faces)):
        link = target / f"font{number}.ttf"
        link.unlink(missing_ok=True)
        link.symlink_to(path.absolute())
    return FONTS


def joined(missing: Sequence[Missing]) -> tuple[Missing, ...]:
    """One note for each package, with every letter once."""
    by_script: dict[tuple[str, str], dict[str, None]] = {}
    for one in missing:
        by_script.setdefault((one.script, one.package), {})[one.letters] = None
    return tuple(Missing("".join(texts), *key) for key, texts in by_script.items())


def _opened(path: Path, scale: float = 1.0) -> Face:
    try:
        return Face(path, scale=scale)
    except (ValueError, OSError) as err:
        raise MissingPart(f"The font {path.name} cannot be used ({err})", remedy="Name another font file.") from err


def _font_files(folders: Sequence[Path]) -> Iterator[Path]:
    seen = 0
    for folder in folders:
        for parent, names, entries in os.walk(folder):
            names.sort()
            seen += len(entries)
            yield from (Path(parent, name) for name in sorted(entries))
            if seen > _MAX_FILES:
                return


def _fallbacks() -> tuple[_Fallback, ...]:
    rows: list[dict[str, Any]] = yaml.safe_load((files(_PACKAGE) / "data" / "fallbacks.yaml").read_text("utf-8"))
    return tuple(
        _Fallback(row["script"], row["package"], tuple(row["files"]), tuple((a, b) for a, b in row["ranges"]))
        for row in rows
    )

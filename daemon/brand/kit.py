"""A brand's folder -> a kit that can be rendered: brand.yaml checked, images and font written anew under our names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from configs.strict_yaml import MAX_BYTES as MOST_YAML
from core.errors import UsageError
from daemon.brand import fonts, images
from daemon.brand.images import Size
from daemon.brand.intake import take
from daemon.brand.model import Brand
from daemon.brand.yaml_file import parse_brand
from daemon.ffmpeg import Name

BRAND_FILE: Final = "brand.yaml"
FONTS: Final = Name("fonts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """`pictures` by part (logo, watermark, intro, outro): files of the job's folder, PNG; the font lies in FONTS."""

    brand: Brand
    pictures: Mapping[str, tuple[Name, Size]]
    font: Name | None = None

    @property
    def family(self) -> str | None:
        """The font as libass knows it; None: the caller's."""
        return fonts.FAMILY if self.font else None


def load_kit(folder: Path, job: Path) -> Kit:
    """Read `folder`, write into `job` (exists, ours). Runs children; blocks. Raises UsageError (`brand_invalid`,
    `brand_file`)."""
    brand = read_brand(folder)
    pictures = {}
    for part, name in brand.images().items():
        blob = take(folder, name, images.MAX_BYTES)
        made = Name(f"brand-{part}.png")
        pictures[part] = (made, images.reencode(blob, name, job, made))
    return Kit(brand=brand, pictures=pictures, font=_font(brand, folder, job))


def read_brand(folder: Path) -> Brand:
    """brand.yaml alone. Raises UsageError."""
    try:
        text = take(folder, BRAND_FILE, MOST_YAML).decode()
    except UnicodeDecodeError as err:
        raise UsageError(f"{BRAND_FILE} is no UTF-8 text", remedy="Save it as UTF-8.", code="brand_invalid") from err
    return parse_brand(text)


def _font(brand: Brand, folder: Path, job: Path) -> Name | None:
    if brand.font is None:
        return None
    blob = take(folder, brand.font, fonts.MAX_BYTES)
    place = job / FONTS
    place.mkdir(exist_ok=True)
    return Name(fonts.rebuild(blob, brand.font, place).name)

"""Brand folders: what is taken, and that nothing hostile gets through or keeps anyone waiting."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from typer.testing import CliRunner

from core.errors import ClipdError, UsageError
from daemon.brand import Brand, load_kit, read_brand
from daemon.brand.yaml_file import parse_brand
from daemon.cli.main import app
from tests.unit.brand.made import YAML, folder, font, picture, png


def job_in(tmp_path: Path) -> Path:
    job = tmp_path / "job"
    job.mkdir(exist_ok=True)
    return job


def refusal(tmp_path: Path, brand: Path) -> ClipdError:
    """How a folder is refused; and that nothing of the file is left in the job's folder."""
    job = job_in(tmp_path)
    with pytest.raises(UsageError) as caught:
        load_kit(brand, job)
    assert [path for path in job.rglob("*") if path.is_file()] == []
    assert caught.value.remedy
    return caught.value


def with_logo(tmp_path: Path, blob: bytes, name: str = "logo.png") -> Path:
    brand = tmp_path / "brand"
    brand.mkdir()
    (brand / "brand.yaml").write_text(f"logo: {{image: {name}}}\n")
    (brand / name).write_bytes(blob)
    return brand


def test_a_whole_kit_is_taken_under_names_of_ours(tmp_path: Path) -> None:
    kit = load_kit(folder(tmp_path / "brand"), job_in(tmp_path))
    made = sorted(str(path.relative_to(tmp_path / "job")) for path in (tmp_path / "job").rglob("*") if path.is_file())
    assert made == ["brand-intro.png", "brand-logo.png", "brand-watermark.png", "fonts/brand.ttf"]
    assert kit.pictures["watermark"][1] == (200, 100)
    assert kit.family == "Clipd Brand"
    assert Brand.from_json(kit.brand.to_json()) == kit.brand


def test_the_font_is_written_anew_without_its_names_and_programs(tmp_path: Path) -> None:
    """Its family was `{\\fs4000}Evil`; what libass would match and show is ours."""
    load_kit(folder(tmp_path / "brand"), job_in(tmp_path))
    made = TTFont(tmp_path / "job" / "fonts" / "brand.ttf")
    assert {str(record) for record in made["name"].names} == {"Clipd Brand", "Regular", "ClipdBrand"}
    assert made.getBestCmap().keys() == {ord(letter) for letter in "ABC abc!"}
    assert not {"fpgm", "prep", "SVG ", "CBDT", "EBDT", "fvar"} & set(made.keys())


@pytest.mark.parametrize("name", ["logo.png", "logo.jpg", "logo.webp"])
def test_pictures_are_known_by_their_bytes_not_by_their_names(tmp_path: Path, name: str) -> None:
    """A JPEG that is called PNG is a JPEG; pixels survive, large ones smaller."""
    brand = with_logo(tmp_path, picture(tmp_path / "big.jpg", "2400x1200").read_bytes(), name)
    _, size = load_kit(brand, job_in(tmp_path)).pictures["logo"]
    assert size == (1920, 960)


def test_a_polyglot_is_only_its_pixels_afterwards(tmp_path: Path) -> None:
    """A ZIP behind the picture, a text chunk in it: gone; twice gives the same bytes."""
    smuggled = b"PK\x03\x04 <script>alert(1)</script> secret"
    brand = with_logo(tmp_path, png(40, 20) + smuggled)
    made = []
    for name in ("job", "job2"):
        (tmp_path / name).mkdir()
        load_kit(brand, tmp_path / name)
        made.append((tmp_path / name / "brand-logo.png").read_bytes())
    assert made[0] == made[1]
    assert not any(part in made[0] for part in (b"PK", b"script", b"secret", b"tEXt"))
    with av.open(str(tmp_path / "job" / "brand-logo.png")) as image:
        pixels = next(image.decode(video=0)).to_ndarray(format="rgba")
    assert np.all(pixels == [255, 0, 0, 255])


BOMB = png(64, 64, claimed=(60_000, 60_000))
DEEP = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + b"\0\0\x0f\xff\0\0\x08\x70\x08\x06\0\0\0" + b"\0" * 4
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
NO_PICTURES = {
    "pixels": (BOMB, "60000 x 60000 pixels"),
    "no data": (DEEP, "cannot be decoded"),
    "cut short": (png(300, 300, rgb=os.urandom(3))[:60], "cannot be decoded"),
    "svg": (
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "SVG",
    ),
    "svg in a comment": (b"<!-- " + b"x" * 300 + b" --><svg/>", "SVG"),
    "gif": (b"GIF89a" + b"\0" * 64, "no PNG, JPEG or WebP"),
    "playlist": (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "no PNG, JPEG or WebP"),
    "concat": (b"ffconcat version 1.0\nfile /etc/passwd\n", "no PNG, JPEG or WebP"),
    "empty": (b"", "no PNG, JPEG or WebP"),
    "text": (b"hello", "no PNG, JPEG or WebP"),
    "short jpeg": (b"\xff\xd8\xff\xe0\x00\x10", "damaged JPG"),
    "endless jpeg": (b"\xff\xd8\xff\xe0\x00\x00" * 1000, "damaged JPG"),
    "empty jpeg": (b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x40\x00\x40\x03" + b"\0" * 20, "cannot be decoded"),
    "zero jpeg": (b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x00\x00\x00\x03" + b"\0" * 20, "0 x 0 pixels"),
    "riff": (b"RIFF\x00\x00\x00\x00WAVEfmt " + b"\0" * 40, "no PNG, JPEG or WebP"),
    "short webp": (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "damaged WEBP"),
    "huge webp": (b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff", "16777216"),
    "too many bytes": (png(2, 2) + bytes(9 << 20), "larger than 8 MiB"),
}


@pytest.mark.parametrize("name", NO_PICTURES)
def test_no_hostile_picture_is_taken(tmp_path: Path, name: str) -> None:
    blob, said = NO_PICTURES[name]
    err = refusal(tmp_path, with_logo(tmp_path, blob))
    assert (err.code, err.exit_code) == ("brand_file", 2)
    assert said in err.what
    assert "logo.png" in err.what


@pytest.mark.parametrize("chunk", [b"IDAT", b"zTXt", b"iCCP"])
def test_what_unpacks_to_more_than_the_pixels_is_not_unpacked(tmp_path: Path, chunk: bytes) -> None:
    """256 MB of zeros as pixels, text or colour profile of a picture of 2 x 2: taken, and no larger then."""
    packer = zlib.compressobj(1)
    zeros = bytes(64 << 20)
    bomb = b"".join(packer.compress(zeros) for _ in range(4)) + packer.flush()
    brand = with_logo(tmp_path, png(2, 2, beside=(chunk, bomb if chunk == b"IDAT" else b"x\0\0" + bomb)))
    assert load_kit(brand, job_in(tmp_path)).pictures["logo"][1] == (2, 2)
    assert (tmp_path / "job" / "brand-logo.png").stat().st_size < 200


OUTSIDE = ["../logo.png", "/etc/passwd.png", "sub/logo.png", "..", "a\\\\b.png", "-logo.png", ".png"]


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_picture_lies_in_the_folder(tmp_path: Path, path: str) -> None:
    brand = tmp_path / "brand"
    brand.mkdir()
    (tmp_path / "logo.png").write_bytes(png(2, 2))
    (brand / "brand.yaml").write_text(f'logo:\n  image: "{path}"\n')
    err = refusal(tmp_path, brand)
    assert "brand.yaml line 2: logo.image: " in err.what


@pytest.mark.parametrize("target", ["/etc/passwd", "/dev/zero", "../logo.png", "logo-2.png", "nothing"])
def test_a_link_is_not_followed(tmp_path: Path, target: str) -> None:
    """Neither for a picture nor for brand.yaml, also to a file of the folder."""
    brand = with_logo(tmp_path, b"")
    (tmp_path / "logo.png").write_bytes(png(2, 2))
    (brand / "logo-2.png").write_bytes(png(2, 2))
    (brand / "logo.png").unlink()
    (brand / "logo.png").symlink_to(target)
    assert "it is a link" in refusal(tmp_path, brand).what
    (brand / "brand.yaml").unlink()
    (brand / "brand.yaml").symlink_to(target)
    assert "it is a link" in refusal(tmp_path, brand).what


def test_what_is_no_plain_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    """A FIFO without a writer, a folder, a file without rights or none at all."""
    brand = with_logo(tmp_path, b"")
    (brand / "logo.png").unlink()
    os.mkfifo(brand / "logo.png")
    assert "no plain file" in refusal(tmp_path, brand).what
    (brand / "logo.png").unlink()
    (brand / "logo.png").mkdir()
    assert "no plain file" in refusal(tmp_path, brand).what
    (brand / "logo.png").rmdir()
    assert "No such file" in refusal(tmp_path, brand).what
    assert "no folder" in refusal(tmp_path, tmp_path / "gone").what


NO_FONTS = {
    "web font": b"wOF2" + b"\0" * 100,
    "collection": b"ttcf" + b"\0" * 100,
    "svg": b"<svg/>",
    "empty": b"",
    "no tables": b"\x00\x01\x00\x00" + b"\0" * 20,
    "many tables": b"\x00\x01\x00\x00\xff\xff" + b"\xff" * 70_000,
    "cut short": font()[: len(font()) // 2],
    "shuffled": font()[:200] + font()[200:][::-1],
}


@pytest.mark.parametrize("name", NO_FONTS)
def test_no_hostile_font_is_taken(tmp_path: Path, name: str) -> None:
    brand = tmp_path / "brand"
    brand.mkdir()
    (brand / "brand.yaml").write_text("font: face.ttf\n")
    (brand / "face.ttf").write_bytes(NO_FONTS[name])
    err = refusal(tmp_path, brand)
    assert err.code == "brand_file"
    assert "face.ttf" in err.what


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "logo:\n  image: a.png\n  widht_pct: 3\n",
            "line 3: 'logo.widht_pct' is no key, did you mean 'width_pct'?",
        ),
        ("colors: {}\n", "brand.yaml line 1: 'colors' is no key, did you mean 'colours'?"),
        ("hook:\n  seconds: 99\n", "brand.yaml line 2: hook.seconds: Input should be less than or equal to 15"),
        ("name: x\ncolours:\n  main: #FF0055\n", "brand.yaml line 3: colours.main: no colour there; put it in quotes"),
        ("progress:\n  colour: red\n", 'brand.yaml line 2: progress.colour: write "#RRGGBB" in quotes'),
        ("colours:\n  main: back\n", "brand.yaml line 2: colours.main: write"),
        ("logo:\n  image: a.svg\n", "brand.yaml line 2: logo.image: only .png, .jpg, .jpeg, .webp files are taken"),
        ("font: a.woff2\n", "brand.yaml line 1: font: only .ttf, .otf files are taken"),
        ('captions: "x,fontsdir=/"\n', "brand.yaml line 1: captions: "),
        ("hook:\n  show: 'yes'\n", "brand.yaml line 2: hook.show: "),
        ("logo: {image: a.png}\nwatermark: {image: b.png}\n", "logo and watermark lie in the same corner"),
        ("a: &x [1]\nb: *x\n", "aliases are not used here (line 2)"),
        ("name: a\nname: b\n", "'name' stands twice (line 2)"),
        ("!!python/object/apply:os.system [id]\n", "is not YAML we accept"),
        ("- a\n", "is not a mapping"),
        ("{" * 5000, "nested too deeply"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_brand(text)
    assert said in caught.value.what
    assert caught.value.code == "brand_invalid"


def test_an_empty_kit_is_one(tmp_path: Path) -> None:
    (tmp_path / "brand.yaml").write_text("")
    assert read_brand(tmp_path) == Brand()


def test_the_command_says_what_it_found_and_what_is_wrong(tmp_path: Path) -> None:
    brand = folder(tmp_path / "brand")
    result = CliRunner().invoke(app, ["brand", "check", str(brand)])
    assert result.exit_code == 0
    assert "logo: logo.png, 200 x 100" in result.output
    assert "font: face.ttf" in result.output
    (brand / "brand.yaml").write_text(YAML.replace("opacity", "opacitee"))
    failed = CliRunner().invoke(app, ["brand", "check", str(brand)])
    assert isinstance(failed.exception, UsageError)
    assert "line 5: 'logo.opacitee' is no key, did you mean 'opacity'?" in failed.exception.what

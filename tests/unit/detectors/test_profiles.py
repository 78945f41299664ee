"""The shipped profiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from configs import load_profile
from detectors import Profile

FOLDER = Path(__file__).resolve().parents[3] / "configs" / "profiles"
NAMES = ("gaming", "podcast", "sports", "irl")


def keys(tree: dict[str, Any], path: str = "") -> set[str]:
    """Dotted paths of all leaves."""
    return {
        leaf
        for name, value in tree.items()
        for leaf in (keys(value, f"{path}{name}.") if isinstance(value, dict) else {path + name})
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_states_every_constant_with_its_source(name: str) -> None:
    """Nothing comes from a default; every line of a value or group that is not obvious carries a comment."""
    text = (FOLDER / f"{name}.yaml").read_text()
    tree = yaml.safe_load(text)
    profile = Profile.model_validate(tree)
    assert profile.name == name
    assert keys(tree) == keys(profile.model_dump())
    values = [line for line in text.splitlines() if line.startswith("  ") and line.split("#")[0].strip()[-1] != ":"]
    bare = [line for line in values if "#" not in line]
    assert [line.split(":")[0].strip() for line in bare] == ["max_s"]  # shares its neighbour's comment


def test_the_defaults_are_those_of_gaming() -> None:
    """`Profile()` and the shipped file agree."""
    assert load_profile("gaming") == Profile()


@pytest.mark.parametrize(
    ("name", "per_hour", "pre", "post", "shortest", "longest", "cooldown"),
    [
        ("gaming", 6, 12, 6, 12, 60, 45),
        ("podcast", 3, 25, 5, 25, 90, 180),
        ("sports", 8, 12, 8, 10, 45, 30),
        ("irl", 4, 20, 6, 15, 75, 90),
    ],
)
def test_lengths_and_budgets_are_those_of_the_design(
    name: str, per_hour: int, pre: int, post: int, shortest: int, longest: int, cooldown: int
) -> None:
    """Table of the detection design, section 4."""
    profile = load_profile(name)
    clip = profile.clip
    assert (clip.pre_s, clip.post_s, clip.min_s, clip.max_s) == (pre, post, shortest, longest)
    assert (profile.clips_per_hour, profile.detect.bar.cooldown_s) == (per_hour, cooldown)


@pytest.mark.parametrize(
    "tree",
    [
        {"detect": {"audio": {"enter": 3}}},
        {"clip": {"min_s": 90, "max_s": 60}},
        {"clip": {"pre_s": 50, "post_s": 20, "max_s": 60}},
        {"detect": {"weights": {"chat": -1}}},
        {"clips_per_hour": 0},
        {"name": "../etc"},
    ],
)
def test_a_wrong_profile_is_refused(tree: dict[str, Any]) -> None:
    """Unknown keys, impossible lengths, negative weights, no budget, names that are paths."""
    with pytest.raises(ValidationError):
        Profile.model_validate(tree)


def test_a_profile_cannot_be_changed() -> None:
    """Frozen: a session keeps the options it started with."""
    with pytest.raises(ValidationError):
        Profile().clips_per_hour = 9  # type: ignore[misc]

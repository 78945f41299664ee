"""Loads settings: defaults < profile < one YAML file < environment < options. What is not known is an error.

Environment: `CLIPD_` and the path, nested by `__`: CLIPD_RING__MINUTES. `CLIPD_TEST_*` belongs to tests, and
CLIPD_TOKEN, the bearer token of commands that talk to `clipd up`, is a secret and no setting.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from configs.games import known_game
from configs.settings import Settings
from configs.strict_yaml import parse_yaml, read_yaml
from core.errors import UsageError
from core.ids import slug
from detectors import Profile

PREFIX: Final = "CLIPD_"
TEST_PREFIX: Final = "CLIPD_TEST_"
TOKEN_VARIABLE: Final = "CLIPD_TOKEN"
DEFAULT_FILE: Final = Path("clipd.yaml")
Tree = dict[str, Any]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Layer:
    """What one place sets; `where` is how messages call that place."""

    where: str
    tree: Tree


def load_settings(
    *,
    config: Path | None = None,
    profile: str | None = None,
    game: str | None = None,
    player: str | None = None,
    data_dir: Path | None = None,
    clips_per_hour: float | None = None,
    clips: Mapping[str, Any] | None = None,
    speech: Mapping[str, str | None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The resolved tree. Raises UsageError naming the key, where it stands, and the nearest key that exists."""
    env = os.environ if environment is None else environment
    options: Tree = {
        **({} if profile is None else {"profile": profile}),
        **({} if game is None else {"game": game}),
        **({} if player is None else {"player": player}),
        **({} if data_dir is None else {"data_dir": str(data_dir)}),
        **_given("clips", {"per_hour": clips_per_hour, **(clips or {})}),
        **_given("speech", speech or {}),
    }
    written = [*_file_layer(config), *_environment(env), Layer("the options", options)]
    for layer in written:
        _refuse_unknown(Settings, layer.tree, layer.where)
    chosen = load_profile(
        next((str(layer.tree["profile"]) for layer in written[::-1] if "profile" in layer.tree), "gaming")
    )
    base: Tree = {
        "data_dir": _default_data_dir(env),
        "game": chosen.game,
        "detect": chosen.detect.model_dump(),
        "clips": {**chosen.clip.model_dump(), "per_hour": chosen.clips_per_hour},
    }
    layers = [Layer(f"profile {chosen.name}", base), *written, Layer("profile", {"profile": chosen.name})]
    settings = _validated(Settings, layers)
    return settings if settings.game is None else settings.model_copy(update={"game": known_game(settings.game)})


def _given(key: str, options: Mapping[str, Any]) -> Tree:
    """The options of one key that were given; {} when none was, so that messages don't name the options for nothing."""
    given = {name: value for name, value in options.items() if value is not None}
    return {key: given} if given else {}


def load_profile(name: str) -> Profile:
    """A shipped profile by its name, or a YAML file by its path. Raises UsageError."""
    shipped = profile_names()
    if name in shipped:
        path = Path(str(files("configs"))) / "profiles" / f"{name}.yaml"
    else:
        path = Path(os.path.expanduser(name))
        if path.suffix not in (".yaml", ".yml"):
            close = get_close_matches(name, shipped, 1)
            hint = f"Did you mean {close[0]}? " if close else ""
            raise UsageError(
                f"Unknown profile {name[:60]!r}",
                remedy=f"{hint}Shipped: {', '.join(shipped)}; or name a .yaml file.",
                code="unknown_profile",
            )
    layer = Layer(str(path), {"name": slug(path.stem), **read_yaml(path)})
    _refuse_unknown(Profile, layer.tree, layer.where)
    return _validated(Profile, [layer])


def profile_names() -> list[str]:
    """The shipped profiles, in alphabetical order."""
    folder = files("configs") / "profiles"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def merge(under: Tree, over: Tree) -> Tree:
    """`over` wins; trees are merged key by key, a list replaces a list."""
    result = dict(under)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _file_layer(config: Path | None) -> Iterator[Layer]:
    if config is not None or DEFAULT_FILE.is_file():
        path = config or DEFAULT_FILE
        yield Layer(str(path), read_yaml(path))


def _environment(env: Mapping[str, str]) -> Iterator[Layer]:
    """One layer a variable, so that an error can name it. An empty variable sets nothing."""
    for name, text in sorted(env.items()):
        if name.startswith(PREFIX) and not name.startswith(TEST_PREFIX) and name != TOKEN_VARIABLE and text:
            path = name.removeprefix(PREFIX).lower().split("__")
            value = _value(text, path)
            for key in reversed(path):
                value = {key: value}
            yield Layer(name, value)


def _value(text: str, path: Sequence[str]) -> Any:
    """A number, a list or null, as YAML reads it; a setting that is a text is taken as it stands: a key may be 0123."""
    model: Any = Settings
    for key in path:
        fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
        model = fields[key].annotation if key in fields else None
    if model is str:
        return text
    try:
        return parse_yaml(text)
    except ValueError:
        return text


def _refuse_unknown(model: type[BaseModel], tree: Tree, where: str, path: str = "") -> None:
    for key, value in tree.items():
        name, field = f"{path}{key}", model.model_fields.get(key)
        if field is None:
            close = _nearest(key, model, path)
            raise UsageError(
                f"Unknown setting {name!r} in {where}",
                remedy=f"Did you mean {close}?" if close else f"Known here: {', '.join(model.model_fields)}.",
                code="unknown_setting",
            )
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            if not isinstance(value, dict):
                known = ", ".join(inner.model_fields)
                raise UsageError(f"{name} in {where} is a group of settings", remedy=f"Known: {known}.")
            _refuse_unknown(inner, value, where, f"{name}.")


def _nearest(key: str, model: type[BaseModel], path: str) -> str | None:
    """The same name in a group that was forgotten, else a name like it beside it."""
    inside = (name for name in _names(model) if name.rpartition(".")[2] == key)
    close = next(inside, None) or next(iter(get_close_matches(key, list(model.model_fields), 1, 0.5)), None)
    return f"{path}{close}" if close else None


def _names(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from (f"{name}.{inner}" for inner in _names(field.annotation))
        else:
            yield name


def _validated(model: type[M], layers: Sequence[Layer]) -> M:
    merged: Tree = {}
    for layer in layers:
        merged = merge(merged, layer.tree)
    try:
        return model.model_validate(merged)
    except ValidationError as err:
        first = err.errors()[0]
        path = [str(part) for part in first["loc"]]
        where = next((layer.where for layer in layers[::-1] if _sets(layer.tree, path)), layers[0].where)
        raise UsageError(
            f"{'.'.join(path) or 'The file'} in {where}: {first['msg'].removeprefix('Value error, ')}",
            remedy="docs/settings.example.yaml has every setting with its default.",
            code="bad_setting",
        ) from err


def _sets(tree: Any, path: Sequence[str]) -> bool:
    for part in path:
        if not isinstance(tree, dict) or part not in tree:
            return isinstance(tree, list | tuple)  # an item of a list that stands here
        tree = tree[part]
    return True


def _default_data_dir(env: Mapping[str, str]) -> str:
    if base := env.get("XDG_DATA_HOME"):
        return str(Path(base) / "clipd")
    if home := env.get("HOME"):
        return str(Path(home) / ".local" / "share" / "clipd")
    return "clipd-data"

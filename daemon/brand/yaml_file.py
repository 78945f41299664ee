"""brand.yaml as text -> Brand, with the line of every mistake. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError

from configs.strict_yaml import parse_yaml
from core.errors import UsageError
from daemon.brand.model import Brand

_MOST_SHOWN: Final = 8
_REMEDY: Final = "docs/brand.md lists every key."
Path = tuple[str, ...]


def parse_brand(text: str, name: str = "brand.yaml") -> Brand:
    """Raises UsageError (`brand_invalid`): every mistake with its line, and what to write instead."""
    try:
        document = parse_yaml(text)
    except ValueError as err:
        raise _invalid(f"{name} is not YAML we accept: {err}") from err
    if document is not None and not isinstance(document, dict):
        raise _invalid(f"{name} is not a mapping: write one `key: value` a line")
    try:
        return Brand.model_validate(document or {})
    except ValidationError as err:
        lines = _lines(text)
        said = [_mistake(error, lines, name) for error in err.errors(include_url=False)]
        more = [f"and {len(said) - _MOST_SHOWN} more"] if len(said) > _MOST_SHOWN else []
        raise _invalid("; ".join((*said[:_MOST_SHOWN], *more))) from err


def _invalid(what: str) -> UsageError:
    return UsageError(what, remedy=_REMEDY, code="brand_invalid")


def _mistake(error: Mapping[str, Any], lines: Mapping[Path, int], name: str) -> str:
    where = tuple(str(step) for step in error["loc"])
    line = next((lines[where[:end]] for end in range(len(where), -1, -1) if where[:end] in lines), 1)
    key = ".".join(where)[:80]
    if error["type"] == "extra_forbidden":
        near = get_close_matches(where[-1], _keys(where[:-1]), 1)
        return f"{name} line {line}: {key!r} is no key{f', did you mean {near[0]!r}?' if near else ''}"
    said = str(error["msg"]).removeprefix("Value error, ")
    return f"{name} line {line}: {key + ': ' if key else ''}{said}"


def _keys(where: Path) -> list[str]:
    """What may stand at a place."""
    model: type[BaseModel] = Brand
    for step in where:
        kinds = [model.model_fields[step].annotation] if step in model.model_fields else []
        options = [one for kind in kinds for one in (kind, *getattr(kind, "__args__", ()))]
        found = [one for one in options if isinstance(one, type) and issubclass(one, BaseModel)]
        if not found:
            return []
        model = found[0]
    return [*model.model_fields]


def _lines(text: str) -> dict[Path, int]:
    """The line of every key; the text has been parsed strictly before."""
    return dict(_walk(yaml.compose(text, Loader=yaml.SafeLoader), ()))


def _walk(node: yaml.Node | None, path: Path) -> Iterator[tuple[Path, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, str(key.value)), key.start_mark.line + 1
            yield from _walk(value, (*path, str(key.value)))

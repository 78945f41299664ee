"""Reads a YAML file that a person wrote: a mapping of names, no tags, no aliases, no key twice, not large."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from core.errors import UsageError

MAX_BYTES: Final = 256 * 1024  # the largest shipped profile takes 8 KiB


def read_yaml(path: Path) -> dict[str, Any]:
    """The document as nested dictionaries with text keys; an empty file is an empty mapping. Raises UsageError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as err:
        raise _bad(path, f"cannot be read: {err.strerror}", "Check the path and its rights.", "no_such_file") from err
    if len(raw) > MAX_BYTES:
        raise _bad(path, f"is larger than {MAX_BYTES // 1024} KiB", "Settings are a page of text.")
    try:
        document = yaml.load(raw.decode(), Loader=_StrictLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as err:
        raise _bad(
            path, f"is not YAML we accept: {_short(err)}", "Compare it with docs/settings.example.yaml."
        ) from err
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise _bad(path, "is not a mapping", "Write one `key: value` a line.")
    return document


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader without aliases (they make small files huge) that refuses a key twice and keys that are no text."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not used here", self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is no name", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _short(err: Exception) -> str:
    if isinstance(err, RecursionError):
        return "nested too deeply"
    mark = getattr(err, "problem_mark", None)
    problem = str(getattr(err, "problem", None) or err).splitlines()[0][:120]
    return f"{problem} (line {mark.line + 1})" if mark else problem


def _bad(path: Path, what: str, remedy: str, code: str = "bad_settings_file") -> UsageError:
    return UsageError(f"{path} {what}", remedy=remedy, code=code)

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
        raise UsageError(f"{path} cannot be read: {err.strerror}", remedy="Check the path and its rights.") from err
    if len(raw) > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES // 1024} KiB", remedy="Settings are a page of text.")
    try:
        document = parse_yaml(raw.decode())
    except ValueError as err:
        raise UsageError(
            f"{path} is not YAML we accept: {err}", remedy="Compare it with docs/settings.example.yaml."
        ) from err
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise UsageError(f"{path} is not a mapping", remedy="Write one `key: value` a line.")
    return document


def parse_yaml(text: str) -> Any:
    """One document. Raises ValueError with a line for people."""
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except RecursionError as err:
        raise ValueError("nested too deeply") from err
    except yaml.MarkedYAMLError as err:
        line = f" (line {err.problem_mark.line + 1})" if err.problem_mark else ""
        raise ValueError(f"{err.problem}{line}") from err
    except yaml.YAMLError as err:
        raise ValueError(str(err).splitlines()[0]) from err


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

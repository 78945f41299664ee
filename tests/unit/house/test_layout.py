"""The house rules on size and shape, by reading the code."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import daemon
import supervisor

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS: tuple[str, ...] = tuple(PROJECT["tool"]["importlinter"]["root_packages"])
TREES = (*ROOMS, "benchmarks", "tests")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def files(*trees: str) -> list[Path]:
    return sorted(path for tree in trees for path in (ROOT / tree).rglob("*.py"))


def functions(*trees: str) -> Iterator[tuple[str, Function]]:
    for path in files(*trees):
        for node in ast.walk(parsed(path)):
            if isinstance(node, Function):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def length(function: Function) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def test_no_function_is_longer_than_80_lines() -> None:
    """Signature and docstring included."""
    assert [name for name, node in functions(*TREES) if length(node) > 80] == []


def test_nearly_all_functions_fit_on_a_screen() -> None:
    """95 % within 40 lines."""
    lengths = sorted(length(node) for _, node in functions(*TREES))
    assert lengths[int(len(lengths) * 0.95)] <= 40


def test_no_file_is_longer_than_500_lines() -> None:
    """Tests too."""
    assert [str(path) for path in files(*TREES) if path.read_text(encoding="utf-8").count("\n") > 500] == []


def test_our_own_modules_are_imported_at_the_top() -> None:
    """An import in a function hides a cycle. Three bring what few need: databases, OpenCV, WebRTC and streamlink."""
    hidden = [
        name
        for name, function in functions(*TREES)
        if not name.startswith(("daemon/cli/up.py:", "daemon/ingest/open.py:", "daemon/worker/game.py:"))
        for node in ast.walk(function)
        if any(module.partition(".")[0] in TREES for module in imported(node))
    ]
    assert hidden == []


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def test_broad_excepts_are_rare() -> None:
    """At most one in 1,000 lines, and a bare except never."""
    handlers = [
        (path, node) for path in files(*ROOMS) for node in ast.walk(parsed(path)) if isinstance(node, ast.ExceptHandler)
    ]
    assert [str(path) for path, handler in handlers if handler.type is None] == []
    broad = [h for _, h in handlers if isinstance(h.type, ast.Name) and h.type.id in ("Exception", "BaseException")]
    lines = sum(path.read_text(encoding="utf-8").count("\n") for path in files(*ROOMS))
    assert len(broad) <= lines // 1000


@pytest.mark.parametrize("package", [daemon, supervisor])
def test_our_rooms_are_imported_not_their_namesakes(package: object) -> None:
    """PyPI's python-daemon and supervisor install packages of the same names."""
    assert Path(str(getattr(package, "__file__", ""))).is_relative_to(ROOT)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_holds_hashes_and_no_address(lock: str) -> None:
    """No registry, no path, none of our namesakes; a package is known by its hash."""
    lines = (ROOT / lock).read_text().splitlines()
    pinned = [line.partition("==")[0] for line in lines if not line.startswith(" ")]
    assert pinned
    assert not {"python-daemon", "supervisor"} & set(pinned)
    assert [line for line in lines if "://" in line or line.startswith(("-", "/", "."))] == []
    assert sum("--hash=sha256:" in line for line in lines) >= len(pinned)


PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_our_pages_lead_somewhere(page: Path) -> None:
    """A file that a page names is there."""
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    ours = [target for target in targets if "://" not in target]
    assert [target for target in ours if not (page.parent / target).exists()] == []

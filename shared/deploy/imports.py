"""Which files of the package a function needs: everything that its ``main.py`` can import.

Imports are followed wherever they stand, in functions and behind ``TYPE_CHECKING`` too, and so are
the places in ``shared.registry`` (``"module:Class"``): a text that names a module of the package
counts as an import of it. Files that are no Python belong to the package that holds them.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "shared"

_PLACE = re.compile(rf"({PACKAGE}(?:\.\w+)+)(?::\w+)?")


def closure(repository: Path, main: Path) -> set[Path]:
    """Return the files below ``shared/`` that a program needs, as paths within the repository."""
    found: set[Path] = set()
    followed: set[str] = set()
    waiting = [main]
    while waiting:
        names = set(_imported((repository / waiting.pop()).read_bytes())) - followed
        followed |= names
        modules = {path for name in names for path in _modules(repository, name)} - found
        found |= modules
        waiting += modules
    return found | set(_data(repository, found))


@cache
def _imported(source: bytes) -> tuple[str, ...]:
    """Return the dotted names that a file may import; some are names within a module."""
    return tuple(name for node in ast.walk(ast.parse(source)) for name in _named(node))


def _named(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        place = _PLACE.fullmatch(node.value)
        if place:
            yield place[1]


def _modules(repository: Path, name: str) -> Iterator[Path]:
    """Yield the file of a dotted name and those of the packages around it."""
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return
    for depth in range(1, len(parts) + 1):
        place = Path(*parts[:depth])
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if (repository / path).is_file():
                yield path


def _data(repository: Path, modules: set[Path]) -> Iterator[Path]:
    """Yield the files beside the modules, in folders that are no package themselves too."""
    packages = {path.parent for path in modules if path.name == "__init__.py"}
    for path in sorted((repository / PACKAGE).rglob("*")):
        within = path.relative_to(repository)
        if path.suffix in (".py", ".pyc") or not path.is_file():
            continue
        if _package_of(repository, within) in packages:
            yield within


def _package_of(repository: Path, path: Path) -> Path:
    return next(p for p in path.parents if (repository / p / "__init__.py").is_file())

"""YAML with places: plain data, and the file and line that each key came from."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from shared.errors import InvalidConfigError

Place = tuple[str | int, ...]
"""The way to a value: ``("tables", 0, "schedule")``."""

MAX_VALUES = 200_000
"""Of one file. A thousand tables have fewer; a few lines of aliases can stand for billions."""

_HINTS = {
    "'\\t'": "; indent with spaces, not tabs",
    "expected <block end>, but found '-'": (
        "; an item of a list belongs below its key, such as tables:, indented like the items there"
    ),
}
"""What to do about problems that the reader of YAML names, by a part of their names."""


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data with the ``file:line`` of every mapping key and list item."""

    data: dict[str, Any]
    lines: dict[Place, str] = field(default_factory=dict)

    def where(self, place: Place) -> str:
        """Return ``file:line`` of a place, or of the nearest thing around it."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return "?"


def read(path: Path) -> Document:
    """Read one YAML file whose top level is a mapping; an empty file is an empty mapping.

    Raises:
        InvalidConfigError: missing, not UTF-8, not YAML, a repeated key, or not a mapping.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as exc:
        raise InvalidConfigError(f"{path}: no such file") from exc
    except OSError as exc:
        raise InvalidConfigError(f"{path}: cannot be read: {exc.strerror}") from exc
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise InvalidConfigError(
            f"{path}:{line}: byte {data[exc.start]:#04x} is not UTF-8; save the file as UTF-8"
        ) from exc
    return parse(text, str(path))


def parse(text: str, name: str) -> Document:
    """Read YAML text; ``name`` stands for the file in places.

    Raises:
        InvalidConfigError: not YAML, a repeated key, or not a mapping.
    """
    lines: dict[Place, str] = {(): f"{name}:1"}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = None if node is None else _build(_bounded(node, name), (), name, lines)
    except yaml.YAMLError as exc:
        raise InvalidConfigError(_not_yaml(exc, text, name)) from exc
    except RecursionError as exc:
        raise InvalidConfigError(f"{name}:1: a value is nested too deeply, or in itself") from exc
    if data is None:
        return Document({}, lines)
    if not isinstance(data, dict):
        raise InvalidConfigError(
            f"{name}:1: the top level must be a mapping of keys{_list_hint(data)}"
        )
    return Document(data, lines)


def overlay(base: Document, top: Document) -> Document:
    """Merge two documents: mappings deep, anything else replaced by the top's."""
    lines = dict(base.lines)
    data = _merge(base.data, top.data, (), lines, top.lines)
    return Document(data, lines)


def _not_yaml(exc: yaml.YAMLError, text: str, name: str) -> str:
    line = 1
    if isinstance(exc, yaml.reader.ReaderError):
        line += text.count("\n", 0, exc.position)
        problem = f"{exc.reason}: U+{exc.character:04X}"
    else:
        mark = getattr(exc, "problem_mark", None)
        line += mark.line if mark else 0
        parts = (getattr(exc, "context", None), getattr(exc, "problem", None))
        problem = ", ".join(p for p in parts if p)
    hint = next((hint for sign, hint in _HINTS.items() if sign in problem), "")
    return f"{name}:{line}: not YAML: {problem}{hint}"


def _list_hint(data: object) -> str:
    """Return what to do about a list of tables that stands where its key should."""
    if not (isinstance(data, list) and data and isinstance(data[0], dict)):
        return ""
    if len(data) == 1:
        return ", and this is an item of a list; drop its '- ' and indent its keys alike"
    return ", and this is a list; write its key above it, such as tables:"


def _merge(
    base: Any, top: Any, place: Place, lines: dict[Place, str], top_lines: dict[Place, str]
) -> Any:
    if not (isinstance(base, dict) and isinstance(top, dict)):
        for known in [p for p in lines if p[: len(place)] == place and p != place]:
            del lines[known]
        lines.update({p: at for p, at in top_lines.items() if p[: len(place)] == place})
        return top
    merged = dict(base)
    for key, value in top.items():
        merged[key] = _merge(base.get(key), value, (*place, key), lines, top_lines)
    return merged


def _bounded(node: yaml.Node, name: str) -> yaml.Node:
    """Return a node that does not stand for too many values.

    Raises:
        InvalidConfigError: it does.
    """
    if _size(node, {}) > MAX_VALUES:
        raise InvalidConfigError(
            f"{name}:1: more than {MAX_VALUES:,} values, each as often as an alias (*) repeats it; "
            "write fewer, or in several files"
        )
    return node


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node stands for; ``known`` are those of nodes seen before."""
    if id(node) not in known:
        inside = node.value if isinstance(node, yaml.CollectionNode) else []
        nodes = [part for each in inside for part in (each if isinstance(each, tuple) else [each])]
        known[id(node)] = 1 + sum(_size(each, known) for each in nodes)
    return known[id(node)]


def _build(node: yaml.Node, place: Place, name: str, lines: dict[Place, str]) -> Any:
    lines.setdefault(place, f"{name}:{node.start_mark.line + 1}")
    if isinstance(node, yaml.MappingNode):
        return _build_mapping(node, place, name, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_build(v, (*place, i), name, lines) for i, v in enumerate(node.value)]
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except yaml.constructor.ConstructorError as exc:
        raise InvalidConfigError(f"{lines[place]}: {exc.problem}") from exc
    except (ValueError, LookupError, AttributeError) as exc:
        kind = node.tag.rpartition(":")[2]
        raise InvalidConfigError(
            f"{lines[place]}: {node.value!r} is no {kind}; text belongs in quotes"
        ) from exc
    finally:
        loader.dispose()


def _build_mapping(
    node: yaml.MappingNode, place: Place, name: str, lines: dict[Place, str]
) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for key_node, value_node in node.value:
        at = f"{name}:{key_node.start_mark.line + 1}"
        key = key_node.value
        if not isinstance(key_node, yaml.ScalarNode) or not isinstance(key, str):
            raise InvalidConfigError(f"{at}: a key must be plain text")
        if key in built:
            raise InvalidConfigError(
                f"{at}: key {key!r} appears twice (first at {lines[(*place, key)]})"
            )
        lines[(*place, key)] = at
        built[key] = _build(value_node, (*place, key), name, lines)
    return built

"""The tables of all keys of a table file and of an environment, made from the models."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from shared.config.connections import Connections
from shared.config.csv_files import CsvFiles
from shared.config.keys import meanings, nested
from shared.config.tables import TableConfig

ELSEWHERE = {"csv", "checks", "columns"}
"""Keys of a table whose own keys have a table or a page of their own."""

PAGE = re.compile(r"docs/(\w+)\.md(#[\w-]+)?")
HEAD = ["| key | value | default | meaning |", "| --- | --- | --- | --- |"]
WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true, false"}


def blocks() -> dict[str, str]:
    """Return the tables by the names of their blocks."""
    return {
        "table_keys": _table(TableConfig),
        "csv_keys": _table(CsvFiles),
        "connection_keys": _table(Connections),
    }


def _table(model: type[BaseModel]) -> str:
    return "\n".join(HEAD + [f"| {' | '.join(row)} |" for row in _rows(model)])


def _rows(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, str, str, str]]:
    schema = model.model_json_schema(by_alias=True)
    said = meanings(model)
    for name, field in model.model_fields.items():
        key = field.alias or name
        below = [kind for kind in nested_in(field) if key not in ELSEWHERE]
        value = "mapping" if below else _value(schema["properties"][key], schema)
        if not (below and model is Connections):
            yield f"`{above}{key}`", value, _default(field), _linked(said[key])
        for kind in below:
            yield from _rows(kind, f"{above}{key}.")


def nested_in(field: FieldInfo) -> list[type[BaseModel]]:
    """Return the model of a field that is a mapping of known keys."""
    choices = [field.annotation, *getattr(field.annotation, "__args__", ())]
    return [c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)]


def _value(schema: dict[str, Any], root: dict[str, Any]) -> str:
    """Return what a key takes, in words."""
    if "$ref" in schema:
        return _value(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        kinds = [_value(s, root) for s in schema["anyOf"] if s.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return ", ".join(f"`{_plain(value)}`" for value in schema["enum"])
    kind = schema.get("type")
    if kind == "array":
        items = _value(schema.get("items", {}), root)
        return "list" if items in ("", "mapping") else f"list of {items}"
    if kind == "object" or "discriminator" in schema:
        return "mapping"
    if kind == "string" and "(s|m|h|d)" in schema.get("pattern", ""):
        return "duration"
    return WORDS.get(str(kind), "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value in (None, {}) or value is PydanticUndefined or isinstance(value, BaseModel):
        return ""
    if isinstance(value, timedelta):
        return f"`{value.total_seconds():g}s`"
    if isinstance(value, list):
        return f"`{json.dumps(value)}`" if value else ""
    return f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value.value if isinstance(value, Enum) else value)


def _linked(text: str) -> str:
    """Return a sentence whose documents are links, as seen from docs/tables.md."""
    said = text.replace("docs/tables.md#drift", "[below](#drift)")
    said = PAGE.sub(lambda m: f"[{m[1]}]({m[1]}.md{m[2] or ''})", said)
    return said.replace("``", "`").replace("|", "\\|")


def models() -> dict[str, type[BaseModel]]:
    """Return every model whose keys are in a table."""
    return {**nested(TableConfig), **nested(Connections)}

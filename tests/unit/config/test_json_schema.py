"""The JSON Schema for editors takes what the product takes, and refuses what it refuses."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.config import keys
from tests.builders import table_data
from tests.unit.config.table_files import REPOSITORY, SEED, TABLE_KEYS


def violations(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> Iterator[str]:
    """Yield what a value breaks, for the keywords of JSON Schema that ours uses."""
    if "$ref" in schema:
        yield from violations(root["$defs"][schema["$ref"].rpartition("/")[2]], value, root)
    if "anyOf" in schema and all([*violations(s, value, root)] for s in schema["anyOf"]):
        yield f"{value!r} is none of {schema['anyOf']}"
    if "enum" in schema and not any(value is e or value == e for e in schema["enum"]):
        yield f"{value!r} is none of {schema['enum']}"
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    kinds |= {"integer": int, "number": (int, float)}
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        yield f"{value!r} is no {schema['type']}"
    elif isinstance(value, dict):
        yield from (f"{k} is missing" for k in schema.get("required", []) if k not in value)
        for key, inner in value.items():
            below = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            yield from [f"{key} is unknown"] if below is False else violations(below, inner, root)
    elif isinstance(value, list):
        for item in value:
            yield from violations(schema.get("items", {}), item, root)
    elif isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{value!r} does not match {schema['pattern']}"


def check(data: Any) -> list[str]:
    schema = keys.json_schema()
    return list(violations(schema, data, schema))


@pytest.mark.parametrize("path", [SEED, REPOSITORY / "config" / "tables.yaml"], ids=str)
def test_json_schema_accepts_what_is_valid(path: Path) -> None:
    assert check(yaml.safe_load(path.read_text())) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"shedule": "daily"},
        {"sync_mode": "incremantal"},
        {"compression": "brotli"},
        {"lag": "5 minutes"},
        {"lag": 300},
        {"primary_key": "id"},
        {"name": None},
        {"snowflake": {"database": "D", "schema_": "S", "table": "T"}},
    ],
)
def test_json_schema_refuses_what_is_not(changes: dict[str, Any]) -> None:
    assert check({"tables": [table_data(**changes)]}) != []


def test_json_schema_knows_the_keys_by_the_names_of_the_files() -> None:
    schema = keys.json_schema()

    assert list(schema["properties"]) == ["tables"]
    assert ", ".join(sorted(schema["$defs"]["TableConfig"]["properties"])) == TABLE_KEYS
    assert list(schema["$defs"]["PostgresTable"]["properties"]) == ["schema", "table"]

"""Records as JSON: they come back as they were, or are refused by name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config.places import PostgresTable
from shared.core.runs import Failure, Run
from shared.core.schemas import DataType, Kind, TableSchema
from shared.errors import IntegrityError
from shared.wire import from_json, to_json
from tests.builders import a_receipt, a_run, a_schema

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def test_json_has_the_keys_in_the_order_of_the_fields() -> None:
    body = json.loads(to_json(a_receipt()))

    assert list(body)[:4] == ["rows_source", "rows_staged", "rows_loaded", "rows_rejected"]


def test_json_has_the_names_that_files_have() -> None:
    table = PostgresTable(schema="s", table="t")

    assert json.loads(to_json(table)) == {"schema": "s", "table": "t"}
    assert from_json(PostgresTable, to_json(table), "x") == table


@given(TEXT, TEXT, st.dictionaries(TEXT, TEXT | st.integers() | st.none()))
def test_any_text_comes_back_as_it_was(error: str, message: str, facts: dict[str, object]) -> None:
    failure = Failure(error=error, message=message, facts=facts)

    assert from_json(Failure, to_json(failure), "x") == failure


def test_same_value_has_the_same_bytes() -> None:
    assert to_json(a_run()) == to_json(a_run())


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_refused_with_the_objects_name(data: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"^ledger/x\.json is not a valid Run: Invalid JSON"):
        from_json(Run, data, "ledger/x.json")


def test_missing_field_is_refused_with_its_place() -> None:
    body = json.loads(to_json(a_schema()))
    del body["columns"][1]["type"]

    with pytest.raises(IntegrityError) as refused:
        from_json(TableSchema, json.dumps(body).encode(), "x")

    assert refused.value.message == "x is not a valid TableSchema: columns.1.type: Field required"
    assert refused.value.facts == {"object": "x"}


def test_record_that_breaks_its_own_rules_is_refused() -> None:
    body = json.loads(to_json(a_schema()))
    body["columns"][1]["name"] = "id"

    with pytest.raises(IntegrityError, match="x is not a valid TableSchema: column names repeat"):
        from_json(TableSchema, json.dumps(body).encode(), "x")


def test_field_of_a_later_release_is_passed_over() -> None:
    data = b'{"kind": "text", "collation": "de"}'

    assert from_json(DataType, data, "x") == DataType(Kind.TEXT)

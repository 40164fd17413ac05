"""The saved queries over the table of events, on events as the code writes them.

They are written for BigQuery; here they run on DuckDB, translated.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from shared.core.audit import Event, Link
from shared.core.runs import Failure, RunState
from shared.steps.auditing import events
from shared.wire import to_line
from tests.builders import AT, a_receipt, a_run

QUERIES = sorted(Path("docs/queries").glob("*.sql"))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a database whose table of events is files of events, with Terraform's columns."""
    folder = tmp_path_factory.mktemp("chains")
    text = Path("terraform/audit.tf").read_text().partition('"google_bigquery_table" "events"')[2]
    kinds = {"STRING": "VARCHAR", "TIMESTAMP": "TIMESTAMPTZ", "INTEGER": "BIGINT"}
    columns = {n: kinds[t] for n, t in re.findall(r'name = "(\w+)", type = "(\w+)"', text)}
    for number, event in enumerate(happened(), 1):
        given = {f.name: getattr(event, f.name) for f in fields(Event)}
        link = Link(**given, sequence=number, previous="", previous_at=None)
        (folder / f"{number}.json").write_bytes(to_line(link))
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    place = f"read_json('{folder}/*.json', format = 'newline_delimited', columns = {columns!r})"
    connection.execute(f"CREATE VIEW events AS SELECT * FROM {place}")
    yield connection
    connection.close()


def happened() -> Iterator[Event]:
    begun = a_run(state=RunState.LOADING, config_generation=7)
    yield from events(begun.to(RunState.COMMITTED, AT, receipt=a_receipt()))
    short = replace(begun, run_id=begun.run_id[:-1] + "c")
    yield from events(short.to(RunState.COMMITTED, AT, receipt=a_receipt(rows_loaded=8)))
    failed = replace(begun, run_id=begun.run_id[:-1] + "d", allow_empty=True).to(
        RunState.FAILED, AT, failure=Failure(error="EmptySourceError", message="no rows")
    )
    yield from events(failed.again(AT, "alice@example.com"))
    yield Event(
        table="flights",
        event_id="config/7",
        kind="config.written",
        at=AT,
        by="bob@example.com",
        detail=json.dumps({"generation": 7}),
    )


def asked(database: Any, name: str) -> list[dict[str, Any]]:
    text = Path(f"docs/queries/{name}.sql").read_text()
    (statement,) = sqlglot.transpile(text, read="bigquery", write="duckdb")
    cursor = database.execute(statement)
    names = [d[0] for d in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize("path", QUERIES, ids=lambda p: p.stem)
def test_saved_query_finds_something_and_says_first_what_it_is_for(
    database: Any, path: Path
) -> None:
    assert path.read_text().startswith("-- ")
    assert asked(database, path.stem)


def test_rows_are_summed_by_table_and_day(database: Any) -> None:
    (found,) = asked(database, "rows_per_day")

    assert (found["runs"], found["rows_loaded"], found["rows_rejected"]) == (2, 17, 2)


def test_run_that_lost_a_row_is_named(database: Any) -> None:
    found = asked(database, "rows_that_do_not_add_up")

    assert [f["run_id"][-1] for f in found] == ["c"]


def test_people_and_what_they_did_are_listed(database: Any) -> None:
    found = {(f["by"], f["kind"]) for f in asked(database, "interventions")}

    assert found == {
        ("alice@example.com", "run.replayed"),
        ("bob@example.com", "config.written"),
        ("scheduler", "run.failed"),
    }


def test_run_is_joined_with_the_configuration_that_it_had(database: Any) -> None:
    assert {f["configured_by"] for f in asked(database, "configuration_at")} == {"bob@example.com"}


def test_error_is_told_apart_from_its_message(database: Any) -> None:
    assert [f["error"] for f in asked(database, "failures")] == ["EmptySourceError"]

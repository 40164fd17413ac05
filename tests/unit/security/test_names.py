"""Hostile names on every surface: quoted so that they are names and nothing else, or refused."""

import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlglot
from hypothesis import given
from pg8000.dbapi import convert_paramstyle
from pydantic import ValidationError
from sqlglot import exp

from shared import logs
from shared.config.connections import Connections, SqlServerConnection
from shared.config.tables import ResolvedTable, TableConfig
from shared.core import naming
from shared.core.deliveries import Delivery
from shared.core.messages import IngestRequest
from shared.csv.header import column_names
from shared.errors import InvalidMessageError, InvalidSchemaError
from shared.sources.snowflake import sql as snowflake
from shared.targets.bigquery import identifiers as bigquery
from shared.targets.postgres import identifiers as postgres
from shared.targets.sqlserver import drivers
from shared.targets.sqlserver import identifiers as sqlserver
from shared.wire import from_json, to_json
from tests.builders import AT, RUN_ID, table_data
from tests.hostile import BROKEN, NAMES, names

Quote = Callable[[str], str]

ENGINES: dict[str, tuple[Quote, str]] = {
    "postgres": (postgres.quote, '"'),
    "tsql": (sqlserver.quote, "]"),
    "bigquery": (bigquery.quote, "`"),
    "snowflake": (snowflake.quote, '"'),
}
"""By the dialect's name: what quotes a name, and what would end the quotation."""

LITERALS: dict[str, Quote] = {
    "postgres": postgres.literal,
    "tsql": sqlserver.literal,
    "bigquery": bigquery.literal,
}

OBJECTS = [*NAMES, *(f"flights/{name}" for name in NAMES)]
"""Names of dropped files, in a table's folder and anywhere else."""

each_engine = pytest.mark.parametrize("dialect", ENGINES)


def quoted(dialect: str, name: str) -> str | None:
    """Return a quoted name; None where the engine cannot have it."""
    try:
        return ENGINES[dialect][0](name)
    except InvalidSchemaError:
        return None


def is_one_name(dialect: str, name: str) -> bool:
    """Say whether a name is refused, or cannot end its own quotation."""
    found = quoted(dialect, name)
    if found is None:
        return True
    mark = ENGINES[dialect][1]
    inside = found[1:-1]
    ends = inside.replace(mark * 2, "").count(mark)
    return ends == 0 and inside.replace(mark * 2, mark) == name


@each_engine
def test_a_name_is_one_identifier_to_the_engine_or_refused(dialect: str) -> None:
    kept = {name: found for name in NAMES if (found := quoted(dialect, name))}
    listed = ", ".join(kept.values())

    (statement,) = sqlglot.parse(f"SELECT {listed} FROM t", dialect=dialect)

    assert statement
    assert [c.name for c in statement.selects] == list(kept)
    assert [t.name for t in statement.find_all(exp.Table)] == ["t"]
    assert [name for name in NAMES if not is_one_name(dialect, name)] == []
    assert len(kept) > len(NAMES) / 4


@each_engine
@pytest.mark.parametrize("name", ["", "a\x00b"])
def test_what_is_no_name_anywhere_is_refused(dialect: str, name: str) -> None:
    assert quoted(dialect, name) is None


@each_engine
@given(name=names())
def test_any_name_is_one_identifier_or_refused(dialect: str, name: str) -> None:
    assert is_one_name(dialect, name)


def test_no_driver_takes_a_part_of_a_name_for_a_placeholder() -> None:
    for name in NAMES:
        if found := quoted("postgres", name):
            sent, _ = convert_paramstyle("format", f"SELECT {found} FROM t WHERE a = %s", (1,))

            assert sent == f"SELECT {found} FROM t WHERE a = $1"


@pytest.mark.parametrize("dialect", LITERALS)
def test_a_text_is_one_literal(dialect: str) -> None:
    listed = ", ".join(LITERALS[dialect](name) for name in NAMES)

    (statement,) = sqlglot.parse(f"SELECT {listed} FROM t", dialect=dialect)

    assert statement
    literals = list(statement.find_all(exp.Literal, exp.National, exp.ByteString))
    assert len(literals) == len(statement.selects) == len(NAMES)
    assert [t.name for t in statement.find_all(exp.Table)] == ["t"]


@pytest.mark.parametrize("dialect", ["postgres", "bigquery"])
@given(text=names())
def test_no_text_ends_its_own_literal(dialect: str, text: str) -> None:
    inside = LITERALS[dialect](text).removeprefix("E")[1:-1]

    left = re.sub(r"\\.|''", "", inside, flags=re.DOTALL)
    assert "'" not in left
    assert "\\" not in left
    assert dialect == "postgres" or not set(left) & set("\r\n")


def test_a_table_may_have_plain_names_only() -> None:
    taken = []
    for name in (*NAMES, *BROKEN):
        try:
            taken.append(TableConfig.model_validate(table_data(name=name)).name)
        except ValidationError:
            continue

    assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in taken)


@pytest.mark.parametrize("target", ["postgres", "sqlserver", "bigquery"])
def test_names_in_a_table_file_arrive_as_they_are_or_are_refused(target: str) -> None:
    arrived = 0
    for name in (*NAMES, *BROKEN):
        place = {"dataset": "d", "table": name} if target == "bigquery" else {"table": name}
        source = dict.fromkeys(("database", "schema", "table"), name[:255])
        data: dict[str, Any] = {"name": "flights", "snowflake": source, target: place}
        try:
            table = TableConfig.model_validate(data)
        except ValidationError:
            continue
        resolved = ResolvedTable(environment="test", table=table, connections=Connections())

        assert from_json(ResolvedTable, to_json(resolved), "x").table == table
        assert table.place.table == name
        arrived += 1

    assert arrived > len(NAMES) / 4


def test_an_objects_name_leads_to_its_own_table_or_to_none() -> None:
    led = {name: table for name in OBJECTS if (table := naming.landing_table(name))}

    assert {name: name.partition("/")[0] for name in led} == led
    assert {naming.TABLE_NAME.fullmatch(table) is None for table in led.values()} == {False}


def test_the_original_is_kept_in_its_runs_folder_under_a_name_that_can_be() -> None:
    for name in OBJECTS:
        kept = naming.raw_object("flights", RUN_ID, AT, name)

        folder, _, file = kept.rpartition("/")
        assert folder == f"flights/dt={AT:%Y-%m-%d}/{RUN_ID}"
        assert file not in (".", "..")
        assert len(kept.encode()) <= naming.MAX_OBJECT_BYTES


def test_originals_whose_names_are_cut_stay_apart() -> None:
    first, second = (naming.raw_object("f", RUN_ID, AT, "a" * 1020 + end) for end in "xy")

    assert first != second


def test_an_announced_name_is_read_as_it_is_or_refused() -> None:
    for name in (*OBJECTS, *BROKEN):
        attributes = IngestRequest(bucket="b", name=name, generation=1).attributes()
        delivery = Delivery(
            message_id="1", published_at=datetime.now(UTC), data=b"", attributes=attributes
        )
        try:
            request = IngestRequest.decode(delivery)
        except InvalidMessageError:
            continue

        assert request.name == name
        assert IngestRequest.from_key(request.key) == request


def test_a_files_header_names_columns_and_nothing_else() -> None:
    for name in NAMES:
        found = column_names([[name, "id", name]])

        assert len(set(found)) == 3
        assert all(is_one_name(dialect, each) for dialect in ENGINES for each in found)


def test_no_value_adds_a_key_to_what_the_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_ODBC_DRIVER", "/opt/drivers/lib.so")
    for name in NAMES:
        config = SqlServerConnection(host="10.0.0.3", user=name, database=name)

        text = drivers.connection_string(config, name)

        told = dict(re.findall(r"(\w+)=(\{(?:[^}]|\}\})*\}|[^;{]*)(?:;|$)", text))
        assert ";".join(f"{k}={v}" for k, v in told.items()) == text
        assert told["Encrypt"] == "yes"
        values = {told[key] for key in ("UID", "PWD", "DATABASE")}
        assert {v[1:-1].replace("}}", "}") if v.startswith("{") else v for v in values} == {name}


def test_a_name_in_the_log_is_one_field_of_one_line() -> None:
    for name in (*NAMES, *BROKEN):
        record = logging.makeLogRecord({"msg": "file picked up", "levelname": "INFO", "file": name})

        line = logs.JsonFormatter().format(record)

        assert line.isascii()
        assert "\n" not in line
        assert json.loads(line)["file"] == name

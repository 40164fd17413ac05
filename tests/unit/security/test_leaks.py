"""Values of rows, and what callers showed as proof, are in no error and no line of the log."""

import logging
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest
from pg8000.exceptions import DatabaseError
from snowflake.connector.errors import ProgrammingError

from shared import csv
from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.errors import (
    InvalidFileError,
    SluiceError,
    SourceRefusedError,
    ValueNotRepresentableError,
    told,
)
from shared.sources.snowflake import connection as snowflake
from shared.targets.bigquery import connection as bigquery
from shared.targets.postgres import connection as postgres
from shared.targets.sqlserver import connection as sqlserver
from shared.targets.sqlserver import drivers
from shared.tokens import IdTokens, InvalidTokenError

SECRET = "4711'\"0815"


def raised(failures: Any, exc: Exception) -> SluiceError:
    """Return what an engine's failure becomes."""
    with pytest.raises(SluiceError) as found, failures("place"):
        raise exc
    return found.value


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("22P02", f'invalid input syntax for type integer: "{SECRET}"'),
        ("22003", f'value "{SECRET}" is out of range for type integer'),
        ("22008", f'date/time field value out of range: "{SECRET}"'),
        ("22P02", f'invalid input value for enum mood: "{SECRET}"'),
        ("22P03", f'"{SECRET}" is not allowed here'),
    ],
)
def test_postgres_does_not_quote_a_value(code: str, message: str) -> None:
    facts = {"C": code, "M": message, "D": f"Key (id)=({SECRET}) already exists."}

    error = raised(postgres.failures, DatabaseError(facts))

    assert type(error) is ValueNotRepresentableError
    assert "4711" not in f"{error.message}{error.facts}"
    assert message.split('"')[0].strip() in error.message


def test_postgres_still_says_which_constraint_and_column() -> None:
    message = 'null value in column "name" of relation "t" violates not-null constraint'
    facts = {"C": "23502", "M": message, "D": f"Failing row contains (1, {SECRET})."}

    error = raised(postgres.failures, DatabaseError(facts))

    assert message in error.message
    assert "4711" not in f"{error.message}{error.facts}"


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (245, f"Conversion failed when converting the nvarchar value '{SECRET}' to data type int."),
        (2628, f"data would be truncated in table 't', column 'c'. Truncated value: '{SECRET}'."),
        (2627, f"Violation of PRIMARY KEY constraint 'k'. The duplicate key value is ({SECRET})."),
        (220, f"Arithmetic overflow error for data type tinyint, value = {SECRET}."),
    ],
)
def test_sql_server_does_not_quote_a_value(number: int, message: str) -> None:
    said = f"[22018] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{message} ({number})"

    error = raised(
        sqlserver.failures, drivers.load().DataError("22018", f"{said} (SQLExecDirectW)")
    )

    assert "4711" not in f"{error.message}{error.facts}"
    assert "SQLSTATE 22018" in error.message


@pytest.mark.parametrize(
    "message",
    [
        f"Bad int64 value: {SECRET}",
        f"Could not parse '{SECRET}' as INT64 with message",
        f"Invalid NUMERIC value: {SECRET}",
        f"numeric overflow: {SECRET}",
        f"Value {SECRET} is out of range for type",
        f"Cannot convert {SECRET} to DATE",
    ],
)
def test_bigquery_does_not_quote_a_value(message: str) -> None:
    error = raised(bigquery.failures, BadRequest(message))

    assert "4711" not in f"{error.message}{error.facts}"


def test_bigquery_still_says_which_field() -> None:
    error = raised(bigquery.failures, BadRequest("Required field name cannot be null"))

    assert "Required field name cannot be null" in error.message


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (100038, f"Numeric value '{SECRET}' is not recognized"),
        (100035, f"Timestamp '{SECRET}' is not recognized"),
        (100078, f"String '{SECRET}' is too long and would be truncated"),
    ],
)
def test_snowflake_does_not_quote_a_value(number: int, message: str) -> None:
    exc = ProgrammingError(msg=message, errno=number, sqlstate="22018")

    error = raised(snowflake.failures, exc)

    assert type(error) is SourceRefusedError
    assert "4711" not in f"{error.message}{error.facts}"
    assert message.split("'", 1)[0] in error.message


@pytest.mark.parametrize(
    ("number", "state", "message"),
    [
        (100071, "22000", f'Failed to cast variant value "{SECRET}" to FIXED'),
        (100071, "22000", "Failed to cast variant value 47110815 to DATE"),
        (100071, "22000", 'Failed to cast variant value {"card": 4711} to FIXED'),
        (100069, "22P02", f'Error parsing JSON: unknown keyword "{SECRET}", pos 4'),
        (100046, "22003", "Number out of representable range: type FIXED[SB16](26,0), value 4711"),
    ],
)
def test_snowflake_does_not_quote_what_a_view_takes_out_of_json(
    number: int, state: str, message: str
) -> None:
    exc = ProgrammingError(msg=message, errno=number, sqlstate=state)

    error = raised(snowflake.failures, exc)

    assert type(error) is SourceRefusedError
    assert "4711" not in f"{error.message}{error.facts}"
    assert message.split()[0] in error.message


def test_words_of_other_libraries_are_not_told_but_ours_are() -> None:
    try:
        int(SECRET)
    except ValueError as exc:
        foreign = told(exc)

    assert "4711" not in foreign
    assert "test_leaks.py:" in foreign
    assert told(InvalidFileError("no header")) == "InvalidFileError: no header"
    assert told(ConnectionResetError(104, "reset")) == "ConnectionResetError: reset"


@pytest.mark.parametrize("token", [f"sluice_ab_{SECRET}", f"{SECRET}.{SECRET}.{SECRET}", SECRET])
def test_what_is_no_token_is_not_repeated_in_the_reason(token: str) -> None:
    with pytest.raises(InvalidTokenError) as refused:
        IdTokens("audience").email(token)

    assert "4711" not in str(refused.value)


def test_a_line_of_the_log_has_no_words_of_the_exception_that_it_tells_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from shared.logs import JsonFormatter

    try:
        raise LookupError(SECRET[:4])
    except LookupError:
        logging.getLogger("x").exception("failed")

    assert "4711" not in JsonFormatter().format(caplog.records[0])


@pytest.mark.parametrize(
    ("content", "dialect"),
    [
        ('"Ann" x,y\n1,2\n', csv.Dialect()),
        ("a,b\n1,2\nTRAILER Ann,9\n", csv.Dialect(trailer="TRAILER")),
    ],
    ids=["no header", "a trailer that disagrees"],
)
def test_a_file_that_is_refused_is_not_quoted(content: str, dialect: csv.Dialect) -> None:
    schema = TableSchema(tuple(Column(name=n, type=DataType(Kind.TEXT)) for n in "ab"))

    with pytest.raises(InvalidFileError) as refused:
        list(csv.read([content.encode()], dialect, schema))

    assert "Ann" not in f"{refused.value.message}{refused.value.facts}"

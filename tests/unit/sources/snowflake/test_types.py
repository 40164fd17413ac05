"""Snowflake's columns as ours, and which of them can be a cursor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.schemas import Kind
from shared.core.windows import CursorKind
from shared.errors import SchemaConflictError
from shared.sources.snowflake.types import find
from tests.builders import a_column, a_source_column

TYPES = {
    "FLOAT": "float64",
    "TEXT": "text",
    "BINARY": "binary",
    "BOOLEAN": "bool",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP_NTZ": "timestamp",
    "TIMESTAMP_LTZ": "timestamptz",
    "TIMESTAMP_TZ": "timestamptz",
    "VARIANT": "json",
    "OBJECT": "json",
    "ARRAY": "json",
}
CURSORS = {
    "NUMBER": CursorKind.NUMBER,
    "DATE": CursorKind.DATE,
    "TIMESTAMP_NTZ": CursorKind.TIME,
    "TIMESTAMP_LTZ": CursorKind.TIME,
    "TIMESTAMP_TZ": CursorKind.TIME,
}
UNKNOWN = ["GEOGRAPHY", "GEOMETRY", "VECTOR", "DECFLOAT", "MAP", "FILE", "UUID", ""]


@pytest.mark.parametrize(("type_name", "expected"), TYPES.items())
def test_type_is_mapped(type_name: str, expected: str) -> None:
    assert str(a_source_column("C", type_name).data_type) == expected


@pytest.mark.parametrize(
    ("precision", "scale", "expected"),
    [
        (1, 0, "int64"),
        (18, 0, "int64"),
        (19, 0, "decimal(19,0)"),
        (38, 0, "decimal(38,0)"),
        (18, 4, "decimal(18,4)"),
        (38, 37, "decimal(38,37)"),
        (5, 5, "decimal(5,5)"),
        (None, None, "decimal(38,0)"),
    ],
)
def test_number_is_an_integer_when_all_its_values_fit(
    precision: int | None, scale: int | None, expected: str
) -> None:
    column = a_source_column("C", "NUMBER", precision=precision, scale=scale)

    assert str(column.data_type) == expected


@given(st.integers(1, 38).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, min(p, 37)))))
def test_every_number_has_a_type_that_holds_its_largest_value(number: tuple[int, int]) -> None:
    precision, scale = number

    found = a_source_column("C", "NUMBER", precision=precision, scale=scale).data_type

    if found.kind is Kind.INT64:
        assert scale == 0
        assert 10**precision - 1 < 2**63
    else:
        assert (found.precision, found.scale) == number


@pytest.mark.parametrize("type_name", UNKNOWN)
def test_unknown_type_is_refused_with_the_column_and_the_choices(type_name: str) -> None:
    column = a_source_column("PLACE", type_name)

    with pytest.raises(SchemaConflictError) as refused:
        column.data_type  # noqa: B018 - reading it is the test

    message = refused.value.message
    assert message.startswith(f"column PLACE has type {type_name}, which Sluice does not move")
    assert all(known in message for known in ["NUMBER", *TYPES])
    assert refused.value.facts == {"column": "PLACE"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("FLIGHT_ID", "flight_id"),
        ("flight_id", "flight_id"),
        ("FlightId", "FlightId"),
        ("ORDER NO. 1", "order no. 1"),
        ("123", "123"),
        ("ÄPFEL", "äpfel"),
        ("Straße", "Straße"),
    ],
)
def test_upper_case_becomes_lower_and_anything_else_stays(name: str, expected: str) -> None:
    assert a_source_column(name).target_name == expected


def test_column_of_the_target_has_name_type_and_null() -> None:
    column = a_source_column("PRICE", "NUMBER", precision=18, scale=4, is_nullable=False)

    assert column.column == a_column("price", "decimal(18,4)", is_nullable=False)


@pytest.mark.parametrize(
    ("type_name", "digits", "expected"),
    [
        ("TIMESTAMP_NTZ", 9, True),
        ("TIMESTAMP_TZ", 7, True),
        ("TIMESTAMP_LTZ", None, True),
        ("TIME", 9, True),
        ("TIME", None, True),
        ("TIMESTAMP_NTZ", 6, False),
        ("TIME", 0, False),
        ("DATE", None, False),
        ("NUMBER", None, False),
        ("TEXT", 9, False),
    ],
)
def test_only_times_finer_than_microseconds_have_nanoseconds(
    type_name: str, digits: int | None, expected: bool
) -> None:
    column = a_source_column("C", type_name, datetime_precision=digits)

    assert column.has_nanoseconds is expected


@pytest.mark.parametrize(("type_name", "expected"), CURSORS.items())
def test_cursor_is_a_timestamp_a_date_or_a_whole_number(
    type_name: str, expected: CursorKind
) -> None:
    assert a_source_column("C", type_name).cursor_kind is expected


@pytest.mark.parametrize("type_name", [*sorted(set(TYPES) - set(CURSORS)), "GEOGRAPHY"])
def test_anything_else_is_no_cursor(type_name: str) -> None:
    column = a_source_column("C", type_name)

    with pytest.raises(SchemaConflictError, match="cannot be the incremental_column; use a time"):
        column.cursor_kind  # noqa: B018 - reading it is the test


def test_number_with_digits_behind_the_point_is_no_cursor() -> None:
    column = a_source_column("C", "NUMBER", precision=10, scale=2)

    with pytest.raises(SchemaConflictError, match="cannot be the incremental_column"):
        column.cursor_kind  # noqa: B018 - reading it is the test


# Names in table files -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["FLIGHT_ID", "flight_id", "Flight_Id"])
def test_column_is_found_in_any_case(name: str) -> None:
    columns = [a_source_column("DAY", "DATE"), a_source_column("FLIGHT_ID")]

    assert find(columns, name, "primary_key") is columns[1]


@pytest.mark.parametrize(("name", "index"), [("id", 0), ("ID", 0), ("Id", 1)])
def test_exact_name_wins_over_another_case(name: str, index: int) -> None:
    columns = [a_source_column("ID"), a_source_column("Id")]

    assert find(columns, name, "primary_key") is columns[index]


@pytest.mark.parametrize(
    ("names", "wanted"), [(["ID", "Id"], "iD"), (["ID", "id"], "id"), (["iD", "Id"], "ID")]
)
def test_name_that_fits_two_columns_is_refused_with_both(names: list[str], wanted: str) -> None:
    with pytest.raises(SchemaConflictError) as refused:
        find([a_source_column(n) for n in names], wanted, "incremental_column")

    assert refused.value.message.startswith(
        f"incremental_column {wanted!r} could be {names[0]} or {names[1]}"
    )


def test_unknown_column_is_refused_with_the_known_ones() -> None:
    columns = [a_source_column("DAY", "DATE"), a_source_column("FlightId")]

    with pytest.raises(SchemaConflictError) as refused:
        find(columns, "id", "primary_key")

    assert refused.value.message == (
        "primary_key 'id' is not a column of the source table; its columns are day, FlightId"
    )
    assert refused.value.facts == {"column": "id"}

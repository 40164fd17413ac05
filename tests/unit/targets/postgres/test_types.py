"""Types in PostgreSQL, and what an existing column keeps as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.schemas import DataType, Kind
from shared.targets.postgres.types import data_type, holds, length_limit, type_name, widens

NAMES = {
    "bool": "boolean",
    "int64": "bigint",
    "decimal(18,4)": "numeric(18,4)",
    "decimal(38,0)": "numeric(38,0)",
    "float64": "double precision",
    "text": "text",
    "binary": "bytea",
    "date": "date",
    "time": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "json": "jsonb",
}
EXISTING_KEPT = [
    *("timestamp(6) without time zone", "timestamp(6) with time zone", "time(6) without time zone"),
    *("numeric", "character varying", "character varying(9)", "json", "jsonb", "uuid", "integer"),
]
TYPES = st.sampled_from(sorted(NAMES))
EXISTING = [
    *NAMES.values(),
    "integer",
    "smallint",
    "real",
    "numeric",
    "numeric(10,2)",
    "numeric(5,-2)",
    "money",
    "character varying",
    "character varying(10)",
    "character(10)",
    "citext",
    "uuid",
    "json",
    "timestamp(3) without time zone",
    "timestamp(6) without time zone",
    "timestamp(6) with time zone",
    "time(6) without time zone",
    "time(0) without time zone",
    "interval",
    "text[]",
    "inet",
    "public.mood",
]
HOLDS = {
    "bool": {"boolean"},
    "int64": {"bigint", "integer", "smallint", "numeric", "numeric(18,4)", "numeric(10,2)"}
    | {"numeric(38,0)"},
    "decimal(18,4)": {"numeric", "numeric(18,4)"},
    "decimal(38,0)": {"numeric", "numeric(38,0)", "numeric(18,4)", "numeric(10,2)", "bigint"}
    | {"integer", "smallint"},
    "float64": {"double precision"},
    "text": {"text", "character varying", "character varying(10)", "uuid", "json"} | {"citext"},
    "binary": {"bytea"},
    "date": {"date", "timestamp without time zone", "timestamp(3) without time zone"}
    | {"timestamp(6) without time zone"},
    "time": {"time without time zone", "time(6) without time zone"},
    "timestamp": {"timestamp without time zone", "timestamp(6) without time zone"},
    "timestamptz": {"timestamp with time zone", "timestamp(6) with time zone"},
    "json": {"jsonb", "json", "text", "character varying", "character varying(10)"},
}


def test_every_kind_has_its_name() -> None:
    assert {DataType.parse(text).kind for text in NAMES} == set(Kind)
    assert {text: type_name(DataType.parse(text)) for text in NAMES} == NAMES


@given(TYPES)
def test_type_of_a_column_we_made_comes_back_as_it_was(text: str) -> None:
    wanted = DataType.parse(text)

    assert data_type(type_name(wanted)) == wanted
    assert holds(type_name(wanted), wanted)


@pytest.mark.parametrize("text", NAMES)
def test_existing_column_holds_what_it_does_not_alter(text: str) -> None:
    wanted = DataType.parse(text)

    assert {e for e in EXISTING if holds(e, wanted)} == HOLDS[text]


@given(st.integers(1, 38), st.integers(0, 38), st.integers(1, 50), st.integers(-10, 50))
def test_decimal_never_loses_digits_behind_the_point(
    precision: int, scale: int, column_precision: int, column_scale: int
) -> None:
    wanted = DataType(Kind.DECIMAL, precision, min(scale, precision))

    kept = holds(f"numeric({column_precision},{column_scale})", wanted)

    assert kept == (column_scale >= (wanted.scale or 0))


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        ("integer", "int64"),
        ("smallint", "int64"),
        ("bigint", "int64"),
        ("real", "float64"),
        ("numeric(10,2)", "decimal(10,2)"),
        ("numeric(39,2)", "text"),
        ("numeric(2,4)", "text"),
        ("numeric(5,-2)", "text"),
        ("numeric", "decimal(38,18)"),
        ("character varying(10)", "text"),
        ("uuid", "text"),
        ("json", "json"),
        ("timestamp(3) without time zone", "timestamp"),
        ("public.mood", "text"),
    ],
)
def test_existing_column_has_the_nearest_type_or_text(existing: str, expected: str) -> None:
    assert str(data_type(existing)) == expected


@pytest.mark.parametrize(
    ("existing", "limit"),
    [
        ("character varying(10)", 10),
        ("character varying", None),
        ("character(10)", None),
        ("text", None),
        ("numeric(10,2)", None),
    ],
)
def test_only_varchar_has_a_length_to_check(existing: str, limit: int | None) -> None:
    assert length_limit(existing) == limit


@pytest.mark.parametrize(
    ("existing", "wanted"),
    [
        ("numeric(10,2)", "decimal(18,4)"),
        ("integer", "int64"),
        ("real", "float64"),
        ("character varying(9)", "text"),
        ("timestamp(3) without time zone", "timestamp"),
        ("bigint", "decimal(38,0)"),
    ],
)
def test_column_that_can_be_widened_is_known(existing: str, wanted: str) -> None:
    assert widens(existing, DataType.parse(wanted))


@pytest.mark.parametrize(
    ("existing", "wanted"),
    [
        ("numeric(18,2)", "decimal(18,4)"),
        ("numeric(10,4)", "decimal(18,2)"),
        ("double precision", "decimal(38,10)"),
        ("text", "int64"),
        ("date", "timestamptz"),
        ("timestamp(3) without time zone", "timestamptz"),
        ("bigint", "decimal(18,0)"),
    ],
)
def test_column_whose_values_might_not_fit_is_not_widened(existing: str, wanted: str) -> None:
    assert not widens(existing, DataType.parse(wanted))


@pytest.mark.parametrize("existing", EXISTING_KEPT)
def test_file_for_a_column_that_is_there_is_read_as_what_it_holds(existing: str) -> None:
    assert holds(existing, data_type(existing))

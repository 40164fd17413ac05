"""Types in PostgreSQL, and what an existing column keeps as it is."""

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from shared.core.schemas import DataType, Kind
from shared.errors import SchemaConflictError
from shared.targets.postgres.types import data_type, holds, length_limit, require, type_name
from tests.builders import a_column

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
    "date": {"date"},
    "time": {"time without time zone"},
    "timestamp": {"timestamp without time zone"},
    "timestamptz": {"timestamp with time zone"},
    "json": {"jsonb", "json", "text", "character varying"},
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
        ("numeric", "text"),
        ("character varying(10)", "text"),
        ("uuid", "text"),
        ("json", "text"),
        ("timestamp(3) without time zone", "text"),
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


def test_table_that_holds_all_columns_is_accepted() -> None:
    existing = {"id": "integer", "name": "character varying(10)", "more": "inet"}

    require("t", existing, [a_column("id"), a_column("name", "text")])


def test_table_that_does_not_is_refused_with_each_reason_and_the_remedy() -> None:
    existing = {"id": "bigint", "Price": "numeric(10,2)", "at": "date"}
    columns = [
        a_column("id"),
        a_column("Price", "decimal(18,4)"),
        a_column("at", "timestamp"),
        a_column('odd "name"', "text"),
    ]

    with pytest.raises(SchemaConflictError) as refused:
        require('"public"."t"', existing, columns)

    assert refused.value.message == (
        'table "public"."t" cannot hold the run\'s columns unaltered: odd "name" is missing; '
        'Price is numeric(10,2); at is date. Run ALTER TABLE "public"."t" '
        'ADD COLUMN "odd ""name""" text, ALTER COLUMN "Price" TYPE numeric(18,4), '
        'ALTER COLUMN "at" TYPE timestamp without time zone'
    )
    assert refused.value.facts == {"table": '"public"."t"'}


def test_advised_statement_is_one_statement_even_for_hostile_names() -> None:
    columns = [a_column('x" text; DROP TABLE users; --', "text")]

    with pytest.raises(SchemaConflictError) as refused:
        require('"public"."t"', {}, columns)

    advice = refused.value.message.partition(". Run ")[2]
    assert len(sqlglot.parse(advice, dialect="postgres")) == 1

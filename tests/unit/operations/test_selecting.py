"""Rows that somebody wants to see: words become bound values and quoted names, or are refused."""

import pytest

from shared.core import selections
from shared.core.selections import Selection
from shared.errors import InvalidMessageError
from shared.operations import rejects
from shared.operations.rejects import Layout
from shared.targets.bigquery import paging as bigquery
from shared.targets.postgres import paging as postgres
from shared.targets.sqlserver import paging as sqlserver
from tests.builders import a_column

A, B = a_column("a"), a_column('b"]`', "text")
COLUMNS = {c.name: c for c in (A, B, a_column("at", "timestamptz"), a_column("doc", "json"))}
PAGE = Selection(
    columns=(A, B),
    conditions=(
        selections.condition("b\"]`:ne:x'; DROP TABLE t; --", COLUMNS),
        selections.condition("a:is:set", COLUMNS),
    ),
    key=(A, B),
    after=("1", "y"),
    limit=3,
)


def test_postgres_reads_a_page_behind_a_key() -> None:
    text, values = postgres.select('"s"."t"', PAGE)

    assert text == (
        'SELECT "a", "b""]`" FROM "s"."t" WHERE "b""]`" <> CAST(%s AS text) AND "a" IS NOT NULL '
        'AND (("a" > CAST(%s AS bigint)) OR ("a" = CAST(%s AS bigint) AND "b""]`" > '
        'CAST(%s AS text))) ORDER BY "a", "b""]`" LIMIT 3'
    )
    assert values == ["x'; DROP TABLE t; --", "1", "1", "y"]


def test_sqlserver_binds_as_many_values_as_it_names() -> None:
    text, values = sqlserver.select("[s].[t]", PAGE)

    assert (text.count("?"), len(values)) == (4, 4)
    assert text.startswith('SELECT TOP (3) [a], [b"]]`] FROM [s].[t]')
    assert "DROP" not in text


def test_bigquery_binds_values_by_name() -> None:
    columns = {"a": A}
    page = Selection(
        columns=(A,),
        conditions=(selections.condition("a:ge:5", columns),),
        key=(A,),
        after=("9",),
        limit=2,
    )

    text, values = bigquery.select("`s.t`", page)

    assert text == (
        "SELECT `a` FROM `s.t` WHERE `a` >= CAST(@value_0 AS INT64) AND "
        "((`a` > CAST(@value_1 AS INT64))) ORDER BY `a` LIMIT 2"
    )
    assert values == {"value_0": "5", "value_1": "9"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("c:eq:1", "no column 'c' to compare; known: "),
        ("a", "write column:operator:value"),
        ("a:like:1", "unknown operator 'like'"),
        ("a:eq", "unknown operator"),
        ("a:eq:one", "'one' is no int64"),
        ("a:eq:9223372036854775808", "is no int64"),
        ("a:eq:\u0661", "is no int64"),
        ("at:gt:2024-01-01 00:00:00", "is no timestamptz"),
        ("doc:eq:{}", "are not compared"),
        ("a:is:maybe", "unknown operator 'is'"),
    ],
)
def test_a_condition_that_is_none_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(InvalidMessageError) as refused:
        selections.condition(text, COLUMNS)

    assert said in refused.value.message


@pytest.mark.parametrize(
    ("type_", "text", "canonical"),
    [
        ("decimal(5,2)", "1e2", "100"),
        ("float64", "0.1", "0.1"),
        ("timestamptz", "2024-01-01T02:00:00+02:00", "2024-01-01 00:00:00+00:00"),
        ("date", "2024-01-31", "2024-01-31"),
        ("bool", "true", "true"),
    ],
)
def test_values_have_one_form_for_every_database(type_: str, text: str, canonical: str) -> None:
    assert selections.canonical(a_column("x", type_).type, text) == canonical


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999999999", "0x1", "", "one"])
def test_numbers_that_are_none_are_refused(text: str) -> None:
    for type_ in ("decimal(38,0)", "float64", "int64"):
        with pytest.raises(InvalidMessageError):
            selections.canonical(a_column("x", type_).type, text)


def layout(**dialect: object) -> Layout:
    """Return how a file of three columns is written."""
    from shared.csv import Dialect

    return Layout(dialect=Dialect(**dialect), columns=("id", "name", "note"))  # type: ignore[arg-type]


def marked(raw: str, column: str | None, known: Layout) -> list[tuple[str | None, str, bool]]:
    """Return the cells of a rejected row."""
    found = rejects.cells({"raw": raw, "column": column, "is_truncated": False}, known)
    return [(c.column, c.text, c.is_offending) for c in found or ()]


def test_the_cell_to_blame_is_marked() -> None:
    assert marked('7,"Ann, B",x', "name", layout()) == [
        ("id", "7", False),
        ("name", "Ann, B", True),
        ("note", "x", False),
    ]


def test_cells_too_many_and_cells_that_lack_are_to_blame() -> None:
    many = marked("7||Ann||x||y", None, layout(delimiter="||"))
    few = marked("7,Ann", None, layout())

    assert [cell[2] for cell in many] == [False, False, False, True]
    assert few[-1] == ("note", "", True)


def test_a_delimiter_behind_an_escape_parts_no_cell_with_quotes_or_without() -> None:
    for quote in ('"', None):
        cells = marked(r"7,Lee\, Ann,x", "id", layout(quote=quote, escape="\\"))

        assert [text for _, text, _ in cells] == ["7", "Lee, Ann", "x"]


def test_values_of_sensitive_columns_are_not_shown() -> None:
    facts = {
        "raw": "7,Ann,x",
        "column": "name",
        "rule": "not_int64",
        "reason": "name: 'Ann' is no int64",
        "is_truncated": False,
    }

    shown, cells = rejects.masked(facts, rejects.cells(facts, layout()), {"name"})

    assert "Ann" not in f"{shown}{cells}"
    assert cells
    assert cells[0].text == "7"


@pytest.mark.parametrize(
    ("raw", "column", "hidden"),
    [
        ("7,Ann,x", "id", "NAME"),  # the header is found without regard to case
        ("7,Ann,x", "id", "column_of_a_file_without_header"),
        ("Ann,x", None, "name"),  # a cell is missing, so the others may have moved
        ("7,8,Ann,x", None, "name"),
    ],
)
def test_a_sensitive_value_is_not_shown_under_another_name(
    raw: str, column: str | None, hidden: str
) -> None:
    facts = {"raw": raw, "column": column, "rule": "r", "reason": "why", "is_truncated": False}

    shown, cells = rejects.masked(facts, rejects.cells(facts, layout()), {hidden})

    assert cells
    assert "Ann" not in f"{shown}{cells}"

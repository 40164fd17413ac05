"""Names in PostgreSQL: quoted so that no name is ever anything but a name."""

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from pg8000.dbapi import convert_paramstyle
from sqlglot import exp

from shared.errors import InvalidSchemaError
from shared.targets.postgres.identifiers import MAX_IDENTIFIER_BYTES, quote

NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
    | st.sampled_from("\"'`$%?:;\\-/*()[]. \n"),
    min_size=1,
    max_size=15,
)
HOSTILE = [
    'a"b',
    '"',
    '""',
    '"; DROP TABLE t; --',
    "a'b",
    "%s",
    "50%",
    "%%",
    "a%(x)s",
    ":name",
    "?",
    "$1",
    "$$",
    "E'",
    "-- x",
    "/* x",
    "\\",
    "a\nb",
    "SELECT",
    "ä€😀",
    " ",
    "a.b",
]


@pytest.mark.parametrize(
    ("name", "quoted"), [("id", '"id"'), ("Order Id", '"Order Id"'), ('a"b', '"a""b"')]
)
def test_name_stands_in_quotes_and_its_own_are_doubled(name: str, quoted: str) -> None:
    assert quote(name) == quoted


@pytest.mark.parametrize("name", ["", "a\x00b", "x" * 64, "ü" * 32, "😀" * 16])
def test_name_that_postgres_cannot_keep_is_refused_with_the_limit(name: str) -> None:
    with pytest.raises(InvalidSchemaError, match="cannot be a name in PostgreSQL: 1 to 63 bytes"):
        quote(name)


@pytest.mark.parametrize("name", ["x" * 63, "ü" * 31, '"' * 63])
def test_longest_names_are_kept(name: str) -> None:
    assert quote(name)[1:-1].replace('""', '"') == name


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_is_one_identifier(name: str) -> None:
    (statement,) = sqlglot.parse(f"SELECT {quote(name)} FROM t", dialect="postgres")

    assert statement
    assert [c.name for c in statement.find_all(exp.Column)] == [name]


@pytest.mark.parametrize("name", HOSTILE)
def test_driver_takes_nothing_in_a_name_for_a_placeholder(name: str) -> None:
    statement = f"SELECT {quote(name)} FROM t WHERE a = %s"

    sent, _ = convert_paramstyle("format", statement, (1,))

    assert sent == f"SELECT {quote(name)} FROM t WHERE a = $1"


@given(NAMES)
def test_any_name_is_refused_or_one_identifier_to_parser_and_driver(name: str) -> None:
    try:
        quoted = quote(name)
    except InvalidSchemaError:
        assert len(name.encode()) > MAX_IDENTIFIER_BYTES
        return

    sent, _ = convert_paramstyle("format", f"SELECT {quoted} FROM t WHERE a = %s", (1,))
    assert sent == f"SELECT {quoted} FROM t WHERE a = $1"
    assert quoted[1:-1].replace('""', "").count('"') == 0
    assert quoted[1:-1].replace('""', '"') == name

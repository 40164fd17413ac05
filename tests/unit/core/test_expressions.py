"""Conditions as text: what is read, and what is refused with its place."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.expressions import MAX_DEPTH, Call, Literal, Name, columns, parse


def test_and_binds_closer_than_or_and_not_closer_than_both() -> None:
    assert parse("a OR NOT b AND c") == Call(
        "OR", (Name("a"), Call("AND", (Call("NOT", (Name("b"),)), Name("c"))))
    )


def test_product_binds_closer_than_sum_and_sum_than_comparison() -> None:
    found = parse("a + b * 2 >= -c")

    assert isinstance(found, Call)
    assert found.operation == ">="
    assert found.arguments[0] == Call("+", (Name("a"), Call("*", (Name("b"), parse("2")))))


def test_keywords_and_functions_are_read_in_any_case() -> None:
    assert parse("a is NOT null") == parse("a IS NOT NULL")
    assert parse("LENGTH(a) > 1") == parse("length(a)>1")


def test_quotes_are_doubled_in_texts_and_names() -> None:
    assert parse("'it''s'") == Literal("it's")
    assert columns(parse('"Full ""Name""" = \'x\' AND b = b')) == ['Full "Name"', "b"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the end is no value"),
        ("a; DROP TABLE t", "cannot be read from '; DROP TABLE t' on"),
        ("a = 1) OR (1 = 1", "')  OR (1 = 1' is more".replace("  ", " ")),
        ("(SELECT 1)", "'1)' must be )"),
        ("a = 1 -- rest", "'-- rest' is more than one condition"),
        ("pg_sleep(9)", "is no function; known: length"),
        ("length(a, b) > 1", "does not take 2 arguments"),
        ("a LIKE b", "LIKE needs a pattern"),
        ("a NOT 3", "must be IN, BETWEEN or LIKE after NOT"),
        ("a BETWEEN 1", "must be AND"),
        ("a = 'open", "cannot be read from"),
        (f"{'(' * (MAX_DEPTH + 1)}a{')' * (MAX_DEPTH + 1)}", "nested too deeply"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        parse(text)

    assert problem in str(refused.value)


@given(st.text(alphabet="ab1 ()'\"<>=+-*/,|%NOTANDOR;", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert parse(text) is not None

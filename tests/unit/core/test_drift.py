"""How one schema differs from an earlier one, in words."""

from shared.core.drift import changes
from shared.core.schemas import TableSchema
from tests.builders import a_column, a_schema


def test_first_schema_differs_from_nothing() -> None:
    assert changes(None, a_schema()) == ()


def test_same_schema_does_not_differ() -> None:
    assert changes(a_schema(), a_schema()) == ()


def test_every_kind_of_difference_is_named() -> None:
    before = TableSchema(
        (a_column("id"), a_column("a", "decimal(10,2)"), a_column("b", "text")), ("id",)
    )
    after = TableSchema(
        (a_column("id"), a_column("a", "decimal(18,4)", is_nullable=False), a_column("c", "text")),
        ("id", "a"),
    )

    assert changes(before, after) == (
        "c is new (text)",
        "b is gone (text)",
        "c may be b under another name",
        "a was decimal(10,2), is decimal(18,4)",
        "a may no longer be NULL",
        "the key was (id), is (id, a)",
    )


def test_two_columns_of_one_type_are_not_matched_by_guessing() -> None:
    said = changes(a_schema((), a="text", b="text"), a_schema((), c="text", d="text"))

    assert not any("another name" in each for each in said)


def test_other_order_is_a_difference_of_its_own() -> None:
    said = changes(a_schema((), a="text", b="int64"), a_schema((), b="int64", a="text"))

    assert said == ("the order of the columns is b, a",)

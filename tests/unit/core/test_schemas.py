"""Column types and their one text form, and what a list of columns must keep to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.schemas import MAX_PRECISION, Column, DataType, Kind, TableSchema
from shared.errors import InvalidSchemaError
from tests.builders import a_column, a_schema

DECIMALS = st.integers(1, MAX_PRECISION).flatmap(
    lambda precision: st.builds(
        DataType, st.just(Kind.DECIMAL), st.just(precision), st.integers(0, precision)
    )
)
DATA_TYPES = DECIMALS | st.sampled_from([DataType(k) for k in Kind if k is not Kind.DECIMAL])


@given(DATA_TYPES)
def test_text_form_and_parse_are_each_others_inverse(data_type: DataType) -> None:
    assert DataType.parse(str(data_type)) == data_type


@given(st.text())
def test_any_text_is_a_type_or_refused(text: str) -> None:
    try:
        data_type = DataType.parse(text)
    except InvalidSchemaError:
        return

    assert DataType.parse(str(data_type)) == data_type


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("text", "text"),
        (" int64\n", "int64"),
        ("decimal(18,4)", "decimal(18,4)"),
        (" decimal ( 38 , 0 ) ", "decimal(38,0)"),
    ],
)
def test_spaces_around_a_type_do_not_matter(text: str, form: str) -> None:
    assert str(DataType.parse(text)) == form


@pytest.mark.parametrize(
    "text", ["", "string", "TEXT", "decimal", "decimal(5)", "decimal(5,2", "int64(4)"]
)
def test_unknown_type_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(InvalidSchemaError) as refused:
        DataType.parse(text)

    message = str(refused.value)
    assert f"unknown type {text!r}" in message
    assert all(kind.value in message for kind in Kind)
    assert message.endswith("decimal(PRECISION,SCALE)")


@pytest.mark.parametrize(
    "text", ["decimal(39,0)", "decimal(5,6)", "decimal(0,0)", "decimal(999,1)"]
)
def test_decimal_out_of_range_is_refused_with_the_range(text: str) -> None:
    with pytest.raises(InvalidSchemaError, match="PRECISION from 1 to 38"):
        DataType.parse(text)


@pytest.mark.parametrize(("precision", "scale"), [(None, None), (5, None), (None, 2), (5, -1)])
def test_decimal_needs_precision_and_scale(precision: int | None, scale: int | None) -> None:
    with pytest.raises(InvalidSchemaError, match=r"write decimal\(PRECISION,SCALE\)"):
        DataType(Kind.DECIMAL, precision, scale)


@pytest.mark.parametrize(("precision", "scale"), [(5, None), (None, 2), (5, 2)])
def test_other_kinds_take_neither(precision: int | None, scale: int | None) -> None:
    with pytest.raises(InvalidSchemaError, match="text takes no precision or scale"):
        DataType(Kind.TEXT, precision, scale)


def test_schema_keeps_the_order_of_its_columns() -> None:
    schema = a_schema(key=("b",), b="int64", a="text")

    assert schema.names == ["b", "a"]
    assert [c.name for c in schema] == ["b", "a"]
    assert len(schema) == 2


def test_column_is_found_by_its_exact_name() -> None:
    schema = a_schema(key=(), a="int64", A="text")

    assert schema.column("A").type == DataType(Kind.TEXT)


def test_unknown_column_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="'x'"):
        a_schema().column("x")


def test_repeated_columns_are_refused_by_name() -> None:
    columns = tuple(a_column(name) for name in ("b", "a", "b", "a", "c"))

    with pytest.raises(InvalidSchemaError, match=r"column names repeat: a, b$"):
        TableSchema(columns)


def test_key_of_a_missing_column_is_refused_with_the_columns() -> None:
    with pytest.raises(
        InvalidSchemaError, match="primary key names x, but the columns are id, name"
    ):
        a_schema(key=("id", "x"))


def test_key_that_names_a_column_twice_is_refused() -> None:
    with pytest.raises(InvalidSchemaError, match="primary key names id more than once"):
        a_schema(key=("id", "name", "id"))


def test_schema_of_the_key_has_the_keys_order() -> None:
    schema = a_schema(key=("c", "a"), a="int64", b="text", c="date")

    assert schema.only_key == a_schema(key=("c", "a"), c="date", a="int64")
    assert a_schema(key=()).only_key == TableSchema(())


def test_column_may_be_null_unless_told_otherwise() -> None:
    assert Column(name="a", type=DataType(Kind.TEXT)).is_nullable

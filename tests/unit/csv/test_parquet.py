"""Parquet: every value exactly as it is stored, every row a row of the table or a reject."""

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.config.csv_files import CsvFiles
from shared.core.schemas import DataType, TableSchema
from shared.csv import Contract, Dialect, detect, differences, excerpt, infer, place_of_row, read
from shared.errors import IntegrityError, InvalidFileError
from tests.unit.csv.parquet_files import PARQUET, InMemory, file, schema, taken, written

NDJSON = Dialect(kind="ndjson", delimiter="", quote=None)
DAY = dt.date(2024, 2, 29)
MOMENT = dt.datetime(2024, 2, 29, 13, 14, 15, 123456)

TYPES: list[tuple[pa.DataType, Any, str, Any]] = [
    (pa.bool_(), True, "bool", True),
    (pa.int8(), -128, "int64", -128),
    (pa.uint32(), 2**32 - 1, "int64", 2**32 - 1),
    (pa.int64(), -(2**63), "int64", -(2**63)),
    (pa.uint64(), 2**64 - 1, "decimal(20,0)", Decimal(2**64 - 1)),
    (pa.float16(), 0.5, "float64", 0.5),
    (pa.float32(), 0.1, "float64", 0.10000000149011612),
    (pa.float64(), 1e300, "float64", 1e300),
    (pa.decimal128(38, 10), Decimal("9" * 28 + ".0123456789"), "decimal(38,10)", None),
    (pa.decimal32(5, 2), Decimal("-999.99"), "decimal(5,2)", None),
    (pa.decimal256(76, 2), Decimal("9" * 74 + ".01"), "text", "9" * 74 + ".01"),
    (pa.string(), "Zoë\n", "text", None),
    (pa.large_string(), "", "text", ""),
    (pa.string_view(), "x" * 40, "text", None),
    (pa.dictionary(pa.int32(), pa.string()), "word", "text", None),
    (pa.binary(), b"\0\xff", "binary", None),
    (pa.binary(3), b"abc", "binary", None),
    (pa.date32(), DAY, "date", None),
    (pa.date64(), DAY, "date", None),
    (pa.time32("ms"), dt.time(1, 2, 3, 4000), "time", None),
    (pa.time64("ns"), dt.time(23, 59, 59, 999999), "time", None),
    (pa.timestamp("s"), MOMENT.replace(microsecond=0), "timestamp", None),
    (pa.timestamp("us"), dt.datetime(1, 1, 1), "timestamp", None),
    (pa.timestamp("ns"), MOMENT, "timestamp", None),
    (pa.timestamp("us", "Asia/Tokyo"), MOMENT, "timestamptz", MOMENT.replace(tzinfo=dt.UTC)),
    (pa.null(), None, "text", None),
    (pa.uuid(), uuid.UUID(int=7).bytes, "text", str(uuid.UUID(int=7))),
    (pa.json_(), '{"a":  1.0}', "json", '{"a":  1.0}'),
    (pa.list_(pa.float32()), [0.5, None], "json", "[0.5, null]"),
    (pa.list_(pa.int8(), 2), [1, 2], "json", "[1, 2]"),
    (pa.struct({"a": pa.date32(), "b": pa.string()}), {"a": DAY}, "json", None),
    (pa.map_(pa.string(), pa.int8()), [("k", 1), ("k", 2)], "json", '{"k": 1, "k": 2}'),
    (pa.map_(pa.int8(), pa.bool_()), [(1, True)], "json", '{"1": true}'),
]


@pytest.mark.parametrize(("kind", "value", "type_name", "staged"), TYPES)
@pytest.mark.parametrize("has_arrow_schema", [True, False])
def test_type_of_the_file_is_that_of_a_new_table_and_its_values_are_whole(
    kind: pa.DataType, value: Any, type_name: str, staged: Any, *, has_arrow_schema: bool
) -> None:
    column = pa.array([value, None], kind)
    source = written(pa.table({"a": column}), store_schema=has_arrow_schema)

    found = infer(source, PARQUET)
    rows, rejects = taken(source)

    expected = '{"a": "2024-02-29", "b": null}' if isinstance(value, dict) else staged
    assert [str(column.type) for column in found.schema] == [type_name]
    assert rejects == []
    assert rows == [{"a": value if expected is None else expected}, {"a": None}]


NESTED = pa.struct({"n": pa.list_(pa.struct({"d": pa.decimal128(9, 3), "t": pa.string()}))})
VALUES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "decimal(12,4)": (
        pa.decimal128(12, 4),
        st.integers(-(10**12) + 1, 10**12 - 1).map(lambda n: Decimal(n).scaleb(-4)),
    ),
    "float64": (pa.float64(), st.floats(allow_nan=False)),
    "text": (pa.string(), st.text(st.characters(exclude_characters="\0", codec="utf-8"))),
    "binary": (pa.binary(), st.binary()),
    "date": (pa.date32(), st.dates()),
    "time": (pa.time64("us"), st.times()),
    "timestamp": (pa.timestamp("us"), st.datetimes()),
    "bool": (pa.bool_(), st.booleans()),
}


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_values_are_the_same_directly_and_by_way_of_rejected_rows_sent_again(data: Any) -> None:
    names = list(VALUES)
    row = st.tuples(*(st.none() | VALUES[name][1] for name in names))
    rows = data.draw(st.lists(row, min_size=1, max_size=5))
    columns = {n: pa.array([r[i] for r in rows], VALUES[n][0]) for i, n in enumerate(names)}
    source = written(pa.table(columns), row_group_size=2)
    wanted = schema(**{name: name for name in names})

    accepted, rejects = taken(source)
    sent = b"".join(excerpt(source, PARQUET, wanted, [(n, 1) for n in range(len(rows))]))
    again = [r for batch in read([sent], NDJSON, wanted) for r in batch.data.to_pylist()]

    assert rejects == []
    assert accepted == again == [dict(zip(names, row, strict=True)) for row in rows]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.none()
        | st.fixed_dictionaries(
            {
                "n": st.none()
                | st.lists(
                    st.none() | st.fixed_dictionaries({"d": st.none(), "t": st.none() | st.text()})
                )
            }
        ),
        max_size=8,
    )
)
def test_nested_values_are_json_that_means_the_same(values: list[Any]) -> None:
    source = written(pa.table({"a": pa.array(values, NESTED)}), row_group_size=3)

    rows, rejects = taken(source, a="text")

    assert rejects == []
    assert [row["a"] and json.loads(row["a"]) for row in rows] == values


@pytest.mark.parametrize(
    ("column", "type_name", "rule", "reason"),
    [
        (pa.array([1], pa.timestamp("ns")), "timestamp", "not_timestamp", "finer than a micro"),
        (pa.array([1], pa.time64("ns")), "time", "not_time", "finer than a microsecond"),
        (pa.array([3_000_000], pa.date32()), "date", "not_date", "10183-09-21"),
        (pa.array([-(2**62)], pa.timestamp("us")), "timestamp", "not_timestamp", "is no timestamp"),
        (pa.array([2**60], pa.timestamp("ms")), "timestamp", "not_timestamp", "is no timestamp"),
        (pa.array([2**63], pa.uint64()), "int64", "not_int64", "out of range"),
        (pa.array([1.5]), "int64", "not_int64", "it has a fraction"),
        (pa.array([Decimal("1.25")]), "decimal(9,1)", "not_decimal", "more than 1 decimals"),
        (pa.array(["dear"]), "decimal(9,1)", "not_decimal", "'dear' is no decimal"),
        (pa.array(["a\0"]), "text", "nul_character", "NUL"),
        (pa.array([["\0"]]), "json", "nul_character", "NUL"),
        (pa.array(["{"]), "json", "not_json", "is no json"),
        (pa.array([b"\xff"]), "text", "undecodable_bytes", "no UTF-8"),
        (pa.array([1], pa.timestamp("us")), "timestamptz", "not_timestamptz", "no offset"),
        (pa.array([1], pa.timestamp("us", "UTC")), "timestamp", "not_timestamp", "an offset"),
    ],
)
def test_value_that_the_column_would_alter_is_a_reject_by_the_rules_of_every_kind(
    column: pa.Array, type_name: str, rule: str, reason: str
) -> None:
    good = pa.nulls(1, column.type)
    source = file(a=pa.concat_arrays([good, column]), b=pa.array([1, 2]))

    rows, (reject,) = taken(source, b="int64", a=type_name)

    assert rows == [{"b": 1, "a": None}]
    assert (reject.line, reject.byte_offset, reject.column) == (2, 1, "a")
    assert reject.rule == rule
    assert reason in reject.reason
    assert reject.raw.endswith('"b": 2}')


def test_text_that_is_no_utf8_never_becomes_a_row_by_being_sent_again() -> None:
    source = file(a=pa.array([b"\xff"]))
    (reject,) = taken(source, a="text")[1]

    (batch,) = read([reject.raw.encode()], NDJSON, schema(a="text"))

    assert [r.rule for r in batch.rejects] == ["lone_surrogate"]


def test_text_for_a_column_of_json_is_json_in_rejected_rows_too() -> None:
    source = file(a=pa.array(['{"x":\n1.0}']), b=pa.array(["no"]))

    (reject,) = taken(source, a="json", b="int64")[1]

    assert reject.raw == '{"a": {"x": 1.0}, "b": "no"}'


@pytest.mark.parametrize("texts", [['{"x": "\n"}', "1"], ['{"x": 1', "2}"]])
def test_text_that_is_no_json_never_becomes_a_row_by_being_sent_again(texts: list[str]) -> None:
    source = file(a=pa.array(texts[:1]), b=pa.array(texts[1:]))
    (reject,) = taken(source, a="json", b="json")[1]

    (batch,) = read([reject.raw.encode()], NDJSON, schema(a="json", b="json"))

    assert [r.rule for r in batch.rejects] == ["not_json"]


@pytest.mark.parametrize(
    ("column", "type_name"),
    [
        (pa.array(["", " ", "[1]"]), "json"),
        (pa.array(['"x"', "null", "[\n1]"], pa.json_()), "text"),
        (pa.array([b"\x07" * 16], pa.uuid()), "binary"),
        (pa.array([1e15, 1e300, float("inf"), -0.0]), "float64"),
    ],
)
def test_value_is_the_same_when_its_row_is_sent_again(column: pa.Array, type_name: str) -> None:
    source, wanted = file(a=column), schema(a=type_name)

    rows, rejects = taken(source, a=type_name)
    sent = b"".join(excerpt(source, PARQUET, wanted, [(n, 1) for n in range(len(column))]))
    again = [r for batch in read([sent], NDJSON, wanted) for r in batch.data.to_pylist()]

    assert rejects == []
    assert again == rows


def test_large_whole_float_is_a_whole_number() -> None:
    values = [1e10, -2.5e11, 12345678901.0, 1e15, -1234567890123450.0, 2.0**53, None]
    source = file(a=pa.array(values), b=pa.array(values))

    rows, rejects = taken(source, a="int64", b="decimal(18,1)")

    assert rejects == []
    assert [(row["a"], row["b"]) for row in rows] == [(n, n) for n in values]


@pytest.mark.parametrize("kind", [pa.decimal128(18, 8), pa.decimal256(50, 8)])
def test_decimal_in_a_text_has_every_digit_and_no_exponent(kind: pa.DataType) -> None:
    digits = ["0.00000000", "12.50000000", None, "-0.00000010", "0.00000001", "0.00000000"]
    source = file(a=pa.array([d and Decimal(d) for d in digits], kind))

    rows, rejects = taken(source, a="text")

    assert rejects == []
    assert [row["a"] for row in rows] == digits


def test_names_that_differ_by_case_alone_have_each_its_own_type() -> None:
    source = file(ab=pa.array([MOMENT]), AB=pa.array([MOMENT]))

    rows, rejects = taken(source, AB="timestamp", Ab="date")

    assert rows == []
    assert [(r.column, r.rule) for r in rejects] == [("Ab", "not_date")]


def test_other_ways_of_writing_values_are_judged_as_cells_of_text() -> None:
    source = file(
        n=pa.array([1.0, -2.0]),
        s=pa.array(["31.12.2024", None]),
        t=pa.array([7, 8], pa.int32()),
        j=pa.array([dt.date(2024, 1, 2), None]),
    )
    wanted = schema(n="int64", s="date", t="text", j="json")
    dialect = Dialect(kind="parquet", delimiter="", quote=None, formats=(("s", "%d.%m.%Y"),))

    (batch,) = read(source, dialect, wanted)

    assert batch.data.to_pylist() == [
        {"n": 1, "s": dt.date(2024, 12, 31), "t": "7", "j": '"2024-01-02"'},
        {"n": -2, "s": None, "t": "8", "j": None},
    ]


@pytest.mark.parametrize("micros", ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", None])
def test_old_timestamps_are_whole_beyond_the_years_of_nanoseconds(micros: str | None) -> None:
    value = dt.datetime.fromisoformat(micros) if micros else MOMENT
    table = pa.table({"a": pa.array([value], pa.timestamp("us"))})

    rows, rejects = taken(written(table, use_deprecated_int96_timestamps=True))

    assert (rows, rejects) == ([{"a": value}], [])


def test_old_timestamp_that_is_finer_than_a_microsecond_is_a_reject() -> None:
    table = pa.table({"a": pa.array([-1, 1_000], pa.timestamp("ns"))})

    rows, (reject,) = taken(written(table, use_deprecated_int96_timestamps=True))

    assert rows == [{"a": dt.datetime(1970, 1, 1, 0, 0, 0, 1)}]
    assert reject.raw == '{"a": "1969-12-31 23:59:59.999999999"}'


def test_columns_are_found_by_name_exactly_or_else_without_case() -> None:
    source = file(B=pa.array([1]), b=pa.array([2]), C=pa.array([3]))

    rows, _ = taken(source, c="int64", b="int64", B="int64")

    assert rows == [{"c": 3, "b": 2, "B": 1}]
    with pytest.raises(InvalidFileError, match="not in the table: C"):
        taken(source, b="int64", B="int64")


def test_null_in_a_column_that_takes_none_is_a_reject() -> None:
    (column,) = schema(a="int64").columns
    wanted = TableSchema((type(column)(name="a", type=column.type, is_nullable=False),))

    (batch,) = read(file(a=pa.array([None, 1])), PARQUET, wanted)

    assert [(r.line, r.rule) for r in batch.rejects] == [(1, "null_value")]


def test_file_without_rows_has_columns_and_gives_none() -> None:
    source = file(a=pa.array([], pa.int16()))

    assert infer(source, PARQUET).schema == schema(a="int64")
    assert taken(source) == ([], [])


def test_rows_are_found_again_by_number_across_row_groups() -> None:
    table = pa.table({"a": pa.array([str(n) for n in range(10)])})
    source = written(table.set_column(0, "a", pa.array(["x", *map(str, range(1, 10))])))

    place = place_of_row(source, PARQUET, schema(a="int64"), 4, left_out={0, 3})
    lines = list(excerpt(source, PARQUET, schema(a="int64"), [(0, 1), (9, 1)]))

    assert place == (7, 6)
    assert lines == [b'{"a": "x"}\n', b'{"a": "9"}\n']
    with pytest.raises(IntegrityError, match="no row 11"):
        list(excerpt(source, PARQUET, schema(a="int64"), [(10, 1)]))


def test_contract_is_the_columns_of_the_file() -> None:
    source = file(a=pa.array([1]), b=pa.array([1]))
    found = detect(source.content, given={"kind": "parquet"})
    contract = Contract.of(source, found.dialect)

    assert contract.columns == ("a", "b")
    assert differences(contract, file(B=pa.array([1]), A=pa.array([1])), found) == []
    assert differences(contract, file(a=pa.array([1])), found) == ["missing columns b"]


def test_words_of_an_enumeration_are_text() -> None:
    plain = written(pa.table({"a": pa.array(["NEW"])}), store_schema=False).content
    marked = plain.replace(b"%\x00L\x1c\x00", b"%\x08L\x4c\x00")  # UTF8 and STRING become ENUM
    assert marked != plain

    source = InMemory(marked)

    assert infer(source, PARQUET).schema == schema(a="text")
    assert taken(source)[0] == [{"a": "NEW"}]


def test_settings_of_text_mean_nothing_for_parquet() -> None:
    for given_setting in ({"encoding": "utf-8"}, {"null": ["NA"]}, {"decimal": ","}):
        with pytest.raises(ValueError, match="kind parquet"):
            CsvFiles(kind="parquet", **given_setting)
    assert str(DataType.parse("text")) == "text"

"""NDJSON: every value exactly as it is written, every line a row or a reject."""

import json
import tracemalloc
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.schemas import Column, DataType, TableSchema
from shared.csv import Contract, Dialect, detect, differences, excerpt, infer, place_of_row, read
from shared.csv.ndjson import MAX_KEYS
from shared.errors import InvalidFileError

NDJSON = Dialect(kind="ndjson", delimiter="", quote=None)


def schema(**types: str) -> TableSchema:
    return TableSchema(tuple(Column(name=n, type=DataType.parse(t)) for n, t in types.items()))


def rows(content: bytes, **types: str) -> tuple[list[dict], list[tuple[int, str]]]:
    """Return the accepted rows, and line and rule of the rejects."""
    batches = list(read([content], NDJSON, schema(**types)))
    data = [row for b in batches for row in b.data.to_pylist()]
    rejects = [(r.line, r.rule) for b in batches for r in b.rejects]
    assert sum(b.rows for b in batches) == len(data) + len(rejects)
    return data, rejects


def test_numbers_keep_every_digit_and_nested_values_their_text() -> None:
    content = (
        b'{"n": 12345678901234567890.10, "code": "007", "o": {"a": 1.50, "b": [1, 2]}}\r\n'
        b'{"o": [], "n": 1e-1, "code": "a\\u00e9\\n"}\n'
    )

    data, rejects = rows(content, n="decimal(38,2)", code="text", o="json")

    assert rejects == []
    assert data == [
        {"n": Decimal("12345678901234567890.10"), "code": "007", "o": '{"a": 1.50, "b": [1, 2]}'},
        {"n": Decimal("0.10"), "code": "aé\n", "o": "[]"},
    ]


def test_absent_key_and_null_are_null_and_the_empty_text_is_none() -> None:
    data, _ = rows(b'{"a": null}\n{"b": ""}\n{}\n', a="int64", b="text")

    assert data == [{"a": None, "b": None}, {"a": None, "b": ""}, {"a": None, "b": None}]


def test_column_of_json_holds_json_whatever_the_value() -> None:
    data, _ = rows(b'{"a": "x"}\n{"a": 1.0}\n{"a": null}\n{"a": true}\n', a="json")

    assert [row["a"] for row in data] == ['"x"', "1.0", None, "true"]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b'{"a": 1', "not_json"),
        (b'{"a": 1} {"a": 2}', "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[1]", "not_json"),
        (b'{"a": 1, "A": 2}', "repeated_key"),
        (b'{"a": 1, "z": 2}', "unknown_key"),
        (b'{"a": "\xff"}', "undecodable_bytes"),
        (b'{"b": "\\ud800"}', "lone_surrogate"),
        (b'{"b": "\\u0000"}', "nul_character"),
        (b'{"j": "\\ud800"}', "lone_surrogate"),
        (b'{"j": {"x": ["\\\\\\uDC00"]}}', "lone_surrogate"),
        (b'{"j": {"x\\u0000": 1}}', "nul_character"),
        (b'{"j": [1E999999]}', "not_json"),
        (b'{"j": [1e-20000]}', "not_json"),
        (b'{"a": "1.5"}', "not_int64"),
        (b'{"a": {"b": 1}}', "not_int64"),
    ],
)
def test_broken_line_is_one_reject_and_its_neighbours_are_rows(line: bytes, rule: str) -> None:
    content = b'{"a": 1}\n\n' + line + b'\n{"a": 2}'

    data, rejects = rows(content, a="int64", b="text", j="json")

    assert [row["a"] for row in data] == [1, 2]
    assert rejects == [(3, rule)]


def test_whole_characters_and_escaped_backslashes_are_left_alone_in_json() -> None:
    written = r'["\ud83d\ude00", "\\ud800", "\\u0000", 1E131071]'

    data, rejects = rows(f'{{"a": {written}}}\n'.encode(), a="json")

    assert (data, rejects) == ([{"a": written}], [])


def test_lines_of_blanks_are_no_rows() -> None:
    data, rejects = rows(b' \t\r\n{"a": 1}\n   \n', a="int64")

    assert (data, rejects) == ([{"a": 1}], [])


def test_long_line_of_numbers_takes_little_memory_and_stays_as_it_is() -> None:
    numbers = b"[" + b"0," * 2**19 + b"0]"
    line = b'{"a": ' + numbers + b', "b": 1.50, "c": "\\u00e9", "d": null, "e": true}\n'
    tracemalloc.start()

    data, rejects = rows(line, a="json", b="text", c="text", d="text", e="bool")

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rejects == []
    assert data[0].pop("a").encode() == numbers
    assert data == [{"b": "1.50", "c": "é", "d": None, "e": True}]
    assert peak < 32 * len(line)


@pytest.mark.parametrize("text", ["1", "]", '{"a": 1', '{"a": 1} {}', '{"a": 1, "a": 2}'])
def test_long_line_that_is_broken_is_one_reject(text: str) -> None:
    data, rejects = rows(f'{text:>131072}\n{{"a": 1}}\n'.encode(), a="int64")

    assert data == [{"a": 1}]
    assert [line for line, _ in rejects] == [1]


def test_types_are_inferred_from_what_values_say_they_are() -> None:
    content = (
        b'{"id": 1, "code": "7", "on": "2024-01-01", "x": 1.5}\n'
        b'{"id": 2, "code": "8", "on": null, "x": 2.5, "tags": ["a"], "ok": true}\n'
    )

    found = infer([content], NDJSON)

    assert {c.name: str(c.type) for c in found.schema} == {
        "id": "int64",
        "code": "text",
        "on": "date",
        "x": "decimal(2,1)",
        "tags": "json",
        "ok": "bool",
    }
    assert {c.name: c.nulls for c in found.columns} == dict.fromkeys(
        ("tags", "ok", "on"), 1
    ) | dict.fromkeys(("id", "code", "x"), 0)


def test_more_keys_than_any_table_has_columns_are_refused() -> None:
    content = b"".join(b'{"key_%d": null}\n' % n for n in range(MAX_KEYS + 1))

    with pytest.raises(InvalidFileError, match="different keys"):
        infer([content], NDJSON)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'[{"a": 1}]', "a list"),
        (b"a,b\n1,2\n", "no JSON object"),
        (b'{\n"a": 1\n}', "several lines"),
        ('{"a": 1}'.encode("utf-16"), "is UTF-8"),
        (b"PAR1....", "Parquet"),
        (b"", "empty"),
    ],
)
def test_file_of_another_kind_is_refused_by_what_it_is(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidFileError, match=reason):
        detect(content, is_whole=True, given={"kind": "ndjson"})


def test_rows_are_found_again_and_rejects_are_a_file_of_their_own() -> None:
    content = b'\xef\xbb\xbf{"a": 1}\n{"a": x}\n{"a": 3}\n'

    (batch,) = read([content], NDJSON, schema(a="int64"))
    (reject,) = batch.rejects
    places = [(reject.byte_offset, reject.byte_count)]
    sent = b"".join(excerpt([content], NDJSON, schema(a="int64"), places))

    assert place_of_row([content], NDJSON, schema(a="int64"), 1) == (3, content.rindex(b"{"))
    assert sent == b'\xef\xbb\xbf{"a": x}\n'


def test_contract_lets_keys_come_and_go_but_not_the_kind() -> None:
    contract = Contract.of(b'{"a": 1}\n{"b": 2}\n{"c', NDJSON)
    found = detect(b'{"z": 1}\n', is_whole=True, given={"kind": "ndjson"})

    assert contract.columns == ("a", "b")
    assert differences(contract, b'{"z": 1}\n', found) == []


VALUES = st.one_of(
    st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.fixed_dictionaries({}, optional={"a": VALUES, "b": VALUES})), st.booleans())
def test_any_texts_come_out_as_they_went_in(records: list[dict], is_ascii: bool) -> None:
    lines = [json.dumps(r, ensure_ascii=is_ascii).encode() + b"\n" for r in records]
    content = b"".join(lines) or b"\n"

    batches = list(read([content], NDJSON, schema(a="text", b="text"), block_bytes=40))

    found = [row for b in batches for row in b.data.to_pylist()]
    assert found == [{"a": r.get("a"), "b": r.get("b")} for r in records]
    assert not any(b.rejects for b in batches)

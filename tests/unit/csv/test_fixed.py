"""Files of fixed width: cut where the table file says, every line a row or a reject."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.config.csv_files import CsvFiles
from shared.core.schemas import Column, DataType, TableSchema
from shared.csv import Dialect, detect, excerpt, infer, place_of_row, read
from shared.errors import InvalidFileError
from shared.steps.dropped_files import overrides

POSITIONS = (("id", 1, 3), ("name", 4, 9), ("note", 10, None))
FIXED = Dialect(kind="fixed", positions=POSITIONS, delimiter="", quote=None)
SCHEMA = TableSchema(
    (
        Column(name="note", type=DataType.parse("text")),
        Column(name="id", type=DataType.parse("int64")),
        Column(name="name", type=DataType.parse("text")),
    )
)


def test_fields_are_cut_by_characters_and_their_padding_is_no_value() -> None:
    content = "  1Zürich 5 %\n002      \r\n003 Ro m\tx\n".encode()

    (batch,) = read([content], FIXED, SCHEMA)

    assert batch.data.select(["id", "name", "note"]).to_pylist() == [
        {"id": 1, "name": "Zürich", "note": " 5 %"},
        {"id": 2, "name": None, "note": None},
        {"id": 3, "name": " Ro m\t", "note": "x"},
    ]


def test_short_long_and_undecodable_lines_are_rejects_with_their_place() -> None:
    ends = Dialect(kind="fixed", positions=POSITIONS[:2], delimiter="", quote=None)
    content = b"001Ann   \n002Bob\n003Cid   !\n004\xff\xff    \n005Eve      \n"
    (batch,) = read([content], ends, TableSchema(SCHEMA.columns[1:]))

    assert batch.data["id"].to_pylist() == [1, 5]
    assert [(r.line, r.byte_offset, r.rule) for r in batch.rejects] == [
        (2, 10, "wrong_width"),
        (3, 17, "wrong_width"),
        (4, 28, "undecodable_bytes"),
    ]
    assert batch.rejects[0].raw == "002Bob"
    assert "6 characters where the fields need 9" in batch.rejects[0].reason


def test_types_are_inferred_without_the_padding() -> None:
    found = infer([b"  7   1.5x\n 12  22.5y\n"], FIXED)

    assert [str(c.type) for c in found.schema] == ["int64", "decimal(3,1)", "text"]


@pytest.mark.parametrize("count", ["2", "000003"])
def test_trailer_that_counts_the_rows_is_no_row(count: str) -> None:
    dialect = Dialect(
        kind="fixed",
        positions=POSITIONS,
        delimiter="",
        quote=None,
        trailer="T",
        comment="#",
        skip_lines=1,
    )
    content = f"HEADER\n001Ann   \n# note\n002Bob   \nT{count}\n\n".encode()

    batches = list(read([content], dialect, SCHEMA, block_bytes=12))

    assert [row["id"] for b in batches for row in b.data.to_pylist()] == [1, 2]
    assert sum(b.rows for b in batches) == 2
    assert [n.line for b in batches for n in b.notes] == [5]


def test_trailer_that_counts_other_rows_refuses_the_file() -> None:
    dialect = Dialect(kind="fixed", positions=POSITIONS, delimiter="", quote=None, trailer="T")

    with pytest.raises(InvalidFileError, match="says 'T7', and there are 1"):
        list(read([b"001Ann   \nT7\n"], dialect, SCHEMA))


@pytest.mark.parametrize("block_bytes", [8, 2**20])
@pytest.mark.parametrize("behind", ["\n", "  \n", " " * 9 + "\n\t\r\n"])
def test_blank_lines_behind_the_trailer_are_no_rows(behind: str, block_bytes: int) -> None:
    dialect = Dialect(kind="fixed", positions=POSITIONS, delimiter="", quote=None, trailer="T")
    good, bad = (f"001Ann   \nT00{count}     \n{behind}".encode() for count in (1, 7))

    batches = list(read([good], dialect, SCHEMA, block_bytes=block_bytes))

    assert [row["id"] for b in batches for row in b.data.to_pylist()] == [1]
    assert sum(b.rows for b in batches) == 1
    with pytest.raises(InvalidFileError, match="says 'T007', and there are 1"):
        list(read([bad], dialect, SCHEMA, block_bytes=block_bytes))


def test_table_file_says_where_fields_are_and_detection_finds_the_encoding() -> None:
    rules = CsvFiles(kind="fixed", positions={"id": "1-3", "name": "4-9", "note": "10-"})

    found = detect("001Zürich x\n".encode("cp1252"), is_whole=True, given=overrides(rules))

    assert found.dialect == Dialect(
        kind="fixed", positions=POSITIONS, delimiter="", quote=None, encoding="cp1252"
    )
    assert Dialect.from_dict(found.dialect.to_dict()) == found.dialect


def test_settings_that_are_written_out_with_their_defaults_are_read_again() -> None:
    rules = CsvFiles(kind="ndjson")

    assert CsvFiles.model_validate_json(rules.model_dump_json()) == rules


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"kind": "fixed"}, "needs positions"),
        ({"kind": "fixed", "positions": {"a": "3-1"}}, "no position"),
        ({"kind": "fixed", "positions": {"a": "1-3", "b": "3"}}, "overlap"),
        ({"kind": "fixed", "positions": {"a": "1-", "b": "1-3"}}, "of b and a overlap"),
        ({"kind": "fixed", "positions": {"a": 1}, "delimiter": ";"}, "delimiter"),
        ({"kind": "fixed", "positions": {"a": 1}, "columns": {"b": "text"}}, "same columns"),
        ({"kind": "ndjson", "decimal": ","}, "decimal"),
        ({"positions": {"a": "1"}}, "positions"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        CsvFiles(**settings)


def test_rows_are_found_again_and_rejects_are_a_file_of_their_own() -> None:
    content = "001Zoë   \nshort\n003Cid   \n".encode()
    (batch,) = read([content], FIXED, SCHEMA)
    (reject,) = batch.rejects

    sent = b"".join(excerpt([content], FIXED, SCHEMA, [(reject.byte_offset, reject.byte_count)]))

    assert place_of_row([content], FIXED, SCHEMA, 1) == (3, content.index(b"003"))
    assert sent == b"short\n"


FIELD = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 999), FIELD)), st.integers(1, 80))
def test_any_fields_come_out_as_they_went_in(fields: list[tuple[int, str]], block: int) -> None:
    content = "".join(f"{n:3}{text:6}\n" for n, text in fields).encode() or b"\n"

    batches = list(read([content], FIXED, SCHEMA, block_bytes=block))

    found = [(row["id"], row["name"]) for b in batches for row in b.data.to_pylist()]
    assert found == [(n, text.rstrip(" ") or None) for n, text in fields]

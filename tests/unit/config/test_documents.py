"""YAML with places: every key keeps its line, and no text does more than be refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.config.documents import Document, overlay, parse, read
from shared.errors import InvalidConfigError

TEXT = st.text(st.characters(categories=["L", "N", "P", "Zs"]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(TEXT, DATA, max_size=4)

TABLES = """\
# a comment
tables:
  - name: flights
    snowflake: {database: NYC,
                schema: PUBLIC}
    primary_key:
      - flight_id

  - name: weather
"""


def document(data: dict[str, Any], name: str) -> Document:
    """Return a document whose places are all in one file."""
    return parse(yaml.safe_dump(data, allow_unicode=True), name)


# Reading ------------------------------------------------------------------------------------------


@given(MAPPINGS)
def test_data_is_what_any_yaml_reader_reads(data: dict[str, Any]) -> None:
    assert document(data, "f").data == data


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "~", "\ufeff"])
def test_empty_file_is_an_empty_mapping(text: str) -> None:
    assert parse(text, "f") == Document({}, {(): "f:1"})


def test_types_are_those_of_yaml() -> None:
    found = parse("{a: 1, b: 1.5, c: true, d: null, e: text, f: 'true', g: [], h: {}}", "f")

    assert found.data == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": None,
        "e": "text",
        "f": "true",
        "g": [],
        "h": {},
    }


def test_keys_are_text_as_it_is_written() -> None:
    assert parse("{1: a, no: b, null: c, 1.0: d}", "f").data == {
        "1": "a",
        "no": "b",
        "null": "c",
        "1.0": "d",
    }


def test_alias_is_the_value_that_it_stands_for() -> None:
    found = parse("a: &x {b: 1}\nc: *x\n", "f")

    assert found.data == {"a": {"b": 1}, "c": {"b": 1}}
    assert found.where(("c", "b")) == "f:1"


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((), 1),
        (("tables",), 2),
        (("tables", 0), 3),
        (("tables", 0, "name"), 3),
        (("tables", 0, "snowflake", "database"), 4),
        (("tables", 0, "snowflake", "schema"), 5),
        (("tables", 0, "primary_key", 0), 7),
        (("tables", 1, "name"), 9),
    ],
)
def test_every_key_and_item_has_its_line(place: tuple[str | int, ...], line: int) -> None:
    assert parse(TABLES, "f.yaml").where(place) == f"f.yaml:{line}"


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("tables", 0, "snowflake", "table"), 4),
        (("tables", 1, "schedule", "x"), 9),
        (("tables", 2), 2),
        (("nothing", "here"), 1),
    ],
)
def test_what_is_not_there_has_the_line_of_what_is_around_it(
    place: tuple[str | int, ...], line: int
) -> None:
    assert parse(TABLES, "f.yaml").where(place) == f"f.yaml:{line}"


def test_place_in_a_document_without_lines_is_unknown() -> None:
    assert Document({}).where(("a",)) == "?"


# Refusing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a: 1\nb: [1\n", 3, "while parsing a flow sequence"),
        ("a: 1\n\tb: 2\n", 2, "indent with spaces, not tabs"),
        ("tables:\n\t- name: t\n", 2, "indent with spaces, not tabs"),
        ("a: 1\nb: *x\n", 2, "undefined alias 'x'"),
        ("a: 1\n---\nb: 2\n", 2, "expected a single document"),
        ("a: 1\n  b: 2\n", 2, "mapping values are not allowed here"),
        ("a: 1\nb: '\n", 3, "while scanning a quoted scalar"),
        ("a: 1\n\nb: \x00\n", 3, "special characters are not allowed: U+0000"),
        ("a: \x1b[0m\n", 1, "special characters are not allowed: U+001B"),
        ("%YAML 2.0\n---\na: 1\n", 1, "found incompatible YAML document"),
    ],
)
def test_what_is_not_yaml_is_refused_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(InvalidConfigError) as refused:
        parse(text, "f.yaml")

    assert str(refused.value).startswith(f"f.yaml:{line}: not YAML: ")
    assert why in str(refused.value)


@pytest.mark.parametrize("text", ["[]", "- a: 1", "text", "1", "false", "''", "2024-01-01"])
def test_top_level_must_be_a_mapping(text: str) -> None:
    with pytest.raises(InvalidConfigError, match="f:1: the top level must be a mapping of keys"):
        parse(text, "f")


def test_repeated_key_is_refused_with_both_lines() -> None:
    text = "a:\n  b: 1\n  c: 2\n  b: 3\n"

    with pytest.raises(InvalidConfigError, match=r"^f:4: key 'b' appears twice \(first at f:2\)$"):
        parse(text, "f")


def test_same_key_in_two_mappings_is_no_repetition() -> None:
    assert parse("a: {x: 1}\nb: {x: 2}\n", "f").data == {"a": {"x": 1}, "b": {"x": 2}}


@pytest.mark.parametrize("text", ["a: 1\n? [b]\n: 2\n", "a: 1\n? {b: 1}\n: 2\n"])
def test_key_that_is_no_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfigError, match="f:2: a key must be plain text"):
        parse(text, "f")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("2024-13-45", "'2024-13-45' is no timestamp; text belongs in quotes"),
        ("!!bool maybe", "'maybe' is no bool"),
        ("!!int ''", "'' is no int"),
        ("!!int x", "'x' is no int"),
        ("!!float x", "'x' is no float"),
        ("!!timestamp x", "'x' is no timestamp"),
        ("!!binary ä", "failed to convert base64 data into ascii"),
        ("!!python/object:os.system x", "could not determine a constructor for the tag"),
        ("!secret x", "could not determine a constructor for the tag '!secret'"),
    ],
)
def test_value_that_is_not_what_its_tag_says_is_refused(value: str, why: str) -> None:
    with pytest.raises(InvalidConfigError) as refused:
        parse(f"a: 1\nb:\n  - {value}\n", "f")

    assert str(refused.value).startswith("f:3: ")
    assert why in str(refused.value)


@pytest.mark.parametrize("text", ["a: &x [*x]", "a: &x {b: *x}", "a: " + "[" * 800])
def test_value_in_itself_or_too_deep_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfigError, match="f:1: a value is nested too deeply, or in itself"):
        parse(text, "f")


@given(st.text(st.sampled_from("ab:-#&*!|>'\"%@[]{},?\t\n 01~<=")) | st.text())
def test_any_text_is_a_mapping_or_refused_with_its_file(text: str) -> None:
    try:
        answer = type(parse(text, "f").data).__name__
    except InvalidConfigError as exc:
        answer = str(exc)[:2]

    assert answer in ("dict", "f:")


# Files --------------------------------------------------------------------------------------------


def test_file_is_read_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "tables.yaml"
    path.write_text("# ä\nname: Zürich\n", encoding="utf-8")

    found = read(path)

    assert found.data == {"name": "Zürich"}
    assert found.where(("name",)) == f"{path}:2"


def test_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "tables.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: t\r\nx: 1\r\n")

    assert read(path).data == {"name": "t", "x": 1}


def test_missing_file_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=r"nowhere\.yaml: no such file"):
        read(tmp_path / "nowhere.yaml")


def test_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=f"{tmp_path}: cannot be read: Is a directory"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("data", "line", "byte"),
    [
        (b"a: 1\nb: caf\xe9\n", 2, "0xe9"),
        ("a: ä".encode("utf-16"), 1, "0xff"),
        (b"\xc3", 1, "0xc3"),
    ],
)
def test_text_that_is_not_utf8_is_refused_with_its_line(
    tmp_path: Path, data: bytes, line: int, byte: str
) -> None:
    path = tmp_path / "tables.yaml"
    path.write_bytes(data)

    with pytest.raises(InvalidConfigError) as refused:
        read(path)

    assert str(refused.value) == f"{path}:{line}: byte {byte} is not UTF-8; save the file as UTF-8"


# Overlays -----------------------------------------------------------------------------------------


def test_mappings_are_merged_and_anything_else_is_replaced() -> None:
    base = parse("a: {x: 1, y: [1, 2]}\nb: 1\nc: {z: 1}\n", "base")
    top = parse("a: {y: [3]}\nb: {n: 1}\nc: null\nd: new\n", "top")

    merged = overlay(base, top)

    assert merged.data == {"a": {"x": 1, "y": [3]}, "b": {"n": 1}, "c": None, "d": "new"}


def test_every_line_is_that_of_the_file_that_said_it_last() -> None:
    base = parse("a:\n  x: 1\n  y: [1, 2]\n", "base")
    top = parse("\na:\n  y: [3]\nd: {n: 1}\n", "top")

    merged = overlay(base, top)

    assert merged.where(("a", "x")) == "base:2"
    assert merged.where(("a", "y")) == "top:3"
    assert merged.where(("a", "y", 0)) == "top:3"
    assert merged.where(("a", "y", 1)) == "top:3"
    assert merged.where(("d", "n")) == "top:4"


@given(MAPPINGS)
def test_overlay_of_nothing_changes_nothing(data: dict[str, Any]) -> None:
    base, nothing = document(data, "base"), parse("", "top")

    assert overlay(base, nothing) == base
    assert overlay(nothing, base).data == data


@given(MAPPINGS)
def test_overlay_of_itself_changes_nothing(data: dict[str, Any]) -> None:
    base = document(data, "base")

    assert overlay(base, base) == base


@given(MAPPINGS, MAPPINGS)
def test_overlay_leaves_both_documents_alone_and_says_all_that_the_top_says(
    lower: dict[str, Any], upper: dict[str, Any]
) -> None:
    base, top = document(lower, "base"), document(upper, "top")

    merged = overlay(base, top)

    assert (base, top) == (document(lower, "base"), document(upper, "top"))
    assert merged.data.keys() == lower.keys() | upper.keys()
    assert all(merged.data[k] == v for k, v in upper.items() if not isinstance(v, dict))
    assert all(merged.data[k] == v for k, v in lower.items() if k not in upper)


@given(MAPPINGS, MAPPINGS)
def test_every_place_of_a_merged_document_leads_to_a_value(
    lower: dict[str, Any], upper: dict[str, Any]
) -> None:
    merged = overlay(document(lower, "base"), document(upper, "top"))

    for place in merged.lines:
        value: Any = merged.data
        for step in place:
            value = value[step]

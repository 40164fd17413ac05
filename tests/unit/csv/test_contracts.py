"""What later files of a drop path must have in common with the first one."""

import pytest

from shared.csv import Contract, detect, differences


def reasons(first: bytes, later: bytes) -> list[str]:
    contract = Contract.of(first, detect(first, is_whole=True).dialect)
    return differences(contract, later, detect(later, is_whole=True))


GERMAN = "name,city\nMüller,Köln\nSchröder,Düsseldorf\nJäger,Zürich\n"
RUSSIAN = "имя,город\nИван,Москва\nМария,Казань\nПётр,Тверь\n"  # noqa: RUF001


@pytest.mark.parametrize(
    ("text", "encoding"), [(GERMAN, "cp1252"), (RUSSIAN, "cp1251"), (RUSSIAN, "koi8-u")]
)
def test_utf8_behind_an_encoding_of_one_byte_is_another_encoding(text: str, encoding: str) -> None:
    later = text.encode()[:-1]

    assert reasons(text.encode(encoding), later) == [f"encoding utf-8 instead of {encoding}"]


@pytest.mark.parametrize(
    "later",
    [
        b"name,city\nSmith,London\n",
        "name,city\nJäger,Köln\n".encode("cp1252"),
        "name,city\nJäger,Köln\n".encode("utf-8-sig"),
    ],
    ids=["ASCII", "the same", "UTF-8 by its mark"],
)
def test_file_that_can_be_read_in_the_encoding_of_the_contract_is(later: bytes) -> None:
    assert reasons(GERMAN.encode("cp1252"), later) == []


def test_word_of_two_bytes_that_would_be_utf8_as_well_stays_what_it_was() -> None:
    first = "名字,城市\n李明,北京\n王芳,上海\n张伟,广州\n刘洋,深圳\n".encode("gb18030")
    header = first[: first.index(b"\n") + 1]

    assert reasons(first, header + b"\xc4\xa3,\xc4\xa3\n") == []


TEXTS = b"Ann,Rome\nBob,Oslo\nAnn,Rome\nCid,Bonn\n"


def test_header_behind_a_contract_without_one_is_a_difference() -> None:
    assert reasons(TEXTS, b"name,city\nDan,Bern\nEve,Paris\n") == ["header_rows 1 instead of 0"]


@pytest.mark.parametrize(
    "later", [b"Dan,Bern\nEve,Paris\n", b"Dan,Bern\n", b"capital,Bern\nEve,Paris\n"]
)
def test_words_that_may_be_a_header_are_rows_where_the_contract_has_none(later: bytes) -> None:
    assert reasons(TEXTS, later) == []


def test_row_where_the_contract_has_a_line_to_leave_out_is_a_difference() -> None:
    first = b"Report of January\n1,a,2024-01-01\n2,b,2024-01-02\n3,c,2024-01-03\n"

    assert reasons(first, b"4,d,2024-02-01\n5,e,2024-02-02\n") == ["skip_lines 0 instead of 1"]
    assert reasons(first, b"4,d,2024-02-01\n") == ["skip_lines 0 instead of 1"]
    assert reasons(first, b"Report of February\n4,d,2024-02-01\n") == []


def test_nulls_that_are_written_in_another_way_are_a_difference() -> None:
    first, later = b"id,name\n1,Ann\n2,Bob\n", b"id,name\n3,\\N\n4,Dan\n"

    assert reasons(first, later) == [r"null_markers ('\\N',) instead of ('',)"]
    assert reasons(later, first) == []

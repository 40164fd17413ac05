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

"""The row that makes a column text: the first one with which no other type is left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.csv import Dialect, infer, read

DIALECT = Dialect(delimiter=",", header_rows=1)
VALUES = st.sampled_from(
    ["", "1", "-20", "007", "1.50", "1.5", "1e5", "true", "no", "2024-01-31", "31.01.2024", "x"]
)


def text_from(values: list[str], block_bytes: int) -> int | None:
    content = "id,v\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values))
    found = infer([content.encode()], DIALECT, block_bytes=block_bytes)
    _, evidence = found.columns
    if evidence.text_from_row:
        assert (
            evidence.reason == f"only text holds for the values up to row {evidence.text_from_row}"
        )
    return evidence.text_from_row


@given(values=st.lists(VALUES, min_size=1, max_size=60), block_bytes=st.sampled_from([16, 2**20]))
def test_row_is_the_first_with_which_only_text_is_left(values: list[str], block_bytes: int) -> None:
    row = text_from(values, block_bytes)

    if row is None:
        return
    assert values[row - 1]
    assert text_from(values[: row - 1] or [""], 2**20) is None
    assert text_from(values[:row], 2**20) == row


def test_rejected_records_are_not_counted() -> None:
    found = infer([b"id,v\n1,2\n1,2,3\n2,x\n"], DIALECT)

    assert [column.text_from_row for column in found.columns] == [None, 2]


@pytest.mark.parametrize("texts", [("1.2", "1.3"), ("1e-07", "2.5"), ("1e+16", "1.5e+16")])
def test_numbers_with_another_mark_than_the_stated_one_are_text(texts: tuple[str, ...]) -> None:
    content = [f"id;v;n\n1;{texts[0]};3,50\n2;{texts[1]};4,25\n".encode()]
    dialect = Dialect(delimiter=";", decimal_mark=",")

    found = infer(content, dialect)
    (batch,) = read(content, found.dialect, found.schema)

    assert [str(column.type) for column in found.columns] == ["int64", "text", "decimal(3,2)"]
    assert tuple(batch.data["v"].to_pylist()) == texts

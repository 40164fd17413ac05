"""The row that makes a column text: the first one with which no other type is left."""

from hypothesis import given
from hypothesis import strategies as st

from shared.csv import Dialect, infer

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

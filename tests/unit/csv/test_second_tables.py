"""A second table beyond what detection looks at is refused; blank lines alone are none."""

import pytest

from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv import Dialect, read
from shared.errors import InvalidFileError

NAMES = ("id", "name", "amount")
SCHEMA = TableSchema(tuple(Column(name=n, type=DataType(Kind.TEXT)) for n in NAMES))
ROWS = "".join(f"{i},name {i},{i}.50\n" for i in range(20_000))


def rows_of(text: str) -> int:
    return sum(batch.rows for batch in read([text.encode()], Dialect(), SCHEMA))


@pytest.mark.parametrize("quote", ["", '"'])
def test_names_behind_a_blank_line_far_down_are_refused(quote: str) -> None:
    header = ",".join(f"{quote}{name}{quote}" for name in ("day", "city", "hours"))
    text = f"id,name,amount\n{ROWS}\n{header}\n2024-01-01,Rome,5\n"

    with pytest.raises(InvalidFileError, match=r"second table starts in line 20003.*day, city"):
        rows_of(text)


@pytest.mark.parametrize(
    "behind",
    [
        "20000,name,1.50\n",
        "id,name,amount\n20000,name,1.50\n",
        '20000,"a\n\nday,city,hours\nb",1.50\n',
    ],
)
def test_rows_behind_a_blank_line_are_rows(behind: str) -> None:
    assert rows_of(f"id,name,amount\n{ROWS}\n{behind}") == 20_001

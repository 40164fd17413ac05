"""Files of nothing but damage: set aside record by record, without taking for ever."""

import time

import pytest

from shared import csv
from shared.core.schemas import Column, DataType, TableSchema

SCHEMA = TableSchema(tuple(Column(name=n, type=DataType.parse("text")) for n in "abc"))


def read(line: bytes) -> tuple[list[csv.Reject], float]:
    """Return the rejects of a file of such lines, and the seconds of CPU that it took for each."""
    content = b"a,b,c\n" + line * (2**14 // len(line))
    began_s = time.process_time()
    batches = list(csv.read([content], csv.Dialect(), SCHEMA))
    rejects = [reject for batch in batches for reject in batch.rejects]
    return rejects, (time.process_time() - began_s) / len(rejects)


@pytest.mark.parametrize("line", [b'1,"abc,def\n', b'"a,b,c\n"x",y\n'])
def test_quotes_that_never_close_cost_little_more_than_records_of_a_wrong_width(
    line: bytes,
) -> None:
    _, usual_s = read(b"a,b,c,d\n")

    rejects, took_s = read(line)

    assert len({reject.line for reject in rejects}) == len(rejects)
    assert took_s < 12 * usual_s

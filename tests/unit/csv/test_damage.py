"""Files of nothing but damage: set aside record by record, without taking for ever."""

import time

import pytest

from shared import csv
from shared.core.schemas import Column, DataType, TableSchema

SCHEMA = TableSchema(tuple(Column(name=n, type=DataType.parse("text")) for n in "abc"))


SMALL, LARGE = 2**13, 2**17
"""Bytes of a file."""


def read(line: bytes, size_bytes: int) -> tuple[list[csv.Reject], float]:
    """Return the rejects of a file of such lines, and the seconds of CPU that it took for each."""
    content = b"a,b,c\n" + line * (size_bytes // len(line))
    began_s = time.process_time()
    batches = list(csv.read([content], csv.Dialect(), SCHEMA))
    rejects = [reject for batch in batches for reject in batch.rejects]
    return rejects, (time.process_time() - began_s) / len(rejects)


@pytest.mark.parametrize("line", [b"a,b,c,d\n", b'1,"abc,def\n', b'"a,b,c\n"x",y\n'])
def test_a_record_is_set_aside_at_the_same_cost_in_a_long_file(line: bytes) -> None:
    """Were the rest of the file looked at for each, a record would cost 16 times as much."""
    few_s = min(read(line, SMALL)[1] for _ in range(3))

    rejects, took_s = min((read(line, LARGE) for _ in range(2)), key=lambda read: read[1])

    assert len({reject.line for reject in rejects}) == len(rejects)
    assert took_s < 6 * few_s

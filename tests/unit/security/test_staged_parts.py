"""Staged parts that are not what the manifest says: nothing of them is read."""

import hashlib
from collections.abc import Callable
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.errors import IntegrityError
from shared.secrets import Secrets
from shared.stage.envelope import Envelope
from shared.stage.reader import read_part
from shared.storage import Storage
from tests.builders import a_part

SCHEMA = pa.schema([("amount", pa.int64())])


def parquet(*amounts: int) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"amount": amounts}, SCHEMA), sink, compression="none")
    return bytes(sink.getvalue().to_pybytes())


class Bucket:
    """One object, in the one generation that it has."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def download(self, _bucket: str, _name: str, _generation: int) -> bytes | None:
        """Return its bytes."""
        return self.data


STAGED = parquet(1, 2, 3)
PART = a_part(rows=3, size_bytes=len(STAGED), sha256=hashlib.sha256(STAGED).hexdigest(), key=None)


def read(data: bytes) -> list[int]:
    """Read a part whose object has these bytes."""
    envelope = Envelope(cast(Secrets, None))
    storage = cast(Storage, Bucket(data))
    batches = list(read_part(storage, "staging", PART, SCHEMA, envelope))
    return [amount for batch in batches for amount in batch.column(0).to_pylist()]


def flipped(data: bytes) -> bytes:
    at = data.index((2).to_bytes(8, "little"))
    return data[:at] + b"\x03" + data[at + 1 :]


def test_a_part_is_read_as_it_was_staged() -> None:
    assert read(STAGED) == [1, 2, 3]


@pytest.mark.parametrize(
    "change",
    [flipped, lambda data: data[:-1], lambda data: data + b"\0", lambda _: parquet(1, 3, 2)],
    ids=["a bit", "cut", "longer", "another part"],
)
def test_a_part_that_was_changed_is_refused_before_its_first_row(
    change: Callable[[bytes], bytes],
) -> None:
    with pytest.raises(IntegrityError, match="the manifest says"):
        read(change(STAGED))

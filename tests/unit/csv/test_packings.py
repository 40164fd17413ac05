"""How files are packed, told by their first bytes."""

import bz2
import gzip

import pytest

from shared.csv import Packing, packing

TEXT = b"id,email\n1,ann@x.org\n"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", Packing.NONE),
        (TEXT, Packing.NONE),
        (gzip.compress(TEXT, mtime=0), Packing.GZIP),
        (bz2.compress(TEXT), Packing.OTHER),
        (b"PK\x03\x04", Packing.OTHER),
        (b"PAR1", Packing.PARQUET),
    ],
    ids=["nothing", "text", "gzip", "bzip2", "zip", "parquet"],
)
def test_first_bytes_tell_how_a_file_is_packed(content: bytes, found: Packing) -> None:
    assert packing([content] if content else []) is found

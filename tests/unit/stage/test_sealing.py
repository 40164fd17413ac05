"""The format of encrypted parts: whatever is not exactly what was sealed is refused."""

import io
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import IntegrityError
from shared.stage.sealing import (
    HEADER_BYTES,
    MAGIC,
    MAX_CHUNK_BYTES,
    TAG_BYTES,
    Sealer,
    unseal,
)

KEY = bytes(range(32))
NAME = "parts/flights/20240131T030000Z-0123456789ab/0123456789ab/part-00000.parquet"
CHUNK_BYTES = 16
STRIDE = CHUNK_BYTES + TAG_BYTES


def seal(plain: bytes, name: str = NAME, key: bytes = KEY, chunk_bytes: int = CHUNK_BYTES) -> bytes:
    """Return an encrypted object with chunks so small that there are several."""
    sink = io.BytesIO()
    sealer = Sealer(key, name, sink, chunk_bytes)
    sealer.write(plain)
    sealer.finish()
    return sink.getvalue()


PLAIN = b"0123456789abcdef" * 3 + b"0123456789"
SEALED = seal(PLAIN)
CHUNKS = [SEALED[start : start + STRIDE] for start in range(HEADER_BYTES, len(SEALED), STRIDE)]


def assembled(*chunks: bytes) -> bytes:
    """Return an object of other chunks behind the same header."""
    return SEALED[:HEADER_BYTES] + b"".join(chunks)


@given(st.binary(max_size=100), st.integers(1, 40), st.data())
def test_what_was_sealed_comes_back_however_it_was_written(
    plain: bytes, chunk_bytes: int, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(plain)), max_size=5)))
    sink = io.BytesIO()
    sealer = Sealer(KEY, NAME, sink, chunk_bytes)

    for begin, end in zip([0, *cuts], [*cuts, len(plain)], strict=True):
        assert sealer.write(plain[begin:end]) == end - begin
    sealer.finish()

    assert unseal(sink.getvalue(), KEY, NAME) == plain
    assert sink.getvalue() == seal(plain, chunk_bytes=chunk_bytes)


def test_only_the_last_chunk_is_shorter_and_each_has_a_tag() -> None:
    assert [len(chunk) - TAG_BYTES for chunk in CHUNKS] == [16, 16, 16, 10]
    assert [len(seal(b"x" * n)) for n in (0, 16, 17)] == [
        HEADER_BYTES + TAG_BYTES,
        HEADER_BYTES + STRIDE,
        HEADER_BYTES + STRIDE + 1 + TAG_BYTES,
    ]


def refuses(data: bytes, key: bytes = KEY, name: str = NAME) -> bool:
    """Say whether an object is refused in the one way that quarantines it."""
    try:
        unseal(data, key, name)
    except IntegrityError:
        return True
    return False


@pytest.mark.parametrize("size", [0, 5, CHUNK_BYTES, len(PLAIN)])
def test_every_flipped_bit_is_refused(size: int) -> None:
    sealed = seal(PLAIN[:size])
    for bit in range(8 * len(sealed)):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8

        assert refuses(bytes(altered)), f"bit {bit % 8} of byte {bit // 8}"


def test_every_shorter_object_is_refused() -> None:
    assert all(refuses(SEALED[:size]) for size in range(len(SEALED)))
    assert all(refuses(SEALED[size:]) for size in range(1, len(SEALED)))


def test_every_longer_object_is_refused() -> None:
    for size in [*range(1, 2 * STRIDE + 2), 1000]:
        for more in (bytes(size), (CHUNKS[-1] * 40)[:size], (CHUNKS[0] * 40)[:size]):
            assert refuses(SEALED + more), f"{size} bytes more"


def rearranged() -> Iterator[tuple[str, bytes]]:
    """Yield every object that is made of the same chunks, in other places or numbers."""
    count = len(CHUNKS)
    for i in range(count):
        yield f"without {i}", assembled(*CHUNKS[:i], *CHUNKS[i + 1 :])
        yield f"{i} twice", assembled(*CHUNKS[: i + 1], *CHUNKS[i:])
        yield f"only {i}", assembled(CHUNKS[i])
        for k in range(count):
            if i != k:
                chunks = list(CHUNKS)
                chunks[i] = CHUNKS[k]
                yield f"{k} in place of {i}", assembled(*chunks)
                chunks[k] = CHUNKS[i]
                yield f"{i} and {k} swapped", assembled(*chunks)
    yield "backwards", assembled(*reversed(CHUNKS))


def test_chunks_in_other_places_are_refused() -> None:
    for what, data in rearranged():
        assert refuses(data), what


@pytest.mark.parametrize("position", range(len(CHUNKS)))
def test_chunk_of_another_object_is_refused(position: int) -> None:
    others = {
        "another part under the same key": seal(PLAIN, name=NAME.replace("00000", "00001")),
        "the same part under another key": seal(PLAIN, key=os.urandom(32)),
    }

    for other in others.values():
        begin = HEADER_BYTES + position * STRIDE
        data = SEALED[:begin] + other[begin : begin + STRIDE] + SEALED[begin + STRIDE :]
        with pytest.raises(IntegrityError, match=f"chunk {position} of parts/flights"):
            unseal(data, KEY, NAME)


@pytest.mark.parametrize("size", [0, 10, 16, 48, 58])
def test_object_under_another_name_is_refused(size: int) -> None:
    sealed = seal(PLAIN[:size])

    for other in (NAME[:-1], f"{NAME}x", NAME.replace("flights", "flightz"), ""):
        with pytest.raises(IntegrityError):
            unseal(sealed, KEY, other)


def test_name_cannot_begin_in_the_header() -> None:
    # What a chunk is bound to is header and name side by side; the header's size is fixed.
    shifted = SEALED[: HEADER_BYTES - 1] + NAME[:1].encode() + SEALED[HEADER_BYTES:]

    with pytest.raises(IntegrityError):
        unseal(shifted, KEY, NAME[1:])


@pytest.mark.parametrize("chunk_bytes", [0, 1, 15, 17, 32, MAX_CHUNK_BYTES + 1, 2**32 - 1])
def test_header_that_says_another_size_is_refused(chunk_bytes: int) -> None:
    data = MAGIC + chunk_bytes.to_bytes(4, "big") + SEALED[HEADER_BYTES:]

    with pytest.raises(IntegrityError):
        unseal(data, KEY, NAME)


def test_chunks_that_would_take_too_much_memory_are_refused() -> None:
    assert refuses(seal(PLAIN, chunk_bytes=MAX_CHUNK_BYTES + 1))
    assert not refuses(seal(PLAIN, chunk_bytes=MAX_CHUNK_BYTES))


def test_plain_parquet_is_not_taken_for_an_encrypted_part() -> None:
    with pytest.raises(IntegrityError, match="does not begin as an encrypted part does"):
        unseal(b"PAR1" + bytes(100) + b"PAR1", KEY, NAME)


def test_no_nonce_serves_two_chunks() -> None:
    # Equal plain chunks under one key would show equal bytes if a nonce came twice.
    sealed = seal(bytes(CHUNK_BYTES * 300))

    chunks = {sealed[at : at + STRIDE] for at in range(HEADER_BYTES, len(sealed), STRIDE)}

    assert len(chunks) == 300

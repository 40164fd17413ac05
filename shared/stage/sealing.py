"""The format of an encrypted part: a short header, then chunks under AES-256-GCM.

``PartWriter`` writes Parquet through a ``Sealer``, and ``read_part`` opens what it wrote. Every
chunk is bound to its object's name, to its position and to whether it is the last one, so nothing
can be altered, cut off, added, repeated, moved, or taken from another part unnoticed. The format
is described for other programs in docs/encryption.md.
"""

from typing import Any, Protocol

from shared.errors import IntegrityError

MAGIC = b"SLUICE\x00\x01"
"""First bytes of every encrypted part; the last one is the format's version."""

CHUNK_BYTES = 256 * 2**10
"""Plain bytes of each chunk but the last."""

MAX_CHUNK_BYTES = 16 * 2**20
"""A header that says more than this is not believed: it would decide how much memory is taken."""

HEADER_BYTES = len(MAGIC) + 4

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
"""Source: NIST SP 800-38D, sections 5.2.1.1 and 8.2.1: 96-bit nonces, tags of 128 bits."""


class Sink(Protocol):
    """Where sealed bytes go."""

    def write(self, data: Any, /) -> int:
        """Take bytes."""
        ...


class Sealer:
    """A stream that encrypts what is written to it; ``finish`` writes the last chunk.

    The nonces are counted, which is safe because a key is never used for a second object.

    Args:
        key: 32 bytes, used for this object alone.
        name: the object's name.
        sink: takes the encrypted bytes.
        chunk_bytes: plain bytes of each chunk but the last.
    """

    closed = False

    def __init__(self, key: bytes, name: str, sink: Sink, chunk_bytes: int = CHUNK_BYTES) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self._sink = sink
        self._chunk_bytes = chunk_bytes
        self._held = bytearray()
        self._position = 0
        header = _header(chunk_bytes)
        self._bound = _bound(header, name)
        sink.write(header)

    def write(self, data: Any) -> int:
        """Take plain bytes; a chunk is sealed once it is known not to be the last."""
        self._held += data
        start = 0
        with memoryview(self._held) as held:
            while len(held) - start > self._chunk_bytes:
                self._seal(held[start : start + self._chunk_bytes], is_last=False)
                start += self._chunk_bytes
        del self._held[:start]
        return memoryview(data).nbytes

    def flush(self) -> None:
        """Do nothing: only whole chunks can be sealed."""

    def finish(self) -> None:
        """Seal what is left as the last chunk, which may be empty."""
        self._seal(self._held, is_last=True)
        self._held = bytearray()

    def _seal(self, plain: Any, *, is_last: bool) -> None:
        nonce = _nonce(self._position, is_last=is_last)
        self._sink.write(self._cipher.encrypt(nonce, plain, self._bound))
        self._position += 1


def unseal(data: bytes, key: bytes, name: str) -> bytearray:
    """Return the plain bytes of an encrypted object, all of them proven.

    Args:
        data: the whole object.
        key: its data key.
        name: its name.

    Raises:
        IntegrityError: this is not, byte for byte, what was sealed under this name with this key.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    chunk_bytes = _chunk_bytes(data, name)
    sealed = memoryview(data)[HEADER_BYTES:]
    stride = chunk_bytes + TAG_BYTES
    last = -(-len(sealed) // stride) - 1
    plain = bytearray(last * chunk_bytes + max(0, len(sealed) - last * stride - TAG_BYTES))
    cipher, bound = AESGCM(key), _bound(data[:HEADER_BYTES], name)
    for position in range(last + 1):
        chunk = sealed[position * stride : (position + 1) * stride]
        try:
            found = cipher.decrypt(_nonce(position, is_last=position == last), chunk, bound)
        except InvalidTag as exc:
            raise IntegrityError(
                f"chunk {position} of {name} (the last one is {last}) is not what was encrypted: "
                "the object was altered, cut, or is another one. Extract the table again",
                object=name,
            ) from exc
        plain[position * chunk_bytes : position * chunk_bytes + len(found)] = found
    return plain


def _chunk_bytes(data: bytes, name: str) -> int:
    chunk_bytes = int.from_bytes(data[len(MAGIC) : HEADER_BYTES], "big")
    is_whole = len(data) >= HEADER_BYTES + TAG_BYTES
    if not (is_whole and data.startswith(MAGIC) and 0 < chunk_bytes <= MAX_CHUNK_BYTES):
        raise IntegrityError(
            f"{name} does not begin as an encrypted part does: the object was altered, cut, or is "
            "another one. Extract the table again",
            object=name,
        )
    return chunk_bytes


def _header(chunk_bytes: int) -> bytes:
    return MAGIC + chunk_bytes.to_bytes(4, "big")


def _bound(header: bytes, name: str) -> bytes:
    """Return what every chunk is bound to beside its place."""
    return header + name.encode()


def _nonce(position: int, *, is_last: bool) -> bytes:
    """Return the nonce of a chunk: its position, and whether none follows.

    Source: Hoang, Reyhanitabar, Rogaway and Vizár, "Online Authenticated-Encryption and its
    Nonce-Reuse Misuse-Resistance" (2015), the construction STREAM.
    """
    return position.to_bytes(NONCE_BYTES - 1, "big") + bytes([is_last])

"""Thrift's compact protocol, as far as it takes to measure a structure before it becomes objects.

Numbers, structures and lists of them are returned; texts and maps are passed over.
Source: Apache Thrift, "Thrift Compact protocol encoding".
"""

from typing import Any

_STOP, _TRUE, _FALSE, _BYTE, _I64, _DOUBLE, _BINARY = 0, 1, 2, 3, 6, 7, 8
_LIST, _SET, _MAP, _STRUCT, _UUID = 9, 10, 11, 12, 13
_FIXED = {_DOUBLE: 8, _UUID: 16}
_MAX_DEPTH = 16
"""Structures within structures; those of Parquet's footers end at 6."""
_MAX_VARINT_BYTES = 10


class TruncatedError(Exception):
    """The bytes end within the structure."""


class MalformedError(Exception):
    """The bytes are no structure, or one that is larger or deeper than allowed."""


class Structure:
    """A structure at a place in some bytes; ``end`` is where it ends, once it was read.

    Args:
        data: the bytes.
        start: where it begins.
        max_values: so many structures and elements of lists may be in it.
    """

    def __init__(self, data: bytes, start: int = 0, *, max_values: int = 2**16) -> None:
        self._data = data
        self.end = start
        self._left = max_values

    def fields(self, depth: int = 0) -> dict[int, Any]:
        """Read it; return what is in it by the number of its field, texts as None.

        Raises:
            TruncatedError: it goes on behind the bytes.
            MalformedError: it is none, or too large.
        """
        self._count(depth)
        found: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != _STOP:
            step, kind = head >> 4, head & 15
            number = number + step if step else self._signed()
            if kind in (_TRUE, _FALSE):
                found[number] = kind == _TRUE
            else:
                found[number] = self._value(kind, depth + 1)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind == _STRUCT:
            return self.fields(depth)
        if _TRUE <= kind <= _BYTE:
            return self._byte()
        if _BYTE < kind <= _I64:
            return self._signed()
        if kind == _BINARY:
            return self._pass(self._varint())
        if kind in _FIXED:
            return self._pass(_FIXED[kind])
        if kind in (_LIST, _SET):
            head = self._byte()
            return self._elements(
                self._varint() if head >> 4 == 15 else head >> 4, head & 15, depth
            )
        if kind == _MAP:
            return self._pairs(self._varint(), depth)
        raise MalformedError(f"there is no type {kind}")

    def _elements(self, count: int, kind: int, depth: int) -> list[Any]:
        found = []
        for _ in range(count):
            self._count(depth)
            found.append(self._value(kind, depth + 1))
        return found

    def _pairs(self, count: int, depth: int) -> None:
        kinds = self._byte() if count else 0
        for _ in range(count):
            self._elements(1, kinds >> 4, depth)
            self._elements(1, kinds & 15, depth)

    def _count(self, depth: int) -> None:
        self._left -= 1
        if self._left < 0 or depth > _MAX_DEPTH:
            raise MalformedError("it has too many parts, or is nested too deeply")

    def _pass(self, count: int) -> None:
        self.end += count
        if self.end > len(self._data):
            raise TruncatedError

    def _byte(self) -> int:
        try:
            found = self._data[self.end]
        except IndexError:
            raise TruncatedError from None
        self.end += 1
        return found

    def _varint(self) -> int:
        value = 0
        for place in range(_MAX_VARINT_BYTES):
            byte = self._byte()
            value |= (byte & 127) << 7 * place
            if byte < 128:
                return value
        raise MalformedError("a number goes on and on")

    def _signed(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

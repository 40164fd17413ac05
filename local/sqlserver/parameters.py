"""The parameters of a remote procedure call: from their bytes to values that PostgreSQL takes.

Source: MS-TDS, sections 2.2.5.4 (data types), 2.2.5.5 (type-dependent values), 2.2.5.2.3 (PLP).
"""

from __future__ import annotations

import datetime as dt
import math
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from local.sqlserver.engine_times import DAY_TICKS
from local.sqlserver.errors import SqlServerError
from local.sqlserver.values import DAY_ONE, EXACT, MAX, NUL, PLP_NULL

_LAST_DAY = dt.date.max.toordinal() - DAY_ONE
_DAYS_TO_1900 = dt.date(1900, 1, 1).toordinal() - DAY_ONE
# Smaller ones become 0. Source: Microsoft Learn, "float and real (Transact-SQL)".
_LEAST_FLOAT = 2.2250738585072014e-308


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a remote procedure call; `postgres` is the type to read it as."""

    name: str
    value: Any
    postgres: str | None


class Reader:
    """Reads a message from its start to its end."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        """Begin at an offset."""
        self._data = data
        self.at = at

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left."""
        return self.at >= len(self._data)

    def peek(self) -> int:
        """Return the next byte, which stays."""
        return self._data[self.at]

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        self.at += count
        return self._data[self.at - count : self.at]

    def number(self, size: int, *, signed: bool = False) -> int:
        """Return the next little-endian integer of so many bytes."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def text(self, characters: int) -> str:
        """Return so many UTF-16 code units as text."""
        return self.take(characters * 2).decode("utf-16le", "surrogatepass")

    def partial(self) -> bytes | None:
        """Return a value sent in parts (PLP), None for NULL."""
        if self.number(8) == PLP_NULL:
            return None
        parts = []
        while size := self.number(4):
            parts.append(self.take(size))
        return b"".join(parts)


def read_parameter(reader: Reader) -> Parameter:
    """Read one parameter: name, status, TYPE_INFO, value."""
    name = reader.text(reader.number(1))
    reader.take(1)
    code = reader.number(1)
    if code in _STRINGS:
        return Parameter(name, _read_string(reader, code), _STRINGS[code][1])
    if code in (0x63, 0x23):
        return Parameter(name, _read_long_text(reader, code), "sys.nvarchar")
    scale = 0
    if code in (0x6A, 0x6C):
        scale = reader.take(3)[2]
    elif code != 0x28:
        scale = reader.number(1)
    if code not in _FIXED:
        raise SqlServerError(50000, f"a parameter of type {code:#x} is not read here")
    raw = reader.take(reader.number(1))
    postgres, decode = _FIXED[code]
    return Parameter(name, decode(raw, scale) if raw else None, postgres)


def _read_string(reader: Reader, code: int) -> Any:
    encoding, _ = _STRINGS[code]
    longest = reader.number(2)
    if encoding:
        reader.take(5)
    if longest == MAX:
        raw = reader.partial()
    else:
        size = reader.number(2)
        raw = None if size == MAX else reader.take(size)
    return raw if raw is None or not encoding else _text(raw, encoding)


def _text(raw: bytes, encoding: str) -> str:
    """Return a text as PostgreSQL keeps it.

    Raises:
        SqlServerError: 50000, there is half a surrogate pair, or U+FDD0.
    """
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise SqlServerError(50000, f"The local cloud cannot keep this text: {error}.") from error
    if NUL in text:
        raise SqlServerError(50000, "The local cloud cannot keep a text with U+FDD0.")
    return text.replace("\0", NUL) if "\0" in text else text


def _read_long_text(reader: Reader, code: int) -> str | None:
    reader.take(9)
    size = reader.number(4, signed=True)
    encoding = "utf-16le" if code == 0x63 else "cp1252"
    return None if size == -1 else _text(reader.take(size), encoding)


def _integer(raw: bytes, _scale: int) -> int:
    return int.from_bytes(raw, "little", signed=len(raw) > 1)


def _decimal(raw: bytes, scale: int) -> Decimal:
    unscaled = int.from_bytes(raw[1:], "little")
    return Decimal(unscaled if raw[0] else -unscaled).scaleb(-scale, context=EXACT)


def _float(raw: bytes, _scale: int) -> float:
    value: float = struct.unpack("<d" if len(raw) == 8 else "<f", raw)[0]
    if not math.isfinite(value):
        raise SqlServerError(8023, "A parameter is not a valid instance of data type float.")
    return 0.0 if 0 < abs(value) < _LEAST_FLOAT else value


def _date(raw: bytes, _scale: int) -> dt.date:
    return dt.date.fromordinal(DAY_ONE + _days_of(raw))


def _days_of(raw: bytes) -> int:
    days = int.from_bytes(raw, "little")
    if days > _LAST_DAY:
        raise SqlServerError(8023, "A date in a parameter is not between the years 1 and 9999.")
    return days


def _time(raw: bytes, scale: int) -> int:
    return int.from_bytes(raw, "little") * int(10 ** (7 - scale))


def _datetime2(raw: bytes, scale: int) -> int:
    return _days_of(raw[-3:]) * DAY_TICKS + _time(raw[:-3], scale)


def _datetimeoffset(raw: bytes, scale: int) -> int:
    """The time on the wire is UTC; the offset after it says only how to show it."""
    return _datetime2(raw[:-2], scale)


def _datetime(raw: bytes, _scale: int) -> int:
    days, parts = struct.unpack("<iI" if len(raw) == 8 else "<HH", raw)
    ticks = round(parts * 10 / 3) * 10_000 if len(raw) == 8 else parts * 600_000_000
    return (int(days) + _DAYS_TO_1900) * DAY_TICKS + int(ticks)


def _guid(raw: bytes, _scale: int) -> uuid.UUID:
    return uuid.UUID(bytes_le=raw)


def _bit(raw: bytes, _scale: int) -> bool:
    return raw != b"\0"


# Type code -> encoding of the characters ("" for bytes), PostgreSQL's type (None: by context).
_STRINGS: dict[int, tuple[str, str | None]] = {
    0xE7: ("utf-16le", "sys.nvarchar"),
    0xEF: ("utf-16le", "sys.nvarchar"),
    0xA7: ("cp1252", "sys.nvarchar"),
    0xAF: ("cp1252", "sys.nvarchar"),
    0xA5: ("", "sys.varbinary"),
    0xAD: ("", "sys.varbinary"),
}
_FIXED: dict[int, tuple[str, Callable[[bytes, int], Any]]] = {
    0x24: ("uuid", _guid),
    0x26: ("bigint", _integer),
    0x28: ("date", _date),
    0x29: ("sys.clock", _time),
    0x2A: ("sys.datetime2", _datetime2),
    0x2B: ("sys.datetimeoffset", _datetimeoffset),
    0x68: ("boolean", _bit),
    0x6A: ("numeric", _decimal),
    0x6C: ("numeric", _decimal),
    0x6D: ("double precision", _float),
    0x6F: ("sys.datetime2", _datetime),
}

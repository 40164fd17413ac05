"""Types on the wire: a parameter's bytes to a Python value, a column's values to bytes.

Source: MS-TDS, sections 2.2.5.4 (data types), 2.2.5.5 (type-dependent values), 2.2.5.2.3 (PLP).
"""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from local.sqlserver.errors import SqlServerError

# SQL_Latin1_General_CP1_CI_AS, what a server has by default.
COLLATION = bytes.fromhex("0904d00034")
MAX = 0xFFFF
_PLP_NULL = 0xFFFFFFFFFFFFFFFF
_DAY_ONE = dt.date(1, 1, 1).toordinal()
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a remote procedure call; `postgres` is the type to read it as."""

    name: str
    value: Any
    postgres: str | None


@dataclass(frozen=True, slots=True)
class WireType:
    """How a column is described (TYPE_INFO) and how its values are written."""

    info: bytes
    encode: Callable[[Any], bytes]


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
        if self.number(8) == _PLP_NULL:
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
        return Parameter(name, _read_long_text(reader, code), None)
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
    return raw if raw is None or not encoding else raw.decode(encoding)


def _read_long_text(reader: Reader, code: int) -> str | None:
    reader.take(9)
    size = reader.number(4, signed=True)
    encoding = "utf-16le" if code == 0x63 else "cp1252"
    return None if size == -1 else reader.take(size).decode(encoding)


def _integer(raw: bytes, _scale: int) -> int:
    return int.from_bytes(raw, "little", signed=len(raw) > 1)


def _decimal(raw: bytes, scale: int) -> Decimal:
    unscaled = int.from_bytes(raw[1:], "little")
    return Decimal(unscaled if raw[0] else -unscaled).scaleb(-scale, context=_EXACT)


def _float(raw: bytes, _scale: int) -> float:
    value: float = struct.unpack("<d" if len(raw) == 8 else "<f", raw)[0]
    return value


def _date(raw: bytes, _scale: int) -> dt.date:
    ordinal = _DAY_ONE + int.from_bytes(raw, "little")
    if ordinal > dt.date.max.toordinal():
        raise SqlServerError(8023, "A date in a parameter is not between the years 1 and 9999.")
    return dt.date.fromordinal(ordinal)


def _time(raw: bytes, scale: int) -> dt.time:
    ticks = int.from_bytes(raw, "little")
    microseconds = ticks * 10 ** (6 - scale) if scale <= 6 else (ticks + 5) // 10
    seconds, rest = divmod(microseconds, 10**6)
    return dt.time(seconds // 3600, seconds // 60 % 60, seconds % 60, rest)


def _datetime2(raw: bytes, scale: int) -> dt.datetime:
    return dt.datetime.combine(_date(raw[-3:], 0), _time(raw[:-3], scale))


def _datetimeoffset(raw: bytes, scale: int) -> dt.datetime:
    return _datetime2(raw[:-2], scale).replace(tzinfo=dt.UTC)


def _datetime(raw: bytes, _scale: int) -> dt.datetime:
    days, ticks = struct.unpack("<iI" if len(raw) == 8 else "<HH", raw)
    parts = {"milliseconds": round(ticks * 10 / 3)} if len(raw) == 8 else {"minutes": ticks}
    return dt.datetime(1900, 1, 1) + dt.timedelta(days=days, **parts)  # noqa: DTZ001 - has no zone


def _guid(raw: bytes, _scale: int) -> uuid.UUID:
    return uuid.UUID(bytes_le=raw)


def _bit(raw: bytes, _scale: int) -> bool:
    return raw != b"\0"


# Type code -> encoding of the characters ("" for bytes), PostgreSQL's type (None: by context).
_STRINGS: dict[int, tuple[str, str | None]] = {
    0xE7: ("utf-16le", None),
    0xEF: ("utf-16le", None),
    0xA7: ("cp1252", None),
    0xAF: ("cp1252", None),
    0xA5: ("", "bytea"),
    0xAD: ("", "bytea"),
}
_FIXED: dict[int, tuple[str, Callable[[bytes, int], Any]]] = {
    0x24: ("uuid", _guid),
    0x26: ("bigint", _integer),
    0x28: ("date", _date),
    0x29: ("time", _time),
    0x2A: ("timestamp", _datetime2),
    0x2B: ("timestamptz", _datetimeoffset),
    0x68: ("boolean", _bit),
    0x6A: ("numeric", _decimal),
    0x6C: ("numeric", _decimal),
    0x6D: ("double precision", _float),
    0x6F: ("timestamp", _datetime),
}


def _nullable(write: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def encode(value: Any) -> bytes:
        if value is None:
            return b"\0"
        raw = write(value)
        return bytes((len(raw),)) + raw

    return encode


def integer(size: int) -> WireType:
    """An int of 1 (unsigned), 2, 4 or 8 bytes."""
    signed = size > 1
    write = _nullable(lambda value: int(value).to_bytes(size, "little", signed=signed))
    return WireType(bytes((0x26, size)), write)


def decimal(precision: int, scale: int) -> WireType:
    """A decimal of up to 38 digits."""
    size = next(n for digits, n in ((9, 5), (19, 9), (28, 13), (38, 17)) if precision <= digits)

    def write(value: Decimal) -> bytes:
        unscaled = int(Decimal(value).scaleb(scale, context=_EXACT))
        if abs(unscaled) >= 10**38:
            raise SqlServerError(8115, "Arithmetic overflow error: more than 38 digits.")
        return bytes((unscaled >= 0,)) + abs(unscaled).to_bytes(size - 1, "little")

    return WireType(bytes((0x6A, size, precision, scale)), _nullable(write))


def _ticks(value: dt.time | dt.datetime, scale: int) -> bytes:
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    ticks = (seconds * 10**6 + value.microsecond) * 10**scale // 10**6
    size = 3 if scale <= 2 else 4 if scale <= 4 else 5
    return int(ticks).to_bytes(size, "little")


def _days(value: dt.date) -> bytes:
    return (value.toordinal() - _DAY_ONE).to_bytes(3, "little")


def time(scale: int) -> WireType:
    """A time of day."""
    return WireType(bytes((0x29, scale)), _nullable(lambda value: _ticks(value, scale)))


def datetime2(scale: int) -> WireType:
    """A date and time."""
    write = _nullable(lambda value: _ticks(value, scale) + _days(value))
    return WireType(bytes((0x2A, scale)), write)


def datetimeoffset(scale: int) -> WireType:
    """A moment; its offset is always zero."""

    def write(value: dt.datetime) -> bytes:
        moment = value.astimezone(dt.UTC)
        return _ticks(moment, scale) + _days(moment) + b"\0\0"

    return WireType(bytes((0x2B, scale)), _nullable(write))


def _partial(raw: bytes | None) -> bytes:
    if raw is None:
        return _PLP_NULL.to_bytes(8, "little")
    size = len(raw)
    chunk = struct.pack("<I", size) + raw if raw else b""
    return struct.pack("<Q", size) + chunk + b"\0\0\0\0"


def _utf16(value: Any) -> bytes:
    return str(value).encode("utf-16le", "surrogatepass")


def nvarchar(characters: int | None) -> WireType:
    """Text of so many characters; None: nvarchar(max)."""
    if characters is None:
        info = b"\xe7" + MAX.to_bytes(2, "little") + COLLATION
        return WireType(info, lambda value: _partial(None if value is None else _utf16(value)))

    def encode(value: Any) -> bytes:
        if value is None:
            return b"\xff\xff"
        raw = _utf16(value)
        return struct.pack("<H", len(raw)) + raw

    return WireType(b"\xe7" + struct.pack("<H", characters * 2) + COLLATION, encode)


BIT = WireType(b"\x68\x01", _nullable(lambda value: bytes((bool(value),))))
FLOAT = WireType(b"\x6d\x08", _nullable(lambda value: struct.pack("<d", value)))
REAL = WireType(b"\x6d\x04", _nullable(lambda value: struct.pack("<f", value)))
DATE = WireType(b"\x28", _nullable(_days))
GUID = WireType(b"\x24\x10", _nullable(lambda value: bytes(value.bytes_le)))
VARBINARY_MAX = WireType(b"\xa5" + MAX.to_bytes(2, "little"), _partial)

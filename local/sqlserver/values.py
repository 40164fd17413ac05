"""Types on the wire: how a column is described, and how its values are written.

Source: MS-TDS, sections 2.2.5.4 (data types), 2.2.5.5 (type-dependent values), 2.2.5.2.3 (PLP).
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from local.sqlserver.engine_times import DAY_TICKS
from local.sqlserver.errors import SqlServerError

# SQL_Latin1_General_CP1_CI_AS, what a server has by default.
COLLATION = bytes.fromhex("0904d00034")

MAX = 0xFFFF
"""The length of a type without one."""

PLP_NULL = 0xFFFFFFFFFFFFFFFF
"""The length of a NULL that would be sent in parts."""

NUL = "\ufdd0"
"""What PostgreSQL keeps in the place of U+0000, which its texts cannot hold: a noncharacter."""

DAY_ONE = dt.date(1, 1, 1).toordinal()
EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class WireType:
    """How a column is described (TYPE_INFO) and how its values are written."""

    info: bytes
    encode: Callable[[Any], bytes]


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
        unscaled = int(Decimal(value).scaleb(scale, context=EXACT))
        if abs(unscaled) >= 10**38:
            raise SqlServerError(8115, "Arithmetic overflow error: more than 38 digits.")
        return bytes((unscaled >= 0,)) + abs(unscaled).to_bytes(size - 1, "little")

    return WireType(bytes((0x6A, size, precision, scale)), _nullable(write))


def _ticks(ticks: int, scale: int) -> bytes:
    size = 3 if scale <= 2 else 4 if scale <= 4 else 5
    return int(ticks // 10 ** (7 - scale)).to_bytes(size, "little")


def _moment(value: Any, scale: int) -> bytes:
    days, ticks = divmod(int(value), DAY_TICKS)
    return _ticks(ticks, scale) + days.to_bytes(3, "little")


def _day(value: dt.date) -> bytes:
    return (value.toordinal() - DAY_ONE).to_bytes(3, "little")


def time(scale: int) -> WireType:
    """A time of day, which comes in steps of 100 ns."""
    return WireType(bytes((0x29, scale)), _nullable(lambda value: _ticks(int(value), scale)))


def datetime2(scale: int) -> WireType:
    """A date and time, which comes in steps of 100 ns since the year 1."""
    return WireType(bytes((0x2A, scale)), _nullable(lambda value: _moment(value, scale)))


def datetimeoffset(scale: int) -> WireType:
    """A moment, which comes like `datetime2`; its offset is always zero."""
    write = _nullable(lambda value: _moment(value, scale) + b"\0\0")
    return WireType(bytes((0x2B, scale)), write)


def _partial(raw: bytes | None) -> bytes:
    if raw is None:
        return PLP_NULL.to_bytes(8, "little")
    size = len(raw)
    chunk = struct.pack("<I", size) + raw if raw else b""
    return struct.pack("<Q", size) + chunk + b"\0\0\0\0"


def _utf16(value: Any) -> bytes:
    text = str(value)
    return (text.replace(NUL, "\0") if NUL in text else text).encode("utf-16le")


def nvarchar(units: int | None, *, code: int = 0xE7) -> WireType:
    """Text of so many UTF-16 units; None: nvarchar(max). Code 0xEF: nchar."""
    if units is None:
        info = b"\xe7" + MAX.to_bytes(2, "little") + COLLATION
        return WireType(info, lambda value: _partial(None if value is None else _utf16(value)))
    write = _sized(_utf16)
    return WireType(bytes((code,)) + struct.pack("<H", units * 2) + COLLATION, write)


def varchar(characters: int | None, *, code: int = 0xA7) -> WireType:
    """Text of code page 1252; what it lacks becomes a question mark. Code 0xAF: char."""
    if characters is None:
        info = b"\xa7" + MAX.to_bytes(2, "little") + COLLATION
        return WireType(info, lambda value: _partial(None if value is None else _cp1252(value)))
    return WireType(bytes((code,)) + struct.pack("<H", characters) + COLLATION, _sized(_cp1252))


def varbinary(size: int | None) -> WireType:
    """Bytes; None: varbinary(max)."""
    if size is None:
        return WireType(b"\xa5" + MAX.to_bytes(2, "little"), _partial)
    return WireType(b"\xa5" + struct.pack("<H", size), _sized(bytes))


def _cp1252(value: Any) -> bytes:
    return str(value).encode("cp1252", "replace")


def _sized(write: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def encode(value: Any) -> bytes:
        if value is None:
            return b"\xff\xff"
        raw = write(value)
        return struct.pack("<H", len(raw)) + raw

    return encode


BIT = WireType(b"\x68\x01", _nullable(lambda value: bytes((bool(value),))))
FLOAT = WireType(b"\x6d\x08", _nullable(lambda value: struct.pack("<d", value)))
REAL = WireType(b"\x6d\x04", _nullable(lambda value: struct.pack("<f", value)))
DATE = WireType(b"\x28", _nullable(_day))
GUID = WireType(b"\x24\x10", _nullable(lambda value: bytes(value.bytes_le)))

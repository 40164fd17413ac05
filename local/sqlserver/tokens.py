"""The pieces of a response: results, errors, changes of environment, ends.

Source: MS-TDS, section 2.2.7 (token data streams).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any

from local.sqlserver.errors import SqlServerError
from local.sqlserver.values import WireType

SERVER_NAME = "sluice"
_VERSION = b"\x10\x00\x10\x00"
_TDS_7_4 = b"\x74\x00\x00\x04"


class Done(IntEnum):
    """Which end: of a batch, of a procedure, of a statement in a procedure."""

    BATCH = 0xFD
    PROCEDURE = 0xFE
    STATEMENT = 0xFF


MORE, ERROR, COUNT, ATTENTION = 0x01, 0x02, 0x10, 0x20


def short_text(text: str) -> bytes:
    """Text after its length in one byte (B_VARCHAR)."""
    return bytes((len(text.encode("utf-16le")) // 2,)) + text.encode("utf-16le")


def _long_text(text: str) -> bytes:
    return struct.pack("<H", len(text.encode("utf-16le")) // 2) + text.encode("utf-16le")


def done(kind: Done, status: int = 0, rows: int = 0) -> bytes:
    """An end, with the number of rows when status has COUNT."""
    return struct.pack("<BHHQ", kind, status, 0, rows)


def error(problem: SqlServerError) -> bytes:
    """An ERROR token."""
    body = struct.pack("<iBB", problem.number, 1, problem.severity) + _long_text(
        str(problem)[:2000]
    )
    body += short_text(SERVER_NAME) + short_text("") + struct.pack("<i", 1)
    return b"\xaa" + struct.pack("<H", len(body)) + body


def changed(kind: int, new: bytes, old: bytes = b"\0") -> bytes:
    """An ENVCHANGE token."""
    body = bytes((kind,)) + new + old
    return b"\xe3" + struct.pack("<H", len(body)) + body


def login_accepted() -> bytes:
    """A LOGINACK token of TDS 7.4, SQL Server 16."""
    body = b"\x01" + _TDS_7_4 + short_text("Microsoft SQL Server") + _VERSION
    return b"\xad" + struct.pack("<H", len(body)) + body


def result(columns: Sequence[tuple[str, WireType]], rows: Iterable[Sequence[Any]]) -> bytes:
    """COLMETADATA and a ROW for each row."""
    parts = [b"\x81", struct.pack("<H", len(columns))]
    parts += [struct.pack("<IH", 0, 9) + kind.info + short_text(name) for name, kind in columns]
    encoders = [kind.encode for _, kind in columns]
    for row in rows:
        parts.append(b"\xd1")
        parts += [encode(value) for encode, value in zip(encoders, row, strict=True)]
    return b"".join(parts)


def return_status(value: int = 0) -> bytes:
    """A RETURNSTATUS token."""
    return b"\x79" + struct.pack("<i", value)


def returned(name: str, kind: WireType, value: Any) -> bytes:
    """A RETURNVALUE token, for an output parameter."""
    head = b"\xac" + struct.pack("<H", 0) + short_text(name) + b"\x01" + struct.pack("<IH", 0, 0)
    return head + kind.info + kind.encode(value)

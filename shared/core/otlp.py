"""Timings of a run as OpenTelemetry's spans, in the two forms that its protocol has.

Written out by hand: the SDK with its exporter takes a third of a second to import, a quarter of a
function's start, and makes ids at random, while ours are derived from the run's. What is here is
the part of the protocol that spans without events and links need.
Source: OpenTelemetry, "OTLP Specification 1.7", and its ``trace.proto``.
"""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Fact = str | int | float | bool

SCOPE = "sluice"
"""Names the instrumentation."""

INTERNAL, CONSUMER = 1, 5
"""Kinds of spans: a piece of work within a process, and one that a message asked for."""

ERROR = 2
"""Code of the status of a span that failed; without a status nothing is said."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Wire types. Source: Protocol Buffers, "Encoding"."""

_SAMPLED = 1
"""W3C's trace flags of a span that is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One span: a run, an attempt at a step, or a piece of one.

    Ids are hexadecimal, as W3C writes them; an empty ``parent_id`` is the root's. Times are
    nanoseconds since 1970. ``facts`` hold names and counts, never values of rows.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    started_ns: int
    ended_ns: int
    kind: int = INTERNAL
    facts: Mapping[str, Fact] = field(default_factory=dict)
    error: str = ""
    """Class of the error that ended it; empty: it went well."""


def as_json(timings: Iterable[Timing], resource: Mapping[str, Fact]) -> bytes:
    """Return spans as one line of JSON: an ``ExportTraceServiceRequest``.

    Source: OTLP, "JSON Protobuf Encoding": ids are hexadecimal, and whole numbers of 64 bits texts.
    """
    scope = {"scope": {"name": SCOPE}, "spans": [_span_json(each) for each in timings]}
    of = {"resource": {"attributes": _attributes_json(resource)}, "scopeSpans": [scope]}
    return json.dumps({"resourceSpans": [of]}, separators=(",", ":")).encode()


def as_protobuf(timings: Iterable[Timing], resource: Mapping[str, Fact]) -> bytes:
    """Return the same as binary protocol buffers, which Google's endpoint documents."""
    spans = b"".join(_nested(2, _span(each)) for each in timings)
    scope = _nested(1, _text(1, SCOPE)) + spans
    return _nested(1, _nested(1, _attributes(1, resource)) + _nested(2, scope))


def _span_json(timing: Timing) -> dict[str, Any]:
    optional: dict[str, Any] = {}
    if timing.parent_id:
        optional["parentSpanId"] = timing.parent_id
    if timing.error:
        optional["status"] = {"code": ERROR, "message": timing.error}
    return {
        "traceId": timing.trace_id,
        "spanId": timing.span_id,
        "name": timing.name,
        "kind": timing.kind,
        "startTimeUnixNano": str(timing.started_ns),
        "endTimeUnixNano": str(timing.ended_ns),
        "attributes": _attributes_json(timing.facts),
        "flags": _SAMPLED,
        **optional,
    }


def _attributes_json(facts: Mapping[str, Fact]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value_json(value)} for key, value in facts.items()]


def _value_json(value: Fact) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": value}


def _span(timing: Timing) -> bytes:
    parent = _nested(4, bytes.fromhex(timing.parent_id)) if timing.parent_id else b""
    status = _nested(15, _text(2, timing.error) + _number(3, ERROR)) if timing.error else b""
    pieces: Sequence[bytes] = (
        _nested(1, bytes.fromhex(timing.trace_id)),
        _nested(2, bytes.fromhex(timing.span_id)),
        parent,
        _text(5, timing.name),
        _number(6, timing.kind),
        _key(7, _FIXED64) + struct.pack("<Q", timing.started_ns),
        _key(8, _FIXED64) + struct.pack("<Q", timing.ended_ns),
        _attributes(9, timing.facts),
        status,
        _key(16, _FIXED32) + struct.pack("<I", _SAMPLED),
    )
    return b"".join(pieces)


def _attributes(number: int, facts: Mapping[str, Fact]) -> bytes:
    pairs = (_text(1, key) + _nested(2, _value(value)) for key, value in facts.items())
    return b"".join(_nested(number, pair) for pair in pairs)


def _value(value: Fact) -> bytes:
    match value:
        case bool():
            return _number(2, int(value))
        case int():
            return _number(3, value)
        case float():
            return _key(4, _FIXED64) + struct.pack("<d", value)
        case _:
            return _text(1, value)


def _text(number: int, text: str) -> bytes:
    return _nested(number, text.encode(errors="replace"))


def _nested(number: int, content: bytes) -> bytes:
    return _key(number, _BYTES) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _key(number, _VARINT) + _varint(value)


def _key(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    """Return a whole number of 64 bits, seven at a time; one below zero has all ten bytes."""
    value &= 2**64 - 1
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)

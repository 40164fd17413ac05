"""Spans in both forms of OpenTelemetry's protocol, as its own classes read them."""

import base64
import json

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shared.core import otlp
from shared.core.otlp import Timing

RESOURCE = {"service.name": "acme-load", "gcp.project_id": "acme"}

INTEGERS = st.integers(-(2**63), 2**63 - 1)
FACTS = st.dictionaries(
    st.text(st.characters(codec="utf-8")),
    st.text(st.characters(codec="utf-8"))
    | INTEGERS
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False),
)


def a_timing(**changes: object) -> Timing:
    fields = {
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "parent_id": "00f067aa0ba902b7",
        "name": "load",
        "started_ns": 1_700_000_000_000_000_001,
        "ended_ns": 1_700_000_001_000_000_000,
    }
    return Timing(**{**fields, **changes})


def read(body: bytes) -> ExportTraceServiceRequest:
    found = ExportTraceServiceRequest()
    found.ParseFromString(body)
    return found


@given(facts=FACTS, parent=st.sampled_from(["", "00f067aa0ba902b7"]), error=st.sampled_from("aé"))
def test_binary_form_is_read_by_opentelemetrys_own_classes(
    facts: dict[str, otlp.Fact], parent: str, error: str
) -> None:
    timing = a_timing(facts=facts, parent_id=parent, error=error, kind=otlp.CONSUMER)

    found = read(otlp.as_protobuf([timing], RESOURCE))

    (of,) = found.resource_spans
    assert {a.key: a.value.string_value for a in of.resource.attributes} == RESOURCE
    (scope,) = of.scope_spans
    assert scope.scope.name == otlp.SCOPE
    (span,) = scope.spans
    assert (span.trace_id.hex(), span.span_id.hex()) == (timing.trace_id, timing.span_id)
    assert span.parent_span_id.hex() == parent
    assert (span.name, span.kind, span.flags) == ("load", span.SPAN_KIND_CONSUMER, 1)
    assert span.start_time_unix_nano == timing.started_ns
    assert span.end_time_unix_nano == timing.ended_ns
    assert (span.status.code, span.status.message) == (span.status.STATUS_CODE_ERROR, error)
    values = {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}
    assert values == facts


@given(facts=FACTS, error=st.sampled_from(["", "MismatchError"]))
def test_both_forms_say_the_same(facts: dict[str, otlp.Fact], error: str) -> None:
    timings = [a_timing(facts=facts, error=error), a_timing(parent_id="", name="run")]

    as_json = json.loads(otlp.as_json(timings, RESOURCE))

    # Protocol buffers' own JSON has ids in base64; OpenTelemetry's has them as W3C writes them.
    for span in as_json["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in {"traceId", "spanId", "parentSpanId"} & span.keys():
            span[name] = _base64(span[name])
    parsed = json_format.ParseDict(as_json, ExportTraceServiceRequest())
    assert parsed == read(otlp.as_protobuf(timings, RESOURCE))


def test_span_that_went_well_has_no_status() -> None:
    (span,) = read(otlp.as_protobuf([a_timing()], {})).resource_spans[0].scope_spans[0].spans

    assert not span.HasField("status")


@pytest.mark.parametrize("text", ["\ud800", "a\udcffb"])
def test_half_of_a_surrogate_pair_breaks_nothing(text: str) -> None:
    timings = [a_timing(facts={"table": text})]

    assert read(otlp.as_protobuf(timings, {}))
    assert json.loads(otlp.as_json(timings, {}))


def _base64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()

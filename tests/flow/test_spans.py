"""A run's spans, as the functions of a cloud export them: one trace, each span in its place."""

import json
from typing import Any

import pytest

from shared.core import traces
from shared.core.runs import Run
from tests.flow.cloud import SPANS, Cloud


def spans(cloud: Cloud, run: Run) -> dict[str, dict[str, Any]]:
    """Return the spans of a run by name, once its last delivery has sent them."""

    def found() -> dict[str, dict[str, Any]]:
        lines = (cloud.state_dir / SPANS).read_text().splitlines()
        named = {
            span["name"]: span | {"service": _facts(of["resource"])["service.name"]}
            for line in lines
            for of in json.loads(line)["resourceSpans"]
            for scope in of["scopeSpans"]
            for span in scope["spans"]
            if span["traceId"] == traces.trace_id(run.run_id)
        }
        return named if "run" in named else {}

    named = cloud.await_value(found, "the end of the run was not exported")
    assert isinstance(named, dict)
    return named


def _facts(of: dict[str, Any]) -> dict[str, Any]:
    return {a["key"]: next(iter(a["value"].values())) for a in of["attributes"]}


def _chain(named: dict[str, dict[str, Any]], name: str) -> list[str]:
    """Return a span and those above it, by name."""
    ids = {span["spanId"]: span for span in named.values()}
    chain, span = [name], named[name]
    while "parentSpanId" in span:
        span = ids[span["parentSpanId"]]
        chain.append(span["name"])
    return chain


def test_run_of_a_table_is_one_trace_from_trigger_to_commit(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.SPANNED (ID NUMBER(9,0) NOT NULL, NAME VARCHAR)")
    cloud.source("INSERT INTO {db}.SPANNED VALUES (1, 'hushed one'), (2, 'hushed two')")
    cloud.configure("spanned", checks=[{"check": "rows", "min": 1}])
    assert cloud.sluice("run", "spanned").returncode == 0
    (run,) = cloud.runs("spanned")

    named = spans(cloud, run)

    assert _chain(named, "read source") == ["read source", "stage", "extract", "run"]
    assert _chain(named, "measure source") == ["measure source", "extract", "run"]
    assert _chain(named, "commit") == ["commit", "publish", "load", "extract", "run"]
    assert _chain(named, "verify") == ["verify", "publish", "load", "extract", "run"]
    assert _chain(named, "check")[1:] == ["load", "extract", "run"]
    assert named["run"]["spanId"] == traces.span_id(run.run_id)
    assert named["extract"]["service"].endswith("-extract")
    assert named["load"]["service"].endswith("-load")
    assert _facts(named["load"])["sluice.rows"] == "2"
    assert _facts(named["stage"])["sluice.rows"] == "2"
    assert _facts(named["run"])["sluice.state"] == "committed"
    assert not any("status" in span for span in named.values())
    assert "hushed" not in (cloud.state_dir / SPANS).read_text()


@pytest.mark.parametrize("is_broken", [False, True])
def test_run_of_a_file_tells_where_it_failed(cloud: Cloud, *, is_broken: bool) -> None:
    table = cloud.configure(f"spanned_file_{is_broken}".lower(), csv={"encoding": "utf-8"})
    run = cloud.drop(f"{table}/a.csv", b"id,name\n1,\xff\n" if is_broken else b"id,name\n1,a\n")

    named = spans(cloud, run)

    if is_broken:
        assert run.failure is not None
        assert named["run"]["status"]["message"] == run.failure.error
        assert named["ingest"]["status"] == {"code": 2, "message": run.failure.error}
        assert "load" not in named
    else:
        assert _chain(named, "read file") == ["read file", "stage", "ingest", "run"]
        assert _chain(named, "commit")[1:] == ["publish", "load", "ingest", "run"]

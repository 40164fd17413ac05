"""Lineage events against the classes that OpenLineage generates from its published schema."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import attr
import pytest
from openlineage.client import event_v2, facet_v2
from openlineage.client.generated import base

from shared.core import lineage
from shared.core.lineage import Dataset, Flow, run_events
from shared.core.manifests import Manifest
from shared.core.runs import Failure, Run, RunState, Trigger
from tests.builders import AT, a_file, a_manifest, a_run

FLOW = Flow(
    namespace="acme-sluice",
    source=Dataset(namespace="snowflake://acme", name="NYC.PUBLIC.FLIGHTS"),
    target=Dataset(namespace="postgres://db:5432", name="postgres.public.flights"),
    renamed={"id": "ID", "name": "NAME"},
)
FACETS = {
    "columnLineage": facet_v2.column_lineage_dataset.ColumnLineageDatasetFacet,
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "externalQuery": facet_v2.external_query_run.ExternalQueryRunFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
    "nominalTime": facet_v2.nominal_time_run.NominalTimeRunFacet,
    "outputStatistics": (
        facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
    ),
    "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
    "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
    "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
}
ENDS = [
    (RunState.COMMITTED, "COMPLETE"),
    (RunState.FAILED, "FAIL"),
    (RunState.QUARANTINED, "FAIL"),
    (RunState.SUPERSEDED, "ABORT"),
]


def ended(state: RunState = RunState.COMMITTED, **changes: Any) -> Run:
    begun = a_run(state=RunState.LOADING, **changes)
    failure = Failure(error="EmptySourceError", message="no rows")
    has_failed = state in (RunState.FAILED, RunState.QUARANTINED)
    return begun.to(state, AT + timedelta(minutes=1), failure=failure if has_failed else None)


def events(run: Run, manifest: Manifest | None) -> list[dict[str, Any]]:
    return [json.loads(event) for event in run_events(run, manifest, FLOW)]


def flaws(value: Any, kind: Any, at: str = "") -> Iterator[str]:
    """Yield what a published class does not allow of a value: keys, types, what is missing."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if value is not None:
            (inner,) = [a for a in arguments if a is not NoneType]
            yield from flaws(value, inner, at)
    elif origin is list:
        for number, each in enumerate(value):
            yield from flaws(each, arguments[0], f"{at}[{number}]")
    elif origin is dict:
        for name, each in value.items():
            inner = FACETS[name] if at.lower().endswith("facets") else arguments[1]
            yield from flaws(each, inner, f"{at}.{name}")
    elif attr.has(kind):
        yield from object_flaws(value, kind, at)
    elif kind is event_v2.RunState:
        if value not in {e.value for e in base.EventType}:
            yield f"{at} is {value!r}"
    elif not isinstance(value, kind):
        yield f"{at} is {value!r}, not {kind}"


def object_flaws(value: dict[str, Any], kind: type, at: str) -> Iterator[str]:
    known = attr.fields_dict(attr.resolve_types(kind))
    if strangers := value.keys() - known.keys():
        yield f"{at}: {sorted(strangers)} are not known to {kind.__name__}"
    for name, field in known.items():
        if name in value:
            yield from flaws(value[name], field.type, f"{at}.{name}")
        elif field.default is attr.NOTHING:
            yield f"{at}.{name} is missing"


@pytest.mark.parametrize(("state", "kind"), ENDS)
@pytest.mark.parametrize("manifest", [None, a_manifest(query_id="q"), a_manifest(file=a_file())])
def test_events_are_what_the_published_schema_allows(
    state: RunState, kind: str, manifest: Manifest | None
) -> None:
    start, end = events(ended(state), manifest)

    assert [start["eventType"], end["eventType"]] == ["START", kind]
    assert [*flaws(start, event_v2.RunEvent), *flaws(end, event_v2.RunEvent)] == []


def test_facets_name_the_version_of_their_schema_that_the_package_has() -> None:
    urls = {
        name: lineage.FACET_URL.format(name=name, version=version)
        for name, version in lineage.FACET_VERSIONS.items()
    }

    assert urls == {kind.__name__: kind._get_schema() for kind in FACETS.values()}
    assert event_v2.RunEvent._get_schema() == lineage.SCHEMA_URL
    assert set(lineage.ENDS.values()) < {e.value for e in base.EventType}


def test_checker_finds_what_is_wrong() -> None:
    _, event = events(ended(), a_manifest())
    del event["run"]["runId"]
    event["job"]["owner"] = "x"
    event["outputs"][0]["facets"]["schema"]["fields"][0]["name"] = 7

    assert len(list(flaws(event, event_v2.RunEvent))) == 3


def test_columns_come_from_those_of_the_source_by_their_names_there() -> None:
    _, event = events(ended(), a_manifest())

    fields = event["outputs"][0]["facets"]["columnLineage"]["fields"]

    assert {n: f["inputFields"][0]["field"] for n, f in fields.items()} == FLOW.renamed


def test_start_and_end_are_of_one_run_that_repeats_with_the_same_id() -> None:
    first, again = events(ended(), None), events(ended(), None)
    other = events(ended(run_id="20240131T030000Z-000000000000"), None)

    ids = [e["run"]["runId"] for e in (*first, *again)]
    assert len(set(ids)) == 1
    assert other[0]["run"]["runId"] != ids[0]


def test_run_that_has_not_ended_has_no_events() -> None:
    assert events(a_run(trigger=Trigger.FILE, state=RunState.LOADING), None) == []


def test_replayed_run_is_told_by_its_last_end() -> None:
    again = ended(RunState.FAILED).again(AT)
    committed = replace(again, state=RunState.LOADING).to(RunState.COMMITTED, AT)

    assert [e["eventType"] for e in events(committed, None)] == ["START", "COMPLETE"]

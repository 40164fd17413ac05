"""Lineage as OpenLineage events: which run made which dataset from which, column by column.

A run is two events, its start and its end, both made from its record when it has ended; the same
record gives the same events, so whoever gets them twice can tell. Source: OpenLineage 2-0-2.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.core.manifests import Manifest
from shared.core.runs import REPLAYED, Milestone, Run, RunState, Trigger
from shared.core.schemas import TableSchema

PRODUCER = "https://pypi.org/project/sluice"
SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACET_URL = "https://openlineage.io/spec/facets/{version}/{name}.json#/$defs/{name}"

FACET_VERSIONS = {
    "ColumnLineageDatasetFacet": "1-2-0",
    "DatasetVersionDatasetFacet": "1-0-1",
    "ErrorMessageRunFacet": "1-0-1",
    "ExternalQueryRunFacet": "1-0-2",
    "JobTypeJobFacet": "2-0-3",
    "NominalTimeRunFacet": "1-0-1",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
    "ProcessingEngineRunFacet": "1-1-1",
    "SchemaDatasetFacet": "1-2-0",
}
"""Source: OpenLineage, spec/facets, as openlineage-python 1.47 has them."""

ENDS = {
    RunState.COMMITTED: "COMPLETE",
    RunState.FAILED: "FAIL",
    RunState.QUARANTINED: "FAIL",
    RunState.SUPERSEDED: "ABORT",
    RunState.SKIPPED: "ABORT",
}

_EVENT_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, PRODUCER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What a run read or wrote, named as OpenLineage names datasets of its kind."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Where the rows of a run come from and go to."""

    namespace: str
    """Of the job: the deployment."""
    source: Dataset
    target: Dataset
    renamed: dict[str, str]
    """Names of columns at the source by name in the target, where they differ."""
    inputs: Mapping[str, Dataset] = field(default_factory=dict)
    """Of a model: what it reads, by name, in the place of ``source``."""


def run_events(run: Run, manifest: Manifest | None, flow: Flow) -> Iterator[bytes]:
    """Yield the events of a run's start and of its newest end, as JSON; none before it has ended.

    Args:
        run: its record.
        manifest: what it staged, if it came so far.
        flow: its ends.
    """
    ends = [m for m in run.milestones if m.state != REPLAYED]
    if not ends:
        return
    last = ends[-1]
    started = _event(run, manifest, flow, None)
    ended = _event(run, manifest, flow, last)
    for event in (started, ended):
        yield json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def _event(
    run: Run, manifest: Manifest | None, flow: Flow, end: Milestone | None
) -> dict[str, Any]:
    has_moved = end is not None and end.state == RunState.COMMITTED
    return {
        "eventType": ENDS[RunState(end.state)] if end else "START",
        "eventTime": (end.at if end else run.created_at).isoformat(),
        "producer": PRODUCER,
        "schemaURL": SCHEMA_URL,
        "run": {
            "runId": str(
                uuid.uuid5(_EVENT_NAMESPACE, f"{flow.namespace}/{run.table}/{run.run_id}")
            ),
            "facets": _run_facets(run, manifest, end),
        },
        "job": {
            "namespace": flow.namespace,
            "name": run.table,
            "facets": {
                "jobType": _facet(
                    "JobTypeJobFacet",
                    processingType="BATCH",
                    integration="SLUICE",
                    jobType="MODEL" if run.is_model else "TABLE",
                )
            },
        },
        "inputs": _model_inputs(run, flow) if run.is_model else [_input(manifest, flow)],
        "outputs": [_output(run, manifest, flow, has_moved=has_moved)],
    }


def _run_facets(run: Run, manifest: Manifest | None, end: Milestone | None) -> dict[str, Any]:
    facets = {
        "processing_engine": _facet(
            "ProcessingEngineRunFacet",
            name="Sluice",
            version=manifest.code_version if manifest else "unknown",
        )
    }
    if run.trigger is Trigger.SCHEDULE:
        facets["nominalTime"] = _facet("NominalTimeRunFacet", nominalStartTime=run.trigger_key)
    if manifest and manifest.query_id:
        facets["externalQuery"] = _facet(
            "ExternalQueryRunFacet", externalQueryId=manifest.query_id, source="snowflake"
        )
    if end and ENDS[RunState(end.state)] == "FAIL":
        facets["errorMessage"] = _facet(
            "ErrorMessageRunFacet", message=end.why, programmingLanguage="Python"
        )
    return facets


def _input(manifest: Manifest | None, flow: Flow) -> dict[str, Any]:
    facets = {}
    if manifest:
        version = str(manifest.file.generation) if manifest.file else manifest.snapshot
        facets["version"] = _facet("DatasetVersionDatasetFacet", datasetVersion=version)
        facets["schema"] = _schema(manifest.schema, flow.renamed)
    return {"namespace": flow.source.namespace, "name": flow.source.name, "facets": facets}


def _model_inputs(run: Run, flow: Flow) -> list[dict[str, Any]]:
    """Return what a model read, each at the run that it stood at."""
    return [
        {
            "namespace": each.namespace,
            "name": each.name,
            "facets": {
                "version": _facet("DatasetVersionDatasetFacet", datasetVersion=run.inputs[name])
            }
            if name in run.inputs
            else {},
        }
        for name, each in flow.inputs.items()
    ]


def _output(run: Run, manifest: Manifest | None, flow: Flow, *, has_moved: bool) -> dict[str, Any]:
    output: dict[str, Any] = {"namespace": flow.target.namespace, "name": flow.target.name}
    if not manifest:
        return {**output, "facets": {}}
    output["facets"] = {
        "schema": _schema(manifest.schema, {}),
        "columnLineage": _facet("ColumnLineageDatasetFacet", fields=_columns(manifest, flow)),
        "version": _facet("DatasetVersionDatasetFacet", datasetVersion=run.run_id),
    }
    if has_moved:
        output["outputFacets"] = {
            "outputStatistics": _facet(
                "OutputStatisticsOutputDatasetFacet",
                rowCount=manifest.rows_staged,
                size=manifest.size_bytes,
                fileCount=len(manifest.all_parts),
            )
        }
    return output


def _schema(schema: TableSchema, renamed: dict[str, str]) -> dict[str, Any]:
    fields = [{"name": renamed.get(c.name, c.name), "type": str(c.type)} for c in schema]
    return _facet("SchemaDatasetFacet", fields=fields)


def _columns(manifest: Manifest, flow: Flow) -> dict[str, Any]:
    """Return for each column of the target the one of the source that it is a copy of."""
    same = [{"type": "DIRECT", "subtype": "IDENTITY"}]
    return {
        column.name: {
            "inputFields": [
                {
                    "namespace": flow.source.namespace,
                    "name": flow.source.name,
                    "field": flow.renamed.get(column.name, column.name),
                    "transformations": same,
                }
            ]
        }
        for column in manifest.schema
    }


def _facet(kind: str, /, **values: Any) -> dict[str, Any]:
    url = FACET_URL.format(name=kind, version=FACET_VERSIONS[kind])
    return {"_producer": PRODUCER, "_schemaURL": url, **values}

"""Jobs: an id can be used once, and tells for ever how its job ended."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from local.bigquery import loads, scripts
from local.bigquery.catalog import Catalog, TableRef
from local.bigquery.engine import Engine, quote
from local.bigquery.errors import ApiError, already_exists, not_found, of_engine, unsupported
from local.bigquery.scripts import Outcome, Script
from local.bigquery.translate import Bound, Scope

_KINDS = {"query": "QUERY", "load": "LOAD", "copy": "COPY"}
_BYTES = {"INTEGER": 8, "FLOAT": 8, "BOOLEAN": 1, "DATE": 8, "TIME": 8, "DATETIME": 8}
_BYTES |= {"TIMESTAMP": 8, "NUMERIC": 16, "BIGNUMERIC": 32}
"""Source: BigQuery, "Estimate and control costs", data size of types."""

_TEXT_BYTES = 2
"""What a text or a row of bytes takes beside its own bytes. Source: the same."""


@dataclass(slots=True)
class Job:
    """A job's resource, and the rows of a query while this process lives."""

    resource: dict[str, Any]
    outcome: Outcome | None = None

    @property
    def error(self) -> dict[str, str] | None:
        """What it ended with, if it failed."""
        found: dict[str, str] | None = self.resource["status"].get("errorResult")
        return found


class Jobs:
    """All jobs of a server."""

    def __init__(self, engine: Engine, catalog: Catalog) -> None:
        self._engine = engine
        self._catalog = catalog
        self._jobs: dict[str, Job] = {}
        for _, resource in engine.journal.items("jobs/"):
            if resource["status"]["state"] != "DONE":
                error = {"reason": "backendError", "message": "the server stopped meanwhile"}
                resource["status"] = {"state": "DONE", "errorResult": error, "errors": [error]}
            self._jobs[_key(resource["jobReference"])] = Job(resource)

    def find(self, project: str, job_id: str) -> Job:
        """Return a job.

        Raises:
            ApiError: 404.
        """
        job = self._jobs.get(f"{project}:{job_id}")
        if job is None:
            raise not_found("Job", f"{project}:{job_id}")
        return job

    def of(self, project: str) -> list[Job]:
        """Return a project's jobs, the newest first."""
        mine = [j for key, j in list(self._jobs.items()) if key.startswith(f"{project}:")]
        return mine[::-1]

    def run(self, project: str, given: dict[str, Any], upload: Path | None = None) -> Job:
        """Run a job to its end, in the caller's thread; a failed one is returned too.

        Args:
            project: where it runs.
            given: the resource that the client sends.
            upload: the file to load, where it came with the request.

        Raises:
            ApiError: 409, the id was used before; 501, a kind that is unknown here.
        """
        configuration = given["configuration"]
        kind = next((each for each in _KINDS if each in configuration), None)
        if kind is None:
            raise unsupported(f"a job of {', '.join(configuration)}")
        if configuration.get("dryRun"):
            return self._dry_run(project, given)
        job = self._begin(project, given, kind)
        try:
            with self._engine.connect() as connection:
                self._work(job, project, configuration[kind], kind, connection, upload)
        except ApiError as exc:
            self._fail(job, exc)
        except duckdb.Error as exc:
            self._fail(job, of_engine(exc))
        job.resource["statistics"]["endTime"] = _now_ms()
        job.resource["status"]["state"] = "DONE"
        self._keep(job)
        return job

    def _begin(self, project: str, given: dict[str, Any], kind: str) -> Job:
        wanted = given.get("jobReference") or {}
        reference = {
            "projectId": project,
            "jobId": wanted.get("jobId") or f"job_{uuid.uuid4().hex}",
            "location": wanted.get("location") or "US",
        }
        with self._engine.definitions:
            if _key(reference) in self._jobs:
                raise already_exists("Job", f"{project}:{reference['jobId']}")
            job = Job(
                {
                    "kind": "bigquery#job",
                    "id": f"{project}:{reference['location']}.{reference['jobId']}",
                    "jobReference": reference,
                    "configuration": {**given["configuration"], "jobType": _KINDS[kind]},
                    "status": {"state": "RUNNING"},
                    "statistics": {"creationTime": _now_ms(), "startTime": _now_ms()},
                }
            )
            self._jobs[_key(reference)] = job
            self._keep(job)
        return job

    def _work(
        self,
        job: Job,
        project: str,
        config: dict[str, Any],
        kind: str,
        connection: duckdb.DuckDBPyConnection,
        upload: Path | None,
    ) -> None:
        statistics = job.resource["statistics"]
        if kind == "load":
            statistics["load"] = loads.load(self._engine, self._catalog, config, upload)
        elif kind == "copy":
            statistics["copy"] = loads.copy(self._engine, self._catalog, config)
        else:
            scope = scope_of(project, config)
            script = Script(self._engine, self._catalog, connection, scope)
            job.outcome = script.run(config["query"])
            statistics["query"] = _query_statistics(job.outcome)

    def _dry_run(self, project: str, given: dict[str, Any]) -> Job:
        query = given["configuration"].get("query")
        if query is None:
            raise unsupported("a dry run of anything but a query")
        size = self._bytes(query["query"], scope_of(project, query))
        statistics = {"totalBytesProcessed": str(size), "statementType": "SELECT"}
        return Job(
            {
                "kind": "bigquery#job",
                "jobReference": {"projectId": project, "location": "US"},
                "configuration": {**given["configuration"], "jobType": "QUERY"},
                "status": {"state": "DONE"},
                "statistics": {
                    "creationTime": _now_ms(),
                    "totalBytesProcessed": str(size),
                    "query": statistics,
                },
            }
        )

    def _bytes(self, text: str, scope: Scope) -> int:
        """Return the size of the columns that a query names, whatever partitions it asks for."""
        return sum(
            self._column_bytes(ref, each)
            for ref, columns in scripts.referenced(text, scope)
            if self._catalog.has(ref)
            for each in self._catalog.table(ref)["schema"]["fields"]
            if each["name"].lower() in columns
        )

    def _column_bytes(self, ref: TableRef, given: dict[str, Any]) -> int:
        name = quote(given["name"])
        fixed = _BYTES.get(given["type"])
        measure = f"count({name}) * {fixed}"
        if fixed is None:
            length = (
                f"octet_length({name}::BLOB)" if given["type"] == "BYTES" else f"strlen({name})"
            )
            measure = f"coalesce(sum({length} + {_TEXT_BYTES}), 0)"
        with self._engine.connect() as connection:
            row = connection.execute(f"SELECT {measure} FROM {ref.quoted}").fetchone()
        return int(row[0]) if row else 0

    def _fail(self, job: Job, error: ApiError) -> None:
        job.resource["status"] |= {"errorResult": error.proto, "errors": [error.proto]}

    def _keep(self, job: Job) -> None:
        self._engine.journal.put(f"jobs/{_key(job.resource['jobReference'])}", document(job))


def scope_of(project: str, config: dict[str, Any]) -> Scope:
    """Return what a query's names stand for.

    Raises:
        ApiError: legacy SQL, or parameters without names.
    """
    if config.get("useLegacySql"):
        raise unsupported("legacy SQL")
    bound = {}
    for each in config.get("queryParameters", []):
        if "name" not in each:
            raise unsupported("parameters without names")
        kind = each["parameterType"]["type"]
        value = each.get("parameterValue", {}).get("value")
        bound[each["name"]] = Bound(kind, value)
    dataset = config.get("defaultDataset", {}).get("datasetId")
    return Scope(project, dataset, bound)


def _query_statistics(outcome: Outcome) -> dict[str, Any]:
    statement = "SCRIPT" if outcome.statements > 1 else outcome.statement
    found: dict[str, Any] = {"statementType": statement, "totalBytesProcessed": "0"}
    if outcome.affected_rows is not None:
        found["numDmlAffectedRows"] = str(outcome.affected_rows)
    return found


def _key(reference: dict[str, str]) -> str:
    return f"{reference['projectId']}:{reference['jobId']}"


def _now_ms() -> str:
    return str(time.time_ns() // 1_000_000)


def document(job: Job) -> dict[str, Any]:
    """Return a job's resource, a copy that nobody changes any more."""
    copied: dict[str, Any] = json.loads(json.dumps(job.resource))
    return copied

"""The routes of BigQuery's REST API that are served, and what answers them."""

from __future__ import annotations

from typing import Any

from local.bigquery import types
from local.bigquery.catalog import Catalog, TableRef
from local.bigquery.engine import Engine
from local.bigquery.errors import ApiError, unsupported
from local.bigquery.jobs import Job, Jobs, document
from local.http_json import Call, Route

_PROJECT = r"/bigquery/v2/projects/([^/]+)"
_DATASET = rf"{_PROJECT}/datasets/([^/]+)"
_TABLE = rf"{_DATASET}/tables/([^/]+)"
PAGE_JOBS = 100
PAGE_ROWS = 10_000
"""Rows of an answer that asks for no number."""


class Service:
    """Answers requests whose bodies are JSON; uploads are the server's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._catalog = Catalog(engine)
        self.jobs = Jobs(engine, self._catalog)

    def routes(self) -> list[Route]:
        """Return all routes."""
        return [
            Route("GET", "/_health", lambda _call: {"status": "ok"}),
            Route("POST", f"{_PROJECT}/datasets", self._create_dataset),
            Route("GET", _DATASET, lambda _call, p, d: self._catalog.dataset(p, d)),
            Route("DELETE", _DATASET, self._delete_dataset),
            Route("POST", f"{_DATASET}/tables", self._create_table),
            Route("GET", f"{_DATASET}/tables", self._list_tables),
            Route("GET", _TABLE, lambda _call, *ref: self._catalog.table(TableRef(*ref))),
            Route("PATCH", _TABLE, self._change_table),
            Route("DELETE", _TABLE, lambda _call, *ref: self._catalog.delete_table(TableRef(*ref))),
            Route("GET", f"{_TABLE}/data", self._list_rows),
            Route("POST", f"{_PROJECT}/jobs", self._insert_job),
            Route("GET", f"{_PROJECT}/jobs", self._list_jobs),
            Route("GET", f"{_PROJECT}/jobs/([^/]+)", self._get_job),
            Route("POST", f"{_PROJECT}/queries", self._query),
            Route("GET", f"{_PROJECT}/queries/([^/]+)", self._results),
        ]

    def _create_dataset(self, call: Call, project: str) -> dict[str, Any]:
        return self._catalog.create_dataset(project, call.fields())

    def _delete_dataset(self, call: Call, project: str, dataset: str) -> None:
        with_tables = call.query.get("deleteContents") == "true"
        self._catalog.delete_dataset(project, dataset, with_tables=with_tables)

    def _create_table(self, call: Call, project: str, dataset: str) -> dict[str, Any]:
        given = call.fields()
        if given.get("view") or given.get("externalDataConfiguration"):
            raise unsupported("views and external tables")
        ref = TableRef(project, dataset, given["tableReference"]["tableId"])
        return self._catalog.create_table(ref, given)

    def _list_tables(self, call: Call, project: str, dataset: str) -> dict[str, Any]:
        found = self._catalog.tables(project, dataset)
        start = int(call.query.get("pageToken") or 0)
        end = start + int(call.query.get("maxResults") or 50)
        kept = ("kind", "id", "tableReference", "type", "creationTime", "labels", "expirationTime")
        listed = [{k: each[k] for k in kept if k in each} for each in found[start:end]]
        more = {"nextPageToken": str(end)} if end < len(found) else {}
        return {
            "kind": "bigquery#tableList",
            "tables": listed,
            "totalItems": len(found),
            **more,
        }

    def _change_table(self, call: Call, *ref: str) -> dict[str, Any]:
        return self._catalog.change_table(TableRef(*ref), call.fields())

    def _list_rows(self, call: Call, *names: str) -> dict[str, Any]:
        ref = TableRef(*names)
        total = int(self._catalog.table(ref)["numRows"])
        start = int(call.query.get("pageToken") or call.query.get("startIndex") or 0)
        limit = int(call.query.get("maxResults") or PAGE_ROWS)
        with self._engine.connect() as connection:
            select = f"SELECT * FROM {ref.quoted} ORDER BY rowid LIMIT {limit} OFFSET {start}"
            rows = types.rows(connection.sql(select))
        return _page(
            {"kind": "bigquery#tableDataList", "totalRows": str(total)}, rows, start, total
        )

    def _insert_job(self, call: Call, project: str) -> dict[str, Any]:
        return document(self.jobs.run(project, call.fields()))

    def _list_jobs(self, call: Call, project: str) -> dict[str, Any]:
        start = int(call.query.get("pageToken") or 0)
        end = start + int(call.query.get("maxResults") or PAGE_JOBS)
        found = self.jobs.of(project)
        more = {"nextPageToken": str(end)} if end < len(found) else {}
        listed = [document(job) for job in found[start:end]]
        return {"kind": "bigquery#jobList", "jobs": listed, **more}

    def _get_job(self, _call: Call, project: str, job_id: str) -> dict[str, Any]:
        return document(self.jobs.find(project, job_id))

    def _query(self, call: Call, project: str) -> dict[str, Any]:
        given = call.fields()
        reference = {"location": given.get("location", "US")}
        configuration = {"query": given, "dryRun": given.get("dryRun", False)}
        job = self.jobs.run(project, {"jobReference": reference, "configuration": configuration})
        if given.get("dryRun"):
            size = job.resource["statistics"]["totalBytesProcessed"]
            reference = job.resource["jobReference"]
            return {
                "jobReference": reference,
                "jobComplete": True,
                "totalBytesProcessed": size,
                "schema": {"fields": []},
            }
        return _answer(job, 0, given.get("maxResults"))

    def _results(self, call: Call, project: str, job_id: str) -> dict[str, Any]:
        job = self.jobs.find(project, job_id)
        start = int(call.query.get("pageToken") or call.query.get("startIndex") or 0)
        return _answer(job, start, call.query.get("maxResults"))


def _answer(job: Job, start: int, wanted: str | int | None) -> dict[str, Any]:
    """Return a page of a query's rows.

    Raises:
        ApiError: the query failed; its results went with an earlier process.
    """
    if job.error:
        raise ApiError(job.error["reason"], job.error["message"])
    reference = job.resource["jobReference"]
    base = {"kind": "bigquery#getQueryResultsResponse", "jobReference": reference}
    if job.resource["status"]["state"] != "DONE":
        return {**base, "jobComplete": False}
    if job.outcome is None:
        raise ApiError("notFound", "the results of this query went with an earlier process")
    outcome, statistics = job.outcome, job.resource["statistics"]["query"]
    base |= {
        "jobComplete": True,
        "schema": {"fields": outcome.fields},
        "totalRows": str(len(outcome.rows)),
        "totalBytesProcessed": statistics["totalBytesProcessed"],
    }
    if "numDmlAffectedRows" in statistics:
        base["numDmlAffectedRows"] = statistics["numDmlAffectedRows"]
    limit = PAGE_ROWS if wanted is None else int(wanted)
    # A client that asks for no rows must not see an empty list: it would take it for all rows.
    if limit == 0:
        return base
    return _page(base, outcome.rows[start : start + limit], start, len(outcome.rows))


def _page(
    base: dict[str, Any], rows: list[list[dict[str, Any]]], start: int, total: int
) -> dict[str, Any]:
    end = start + len(rows)
    more = {"pageToken": str(end)} if end < total else {}
    return {**base, "rows": [{"f": row} for row in rows], **more}

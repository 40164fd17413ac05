"""What a request to BigQuery is called, without the names of one table, run or attempt."""

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

_PATH = re.compile(r"(?:/resumable)?(?:/upload)?/bigquery/v2/projects/[^/]+/(.+)")
_TABLE = re.compile(r"`[^`]+`\.`([^`]+)`\.`([^`]+)`")
_JOB = re.compile(r"sluice_([a-z]+)(?:_(keys))?")
_STAGED = {"stage": "staged rows", "keys": "staged keys", "layer": "a layer", "notes": "notes"}


def request_name(request: Any) -> str | None:
    """Name what a request is about; None of one that is not for BigQuery.

    Args:
        request: a prepared request of ``requests``.
    """
    found = _PATH.fullmatch(urlsplit(request.url).path)
    if found is None:
        return None
    kind, *names = map(unquote, found[1].split("/"))
    if kind == "datasets":
        return _dataset(names, _document(request))
    name = names[0] if names else ""
    if kind == "queries" and not name:
        return _query(_document(request)["query"])
    return f"bigquery {kind}, {_job(name or _document(request)['jobReference']['jobId'])}"


def _dataset(names: list[str], document: dict[str, Any]) -> str:
    if len(names) < 2:
        return "bigquery dataset"
    table = document.get("tableReference", {}).get("tableId") if len(names) == 2 else names[2]
    return f"bigquery {_table(names[0], table) if table else 'list of tables'}"


def _query(text: str) -> str:
    tables = dict.fromkeys(_table(dataset, name) for dataset, name in _TABLE.findall(text))
    return f"bigquery {text.partition(' ')[0]} {', '.join(tables)}"


def _table(dataset: str, name: str) -> str:
    start = name.partition("_")[0]
    if dataset != "_sluice":
        return "kept version" if dataset == "bkp" else "table"
    return _STAGED.get(start) or f"_sluice.{'state' if start == 'state' else name}"


def _job(job_id: str) -> str:
    found = _JOB.match(job_id)
    if found is None:
        return "a job"
    return f"{found[1]}{', keys' if found[2] else ''}"


def _document(request: Any) -> dict[str, Any]:
    """Return a request's document: its body, or the first part of one that uploads a file."""
    body = request.body or b"{}"
    text = body if isinstance(body, bytes) else body.encode()
    if text.startswith(b"--"):
        text = text.split(b"\r\n\r\n", 2)[1].partition(b"\r\n--")[0]
    document: dict[str, Any] = json.loads(text)
    return document

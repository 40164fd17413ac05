"""Failures as BigQuery words them: an HTTP status, a reason that clients sort by, a message."""

from __future__ import annotations

import re
from typing import Any

import duckdb

_STATUSES = {
    "invalid": 400,
    "invalidQuery": 400,
    "notFound": 404,
    "duplicate": 409,
    "notImplemented": 501,
    "backendError": 503,
}
"""Source: BigQuery, "Error messages"."""

_NO_TABLE = re.compile(r'Table with name "?(.+?)"? does not exist', re.DOTALL)


class ApiError(Exception):
    """What a request or a job ends with."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep both; the reason decides the status."""
        super().__init__(message)
        self.reason = reason
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUSES[self.reason]

    @property
    def proto(self) -> dict[str, Any]:
        """The error as a job's status holds it."""
        return {"reason": self.reason, "message": self.message}

    @property
    def document(self) -> dict[str, Any]:
        """The error as an answer to a request."""
        entry = {"domain": "global", "reason": self.reason, "message": self.message}
        return {"error": {"code": self.status, "message": self.message, "errors": [entry]}}


def not_found(what: str, name: str) -> ApiError:
    """Return the error of something that is not there."""
    return ApiError("notFound", f"Not found: {what} {name}")


def already_exists(what: str, name: str) -> ApiError:
    """Return the error of something that is there already."""
    return ApiError("duplicate", f"Already Exists: {what} {name}")


def unsupported(what: str) -> ApiError:
    """Return the error of what this server does not do and BigQuery may."""
    return ApiError("notImplemented", f"Not served by the local cloud: {what}")


def of_engine(exc: duckdb.Error) -> ApiError:
    """Return what BigQuery says where DuckDB failed."""
    text = str(exc)
    if isinstance(exc, duckdb.TransactionException):
        return ApiError("invalidQuery", f"Transaction is aborted due to concurrent update: {text}")
    if isinstance(exc, duckdb.CatalogException) and (match := _NO_TABLE.search(text)):
        return not_found("Table", match[1])
    if isinstance(exc, duckdb.ConstraintException):
        return ApiError("invalidQuery", f"Required field cannot be null: {text}")
    return ApiError("invalidQuery", text)

"""Examples in the OpenAPI document; a test holds each against the model that shows it."""

from typing import Any

from pydantic import BaseModel, ConfigDict

RUN_ID = "20240131T030000Z-0123456789ab"

RUN: dict[str, Any] = {
    "run_id": RUN_ID,
    "table": "flights",
    "kind": "run",
    "trigger": "schedule",
    "trigger_key": "2024-01-31T03:00:00+00:00",
    "mode": "incremental",
    "state": "committed",
    "is_ended": True,
    "created_at": "2024-01-31T03:00:00Z",
    "updated_at": "2024-01-31T03:00:07Z",
    "worked_s": 6.4,
    "rows_source": 1500,
    "rows_loaded": 1499,
    "rows_rejected": 1,
    "bytes_staged": 81234,
    "progress_rows": 1500,
    "attempts": 2,
    "adds_up": True,
    "reason": "",
    "failure": None,
}

PROGRESS: dict[str, Any] = {
    "units_planned": 8,
    "units_done": 5,
    "rows_expected": 1500,
    "share": 0.625,
}

COST: dict[str, Any] = {
    "runs": 1,
    "vcpu_s": 6.4,
    "gib_s": 12.8,
    "storage_writes": 12,
    "storage_reads": 9,
    "messages": 2,
    "source_s": 1.9,
    "billed_bytes": 0,
    "staged_bytes": 81234,
    "usd": {"functions": 0.00018, "storage calls": 0.00006, "warehouse": 0.00106},
    "total_usd": 0.0013,
}

RUNNING: dict[str, Any] = {
    **RUN,
    "state": "extracting",
    "is_ended": False,
    "rows_source": None,
    "rows_loaded": None,
    "rows_rejected": None,
    "bytes_staged": None,
    "progress_rows": 940,
    "adds_up": None,
    "progress": PROGRESS,
}

DETAIL: dict[str, Any] = {
    **RUN,
    "receipt": {"rows_source": 1500, "rows_staged": 1499, "rows_loaded": 1499},
    "steps": {"extract": {"duration_s": 3.3, "rows": 1499, "bytes": 81234, "peak_mib": 190}},
    "timeline": [
        {"at": "2024-01-31T03:00:00Z", "until": None, "what": "triggered", "outcome": "schedule"},
        {"at": "2024-01-31T03:00:07Z", "until": None, "what": "ended", "outcome": "committed"},
    ],
    "progress": {"units_planned": None, "units_done": 0, "rows_expected": None, "share": None},
    "cost": COST,
    "requested_by": "",
    "config_generation": 1706670000000001,
    "span": None,
    "rewind_to": None,
    "failure_facts": {},
}

TABLE: dict[str, Any] = {
    "name": "flights",
    "source": "snowflake",
    "source_name": "NYC.PUBLIC.FLIGHTS",
    "target": "postgres",
    "target_name": "public.flights",
    "mode": "incremental",
    "schedule": "hourly",
    "time_zone": "UTC",
    "origin": "files",
    "generation": 1706670000000001,
    "freshness": "fresh",
    "due_since": "2024-01-31T02:00:00Z",
    "last_success": "2024-01-31T03:00:07Z",
    "max_age_s": 7200,
    "objective_percent": 99,
    "last_run": RUN,
}

KEPT: dict[str, Any] = {
    "days": 28,
    "max_age_s": 7200,
    "objective_percent": 99,
    "percent": 99.7,
    "late_s": 7257.6,
    "budget_left_percent": 70,
    "is_kept": True,
    "last_success": "2026-01-31T06:00:09Z",
}

CONFIG: dict[str, Any] = {
    "name": "orders",
    "snowflake": {"database": "SHOP", "schema": "PUBLIC", "table": "ORDERS"},
    "postgres": {"table": "orders"},
    "sync_mode": "incremental",
    "incremental_column": "updated_at",
    "primary_key": ["id"],
    "schedule": "hourly",
}

COLUMN: dict[str, Any] = {
    "name": "id",
    "type": "int64",
    "is_nullable": False,
    "is_key": True,
    "source_type": "NUMBER(38,0)",
}

SOURCE: dict[str, Any] = {
    "name": "SHOP.PUBLIC.ORDERS",
    "columns": [COLUMN],
    "primary_key": ["id"],
    "rows": 1500,
    "size_bytes": 81234,
    "comment": None,
}

TARGET: dict[str, Any] = {
    "name": "public.orders",
    "columns": [COLUMN],
    "primary_key": ["id"],
    "rows": 1500,
}

PAST: dict[str, Any] = {
    "epoch": 1,
    "recorded_at": "2024-01-31T03:00:07Z",
    "run_id": RUN_ID,
    "changes": [],
    "columns": [COLUMN],
    "primary_key": ["id"],
}

QUARANTINED: dict[str, Any] = {
    "run_id": RUN_ID,
    "table": "feedback",
    "state": "committed",
    "file": "gs://acme-landing/feedback/january.csv#1706670000000001",
    "rows_rejected": 1,
    "reason": None,
    "replayed_by": None,
    "updated_at": "2024-01-31T03:00:07Z",
}

REJECTED: dict[str, Any] = {
    "file": "gs://acme-landing/feedback/january.csv#1706670000000001",
    "line": 18,
    "byte_offset": 412,
    "byte_count": 12,
    "column": "rating",
    "rule": "not_int64",
    "reason": "'five' is no whole number",
    "raw": "17,Ann,five",
    "is_truncated": False,
    "cells": [{"column": "rating", "text": "five", "is_offending": True}],
}

LETTER: dict[str, Any] = {
    "letter_id": RUN_ID,
    "topic": "load",
    "table": "flights",
    "run_id": RUN_ID,
    "reason": "TargetUnavailableError: the target does not answer",
    "state": "open",
    "deliveries": 5,
    "published_at": "2024-01-31T03:00:00Z",
    "died_at": "2024-01-31T03:40:00Z",
    "closed_at": None,
}

KEY: dict[str, Any] = {
    "id": "0123456789ab",
    "role": "read",
    "note": "Grafana",
    "created_at": "2024-01-31T03:00:00Z",
    "expires_at": None,
}

RECORD: dict[str, Any] = {
    "run_id": RUN_ID,
    "table": "orders",
    "trigger": "schedule",
    "trigger_key": "2024-01-31T03:00:00+00:00",
    "mode": "incremental",
    "state": "staged",
    "created_at": "2024-01-31T03:00:01Z",
    "updated_at": "2024-01-31T03:00:07Z",
}

STRETCH: dict[str, Any] = {
    "start": "2024-01-31T03:00:00Z",
    "runs": 12,
    "failed": 1,
    "rows_loaded": 18_000,
    "rows_rejected": 3,
    "bytes_staged": 974_808,
    "worked_s": 76.8,
}

PUBLISH: dict[str, Any] = {
    "run_id": RUN_ID,
    "at": "2024-01-31T03:00:07Z",
    "mode": "incremental",
    "snapshot": "2024-01-31 03:00:00.123456789",
    "rows_loaded": 1499,
    "manifest": f"manifests/orders/{RUN_ID}.json",
}


def shown(example: dict[str, Any]) -> ConfigDict:
    """Return a model's configuration with an example."""
    return ConfigDict(json_schema_extra={"examples": [example]})


def of_page(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Give the page of a list the example of its items."""
    (item,) = model.model_fields["items"].annotation.__args__  # type: ignore[union-attr]
    extra = getattr(item, "model_config", {}).get("json_schema_extra")
    if extra:
        schema["examples"] = [{"items": extra["examples"], "next": None}]

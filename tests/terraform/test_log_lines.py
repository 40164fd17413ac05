"""Metrics, alerts and the audit table against the log lines that the code writes."""

import ast
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_type_hints

from shared import errors
from shared.core import naming
from shared.core.audit import Link
from tests.terraform.test_plan import planned

SOURCES = [ast.parse(p.read_text()) for p in Path("shared").rglob("*.py")]
LEVELS = {"debug", "info", "warning", "error", "exception"}
ALWAYS = {"message", "logger"}
"""On every line; Cloud Logging itself takes severity and time out of it."""


def calls() -> list[ast.Call]:
    """Return all calls of the code."""
    return [n for tree in SOURCES for n in ast.walk(tree) if isinstance(n, ast.Call)]


def is_call_of(call: ast.Call, owner: str, names: set[str]) -> bool:
    """Say whether a call is ``owner.name(…)``."""
    at = call.func
    return (
        isinstance(at, ast.Attribute)
        and at.attr in names
        and isinstance(at.value, ast.Name)
        and at.value.id == owner
    )


@cache
def written() -> dict[str, set[str]]:
    """Return the messages that the code logs, each with the fields that are named beside it."""
    found: dict[str, set[str]] = {}
    for call in calls():
        if is_call_of(call, "log", LEVELS) and isinstance(call.args[0], ast.Constant):
            keys = {
                key.value
                for word in call.keywords
                for key in getattr(word.value, "keys", [])
                if isinstance(key, ast.Constant)
            }
            found.setdefault(str(call.args[0].value), set()).update(keys)
    return found


@cache
def context() -> set[str]:
    """Return the fields that a context adds to every line inside."""
    return {
        str(word.arg)
        for call in calls()
        if is_call_of(call, "logs", {"context"})
        for word in call.keywords
    }


def facts() -> set[str]:
    """Return the fields that records of dead letters and errors bring along."""
    tree = ast.parse(Path("shared/steps/repairs/dead_letters.py").read_text())
    keys = [k for n in ast.walk(tree) if isinstance(n, ast.Dict) for k in n.keys]
    return {str(k.value) for k in keys if isinstance(k, ast.Constant)}


def test_every_metric_counts_a_line_that_the_code_writes(plan: dict[str, Any]) -> None:
    metrics = planned(plan, "google_logging_metric")

    counted = {
        key: re.findall(r'jsonPayload\.message="([^"]+)"', metric["filter"])
        for key, metric in metrics.items()
    }

    assert counted
    assert {k: v for k, v in counted.items() if len(v) != 1 or v[0] not in written()} == {}


def test_every_field_of_a_metric_is_on_its_line(plan: dict[str, Any]) -> None:
    missing = []
    for key, metric in planned(plan, "google_logging_metric").items():
        (line,) = re.findall(r'jsonPayload\.message="([^"]+)"', metric["filter"])
        known = written()[line] | context() | ALWAYS | (facts() if line == "dead letter" else set())
        used = set(re.findall(r"jsonPayload\.(\w+)", str(metric)))
        missing += [(key, field) for field in used - known]

    assert missing == []


def test_errors_that_a_metric_names_exist(plan: dict[str, Any]) -> None:
    filters = [m["filter"] for m in planned(plan, "google_logging_metric").values()]

    named = set(re.findall(r'"(\w+Error)"', " ".join(filters)))

    assert named
    assert [name for name in named if not hasattr(errors, name)] == []


def test_every_way_of_setting_data_aside_is_a_quarantine_to_the_metrics(
    plan: dict[str, Any],
) -> None:
    metric = planned(plan, "google_logging_metric")["quarantined_runs"]

    kinds = {k.__name__ for k in (errors.QuarantineError, *errors.QuarantineError.__subclasses__())}

    assert set(re.findall(r'"(\w+Error)"', metric["filter"])) == kinds


def test_every_alert_leads_to_a_heading_of_the_runbook(plan: dict[str, Any]) -> None:
    headings = re.findall(r"^##+ (.+)$", Path("docs/runbook.md").read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9-]", "", h.lower().replace(" ", "-")) for h in headings}
    policies = planned(plan, "google_monitoring_alert_policy")

    links = {k: p["documentation"][0]["links"][0]["url"] for k, p in policies.items()}

    assert len(links) == 15
    assert {k: url for k, url in links.items() if url.partition("#")[2] not in anchors} == {}


def test_every_alert_of_a_metric_has_its_metric(plan: dict[str, Any]) -> None:
    metrics = {m["name"] for m in planned(plan, "google_logging_metric").values()}
    policies = planned(plan, "google_monitoring_alert_policy")

    used = set(re.findall(r"logging\.googleapis\.com/user/([\w/-]+)", str(policies)))

    assert used
    assert used <= metrics


def test_table_of_events_has_the_columns_of_an_event() -> None:
    text = Path("terraform/audit.tf").read_text().partition('"google_bigquery_table" "events"')[2]
    columns = dict(re.findall(r'name = "(\w+)", type = "(\w+)"', text))

    kinds = {str: "STRING", int: "INTEGER", datetime: "TIMESTAMP"}
    kinds |= {datetime | None: "TIMESTAMP", Literal[1]: "INTEGER"}

    assert columns == {name: kinds[kind] for name, kind in get_type_hints(Link).items()}
    assert f"/{naming.AUDIT}*" in text


def test_audit_table_has_the_fields_of_the_lines(plan: dict[str, Any]) -> None:
    table = planned(plan, "google_bigquery_table")["audit"]
    schema = str(table["external_data_configuration"][0]["schema"])

    fields = set(re.findall(r'"name":"(\w+)"', schema)) - {"timestamp", "severity", "jsonPayload"}

    everywhere = context() | ALWAYS | {f for keys in written().values() for f in keys}
    assert {"run_id", "state", "error"} <= fields <= everywhere

"""Models behind the loads that they read: refreshed in order, once for each publish, traceable."""

import json
import uuid
from pathlib import Path

from shared.config import model_files
from shared.core import curated
from shared.core.messages import RefreshRequest
from shared.core.modes import SyncMode
from shared.core.runs import Run, RunState, Trigger
from shared.steps import lineage, models, refreshes
from tests.flow.cloud import Cloud

FIRST = """/*
postgres: {schema: curated, table: mails}
unique_key: [domain]
tests:
  - accepted: n > 0
  - not_null: [domain, n]
*/
SELECT split_part(email, '@', 2) AS domain, count(*) AS n
FROM mailed
GROUP BY 1
"""
SECOND = """/*
postgres: {schema: curated, table: total}
*/
SELECT sum(n)::bigint AS mails FROM curated.mails
"""


def deploy(cloud: Cloud, folder: Path, **files: str) -> None:
    """Make these the models of the cloud."""
    (folder / "models").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "models" / f"{name}.sql").write_text(text)
    tables = [cloud.services.config.get("mailed")[0]]
    cloud.services.models.deploy(model_files.load(folder, tables), "kim")


def ended(cloud: Cloud, model: str, cause: Run) -> Run:
    """Wait for the end of the refresh that a publish asked for."""
    key = f"{cause.table}/{cause.run_id}"
    return cloud.await_run(model, lambda r: r.trigger_key == key and r.is_terminal)


def test_models_are_refreshed_in_order_behind_each_publish_of_what_they_read(
    cloud: Cloud, tmp_path: Path
) -> None:
    cloud.configure("mailed", csv={"columns": {"email": "text"}}, sync_mode="append")
    deploy(cloud, tmp_path, mails=FIRST, total=SECOND)

    loaded = cloud.drop("mailed/1.csv", b"email\na@x\nb@x\nc@y\n")
    first = ended(cloud, "mails", loaded)
    second = ended(cloud, "total", first)

    assert [first.state, second.state] == [RunState.COMMITTED] * 2, second.failure
    assert cloud.target("SELECT * FROM curated.mails ORDER BY 1") == [("x", 2), ("y", 1)]
    assert cloud.target("SELECT * FROM curated.total") == [(3,)]
    assert first.inputs == {"mailed": loaded.run_id}
    assert second.inputs == {"mails": first.run_id}
    assert [str(check.verdict) for check in first.checks] == ["passed", "passed"]
    assert [e["eventType"] for e in map(json.loads, lineage.events(first, cloud.services))] == [
        "START",
        "COMPLETE",
    ]
    told = cloud.services.audit.events("mails")
    assert [(e.kind, e.action) for e in told] == [("run.committed", "refresh")]

    models.ask(cloud.services, loaded)
    loaded = cloud.drop("mailed/2.csv", b"email\nd@y\n")

    assert ended(cloud, "mails", loaded).receipt
    assert cloud.target("SELECT * FROM curated.mails ORDER BY 1") == [("x", 2), ("y", 2)]
    assert len(cloud.runs("mails")) == 2
    asked = json.loads(cloud.sluice("models", "run", "total", "--json").stdout)
    assert (asked["state"], asked["inputs"]) == (
        "committed",
        {"mails": ended(cloud, "mails", loaded).run_id},
    )
    listed = cloud.sluice("models", "list").stdout
    assert "curated.mails" in listed
    assert listed.index("mails") < listed.index("total")


def test_refresh_whose_message_comes_twice_or_for_nothing_changes_nothing(
    cloud: Cloud, tmp_path: Path
) -> None:
    cloud.configure("mailed", csv={"columns": {"email": "text"}}, sync_mode="append")
    deploy(cloud, tmp_path, mails=FIRST)
    loaded = cloud.drop(f"mailed/{uuid.uuid4().hex}.csv", b"email\nz@z\n")
    done = ended(cloud, "mails", loaded)
    request = RefreshRequest(model="mails", run_id=done.run_id)
    late = cloud.services.ledger.open(
        curated.follow_up(
            "mails",
            Run(
                run_id=done.run_id,
                table="elsewhere",
                trigger=Trigger.FILE,
                trigger_key="f",
                mode=None,
                created_at=done.created_at,
                updated_at=done.updated_at,
            ),
            mode=SyncMode.FULL,
            generation=1,
        )
    )

    assert cloud.push("load", request.encode()) == 204
    assert cloud.push("load", RefreshRequest(model="mails", run_id=late.run_id).encode()) == 204

    assert cloud.services.ledger.find("mails", done.run_id) == done
    skipped = cloud.services.ledger.find("mails", late.run_id)
    assert skipped
    assert (skipped.state, skipped.reason) == (RunState.SKIPPED, refreshes.UNCHANGED)

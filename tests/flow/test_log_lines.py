"""Log lines that alerts are made of, as the functions write them."""

import json
from pathlib import Path
from typing import Any

from shared.core.runs import RunState
from tests.flow.cloud import Cloud


def lines(cloud: Cloud, function: str, table: str) -> list[dict[str, Any]]:
    """Return a function's log lines about one table."""
    log = Path(cloud.background.described["services"][function]["log"]).read_text()
    found = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in found if line.get("table") == table]


def test_refused_file_is_told_with_its_table_and_run(cloud: Cloud) -> None:
    cloud.configure("given_up", csv={"columns": {"id": "int64"}, "max_reject_percent": 0})

    run = cloud.drop("given_up/one.csv", b"id\nx\n")

    assert run.state is RunState.QUARANTINED
    # The record is written before the line.
    told = cloud.await_value(
        lambda: [li for li in lines(cloud, "ingest", "given_up") if li["message"] == "gave up"],
        "no line that tells of the refusal",
    )
    assert [(li["run_id"], li["error"], li["step"]) for li in told] == [
        (run.run_id, "InvalidFileError", "ingest")
    ]


def test_pick_up_of_a_file_tells_how_long_it_waited(cloud: Cloud) -> None:
    cloud.configure("waited", csv={}, sync_mode="append")

    run = cloud.drop("waited/one.csv", b"id\n1\n")

    picked = [li for li in lines(cloud, "ingest", "waited") if li["message"] == "file picked up"]
    assert [li["run_id"] for li in picked] == [run.run_id]
    assert 0 <= picked[0]["wait_s"] < 60

"""Backfills: a part of a merged table read again, and everything else left as it is."""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from shared.core.messages import ExtractRequest
from shared.core.runs import Run, RunState
from shared.core.windows import Span
from shared.steps.extract import extract
from tests.flow.cloud import Cloud


def make(cloud: Cloud, name: str, days: int = 9) -> None:
    """Make a merged table of one row a day from 1 January, load it, and damage the copy."""
    table = f"{{db}}.{name.upper()}"
    columns = "ID NUMBER(9,0), NAME VARCHAR, AT TIMESTAMP_NTZ(6), PRIMARY KEY (ID)"
    cloud.source(f"CREATE TABLE {table} ({columns})")
    cloud.source(
        f"INSERT INTO {table} SELECT SEQ4() + 1, 'right', "
        "DATEADD(DAY, SEQ4(), '2024-01-01'::TIMESTAMP_NTZ) "
        f"FROM TABLE(GENERATOR(ROWCOUNT => {days}))"
    )
    cloud.configure(name, sync_mode="incremental", incremental_column="at")
    assert cloud.run(name).state is RunState.COMMITTED
    cloud.target(f"UPDATE {name} SET name = 'wrong'")


def backfill(cloud: Cloud, name: str, first: str, last: str, **settings: Any) -> Run:
    """Read a span again, with other settings of the first step, and wait for the end."""
    request = ExtractRequest(
        table=name,
        published_at=cloud.services.now(),
        request_id=uuid.uuid4().hex,
        span=Span(first=first, last=last),
    )
    changed = replace(cloud.services.settings, **settings)
    extract(request, replace(cloud.services, settings=changed))
    key = request.request_id
    return cloud.await_run(name, lambda r: r.trigger_key == key and r.is_terminal)


def repaired(cloud: Cloud, name: str) -> list[int]:
    """Return the ids of the rows that are right again."""
    return [i for (i,) in cloud.target(f"SELECT id FROM {name} WHERE name = 'right' ORDER BY id")]


def state(cloud: Cloud, name: str) -> list[tuple[Any, ...]]:
    """Return the table's watermark and epoch."""
    return cloud.target(f"SELECT watermark, epoch FROM _sluice.state WHERE table_name = '{name}'")


def test_span_is_read_again_and_the_watermark_stays(cloud: Cloud) -> None:
    make(cloud, "mended")
    ((watermark, epoch),) = state(cloud, "mended")

    done = cloud.sluice("backfill", "mended", "--from", "2024-01-03", "--to", "2024-01-05")

    assert done.returncode == 0, done.stderr
    assert "backfill of 2024-01-03 to 2024-01-05: the watermark stays" in done.stdout
    assert repaired(cloud, "mended") == [3, 4, 5]
    assert state(cloud, "mended") == [(watermark, epoch + 1)]
    receipt = cloud.runs("mended")[-1].receipt
    assert receipt is not None
    assert (receipt.low, receipt.high) == (
        "2024-01-02 23:59:59.999999999",
        "2024-01-05 23:59:59.999999999",
    )
    loads = cloud.target(
        "SELECT rows_updated FROM _sluice.loads WHERE mode = 'backfill' AND table_name = 'mended'"
    )
    assert loads == [(3,)]


def test_next_run_goes_on_where_the_table_stood(cloud: Cloud) -> None:
    make(cloud, "going_on")
    backfill(cloud, "going_on", "2024-01-01", "2024-01-01")
    cloud.source("INSERT INTO {db}.GOING_ON VALUES (100, 'right', SYSDATE())")

    run = cloud.run("going_on")

    assert run.receipt is not None
    assert run.receipt.rows_source == 1
    assert repaired(cloud, "going_on") == [1, 100]


def test_large_span_is_read_in_units(cloud: Cloud) -> None:
    make(cloud, "long_span", days=100)

    run = backfill(cloud, "long_span", "2024-01-11", "2024-03-10", unit_rows=20)

    manifest = cloud.services.manifests.find("long_span", run.run_id)
    assert manifest is not None
    assert [p.rows for p in manifest.parts] == [20, 20, 20]
    assert repaired(cloud, "long_span") == list(range(11, 71))


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("append", "would add rows that are there already"),
        ("full", "each run of refused_full reads all of it"),
    ],
)
def test_table_that_is_not_merged_is_refused_with_the_reason(
    cloud: Cloud, mode: str, reason: str
) -> None:
    name = f"refused_{mode}"
    cloud.configure(name, sync_mode=mode, incremental_column="at")

    done = cloud.sluice("backfill", name, "--from", "2024-01-01", "--to", "2024-01-02")

    assert done.returncode == 1
    assert reason in done.stderr
    assert cloud.runs(name) == []


def test_end_that_is_no_moment_is_refused_with_an_example(cloud: Cloud) -> None:
    make(cloud, "misspelt", days=1)
    before = cloud.runs("misspelt")

    done = cloud.sluice("backfill", "misspelt", "--from", "1 January", "--to", "2024-01-02")

    assert done.returncode == 1
    assert "write both ends like 2024-01-31, 2024-01-31 12:00" in done.stderr
    assert cloud.runs("misspelt") == before

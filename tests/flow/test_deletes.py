"""Rows that are gone from the source go from the target, if that is wanted and not too many."""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from shared.core.messages import ExtractRequest
from shared.core.modes import SyncMode
from shared.core.runs import Run, RunState
from shared.steps.extract import extract
from tests.flow.cloud import Cloud


def make(cloud: Cloud, name: str, rows: int = 10, **config: Any) -> None:
    """Make a merged table of rows 0, 1, …, and load it for the first time."""
    table = f"{{db}}.{name.upper()}"
    columns = "ID NUMBER(9,0), NAME VARCHAR, AT TIMESTAMP_NTZ(6), PRIMARY KEY (ID)"
    cloud.source(f"CREATE TABLE {table} ({columns})")
    cloud.source(
        f"INSERT INTO {table} SELECT SEQ4(), 'row ' || SEQ4(), SYSDATE() "
        f"FROM TABLE(GENERATOR(ROWCOUNT => {rows}))"
    )
    configure(cloud, name, **config)
    assert cloud.run(name).state is RunState.COMMITTED


def configure(
    cloud: Cloud, name: str, mode: str = "hard", max_percent: float = 30, **config: Any
) -> None:
    """Deploy a merged table that looks for deletes."""
    deletes = {"mode": mode, "max_percent": max_percent}
    given = {"sync_mode": "incremental", "incremental_column": "at", "deletes": deletes}
    cloud.configure(name, **given | config)


def ids(cloud: Cloud, name: str, where: str = "true") -> list[int]:
    """Return the ids in the target, in order."""
    return [row[0] for row in cloud.target(f"SELECT id FROM {name} WHERE {where} ORDER BY id")]


def changed(run: Run) -> tuple[int, int, int]:
    """Return the rows inserted, updated and deleted by a run that committed."""
    assert run.receipt is not None, run
    receipt = run.receipt
    return receipt.rows_inserted, receipt.rows_updated, receipt.rows_deleted


def test_rows_that_are_gone_are_deleted_with_the_runs_other_changes(cloud: Cloud) -> None:
    make(cloud, "gone")
    cloud.source("DELETE FROM {db}.GONE WHERE ID IN (3, 4)")
    cloud.source("UPDATE {db}.GONE SET NAME = 'new', AT = SYSDATE() WHERE ID = 5")
    cloud.source("INSERT INTO {db}.GONE VALUES (10, 'ten', SYSDATE())")

    run = cloud.run("gone")

    assert changed(run) == (1, 1, 2)
    assert ids(cloud, "gone") == [0, 1, 2, 5, 6, 7, 8, 9, 10]


def test_without_deletes_in_the_table_file_nothing_is_deleted(cloud: Cloud) -> None:
    make(cloud, "undeleted", deletes=None)
    cloud.source("DELETE FROM {db}.UNDELETED WHERE ID = 3")

    run = cloud.run("undeleted")

    assert changed(run) == (0, 0, 0)
    assert len(ids(cloud, "undeleted")) == 10


def test_soft_deletes_mark_a_row_once_with_the_moment_at_which_it_was_missed(cloud: Cloud) -> None:
    make(cloud, "marked", mode="soft")
    cloud.source("DELETE FROM {db}.MARKED WHERE ID IN (3, 4)")

    first, second = cloud.run("marked"), cloud.run("marked")

    assert changed(first) == (0, 0, 2)
    assert changed(second) == (0, 0, 0)
    assert first.receipt is not None
    found = cloud.target("SELECT id, _deleted_at FROM marked WHERE _deleted_at IS NOT NULL")
    moments = {at.strftime("%Y-%m-%d %H:%M:%S.%f000") for _, at in found}
    assert (sorted(i for i, _ in found), moments) == ([3, 4], {first.receipt.snapshot})


def test_key_that_comes_back_is_no_longer_marked(cloud: Cloud) -> None:
    make(cloud, "back", mode="soft")
    cloud.source("CREATE TABLE {db}.BACK_COPY AS SELECT * FROM {db}.BACK")
    cloud.source("DELETE FROM {db}.BACK WHERE ID IN (3, 4)")
    cloud.run("back")
    # One row comes back changed, the other as it was, with a cursor that no window reads again.
    cloud.source("INSERT INTO {db}.BACK VALUES (3, 'again', SYSDATE())")
    cloud.source("INSERT INTO {db}.BACK SELECT * FROM {db}.BACK_COPY WHERE ID = 4")

    run = cloud.run("back")

    assert changed(run) == (0, 2, 0)
    assert ids(cloud, "back", "_deleted_at IS NOT NULL") == []
    assert cloud.target("SELECT name FROM back WHERE id IN (3, 4) ORDER BY id") == [
        ("again",),
        ("row 4",),
    ]


def test_table_that_people_use_already_gets_the_column_and_keeps_its_views(cloud: Cloud) -> None:
    make(cloud, "used", deletes=None)
    cloud.target("CREATE VIEW used_names AS SELECT id, name FROM used")
    configure(cloud, "used", mode="soft")
    cloud.source("DELETE FROM {db}.USED WHERE ID = 3")

    run = cloud.run("used")

    assert changed(run) == (0, 0, 1)
    assert ids(cloud, "used", "_deleted_at IS NOT NULL") == [3]
    assert cloud.target("SELECT count(*) FROM used_names") == [(10,)]


@pytest.mark.parametrize("mode", ["hard", "soft"])
def test_too_many_gone_at_once_stop_the_run_until_somebody_allows_it(
    cloud: Cloud, mode: str
) -> None:
    name = f"shrunk_{mode}"
    make(cloud, name, mode=mode)
    before = cloud.target(f"SELECT watermark, epoch FROM _sluice.state WHERE table_name = '{name}'")
    cloud.source(f"DELETE FROM {{db}}.{name.upper()} WHERE ID < 4")

    refused = cloud.run(name)
    after = cloud.target(f"SELECT watermark, epoch FROM _sluice.state WHERE table_name = '{name}'")
    left = ids(cloud, name)
    allowed = cloud.run(name, allow_empty=True)

    assert refused.state is RunState.FAILED
    assert refused.failure is not None
    assert refused.failure.error == "EmptySourceError"
    assert f'4 of 10 rows of "public"."{name}" are gone' in refused.failure.message
    assert f"sluice run {name} --mode incremental --allow-empty" in refused.failure.message
    assert (left, after) == (list(range(10)), before)
    assert changed(allowed) == (0, 0, 4)
    assert allowed.receipt is not None
    assert allowed.receipt.notes == ("guard overridden by request",)


def test_share_that_is_just_allowed_passes(cloud: Cloud) -> None:
    make(cloud, "just_allowed", max_percent=30)
    cloud.source("DELETE FROM {db}.JUST_ALLOWED WHERE ID < 3")

    assert changed(cloud.run("just_allowed")) == (0, 0, 3)


def test_emptied_source_empties_the_target_only_when_allowed(cloud: Cloud) -> None:
    make(cloud, "emptied_out")
    cloud.source("DELETE FROM {db}.EMPTIED_OUT")

    assert cloud.run("emptied_out").state is RunState.FAILED
    assert changed(cloud.run("emptied_out", allow_empty=True)) == (0, 0, 10)
    assert ids(cloud, "emptied_out") == []


def test_full_load_passes_its_guard_when_asked_for_on_the_command_line(cloud: Cloud) -> None:
    make(cloud, "cleared", sync_mode="full", deletes=None)
    cloud.source("DELETE FROM {db}.CLEARED")
    refused = cloud.run("cleared")

    done = cloud.sluice("run", "cleared", "--allow-empty")

    assert refused.state is RunState.FAILED
    assert done.returncode == 0, done.stderr
    assert "guard overridden by request" in done.stdout
    assert ids(cloud, "cleared") == []


def test_full_run_of_a_table_with_soft_deletes_marks_instead_of_deleting(cloud: Cloud) -> None:
    make(cloud, "whole", mode="soft")
    cloud.source("DELETE FROM {db}.WHOLE WHERE ID = 3")

    first = cloud.run("whole", SyncMode.FULL)
    cloud.source("INSERT INTO {db}.WHOLE VALUES (3, 'again', '2020-01-01')")
    second = cloud.run("whole", SyncMode.FULL)

    assert (changed(first), changed(second)) == ((0, 0, 1), (0, 1, 0))
    assert ids(cloud, "whole", "_deleted_at IS NULL") == list(range(10))


def test_keys_of_a_large_table_are_read_and_staged_in_units(cloud: Cloud) -> None:
    make(cloud, "wide", rows=100)
    cloud.source("DELETE FROM {db}.WIDE WHERE ID % 10 = 3")
    settings = replace(cloud.services.settings, unit_rows=20)
    request = ExtractRequest(
        table="wide", published_at=cloud.services.now(), request_id=uuid.uuid4().hex
    )

    extract(request, replace(cloud.services, settings=settings))

    key = request.request_id
    run = cloud.await_run("wide", lambda r: r.trigger_key == key and r.is_terminal)
    manifest = cloud.services.manifests.find("wide", run.run_id)
    assert manifest is not None
    assert changed(run) == (0, 0, 10)
    assert [p.rows for p in manifest.key_parts or ()] == [18] * 5
    assert ids(cloud, "wide") == [i for i in range(100) if i % 10 != 3]
    tables = cloud.target(f"SELECT tablename FROM pg_tables WHERE tablename ~ '{run.run_id}'")
    assert tables == []


def test_key_of_several_columns_is_compared_as_a_whole_and_encrypted_like_the_rows(
    cloud: Cloud,
) -> None:
    cloud.source(
        "CREATE TABLE {db}.PAIRS (DAY DATE, CODE VARCHAR, V NUMBER(9,0), AT TIMESTAMP_NTZ)"
    )
    cloud.source(
        "INSERT INTO {db}.PAIRS SELECT '2024-01-01'::DATE, COLUMN1, 1, '2024-01-01'::TIMESTAMP_NTZ "
        "FROM VALUES ('a'), ('canary-key'), ('c'), ('d')"
    )
    cloud.source(
        "INSERT INTO {db}.PAIRS SELECT '2024-01-02'::DATE, 'a', 1, '2024-01-01'::TIMESTAMP_NTZ"
    )
    configure(cloud, "pairs", primary_key=["code", "day"], encryption=True, compression="none")
    cloud.run("pairs")
    cloud.source("DELETE FROM {db}.PAIRS WHERE DAY = '2024-01-01' AND CODE = 'a'")

    run = cloud.run("pairs")

    assert changed(run) == (0, 0, 1)
    rows = cloud.target("SELECT day::text, code FROM pairs ORDER BY day, code")
    assert ("2024-01-02", "a") in rows
    assert len(rows) == 4
    manifest = cloud.services.manifests.find("pairs", run.run_id)
    assert manifest is not None
    (part,) = manifest.key_parts or ()
    staged = cloud.services.storage.read(cloud.services.settings.bucket("staging"), part.name)
    assert staged is not None
    assert b"canary" not in staged[0]


def test_without_a_fixed_snapshot_deletes_are_not_looked_for_and_the_receipt_says_so(
    cloud: Cloud,
) -> None:
    make(cloud, "shifting")
    cloud.source("CREATE VIEW {db}.SHIFTING_VIEW AS SELECT * FROM {db}.SHIFTING")
    configure(cloud, "shifting_view", primary_key=["id"])
    cloud.run("shifting_view")
    cloud.source("DELETE FROM {db}.SHIFTING WHERE ID = 3")

    run = cloud.run("shifting_view")

    assert run.receipt is not None
    assert not run.receipt.is_pinned
    assert run.receipt.notes[-1].startswith("deletes were not looked for")
    assert len(ids(cloud, "shifting_view")) == 10


def test_source_that_has_the_marks_column_itself_is_refused(cloud: Cloud) -> None:
    cloud.source(
        'CREATE TABLE {db}.MARKED_THERE (ID NUMBER(9,0), AT TIMESTAMP_NTZ(6), "_deleted_at" DATE, '
        "PRIMARY KEY (ID))"
    )
    configure(cloud, "marked_there", mode="soft")

    run = cloud.run("marked_there")

    assert run.failure is not None
    assert run.failure.error == "SchemaConflictError"
    assert "_deleted_at of its own" in run.failure.message


def test_merge_of_a_table_without_any_key_is_refused_before_it_is_read(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.UNKEYED (ID NUMBER(9,0), AT TIMESTAMP_NTZ(6))")
    configure(cloud, "unkeyed", deletes=None)

    run = cloud.run("unkeyed")

    assert run.failure is not None
    assert run.failure.error == "InvalidConfigError"
    assert "needs a primary_key" in run.failure.message

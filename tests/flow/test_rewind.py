"""Rewinds: a table put back as an earlier run left it, with its source out of reach."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from shared.bus import Bus
from shared.core.messages import ExtractRequest, LoadRequest
from shared.core.naming import NO_RUN
from shared.core.runs import Run, RunState
from shared.steps.extract import extract
from shared.steps.load import load
from tests.flow.cloud import Cloud

COLUMNS = "ID NUMBER(9,0), NAME VARCHAR, AT TIMESTAMP_NTZ(6)"
MERGED = {
    "lag": "0s",
    "sync_mode": "incremental",
    "incremental_column": "at",
    "deletes": {"mode": "hard", "max_percent": 100},
}

Rows = list[tuple[int, str]]


def make(cloud: Cloud, name: str, *, key: str = ", PRIMARY KEY (ID)") -> None:
    cloud.source(f"CREATE TABLE {{db}}.{name.upper()} ({COLUMNS}{key})")
    cloud.source(
        f"INSERT INTO {{db}}.{name.upper()} SELECT SEQ4() + 1, 'first', SYSDATE() "
        "FROM TABLE(GENERATOR(ROWCOUNT => 4))"
    )


def change(cloud: Cloud, name: str, number: int) -> None:
    """Update one row, delete another and insert a third."""
    table = f"{{db}}.{name.upper()}"
    cloud.source(f"UPDATE {table} SET NAME = 'changed {number}', AT = SYSDATE() WHERE ID = 1")
    cloud.source(f"DELETE FROM {table} WHERE ID = {number + 1}")
    cloud.source(f"INSERT INTO {table} VALUES ({10 + number}, 'new', SYSDATE())")


def move(cloud: Cloud, name: str) -> tuple[Run, Rows, str]:
    """Run a table once; return the run, the rows afterwards, and the watermark."""
    run = cloud.run(name)
    assert run.state is RunState.COMMITTED, run.failure
    return run, rows(cloud, name), watermark(cloud, name)


def rows(cloud: Cloud, name: str) -> Rows:
    return [(i, n) for i, n in cloud.target(f"SELECT id, name FROM {name} ORDER BY id, name")]


def watermark(cloud: Cloud, name: str) -> str:
    ((found,),) = cloud.target(f"SELECT watermark FROM _sluice.state WHERE table_name = '{name}'")
    return str(found)


def rewind(cloud: Cloud, name: str, to: Run) -> Run:
    done = cloud.sluice("rewind", name, "--to", to.run_id, "--yes")
    assert done.returncode == 0, done.stderr + done.stdout
    assert f"rewound to run {to.run_id}" in done.stdout
    assert "committed, not compared" in done.stdout
    assert f"`sluice verify {name} --as-of {to.run_id}`" in " ".join(done.stdout.split())
    return cloud.runs(name)[-1]


@contextmanager
def unreachable_source(cloud: Cloud, name: str) -> Iterator[None]:
    """Let the table's configuration name a source that is not there."""
    resolved, _ = cloud.services.config.get(name)
    source = resolved.connections.snowflake
    assert source is not None
    nowhere = resolved.connections.model_copy(
        update={"snowflake": source.model_copy(update={"port": 1})}
    )
    cloud.services.config.put(resolved.model_copy(update={"connections": nowhere}))
    yield
    cloud.services.config.put(resolved)


def test_merged_table_goes_back_and_forth_without_its_source(cloud: Cloud) -> None:
    make(cloud, "rewound")
    cloud.configure("rewound", **MERGED)
    past = [move(cloud, "rewound")]
    for number in (1, 2):
        change(cloud, "rewound", number)
        past.append(move(cloud, "rewound"))

    with unreachable_source(cloud, "rewound"):
        for run, then, mark in (past[0], past[1], past[2], past[0]):
            rewind(cloud, "rewound", run)
            assert (rows(cloud, "rewound"), watermark(cloud, "rewound")) == (then, mark)
    again = cloud.run("rewound")

    assert again.receipt is not None
    assert again.receipt.rows_source == 3
    assert rows(cloud, "rewound") == past[2][1]


def test_rewind_is_recorded_as_such_and_leaves_nothing_staged(cloud: Cloud) -> None:
    make(cloud, "rewound_noted")
    cloud.configure("rewound_noted", **MERGED)
    first, *_ = move(cloud, "rewound_noted")
    change(cloud, "rewound_noted", 1)
    move(cloud, "rewound_noted")

    run = rewind(cloud, "rewound_noted", first)

    assert run.receipt is not None
    assert run.receipt.adds_up
    loads = cloud.target(
        "SELECT mode, epoch FROM _sluice.loads WHERE table_name = 'rewound_noted' ORDER BY epoch"
    )
    assert loads == [("incremental", 1), ("incremental", 2), ("rewind", 3)]
    left = cloud.target(
        f"SELECT tablename FROM pg_tables WHERE tablename LIKE '%{run.run_id}' UNION ALL "
        f"SELECT part FROM _sluice.staged WHERE run_id = '{run.run_id}'"
    )
    assert left == []


def test_replaced_table_goes_back_to_one_snapshot(cloud: Cloud) -> None:
    make(cloud, "rewound_full", key="")
    cloud.configure("rewound_full", sync_mode="full")
    first, then, _ = move(cloud, "rewound_full")
    change(cloud, "rewound_full", 1)
    move(cloud, "rewound_full")

    rewind(cloud, "rewound_full", first)

    assert rows(cloud, "rewound_full") == then


def test_appended_table_keeps_its_repeated_rows(cloud: Cloud) -> None:
    make(cloud, "rewound_append", key="")
    cloud.configure("rewound_append", sync_mode="append", incremental_column="at")
    move(cloud, "rewound_append")
    cloud.source("INSERT INTO {db}.REWOUND_APPEND VALUES (1, 'first', SYSDATE())")
    second, then, mark = move(cloud, "rewound_append")
    cloud.source("INSERT INTO {db}.REWOUND_APPEND VALUES (2, 'bad', SYSDATE())")
    move(cloud, "rewound_append")

    rewind(cloud, "rewound_append", second)

    assert (rows(cloud, "rewound_append"), watermark(cloud, "rewound_append")) == (then, mark)
    assert then.count((1, "first")) == 2


def test_file_whose_rows_are_gone_may_be_dropped_again(cloud: Cloud) -> None:
    cloud.configure(
        "rewound_files", sync_mode="append", csv={"columns": {"id": "int64", "name": "text"}}
    )
    first = cloud.drop("rewound_files/one.csv", b"id,name\n1,one\n")
    second = cloud.drop("rewound_files/two.csv", b"id,name\n2,two\n")
    assert (first.state, second.state) == (RunState.COMMITTED, RunState.COMMITTED)

    rewind(cloud, "rewound_files", first)
    assert rows(cloud, "rewound_files") == [(1, "one")]
    kept = cloud.drop("rewound_files/copy of one.csv", b"id,name\n1,one\n")
    gone = cloud.drop("rewound_files/copy of two.csv", b"id,name\n2,two\n")

    assert (kept.state, gone.state) == (RunState.SKIPPED, RunState.COMMITTED)
    assert rows(cloud, "rewound_files") == [(1, "one"), (2, "two")]


def test_long_rewind_goes_on_in_the_next_delivery(cloud: Cloud) -> None:
    make(cloud, "rewound_slowly")
    cloud.configure("rewound_slowly", **MERGED)
    move(cloud, "rewound_slowly")
    change(cloud, "rewound_slowly", 1)
    second, then, mark = move(cloud, "rewound_slowly")
    change(cloud, "rewound_slowly", 2)
    move(cloud, "rewound_slowly")
    hasty = replace(cloud.services, settings=replace(cloud.services.settings, budget_s=0))
    run = staged_rewind(cloud, "rewound_slowly", second)
    request = LoadRequest(table="rewound_slowly", run_id=run)

    load(request, hasty)

    ended = cloud.await_run("rewound_slowly", lambda r: r.run_id == run and r.is_terminal)
    assert ended.state is RunState.COMMITTED
    loads = [a.outcome for a in ended.attempts if a.step == "load"]
    assert loads == ["staged in part", "committed"]
    assert (rows(cloud, "rewound_slowly"), watermark(cloud, "rewound_slowly")) == (then, mark)


def test_rewind_that_was_overtaken_changes_nothing(cloud: Cloud) -> None:
    make(cloud, "rewound_late")
    cloud.configure("rewound_late", **MERGED)
    first, *_ = move(cloud, "rewound_late")
    change(cloud, "rewound_late", 1)
    move(cloud, "rewound_late")
    run_id = staged_rewind(cloud, "rewound_late", first)
    change(cloud, "rewound_late", 2)
    _, newest, _ = move(cloud, "rewound_late")

    load(LoadRequest(table="rewound_late", run_id=run_id), cloud.services)

    run = cloud.services.ledger.find("rewound_late", run_id)
    assert run is not None
    assert run.state is RunState.SUPERSEDED
    assert rows(cloud, "rewound_late") == newest


class Silence(Bus):
    """A bus whose messages are lost."""

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str] | None = None) -> str:
        """Lose a message."""
        return f"{topic}: {len(data)} bytes, {len(attributes or {})} attributes"


def staged_rewind(cloud: Cloud, name: str, to: Run) -> str:
    """Stage a rewind and keep its message for the load to oneself; return its run's id."""
    request = ExtractRequest(
        table=name,
        published_at=cloud.services.now(),
        request_id=uuid.uuid4().hex,
        rewind_to=to.run_id,
    )
    extract(request, replace(cloud.services, bus=Silence()))
    return next(r.run_id for r in cloud.runs(name) if r.trigger_key == request.request_id)


def test_unknown_run_is_refused(cloud: Cloud) -> None:
    cloud.configure("rewound_never")

    done = cloud.sluice("rewind", "rewound_never", "--to", "2020", "--yes")

    assert done.returncode == 1
    assert "no run of rewound_never has an id that begins with '2020'" in done.stderr


def test_parts_that_are_gone_fail_the_rewind_before_anything_is_read(cloud: Cloud) -> None:
    make(cloud, "rewound_gone")
    cloud.configure("rewound_gone", **MERGED)
    first, *_ = move(cloud, "rewound_gone")
    change(cloud, "rewound_gone", 1)
    _, newest, _ = move(cloud, "rewound_gone")
    manifest = cloud.services.manifests.find("rewound_gone", first.run_id)
    assert manifest is not None
    part = manifest.parts[0]
    bucket = cloud.services.settings.bucket("staging")
    cloud.services.storage.delete(bucket, part.name, part.generation)

    done = cloud.sluice("rewind", "rewound_gone", "--to", first.run_id, "--yes")

    failure = cloud.runs("rewound_gone")[-1].failure
    assert done.returncode == 1
    assert failure is not None
    assert failure.error == "RewindError"
    assert part.name in failure.message
    assert rows(cloud, "rewound_gone") == newest


def test_rows_that_were_there_before_are_never_taken_away(cloud: Cloud) -> None:
    make(cloud, "rewound_guest", key="")
    cloud.target("CREATE TABLE rewound_guest (id bigint, name text, at timestamp)")
    cloud.target("INSERT INTO rewound_guest VALUES (99, 'theirs')")
    cloud.configure("rewound_guest", sync_mode="append", incremental_column="at")
    first, before, _ = move(cloud, "rewound_guest")

    done = cloud.sluice("rewind", "rewound_guest", "--to", first.run_id, "--yes")

    failure = cloud.runs("rewound_guest")[-1].failure
    assert done.returncode == 1
    assert failure is not None
    assert failure.error == "RewindError"
    assert "Choose a run after a full load" in failure.message
    assert rows(cloud, "rewound_guest") == before


def restorable(cloud: Cloud, name: str) -> Run:
    """Load a reference table of files twice, and bring the first version back."""
    cloud.configure(
        name,
        csv={"columns": {"id": "int64", "name": "text"}},
        kind="reference",
        primary_key=["id"],
        postgres={"schema": "public", "table": name},
    )
    for number, body in enumerate(("1,old\n2,old", "1,wrong\n2,wrong\n3,wrong")):
        loaded = cloud.drop(f"{name}/{number}.csv", f"id,name\n{body}\n".encode())
        assert loaded.state is RunState.COMMITTED, loaded.failure
    return restore(cloud, name)


def restore(cloud: Cloud, name: str, *more: str) -> Run:
    done = cloud.sluice("restore", name, "--yes", *more)
    assert done.returncode == 0, done.stderr + done.stdout
    return cloud.runs(name)[-1]


OLD = [(1, "old"), (2, "old")]
WRONG = [(1, "wrong"), (2, "wrong"), (3, "wrong")]


def test_run_that_restored_a_version_is_gone_back_to_like_any_other(cloud: Cloud) -> None:
    restored = restorable(cloud, "restored_again")
    assert rows(cloud, "restored_again") == OLD

    again = restore(cloud, "restored_again", "--version", restored.run_id)
    assert rows(cloud, "restored_again") == OLD
    assert again.receipt is not None
    assert f"as run {restored.run_id} had done" in str(again.receipt.notes)
    done = cloud.sluice("rewind", "restored_again", "--to", restored.run_id, "--yes")
    assert done.returncode == 0, done.stderr + done.stdout
    assert rows(cloud, "restored_again") == OLD

    verified = cloud.sluice("verify", "restored_again")
    assert verified.returncode == 0, verified.stderr + verified.stdout


def test_restores_go_on_from_parts_where_a_version_was_dropped_by_hand(cloud: Cloud) -> None:
    restored = restorable(cloud, "restored_parts")
    restore(cloud, "restored_parts")
    assert rows(cloud, "restored_parts") == WRONG
    for (version,) in cloud.target(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'bkp' "
        "AND starts_with(tablename, 'restored_parts@')"
    ):
        cloud.target(f'DROP TABLE bkp."{version}"')

    run = restore(cloud, "restored_parts")

    assert run.rewind_to == restored.run_id
    assert rows(cloud, "restored_parts") == OLD


def test_restored_rows_of_which_nothing_is_kept_are_refused(cloud: Cloud) -> None:
    name = "restored_gone"
    cloud.target(f"CREATE TABLE {name} (id bigint PRIMARY KEY, name text)")
    cloud.target(f"INSERT INTO {name} VALUES (1, 'theirs')")
    restored = restorable(cloud, name)
    assert rows(cloud, name) == OLD
    first = restore(cloud, name, "--version", NO_RUN)
    assert rows(cloud, name) == [(1, "theirs")]
    restore(cloud, name, "--version", restored.run_id)
    cloud.target(f'DROP TABLE bkp."{name}@{NO_RUN}", bkp."{name}@{first.run_id}"')

    done = cloud.sluice("rewind", name, "--to", first.run_id, "--yes")

    failure = cloud.runs(name)[-1].failure
    assert done.returncode == 1
    assert failure is not None
    assert failure.error == "RewindError"
    assert f"does not know all that {name} consisted of" in failure.message
    assert rows(cloud, name) == OLD


def test_nobody_to_confirm_means_no_rewind(cloud: Cloud) -> None:
    make(cloud, "rewound_asked")
    cloud.configure("rewound_asked", **MERGED)
    first, then, _ = move(cloud, "rewound_asked")

    done = cloud.sluice("rewind", "rewound_asked", "--to", first.run_id)

    assert done.returncode == 1
    assert "add --yes" in done.stderr
    assert len(cloud.runs("rewound_asked")) == 1
    assert rows(cloud, "rewound_asked") == then

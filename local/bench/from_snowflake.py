"""The jobs whose rows come from Snowflake's stand-in, Sluice and dlt in turn."""

from collections.abc import Iterator
from pathlib import Path

from local.bench import data, programs
from local.bench.jobs import FULL, MERGE, PEER_TIMEOUT_S, ROUNDS_S, Bench, Job
from local.bench.measuring import Cost, FailedError, Result, run
from local.bench.source import CHANGED_PART, Movement, Source

_NAMES = ("Sluice, request to commit", "of which extract", "of which load")


def jobs(bench: Bench) -> Iterator[Job]:
    """Move a whole table, then merge what changes in it."""
    file = data.clean(bench.folder, bench.rows)
    source = Source(bench.cloud)
    source.fill(file)
    given = source.describe(bench.folder / "snowflake.json")
    movements = []
    bench.tell("Sluice, warming up")
    source.warm_up()
    source.move("orders_source_full")
    for number in range(bench.rounds):
        bench.tell(f"Sluice, full, round {number + 1}")
        movements.append(_moved(source, "orders_source_full", bench.rows))
    about = (
        "A table of Snowflake's stand-in into PostgreSQL, all of its rows. Both read Snowflake's "
        "own Arrow batches. Sluice pins a snapshot, stages Parquet in a bucket, and publishes with "
        "a fence and a receipt; dlt loads by CSV, its fastest way. The stand-in runs on the same "
        "processors."
    )
    peer = Result("dlt", *_peer(bench, "replace", given))
    yield Job(FULL, about, file, (*_ours(movements), peer))
    yield _merge(bench, source, given, file)


def _merge(bench: Bench, source: Source, given: Path, file: data.File) -> Job:
    source.move("orders_source_merge")
    costs, note = _peer(bench, "merge", given)
    movements: list[Movement] = []
    peers: list[Cost] = []
    for number in range(bench.rounds):
        bench.tell(f"merge, round {number + 1}")
        source.change()
        movements.append(_moved(source, "orders_source_merge", bench.rows // CHANGED_PART))
        if not note and sum(cost.wall_s for cost in peers) < ROUNDS_S:
            costs, note = _peer(bench, "merge", given)
            peers += costs
    about = (
        f"One row in {CHANGED_PART} of the table was changed: they are read by their time of "
        "change and merged by key."
    )
    peer = Result("dlt", tuple(peers), note)
    return Job(MERGE, about, file, (*_ours(movements), peer))


def _moved(source: Source, table: str, rows: int) -> Movement:
    movement = source.move(table)
    if movement.rows != rows:
        raise RuntimeError(f"{table}: {movement.rows} rows instead of {rows}")
    return movement


def _ours(movements: list[Movement]) -> Iterator[Result]:
    for name, share in zip(_NAMES, ("total", "extract", "load"), strict=True):
        yield Result(name, tuple(getattr(m, share) for m in movements))


def _peer(bench: Bench, mode: str, given: Path) -> tuple[tuple[Cost, ...], str]:
    """Run dlt once; return its cost, or none and why."""
    program = programs.FROM_SNOWFLAKE[mode]
    bench.tell(f"dlt, {mode}")
    try:
        where = programs.environment(program, bench.folder / "environments")
        command = program.command(where, given.resolve(), bench.cloud.uri)
        return (run(command, timeout_s=PEER_TIMEOUT_S),), ""
    except FailedError as exc:
        return (), str(exc)

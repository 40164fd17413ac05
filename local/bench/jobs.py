"""The jobs: what is timed, round by round, Sluice and its peers in turn."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.bench import data, programs
from local.bench.data import File
from local.bench.measuring import Cost, FailedError, Result, run
from local.bench.programs import Program
from local.bench.sluice import Cloud

INTAKE, LOAD = "CSV to Parquet", "CSV to PostgreSQL"
FULL, MERGE = "Snowflake to PostgreSQL full", "Snowflake to PostgreSQL merge"
"""Titles of the jobs."""

PEER_TIMEOUT_S = 420.0

ROUNDS_S = 45.0
"""A peer gets no further round once its rounds have taken so long together."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One table of the report."""

    title: str
    about: str
    file: File
    results: tuple[Result, ...]
    """Sluice's come first."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where things are, how large and how often."""

    folder: Path
    cloud: Cloud
    rows: int
    rounds: int
    tell: Tell
    is_large: bool = False
    """Peers that would take the rest of the time are left out."""

    def intake(self) -> Job:
        """CSV to typed Parquet."""
        file = data.clean(self.folder, self.rows)
        (ours,) = self._dropped("orders", file, ["ingest"])
        peers = self._peers(programs.INTAKE, file, lambda p: str(self.folder / p.name))
        about = (
            "CSV to typed Parquet. Sluice reads the file from the bucket, checks each cell, proves "
            "the counts, hashes the file and writes the parts to a bucket; the peers read and "
            "write local files."
        )
        return Job(INTAKE, about, file, (ours, *peers))

    def dirty(self) -> Iterator[Job]:
        """CSV that is not clean, Sluice alone: the ratio to the clean file is what counts."""
        kinds = (
            ("1 % bad rows", "orders_bad", data.with_bad_rows),
            ("UTF-16", "orders_utf16", data.in_utf16),
            ("delimiter |~|", "orders_long", data.with_long_delimiter),
        )
        for title, table, make in kinds:
            file = make(self.folder, self.rows)
            (ours,) = self._dropped(table, file, ["ingest"])
            yield Job(title, "", file, (ours,))

    def load(self) -> Job:
        """CSV to rows that readers see."""
        file = data.clean(self.folder, self.rows)
        ours = self._dropped("orders", file, ["total", "ingest", "load"])
        names = ("Sluice, drop to commit", "of which ingest", "of which load")
        shown = [Result(n, r.costs, r.note) for n, r in zip(names, ours, strict=True)]
        peers = self._peers(programs.LOAD, file, lambda _: self.cloud.uri)
        about = (
            "CSV to a PostgreSQL table. For Sluice from the last byte's arrival in the landing "
            "bucket to the commit: notification, staging, hashes, fence, receipt included. psql "
            "copies unverified, into a table that is there."
        )
        return Job(LOAD, about, file, (*shown, *peers))

    def _dropped(self, table: str, file: File, shares: Sequence[str]) -> list[Result]:
        self.cloud.empty(table)
        rounds = []
        for number in range(self.rounds):
            self.tell(f"Sluice, {table}, round {number + 1}")
            delivery = self.cloud.drop(table, file)
            if (delivery.rows, delivery.rejected) != (file.rows - file.bad_rows, file.bad_rows):
                raise RuntimeError(f"{table}: {delivery.rows} rows, {delivery.rejected} rejected")
            rounds.append(delivery)
        return [Result("Sluice", tuple(getattr(d, share) for d in rounds)) for share in shares]

    def _peers(
        self, peers: Sequence[Program], file: File, target: Callable[[Program], str]
    ) -> Iterator[Result]:
        self.cloud.empty("psql_orders")
        for program in peers:
            if self.is_large and program.is_slowest:
                yield Result(program.name, note="left out: it would take minutes")
                continue
            yield self._timed(program, file, target(program))

    def _timed(self, program: Program, file: File, target: str) -> Result:
        costs: list[Cost] = []
        rounds = 1 if program.is_slow else self.rounds
        while len(costs) < rounds and sum(cost.wall_s for cost in costs) < ROUNDS_S:
            self.tell(f"{program.name}, {file.path.name}, round {len(costs) + 1}")
            try:
                where = programs.environment(program, self.folder / "environments")
                command = program.command(where, file.path.resolve(), target)
                costs.append(run(command, timeout_s=PEER_TIMEOUT_S))
            except FailedError as exc:
                return Result(program.name, tuple(costs), str(exc))
        return Result(program.name, tuple(costs))

"""What all jobs say together: the aims and how far they are reached, and how the times grow."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from local.bench.jobs import FULL, LOAD, MERGE, Job
from local.bench.measuring import Result
from local.bench.tables import Table

MAX_PEAK_MIB = 300
DIRTY_PERCENT = 50


@dataclass(frozen=True, slots=True)
class _Aim:
    """Sluice's time, or its load's, against a peer's time at the same job."""

    title: str
    ours: str
    peer: str
    factor: float
    """Below 2: at most so many times the peer's time; else at least so many times faster."""

    @property
    def text(self) -> str:
        if self.is_faster:
            return f"at least {self.factor:g} times faster"
        return f"at most {self.factor:g} times its time"

    @property
    def is_faster(self) -> bool:
        return self.factor >= 2

    def said(self, ours: Result, peer: Result) -> tuple[str, bool]:
        """Return what was measured, and whether the aim is reached."""
        if self.is_faster:
            ratio = peer.wall_s / ours.wall_s
            return f"{ratio:.1f} times faster", ratio >= self.factor
        ratio = ours.wall_s / peer.wall_s
        return f"{ratio:.2f} times its time", ratio <= self.factor


_DROP, _REQUEST = "Sluice, drop to commit", "Sluice, request to commit"
_AIMS = (
    _Aim(LOAD, _DROP, r"psql \copy", 1.5),
    _Aim(LOAD, _DROP, "Sling", 5),
    _Aim(LOAD, _DROP, "dlt", 5),
    _Aim(LOAD, "of which load", r"psql \copy", 0.8),
    _Aim(FULL, _REQUEST, "dlt", 5),
    _Aim(MERGE, _REQUEST, "dlt", 5),
)


def aims(jobs: Sequence[Job], dirty: Sequence[Job]) -> Table:
    """Return the table of aims; lines of what was not measured are left out."""
    return Table(
        "What is aimed at",
        "Sluice's medians against those of the peer. The load alone, from staged Parquet to the "
        r"commit, is compared with `psql \copy` of the CSV file that the rows came from.",
        ("work", "rows", "aim", "measured", "reached"),
        (*_against_peers(jobs), *_against_clean(jobs[0], dirty), _memory([*jobs, *dirty])),
    )


def _against_peers(jobs: Sequence[Job]) -> Iterator[tuple[str, ...]]:
    for aim in _AIMS:
        for job in jobs:
            found = {result.name: result for result in job.results if result.costs}
            if job.title == aim.title and aim.ours in found and aim.peer in found:
                said, is_reached = aim.said(found[aim.ours], found[aim.peer])
                work = f"{job.title}, {_short(aim.ours)}, against {aim.peer}"
                yield work, f"{job.file.rows:,}", aim.text, said, _mark(is_reached=is_reached)


def _against_clean(clean: Job, dirty: Sequence[Job]) -> Iterator[tuple[str, ...]]:
    speed = clean.file.mb / clean.results[0].wall_s
    for job in dirty:
        percent = 100 * job.file.mb / job.results[0].wall_s / speed
        said, is_reached = f"{percent:.0f} %", percent >= DIRTY_PERCENT
        aim = f"at least {DIRTY_PERCENT} % of the clean file's speed"
        mark = _mark(is_reached=is_reached)
        yield f"CSV to Parquet, {job.title}", f"{job.file.rows:,}", aim, said, mark


def _memory(jobs: Sequence[Job]) -> tuple[str, ...]:
    ours = [r.peak_mib for job in jobs for r in job.results if r.name.startswith(("Sluice", "of "))]
    most = max(peak for peak in ours if peak is not None)
    rows = max(job.file.rows for job in jobs)
    said, mark = f"{most:,.0f} MiB", _mark(is_reached=most <= MAX_PEAK_MIB)
    return "memory of any function", f"up to {rows:,}", f"at most {MAX_PEAK_MIB} MiB", said, mark


def _short(name: str) -> str:
    return name.removeprefix("Sluice, ").removeprefix("of which ")


def _mark(*, is_reached: bool) -> str:
    return "yes" if is_reached else "no"


def growth(jobs: Sequence[Job]) -> Mapping[str, Table]:
    """Return, for each job that was done at two sizes, rows a second and memory at both."""
    by_title: dict[str, list[Job]] = {}
    for job in jobs:
        by_title.setdefault(job.title, []).append(job)
    return {title: _growth(*pair) for title, pair in by_title.items() if len(pair) == 2}


def _growth(small: Job, large: Job) -> Table:
    sizes = [f"{job.file.rows:,}" for job in (small, large)]
    at_large = {result.name: result for result in large.results if result.costs}
    return Table(
        f"{small.title}: from {sizes[0]} to {sizes[1]} rows",
        "Rows a second and memory, which should both stay.",
        (
            "",
            *(f"rows/s at {size}" for size in sizes),
            *(f"peak MiB at {size}" for size in sizes),
        ),
        tuple(
            (
                first.name,
                *(f"{speed(r, job):,.0f}" for r, job in ((first, small), (second, large))),
                *("" if r.peak_mib is None else f"{r.peak_mib:,.0f}" for r in (first, second)),
            )
            for first in small.results
            if first.costs and (second := at_large.get(first.name))
        ),
    )


def speed(result: Result, job: Job) -> float:
    """Return rows a second."""
    return job.file.rows / result.wall_s

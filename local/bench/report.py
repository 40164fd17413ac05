"""The report: tables and plots, with the machine and the versions that they are from."""

import platform
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import psutil

from local.bench import summary
from local.bench.charts import bars
from local.bench.jobs import Job
from local.bench.measuring import Result
from local.bench.tables import Table


class Page:
    """The page and its plots, which lie beside it in ``benchmarks/``.

    Each addition writes it anew, so that what was measured is kept whatever fails later.
    """

    def __init__(self, path: Path, versions: Mapping[str, str]) -> None:
        self._path = path
        self._plots_dir = path.parent / "benchmarks"
        self._versions = versions
        self._jobs: list[Job] = []
        self._dirty: list[Job] = []
        self._tables: list[Table] = []

    def add(self, *jobs: Job) -> None:
        """Add jobs that have a section and plots each."""
        self._jobs += jobs
        self._write()

    def add_dirty(self, *jobs: Job) -> None:
        """Add readings of files that are not clean, which share a section."""
        self._dirty += jobs
        self._write()

    def add_table(self, table: Table) -> None:
        """Add a section of its own."""
        self._tables.append(table)
        self._write()

    def _write(self) -> None:
        self._plots_dir.mkdir(exist_ok=True)
        parts = [_head(self._versions), summary.aims(self._jobs, self._dirty).markdown()]
        parts += [_section(job, _plots(job, self._plots_dir)) for job in self._jobs]
        if self._dirty:
            parts.append(_dirty(self._jobs[0], self._dirty))
        tables = (*summary.growth(self._jobs).values(), *self._tables)
        self._path.write_text("\n".join((*parts, *(table.markdown() for table in tables))))


def _plots(job: Job, folder: Path) -> list[tuple[str, str]]:
    """Draw a job's plots; return what each shows, and its file's name."""
    drawn = []
    for what, values in (("rows a second", _speeds(job)), ("peak MiB", _peaks(job))):
        kind = what.lower().replace(" ", "-")
        name = f"{job.title.lower().replace(' ', '-')}-{job.file.rows}-{kind}.svg"
        (folder / name).write_text(bars(what, values))
        drawn.append((what, name))
    return drawn


def _head(versions: Mapping[str, str]) -> str:
    memory = psutil.virtual_memory().total / 2**30
    shown = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        "# Benchmarks\n\n"
        "Written by `make bench`, which sets up everything it needs; `make bench QUICK=1` takes "
        "a smaller file and fewer rounds. All programs ran in turn on one machine against the "
        "same databases, each peer in the way its documentation shows. Times are medians, with the "
        "shortest and the longest round. Absolute figures belong to the machine; the ratios are "
        "what to compare.\n\n"
        f"{date.today():%Y-%m-%d}, {psutil.cpu_count()} CPUs, {memory:.0f} GiB, "  # noqa: DTZ011
        f"{platform.system()}, Python {platform.python_version()}. {shown}.\n"
    )


def _section(job: Job, plots: Sequence[tuple[str, str]]) -> str:
    title = f"## {job.title}, {job.file.rows:,} rows, {job.file.mb:,.0f} MB"
    ours = job.results[0].wall_s
    rows = [_row(result, job, ours) for result in job.results]
    table = "\n".join(
        (
            "| | seconds | shortest to longest | MB/s | CPU s | peak MiB | against Sluice |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            *rows,
        )
    )
    shown = "\n\n".join(
        f"{what[0].upper()}{what[1:]}:\n\n![{job.title}, {what}](benchmarks/{name})"
        for what, name in plots
    )
    return f"{title}\n\n{job.about}\n\n{table}\n\n{shown}\n"


def _row(result: Result, job: Job, ours: float) -> str:
    if not result.costs:
        return f"| {result.name} | did not do it: {result.note.splitlines()[-1]} | | | | | |"
    low, high = result.spread
    cells = (
        result.name,
        f"{result.wall_s:.2f}",
        f"{low:.2f} to {high:.2f}" if len(result.costs) > 1 else "one round",
        f"{job.file.mb / result.wall_s:,.0f}",
        _figure(result.cpu_s),
        _figure(result.peak_mib, 0),
        f"{result.wall_s / ours:.2f}",
    )
    return f"| {' | '.join(cells)} |"


def _figure(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _speeds(job: Job) -> list[tuple[str, float, str]]:
    done = [(r.name, summary.speed(r, job)) for r in job.results if r.costs and _is_whole(r)]
    return [(name, value, f"{value:,.0f}") for name, value in done]


def _peaks(job: Job) -> list[tuple[str, float, str]]:
    done = [(r.name, r.peak_mib) for r in job.results if r.peak_mib is not None and _is_whole(r)]
    return [(name, value, f"{value:,.0f} MiB") for name, value in done]


def _is_whole(result: Result) -> bool:
    return not result.name.startswith("of ")


def _dirty(clean: Job, dirty: Sequence[Job]) -> str:
    speed = clean.file.mb / clean.results[0].wall_s
    lines = [
        "## Files that are not clean\n",
        "The same rows, read by Sluice. The last column is the share of the clean file's MB/s.\n",
        "| file | MB | seconds | MB/s | peak MiB | of the clean speed |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for job in dirty:
        ours = job.results[0]
        reached = job.file.mb / ours.wall_s
        lines.append(
            f"| {job.title} | {job.file.mb:,.0f} | {ours.wall_s:.2f} | {reached:,.0f} "
            f"| {_figure(ours.peak_mib, 0)} | {100 * reached / speed:.0f} % |"
        )
    return "\n".join(lines) + "\n"

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


def write(
    page: Path,
    jobs: Sequence[Job],
    dirty: Sequence[Job],
    versions: Mapping[str, str],
    tables: Sequence[Table] = (),
) -> None:
    """Write the page and its plots, which lie beside it in ``benchmarks/``."""
    plots = page.parent / "benchmarks"
    plots.mkdir(exist_ok=True)
    parts = [_head(versions), summary.aims(jobs, dirty).markdown()]
    for job in jobs:
        parts.append(_section(job, _plots(job, plots)))
    if dirty:
        parts.append(_dirty(jobs[0], dirty))
    parts += [table.markdown() for table in (*summary.growth(jobs).values(), *tables)]
    page.write_text("\n".join(parts))


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

"""Numbers in Prometheus' text form, counted when they are asked for: an instance keeps no state.

Source: Prometheus, "Exposition formats", text format 0.0.4.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from shared.core.dead_letters import LetterState
from shared.core.runs import RunState
from shared.operations import sweeps
from shared.operations.history import History
from shared.operations.standing import Freshness, TableStanding, standing
from shared.wiring import Services

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SPAN = timedelta(days=1)
"""Runs of the last day are counted by state."""

Sample = tuple[Mapping[str, str], float]


def text(services: Services, history: History) -> str:
    """Return all numbers."""
    now = services.now()
    tables = history.each(
        lambda name: standing(services, history, name), sorted(services.config.names())
    )
    states = Counter(entry.state for entry in history.since(now - SPAN))
    letters = sum(1 for _ in services.dead_letters.letters(LetterState.OPEN))
    lines = [
        *_gauge(
            "sluice_runs_last_day",
            "Runs that began within a day, by state.",
            [({"state": str(state)}, states[state]) for state in RunState],
        ),
        *_gauge("sluice_dead_letters_open", "Dead letters that wait.", [({}, letters)]),
        *_of_tables(tables),
        *_of_sweep(services),
    ]
    return "\n".join(lines) + "\n"


def _of_tables(tables: list[TableStanding]) -> Iterator[str]:
    late = [
        ({"table": t.resolved.table.name}, float(t.freshness is Freshness.LATE)) for t in tables
    ]
    moved = [
        ({"table": t.resolved.table.name}, t.last_success.timestamp())
        for t in tables
        if t.last_success
    ]
    yield from _gauge("sluice_table_late", "1: the table should have moved by now.", late)
    yield from _gauge(
        "sluice_table_last_success_timestamp_seconds",
        "When the table was last brought up to date.",
        moved,
    )


def _of_sweep(services: Services) -> Iterator[str]:
    report = sweeps.last(services)
    if report is None:
        return
    yield from _gauge(
        "sluice_sweep_timestamp_seconds",
        "When the last sweep ended.",
        [({}, report.swept_at.timestamp())],
    )
    yield from _gauge("sluice_open_runs", "Runs that have not ended.", [({}, report.open_runs)])


def _gauge(name: str, meaning: str, samples: Sequence[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        # Names of tables and states hold nothing that a label would have to escape.
        inner = ",".join(f'{key}="{text}"' for key, text in labels.items())
        yield f"{name}{{{inner}}} {value:.15g}" if inner else f"{name} {value:.15g}"

"""A run's time as bars: from its first record to its end, waits included."""

from typing import Any

from rich.text import Text

from shared.cli import render
from shared.core import traces
from shared.core.runs import Run
from shared.core.traces import Span

BAR = 40
"""Columns of the whole run."""


def draw(run: Run) -> None:
    """Print a run's spans below each other, each where its time lies."""
    found = list(traces.spans(run))
    render.plain(f"trace {traces.trace_id(run.run_id)}", style="dim")
    if not found:
        render.plain("nothing was attempted yet", style="dim")
        return
    begun = min(span.started_at for span in found)
    whole_s = max((span.ended_at - begun).total_seconds() for span in found) or 1.0
    width = max(len(span.name) for span in found)
    for span in found:
        first = round((span.started_at - begun).total_seconds() / whole_s * BAR)
        length = max(1, round(_seconds(span) / whole_s * BAR))
        bar = " " * min(first, BAR - 1) + ("·" if span.is_wait else "█") * length
        text = Text.assemble(
            (f"{span.name:<{width}}  ", "dim" if span.is_wait else ""),
            (f"{bar[:BAR]:<{BAR}}", "dim" if span.is_wait else "cyan"),
            f"{_seconds(span):>9.3f} s  ",
            (span.outcome, "dim"),
        )
        text.rstrip()
        render.console.print(text, soft_wrap=True)


def as_data(run: Run) -> dict[str, Any]:
    """Return the same for programs."""
    spans = [
        {
            "name": span.name,
            "span_id": span.span_id,
            "started_at": span.started_at.isoformat(),
            "duration_s": round(_seconds(span), 6),
            "outcome": span.outcome,
            "is_wait": span.is_wait,
        }
        for span in traces.spans(run)
    ]
    return {"trace_id": traces.trace_id(run.run_id), "spans": spans}


def _seconds(span: Span) -> float:
    return (span.ended_at - span.started_at).total_seconds()

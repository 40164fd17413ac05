"""Sweep: what was lost or left behind, repaired and reported.

The story is in shared/steps/sweep.py.
"""

import functions_framework
from flask import Request


@functions_framework.http
def sweep(request: Request) -> tuple[str, int]:
    """Serve one push of Pub/Sub."""
    from shared import entrypoint
    from shared.core.dead_letters import decode_sweep
    from shared.steps.sweep import sweep as step

    return entrypoint.push(request, decode_sweep, step)

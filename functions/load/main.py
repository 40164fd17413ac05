"""Load: one staged run, published in its target once, or one model refreshed there.

The story is in shared/steps/load.py.
"""

import functions_framework
from flask import Request


@functions_framework.http
def load(request: Request) -> tuple[str, int]:
    """Serve one push of Pub/Sub."""
    from shared import entrypoint
    from shared.core.messages import decode_load
    from shared.steps.load import load as step

    return entrypoint.push(request, decode_load, step)

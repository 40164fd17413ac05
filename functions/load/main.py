"""Load: one staged run, published in its target once.

The story is in shared/steps/load.py.
"""

import functions_framework
from flask import Request


@functions_framework.http
def load(request: Request) -> tuple[str, int]:
    """Serve one push of Pub/Sub."""
    from shared import entrypoint
    from shared.core.messages import LoadRequest
    from shared.steps.load import load as step

    return entrypoint.push(request, LoadRequest.decode, step)

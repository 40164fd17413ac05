"""Load: one staged run, published in its target once. See docs/architecture.md."""

import functions_framework

from shared import entrypoint
from shared.core.messages import LoadRequest
from shared.steps.load import load as step


@functions_framework.http
def load(request):  # type: ignore[no-untyped-def]
    """Serve one push of Pub/Sub."""
    return entrypoint.push(request, LoadRequest.decode, step)

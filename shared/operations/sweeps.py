"""The sweep: what the last one wrote down, and a way to ask for one now."""

from shared.core import naming
from shared.core.messages import SweepRequest
from shared.core.sweeps import SweepReport
from shared.wire import from_json
from shared.wiring import Services


def last(services: Services) -> SweepReport | None:
    """Return what the last sweep found and did; None: none has ended yet.

    Raises:
        IntegrityError: its report cannot be read.
    """
    found = services.storage.read(services.settings.bucket("state"), naming.SWEEP_REPORT)
    return from_json(SweepReport, found[0], naming.SWEEP_REPORT) if found else None


def ask(services: Services) -> None:
    """Ask for a sweep."""
    services.bus.publish(services.settings.topic("sweep"), SweepRequest().encode())

"""Which cloud the command line talks to: the environment's, else the one on this machine."""

import json
import os
from pathlib import Path
from typing import Any

from shared import settings
from shared.errors import InvalidConfigError
from shared.wiring import Services, services

DEFAULT_STATE_DIR = Path(".sluice")
"""Where ``sluice local up`` keeps its state unless told otherwise."""

STATE_FILE = "cloud.json"
"""What a running local cloud writes down about itself, below its state directory."""

KEPT_FILE = "ports.json"
"""What is in the state directory of every local cloud, up or stopped."""


def connect() -> Services:
    """Return the services of the cloud that the environment names, or of the local one.

    Raises:
        InvalidConfigError: there is neither, or the environment names an API instead.
    """
    require_no_api()
    if not settings.is_configured():
        described = describe(settings.state_dir() or DEFAULT_STATE_DIR)
        settings.adopt(described["env"])
    return services()


def require_no_api() -> None:
    """Make sure that a command which the API does not have is not meant for one.

    Raises:
        InvalidConfigError: the environment names an API.
    """
    if settings.api_access():
        raise InvalidConfigError(
            "this command does not go through the API, and SLUICE_API_URL or --api names one. "
            "Leave both out, and name the cloud itself: SLUICE_PROJECT and SLUICE_PREFIX, or "
            "SLUICE_STATE for one on this machine"
        )


def describe(state_dir: Path) -> dict[str, Any]:
    """Return what the local cloud in a state directory wrote about itself.

    Raises:
        InvalidConfigError: there is none, or it is not up.
    """
    try:
        described: dict[str, Any] = json.loads((state_dir / STATE_FILE).read_text())
    except FileNotFoundError as exc:
        if (state_dir / KEPT_FILE).exists():
            raise InvalidConfigError(
                f"the local cloud in {state_dir} is stopped; `sluice local up --detach` starts it "
                "again, with its data"
            ) from exc
        raise InvalidConfigError(
            f"no cloud: SLUICE_PROJECT is not set, and {state_dir} holds no local cloud. Start "
            "one with `sluice local up --detach`, or name its folder with SLUICE_STATE"
        ) from exc
    if not _is_alive(described["pid"]):
        raise InvalidConfigError(
            f"the supervisor of the local cloud in {state_dir} was killed; `sluice local up "
            "--detach` ends what it left and starts the cloud again, with its data"
        )
    return described


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

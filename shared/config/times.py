"""Durations as table files write them, ``90s``, ``15m``, ``2h``, ``1d``, and time zones."""

import re
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

MAX_DURATION = timedelta(days=3660)
"""Ten years: whatever is longer is a slip of the keyboard."""

_DURATION = re.compile(r"([0-9]{1,9})\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: Any) -> Any:
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match:
        return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    # Stored configurations spell it as ISO 8601 does.
    if isinstance(value, timedelta) or (isinstance(value, str) and value.startswith("P")):
        return value
    raise ValueError(f"{value!r} is not a duration; write 90s, 15m, 2h or 1d")


def parse_duration(text: str) -> timedelta:
    """Read a duration as table files write it.

    Raises:
        ValueError: it is none.
    """
    duration: timedelta = _sensible(_duration(text))
    return duration


def _sensible(value: timedelta) -> timedelta:
    if not timedelta(0) <= value <= MAX_DURATION:
        raise ValueError(f"{value} is not between 0s and {MAX_DURATION.days}d")
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    AfterValidator(_sensible),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:
        raise ValueError(f"{name!r} is not a time zone; write one like Europe/Berlin") from exc
    return name


TimeZone = Annotated[str, AfterValidator(_zone)]

"""The clock of the local cloud: this machine's, plus an offset that only ever grows.

Cloud Scheduler moves it, Pub/Sub stamps messages with it, and both may be processes of their own:
the offset is a file in their state directory, looked at each time somebody asks.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

CLOCK_FILE = "clock.json"


class Clock:
    """One clock, shared by all who open it in the same state directory."""

    def __init__(self, state_dir: Path) -> None:
        """Open the clock; a directory without one has the machine's time."""
        self._path = state_dir / CLOCK_FILE
        self._seen: tuple[int, int] | None = None
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        self._refresh()
        return datetime.now(UTC) + self._offset

    def advance_to(self, moment: datetime) -> None:
        """Move on to a moment, from where the clock ticks on; it never goes back.

        Args:
            moment: aware; one that is past already changes nothing.
        """
        ahead = moment - self.now()
        if ahead <= timedelta():
            return
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps({"offset_s": (self._offset + ahead).total_seconds()}))
        partial.replace(self._path)

    def _refresh(self) -> None:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return
        # A replaced file has another inode, even when it is replaced twice in one tick of mtime.
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen != self._seen:
            self._offset = timedelta(seconds=json.loads(self._path.read_text())["offset_s"])
            self._seen = seen

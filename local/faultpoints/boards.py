"""Boards: one in memory for steps that are called, one in a folder for functions that are run."""

import json
import os
import signal
import threading
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from local.faultpoints.deliveries import Delivery
from local.faultpoints.points import Action, Moment, Point

PAUSE_LIMIT_S = 60.0
"""A zombie that nobody wakes goes on by itself after so long, so that no test hangs on it."""

POLL_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something to go wrong, once."""

    step: str
    point: str
    moment: Moment
    action: Action

    def __str__(self) -> str:
        """Name it in one line."""
        return f"{self.step}: {self.action} {self.moment} [{self.point}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A point that a delivery came to, and the I/O that it is part of."""

    point: Point
    inside: Point | None


class MemoryBoard:
    """Faults of deliveries within this process; it notes the points, and waits by events."""

    def __init__(self, *faults: Fault) -> None:
        self._due = list(faults)
        self.seen: list[Seen] = []
        self.news = threading.Event()
        """Set when a delivery pauses; whoever runs it sets it at its end, too."""
        self.is_paused = False
        self.resumed = threading.Event()

    @property
    def is_used_up(self) -> bool:
        """Every fault has happened."""
        return not self._due

    def at(self, delivery: Delivery, point: Point, moment: Moment) -> Action | None:
        """Note the point; return what is due there."""
        if moment is Moment.BEFORE:
            inside = delivery.inside[-1] if delivery.inside else None
            self.seen.append(Seen(point=point, inside=inside))
        for fault in self._due:
            if (fault.step, fault.point, fault.moment) == (point.step, str(point), moment):
                self._due.remove(fault)
                return fault.action
        return None

    def kill(self, delivery: Delivery) -> None:
        """Leave it to the delivery, which does nothing more from here on."""

    def pause(self) -> None:
        """Wait for ``resumed``."""
        self.is_paused = True
        self.news.set()
        self.resumed.wait(PAUSE_LIMIT_S)


class FolderBoard:
    """Faults of deliveries within other processes.

    The folder holds, for each table or dropped file's folder, ``<subject>.plan`` (a fault and an
    id) and ``<subject>.points`` (every point that was come to), and about each plan ``<id>.met``,
    ``<id>.paused`` and ``<id>.resume``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paused_id = ""

    @classmethod
    def from_environment(cls) -> Self | None:
        """Return the board of the folder that ``SLUICE_FAULTS`` names, if it names one."""
        folder = os.environ.get("SLUICE_FAULTS")
        return cls(Path(folder)) if folder else None

    def order(self, fault: Fault, subject: str) -> str:
        """Let a fault happen once to a delivery about a table or file; return the plan's id."""
        plan_id = uuid.uuid4().hex
        partial = self._path(plan_id, "partial")
        partial.write_text(json.dumps({**asdict(fault), "id": plan_id}))
        partial.rename(self._path(subject, "plan"))
        return plan_id

    def is_met(self, plan_id: str) -> bool:
        """The fault that was ordered has happened."""
        return self._path(plan_id, "met").exists()

    def is_paused(self, plan_id: str) -> bool:
        """A process stands still."""
        return self._path(plan_id, "paused").exists()

    def resume(self, plan_id: str) -> None:
        """Let the process go on."""
        self._path(plan_id, "resume").touch()

    def seen(self, subject: str) -> list[Seen]:
        """Return the points that deliveries about a table or file came to so far, in order."""
        path = self._path(subject, "points")
        lines = path.read_text().splitlines() if path.exists() else []
        return [_seen(json.loads(line)) for line in lines]

    def at(self, delivery: Delivery, point: Point, moment: Moment) -> Action | None:
        """Note the point; return what the plan says, once in all processes."""
        if moment is Moment.BEFORE:
            self._note(delivery, point)
        plan = self._plan(delivery.subject)
        if plan is None:
            return None
        if (plan["step"], plan["point"], plan["moment"]) != (point.step, str(point), moment):
            return None
        self._paused_id = plan["id"]
        try:
            os.close(os.open(self._path(plan["id"], "met"), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return None
        return Action(plan["action"])

    def kill(self, delivery: Delivery) -> None:  # noqa: ARG002 - the whole process goes
        """Kill this process; nothing follows."""
        os.kill(os.getpid(), signal.SIGKILL)

    def pause(self) -> None:
        """Wait for the file that says to go on."""
        self._path(self._paused_id, "paused").touch()
        deadline_s = time.monotonic() + PAUSE_LIMIT_S
        resume = self._path(self._paused_id, "resume")
        while not resume.exists() and time.monotonic() < deadline_s:
            time.sleep(POLL_S)

    def _note(self, delivery: Delivery, point: Point) -> None:
        inside = asdict(delivery.inside[-1]) if delivery.inside else None
        line = json.dumps({"point": asdict(point), "inside": inside})
        with self._path(delivery.subject, "points").open("a") as file:
            file.write(f"{line}\n")

    def _plan(self, subject: str) -> dict[str, str] | None:
        try:
            plan: dict[str, str] = json.loads(self._path(subject, "plan").read_text())
        except FileNotFoundError:
            return None
        return plan

    def _path(self, name: str, ending: str) -> Path:
        return self._folder / f"{name or 'none'}.{ending}"


def _seen(line: dict[str, Any]) -> Seen:
    inside = line["inside"]
    return Seen(point=Point(**line["point"]), inside=Point(**inside) if inside else None)

"""A job of Cloud Scheduler: its form, its slots, and how it is written down."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

_NAME = re.compile(r"[\w-]{1,500}", re.ASCII)
_TOPIC = re.compile(r"projects/[^/]+/topics/[^/]+")


class JobError(ValueError):
    """A job that Cloud Scheduler would refuse; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job and how far it got."""

    name: str
    schedule: str
    """Five cron fields."""
    topic: str
    """``projects/…/topics/…``."""
    time_zone: str = "UTC"
    data: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    done_until: datetime
    """No slot up to here will be fired any more. Aware, in UTC."""
    last_fired: datetime | None = None
    """The latest slot that was published. Aware, in UTC."""
    last_error: str = ""
    """Why the latest slot was not published; empty when it was."""

    @classmethod
    def parse(cls, name: str, document: dict[str, Any], now: datetime) -> Self:
        """Read a job whose slots begin after a moment.

        Raises:
            JobError: it is none.
        """
        known = {"schedule", "time_zone", "topic", "data", "attributes"}
        if unknown := set(document) - known:
            raise JobError(f"a job has no {sorted(unknown)}; it has {sorted(known)}")
        try:
            job = cls(**{"name": name, **document, "done_until": now})
            job.check()
            next(job.slots(), None)
        except (TypeError, CronSimError, ZoneInfoNotFoundError) as exc:
            raise JobError(f"job {name}: {type(exc).__name__}: {exc}") from exc
        return job

    def check(self) -> None:
        """Refuse what has the wrong form.

        Raises:
            JobError: it has.
        """
        if not _NAME.fullmatch(self.name):
            raise JobError(f"job name {self.name!r}: letters, digits, - and _, at most 500")
        if len(self.schedule.split()) != 5:
            raise JobError(f"job {self.name}: {self.schedule!r} is not five cron fields")
        if not _TOPIC.fullmatch(self.topic):
            raise JobError(f"job {self.name}: {self.topic!r} is not projects/…/topics/…")
        if not self.data and not self.attributes:
            raise JobError(f"job {self.name}: a message needs data or attributes")

    def slots(self) -> Iterator[datetime]:
        """Yield the slots that are not done, in UTC, in order."""
        for moment in CronSim(self.schedule, self.done_until.astimezone(ZoneInfo(self.time_zone))):
            slot = moment.astimezone(UTC)
            # From within the repeated hour, cronsim first goes back to its first pass.
            if slot > self.done_until:
                yield slot

    def next_slot(self) -> datetime | None:
        """Return the first slot that is not done; None when the schedule has no more."""
        return next(self.slots(), None)

    def latest_due(self, now: datetime) -> datetime | None:
        """Return the latest slot that is due and not done; None when there is none."""
        latest = None
        for slot in self.slots():
            if slot > now:
                break
            latest = slot
        return latest


def read(path: Path) -> dict[str, Job]:
    """Return the jobs of a file by their names; none when there is no file."""
    if not path.exists():
        return {}
    jobs = {}
    for document in json.loads(path.read_text()):
        for key in ("done_until", "last_fired"):
            document[key] = document[key] and datetime.fromisoformat(document[key])
        jobs[document["name"]] = Job(**document)
    return jobs


def save(jobs: Iterable[Job], path: Path) -> None:
    """Write jobs to a file, whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps([asdict(job) for job in jobs], default=iso, indent=1))
    partial.replace(path)


def document(job: Job) -> dict[str, Any]:
    """Render a job with its next slot."""
    upcoming = job.next_slot()
    return {
        **{name: getattr(job, name) for name in ("name", "schedule", "time_zone", "topic")},
        "data": job.data,
        "attributes": job.attributes,
        "next_slot": upcoming and iso(upcoming),
        "last_fired": job.last_fired and iso(job.last_fired),
        "last_error": job.last_error,
    }


def iso(moment: datetime) -> str:
    """Write a moment as Google does, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")

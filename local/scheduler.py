"""Cloud Scheduler on a laptop: cron jobs that publish to Pub/Sub, on a clock that can be moved.

A thread fires what falls due; ``advance`` moves the clock to each due moment in turn, so that a
night passes in a second and every message carries the publish time of its slot. A job never fires
two slots at once, and a slot is written down after it is published: at-least-once, and a restart
fires nothing again. Slots missed while nothing ran count as one: the latest is fired.

Days when clocks change follow ``cronsim`` (Debian's cron): a job at a fixed hour that is skipped
runs right after the gap, and one in the repeated hour runs once; a job whose minute or hour is
``*`` or ``*/n`` runs by elapsed time. Google does not say what its service does there.

What it does not do: HTTP and App Engine targets, retries (the service's default, too, is to wait
for the next slot when a publish fails), pausing, regions, the gRPC API.

    GET    /jobs    GET /jobs/NAME    DELETE /jobs/NAME
    PUT    /jobs/NAME   {"schedule", "time_zone", "topic", "data", "attributes"}
    POST   /tick        {"until": "2026-01-01T00:00:00Z"}, or {} for the next due moment
"""

import json
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from local.clock import Clock
from local.http_json import Call, HttpError, Route

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import PublisherClient

PUBLISH_TIMEOUT_S = 10.0
"""How long one slot is tried; then the job waits for its next one."""

POLL_S = 0.2
"""How often the thread looks whether something is due."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """One slot of one job, published."""

    name: str
    scheduled_for: datetime
    message_id: str


class Scheduler:
    """All jobs, their clock, and the thread that fires them."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        """Take up the jobs of a state directory; nothing fires before ``start``.

        Args:
            state_dir: where ``jobs.json`` is kept.
            clock: decides what is due; ``advance`` moves it.
        """
        state_dir.mkdir(parents=True, exist_ok=True)
        self._path = state_dir / "jobs.json"
        self._clock = clock
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._publisher: PublisherClient | None = None
        self._jobs = _read(self._path)

    def start(self) -> None:
        """Fire what falls due from now on, in a thread of its own."""
        threading.Thread(target=self._run, name="scheduler", daemon=True).start()

    def close(self) -> None:
        """Stop firing; a publish under way is finished first."""
        self._stopping.set()
        with self._lock:
            pass

    def jobs(self) -> list[Job]:
        """Return all jobs, by name."""
        with self._lock:
            return [self._jobs[name] for name in sorted(self._jobs)]

    def put(self, name: str, document: dict[str, Any]) -> Job:
        """Create a job or replace it; the same schedule again goes on where it was.

        Args:
            name: of the job.
            document: ``schedule`` and ``topic``, and what else ``Job`` has defaults for.

        Raises:
            JobError: it is not a job.
        """
        job = Job.parse(name, document, self._clock.now())
        with self._lock:
            old = self._jobs.get(name)
            if old and (old.schedule, old.time_zone) == (job.schedule, job.time_zone):
                job = replace(job, done_until=old.done_until, last_fired=old.last_fired)
            self._keep(job)
        return job

    def delete(self, name: str) -> None:
        """Delete a job.

        Raises:
            KeyError: there is none.
        """
        with self._lock:
            del self._jobs[name]
            self._save()

    def advance(self, until: datetime | None = None) -> list[Fired]:
        """Move the clock on, and fire each slot on the way at its moment, in order.

        Args:
            until: aware; None stops at the next due moment of any job, if there is one.

        Returns:
            what was published, in the order of slots, jobs of one slot by name.
        """
        with self._lock:
            fired = self._fire_due()
            if fired and until is None:
                return fired
            while (moment := self._next_moment()) is not None:
                if until is not None and moment > until:
                    break
                self._clock.advance_to(moment)
                due = [job for job in self.jobs() if job.next_slot() == moment]
                fired += [each for job in due if (each := self._fire(job, moment))]
                if until is None:
                    break
            if until is not None:
                self._clock.advance_to(until)
            return fired

    def routes(self) -> list[Route]:
        """Return what an HTTP server needs."""
        return [
            Route("GET", "/jobs", lambda _: [_document(job) for job in self.jobs()]),
            Route("GET", "/jobs/([^/]+)", lambda _, name: _document(self._find(name))),
            Route("PUT", "/jobs/([^/]+)", self._put),
            Route("DELETE", "/jobs/([^/]+)", self._delete),
            Route("POST", "/tick", self._tick),
        ]

    def _run(self) -> None:
        while not self._stopping.wait(POLL_S):
            with self._lock:
                if not self._stopping.is_set():
                    self._fire_due()

    def _fire_due(self) -> list[Fired]:
        now = self._clock.now()
        due = [(slot, job) for job in self.jobs() if (slot := job.latest_due(now))]
        due.sort(key=lambda each: each[0])
        return [each for slot, job in due if (each := self._fire(job, slot))]

    def _next_moment(self) -> datetime | None:
        return min((slot for job in self.jobs() if (slot := job.next_slot())), default=None)

    def _fire(self, job: Job, slot: datetime) -> Fired | None:
        """Publish, then write it down; a failure is written down, too."""
        from google.api_core.exceptions import GoogleAPICallError, RetryError

        try:
            message_id = self._publish(job)
        except (GoogleAPICallError, RetryError) as exc:
            sys.stderr.write(f"scheduler: {job.name} at {_iso(slot)} was not published: {exc}\n")
            self._keep(replace(job, done_until=slot, last_error=str(exc)))
            return None
        self._keep(replace(job, done_until=slot, last_fired=slot, last_error=""))
        return Fired(name=job.name, scheduled_for=slot, message_id=message_id)

    def _publish(self, job: Job) -> str:
        from google.api_core.retry import Retry
        from google.cloud.pubsub_v1 import PublisherClient
        from google.pubsub_v1 import PublisherClient as BatchlessClient
        from google.pubsub_v1.types import PubsubMessage

        self._publisher = self._publisher or PublisherClient()
        # The batching client knows the emulator, but takes attributes as keyword arguments, where
        # one called "topic" or "data" could not be given.
        reply = BatchlessClient.publish(
            self._publisher,
            topic=job.topic,
            messages=[PubsubMessage(data=job.data.encode(), attributes=job.attributes)],
            retry=Retry(initial=0.1, maximum=1.0, timeout=PUBLISH_TIMEOUT_S),
            timeout=PUBLISH_TIMEOUT_S,
        )
        return str(reply.message_ids[0])

    def _keep(self, job: Job) -> None:
        self._jobs[job.name] = job
        self._save()

    def _save(self) -> None:
        partial = self._path.with_suffix(".partial")
        documents = [asdict(job) for job in self._jobs.values()]
        partial.write_text(json.dumps(documents, default=_iso, indent=1))
        partial.replace(self._path)

    def _find(self, name: str) -> Job:
        with self._lock:
            if name not in self._jobs:
                raise HttpError(404, f"there is no job {name}; GET /jobs lists them", "NOT_FOUND")
            return self._jobs[name]

    def _put(self, call: Call, name: str) -> dict[str, Any]:
        try:
            return _document(self.put(name, call.fields()))
        except JobError as exc:
            raise HttpError(400, str(exc), "INVALID_ARGUMENT") from exc

    def _delete(self, _: Call, name: str) -> None:
        self._find(name)
        self.delete(name)

    def _tick(self, call: Call) -> list[dict[str, Any]]:
        text = call.fields().get("until")
        until = None
        if text is not None:
            try:
                until = datetime.fromisoformat(text)
            except (TypeError, ValueError) as exc:
                raise HttpError(400, f"until is not a time: {text!r}: {exc}") from exc
            if until.tzinfo is None:
                raise HttpError(400, f"until has no time zone: {text!r}; end it with Z")
        return [
            {**asdict(each), "scheduled_for": _iso(each.scheduled_for)}
            for each in self.advance(until)
        ]


def _read(path: Path) -> dict[str, Job]:
    if not path.exists():
        return {}
    jobs = {}
    for document in json.loads(path.read_text()):
        for key in ("done_until", "last_fired"):
            document[key] = document[key] and datetime.fromisoformat(document[key])
        jobs[document["name"]] = Job(**document)
    return jobs


def _document(job: Job) -> dict[str, Any]:
    upcoming = job.next_slot()
    return {
        **{name: getattr(job, name) for name in ("name", "schedule", "time_zone", "topic")},
        "data": job.data,
        "attributes": job.attributes,
        "next_slot": upcoming and _iso(upcoming),
        "last_fired": job.last_fired and _iso(job.last_fired),
        "last_error": job.last_error,
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")

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

import sys
import threading
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.clock import Clock
from local.http_json import Call, HttpError, Route
from local.scheduled_jobs import Job, JobError, document, iso, read, save

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import PublisherClient

PUBLISH_TIMEOUT_S = 10.0
"""How long one slot is tried; then the job waits for its next one."""

POLL_S = 0.2
"""How often the thread looks whether something is due."""


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
        self._jobs = read(self._path)

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
            save(self._jobs.values(), self._path)

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
            Route("GET", "/jobs", lambda _: [document(job) for job in self.jobs()]),
            Route("GET", "/jobs/([^/]+)", lambda _, name: document(self._find(name))),
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
            sys.stderr.write(f"scheduler: {job.name} at {iso(slot)} was not published: {exc}\n")
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
        save(self._jobs.values(), self._path)

    def _find(self, name: str) -> Job:
        with self._lock:
            if name not in self._jobs:
                raise HttpError(404, f"there is no job {name}; GET /jobs lists them", "NOT_FOUND")
            return self._jobs[name]

    def _put(self, call: Call, name: str) -> dict[str, Any]:
        try:
            return document(self.put(name, call.fields()))
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
            {**asdict(each), "scheduled_for": iso(each.scheduled_for)}
            for each in self.advance(until)
        ]

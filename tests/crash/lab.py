"""Servers, fault points and lanes, ready for cases; sizes and waits are small here."""

import ssl
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cache, cached_property
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any

from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY, DEFAULT_RETRY
from google.cloud.storage import retry
from google.resumable_media import _helpers as uploads

from local.faultpoints import seams
from local.faultpoints.boards import Seen
from shared import entrypoint
from shared.sources.snowflake import connection as snowflake_connection
from shared.steps.repairs.sweeping import Sweep
from shared.storage import client as storage_client
from shared.targets.postgres import connection
from shared.targets.sqlserver import bookkeeping as sqlserver_bookkeeping
from shared.targets.sqlserver import connection as sqlserver_connection
from tests.crash.functions import Unquestioned, board_in_use, services_in_use
from tests.crash.judging import Trouble
from tests.crash.lanes import Lane, find
from tests.crash.matrix import Case, Verdict, cases, play, record
from tests.crash.servers import Outbox, Servers
from tests.crash.tracks import Track

UPLOAD_CHUNK_BYTES = 256 * 1024
"""The smallest that Cloud Storage takes, so that a part needs several requests."""

LOCK_TIMEOUT_S = 0.2
CASES_PER_TABLE = 60
"""Then a new table: what has piled up in one slows every look at it."""


class Lab:
    """One world in which case after case is played."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers

    def record(self, lane: Lane) -> list[Seen]:
        """Return the points of a lane's run."""
        track = self._track(lane)
        seen = record(track)
        track.drop()
        return seen

    def play(self, chosen: Iterable[Case]) -> Iterator[Verdict]:
        """Play cases one after the other, on one table as long as all is well."""
        track: Track | None = None
        for played, case in enumerate(chosen):
            lane, is_worn = find(case.lane), played % CASES_PER_TABLE == 0
            if track is None or lane.is_new_each_time or track.lane is not lane or is_worn:
                if track:
                    track.drop()
                track = self._track(lane)
            verdict = _play(track, case)
            if not verdict.is_met:
                # What is made once in a database, like the dataset of versions, is made no more.
                track.drop()
                track = self._track(lane, is_alone=True)
                verdict = _play(track, case)
            if verdict.troubles:
                track = None
            yield verdict

    def play_sample(self, lane: Lane, number: int) -> list[Verdict]:
        """Play so many of a lane's cases, the same ones every time."""
        chosen = sample(cases(lane, self.record(lane)), number)
        verdicts = list(self.play(chosen))
        assert len(verdicts) == number
        return verdicts

    def _track(self, lane: Lane, *, is_alone: bool = False) -> Track:
        """Return a new table, loaded once unless the first load is what the lane is about."""
        track = Track(lane, self.servers, is_alone=is_alone)
        if not lane.is_new_each_time:
            record(track)
        return track


@contextmanager
def opened(folder: Path) -> Iterator[Lab]:
    """Start a world in a folder, and take it down."""
    servers = Servers(folder)
    with ExitStack() as stack:
        stack.callback(servers.stop)
        servers.start()
        stack.callback(seams.install({Outbox: "bus"}))
        stack.callback(seams.watch_deliveries(board_in_use.get))
        short = retry.DEFAULT_RETRY.with_delay(initial=0.01, maximum=0.05)
        for patient in (DEFAULT_RETRY, DEFAULT_JOB_RETRY):
            # These are the default values of arguments, so they cannot be replaced.
            stack.enter_context(_replaced(patient, "_initial", 0.01))
            stack.enter_context(_replaced(patient, "_maximum", 0.05))
        limits = {**connection.SESSION_LIMITS_S, "lock_timeout": LOCK_TIMEOUT_S}
        options = (*sqlserver_connection.OPTIONS, f"SET LOCK_TIMEOUT {int(LOCK_TIMEOUT_S * 1000)}")
        for owner, name, value in (
            (entrypoint, "services", services_in_use.get),
            (entrypoint, "pushes", Unquestioned),
            (storage_client, "CHUNK_BYTES", UPLOAD_CHUNK_BYTES),
            (connection, "SESSION_LIMITS_S", limits),
            (sqlserver_connection, "OPTIONS", options),
            (sqlserver_bookkeeping, "LOCK_TIMEOUT_MS", int(LOCK_TIMEOUT_S * 1000)),
            (retry, "DEFAULT_RETRY", short),
            (uploads, "calculate_retry_wait", lambda *_: (0.01, 0.01)),
            # These take longer than all else of a connection over loopback: certificates, a key.
            (ssl, "create_default_context", cache(ssl.create_default_context)),
            (snowflake_connection, "_der", cache(snowflake_connection._der)),
        ):
            stack.enter_context(_replaced(owner, name, value))
        for name, member in vars(Sweep).items():
            if isinstance(member, cached_property) and hasattr(member, "lock"):
                # Before Python 3.12 one lock for all instances; functions share no process.
                stack.enter_context(_replaced(getattr(Sweep, name), "lock", nullcontext()))
        yield Lab(servers)


def sample(every: Iterable[Case], number: int) -> list[Case]:
    """Return so many cases, spread over steps, moments and actions, the same ones every time."""
    kinds: dict[tuple[str, ...], list[Case]] = {}
    for case in sorted(every, key=lambda c: sha256(str(c).encode()).digest()):
        (fault,) = case.faults
        kinds.setdefault((fault.step, fault.moment, fault.action), []).append(case)
    in_turn = (case for turn in zip_longest(*kinds.values()) for case in turn if case)
    return [case for case, _ in zip(in_turn, range(number), strict=False)]


def _play(track: Track, case: Case) -> Verdict:
    try:
        return play(track, case)
    except Exception as exc:  # noqa: BLE001 - one case must not end all others
        return Verdict(case=case, troubles={Trouble.STUCK: f"{type(exc).__name__}: {exc}"})


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)

"""The same cases where everything is real: functions in their own processes, Pub/Sub in between.

A kill is SIGKILL of the process that serves the delivery. Pub/Sub sees the connection break, backs
off and delivers again; the framework starts another process.
"""

import json
import os
import random
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

from local.clients import connect_postgres
from local.faultpoints.boards import Fault, FolderBoard
from local.faultpoints.points import Action
from local.topology import LEASE_S
from shared.core import runs
from shared.core.messages import ExtractRequest, IngestRequest, LoadRequest
from shared.core.runs import Run, Trigger
from tests.crash.ends import PostgresEnd
from tests.crash.judging import Trouble, judge, known_runs
from tests.crash.lanes import Lane, Rows, find
from tests.crash.matrix import Case, Verdict, cases
from tests.crash.messages import Message
from tests.crash.reader import ABSENT, Reader, look
from tests.flow.cloud import DATABASE, Cloud
from tests.flow.conftest import write_config

FAULTY = Path(__file__).parents[2] / "local" / "faulty"
RUN_TIMEOUT_S = 90.0
MET_TIMEOUT_S = 10.0
POLL_S = 0.2
ROUNDS = 3

STEPS = {"incremental, deletes": ("extract", "load"), "file, append": ("ingest",)}
"""The lanes, and their steps, whose every point a process is killed at."""

TRIES = 4
"""What a run does depends on the one before: one that left rows for later has no mark of its
configuration, for example. So a point that a run does not come to is tried with the next ones."""

TABLES = 8
"""Tables that are under way at once: most of the time of a case is back-off."""


class City:
    """A local cloud whose functions have fault points, and what tells them where to break."""

    def __init__(self, cloud: Cloud, board: FolderBoard) -> None:
        self.cloud = cloud
        self.board = board
        self._source = threading.Lock()

    def source(self, statement: str) -> list[Any]:
        """Run SQL at the source, from any thread."""
        with self._source:
            return self.cloud.source(statement)

    def connect(self) -> Any:
        """Open a connection to the target, each statement a transaction."""
        connection = connect_postgres(self.cloud.background.described["postgres_uri"])
        connection.autocommit = True
        return connection

    def await_quiet(self) -> None:
        """Wait until Pub/Sub has nothing left to deliver, and no answer to wait for."""
        _await(lambda: self._backlog() == 0, "messages are left", RUN_TIMEOUT_S)

    def _backlog(self) -> int:
        url = f"{self.cloud.background.described['control']}/_stats"
        with urllib.request.urlopen(url) as reply:
            return sum(each["backlog"] for each in json.load(reply).values())


@contextmanager
def opened(folder: Path) -> Iterator[City]:
    """Start a cloud whose functions have fault points; this process's environment stays."""
    plans = folder / "plans"
    plans.mkdir()
    before = dict(os.environ)
    paths = [str(FAULTY), *filter(None, [before.get("PYTHONPATH")])]
    os.environ.update(SLUICE_FAULTS=str(plans), PYTHONPATH=os.pathsep.join(paths))
    try:
        cloud = Cloud.start(folder / "state", write_config(folder))
        # Now, while the environment says where this cloud is.
        cloud.services.storage._connect()
        cloud.services.bus._connect()
    finally:
        os.environ.clear()
        os.environ.update(before)
    try:
        yield City(cloud, FolderBoard(plans))
    finally:
        cloud.stop()


def kill_everywhere(folder: Path, every: int = 1) -> Iterator[Verdict]:
    """Kill a process at each point of some lanes, several tables at a time.

    Args:
        folder: an empty one.
        every: play each Nth case only.
    """
    with opened(folder) as city, ThreadPoolExecutor(TABLES) as pool:
        tracks = [ProcessTrack(find(name), city) for name in STEPS]
        wanted = [case for track in tracks for case in track.kills()[::every]]
        idle: Queue[Tables] = Queue()
        for _ in range(TABLES):
            idle.put({})
        futures = [pool.submit(_play, city, idle, case) for case in wanted]
        yield from (future.result() for future in as_completed(futures))
        city.await_quiet()


def _play(city: City, idle: "Queue[Tables]", case: Case) -> Verdict:
    """Play a case on tables that nobody uses just now; those of a case that ends badly are left."""
    tables = idle.get()
    try:
        if case.lane not in tables:
            tables[case.lane] = ProcessTrack(find(case.lane), city)
        for _ in range(TRIES):
            verdict = tables[case.lane].play(case)
            if verdict.is_met or set(verdict.troubles) != {Trouble.STUCK}:
                break
    except AssertionError as exc:
        verdict = Verdict(case=case, troubles={Trouble.STUCK: str(exc)})
    if verdict.troubles:
        tables.pop(case.lane, None)
    idle.put(tables)
    return verdict


def _is_kill(case: Case) -> bool:
    (fault,) = case.faults
    return fault.action is Action.KILL and fault.step in STEPS[case.lane]


class ProcessTrack:
    """A lane's table in a city, loaded once."""

    def __init__(self, lane: Lane, city: City) -> None:
        self.lane = lane
        self.city = city
        self.table = f"p{uuid.uuid4().hex[:10]}"
        self.services = city.cloud.services
        self._connection = city.connect()
        self._changes = 0
        self._source_rows: Rows = []
        self._prepare()
        self.first = self._await(self.change()[0])

    @property
    def is_file(self) -> bool:
        """Its rows come in files."""
        return "csv" in self.lane.config

    def play(self, case: Case) -> Verdict:
        """Change the source, let the process die or stand still, let Pub/Sub repeat; judge."""
        (fault,) = case.faults
        records_before = known_runs(self)
        before = look(self._connection, self.table)
        reader = Reader(self.city.connect(), self.table)
        plan = self.city.board.order(fault, self.table)
        run_id, message = self.change()
        if fault.action is Action.PAUSE:
            self._overtake(fault, plan, run_id, message)
        self._await(run_id)
        is_met = _becomes(lambda: self.city.board.is_met(plan), MET_TIMEOUT_S)
        troubles = judge(self, records_before)
        self._repeat(case, run_id, message)
        troubles = {**judge(self, records_before), **troubles}
        seen = reader.stop() - {before, look(self._connection, self.table)}
        if seen:
            troubles[Trouble.PARTIAL] = f"a reader saw {seen}"
        if not is_met:
            troubles.setdefault(Trouble.STUCK, f"not come to: {case}")
        return Verdict(case=case, troubles=troubles, is_met=is_met)

    def kills(self) -> list[Case]:
        """Move a change without a fault; return the cases of SIGKILL at each point of it."""
        before = len(self.city.board.seen(self.table))
        self._await(self.change()[0])
        self.city.await_quiet()
        seen = self.city.board.seen(self.table)[before:]
        return [case for case in cases(self.lane, seen) if _is_kill(case)]

    def change(self) -> tuple[str, Message]:
        """Change the source and ask for a run; return its id, and the message that asked."""
        self._changes += 1
        if self.is_file:
            return self._drop_file()
        for statement in self.lane.changes if self._changes > 1 else ():
            self.city.source(statement.format(t=self._place, n=self._changes))
        self._source_rows = [tuple(r) for r in self.city.source(f"SELECT * FROM {self._place}")]
        request = ExtractRequest(
            table=self.table, published_at=self.services.now(), request_id=uuid.uuid4().hex
        )
        self.services.bus.publish(self.services.settings.topic("extract"), request.encode())
        key = request.request_id or ""
        run_id = runs.run_id(self.table, Trigger.REQUEST, key, request.published_at)
        return run_id, Message(topic="extract", data=request.encode())

    def source_rows(self) -> Rows:
        """Return what the target ought to hold since the last change."""
        return self._source_rows

    def has_table(self) -> bool:
        """Say whether the target has the table."""
        return look(self._connection, self.table) != ABSENT

    def target_rows(self) -> Rows:
        """Return what the target holds."""
        return self.query(f"SELECT * FROM {self.table}")

    def query(self, statement: str) -> Rows:
        """Run SQL at the target."""
        cursor = self._connection.cursor()
        cursor.execute(statement)
        return [tuple(row) for row in cursor.fetchall()]

    def has_strays(self) -> bool:
        """Say whether a staging table is where people look."""
        return PostgresEnd.count_strays(self._connection) > 0

    def state_row(self) -> Rows:
        """Return run, watermark and epoch of the table's state."""
        return self.query(PostgresEnd.state(self.table))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def _place(self) -> str:
        return f"{DATABASE}.PUBLIC.{self.table.upper()}"

    def _prepare(self) -> None:
        if not self.is_file:
            self.city.source(f"CREATE TABLE {self._place} ({self.lane.columns})")
            values = ", ".join(f"({i}, 'row {i}', SYSDATE())" for i in range(self.lane.rows))
            self.city.source(f"INSERT INTO {self._place} VALUES {values}")
        self.city.cloud.configure(self.table, **self.lane.config)

    def _drop_file(self) -> tuple[str, Message]:
        n = self._changes
        rows = [(10 * n + i, f"row {i} of file {n}") for i in range(3)]
        self._source_rows = [*self._source_rows, *rows]
        text = "\n".join(["id,name", *(f"{id_},{name}" for id_, name in rows)])
        name = f"{self.table}/file-{n}.csv"
        generation = self.city.cloud.upload(name, text.encode())
        bucket = self.services.settings.bucket("landing")
        request = IngestRequest(bucket=bucket, name=name, generation=generation)
        run_id = runs.run_id(self.table, Trigger.FILE, request.key, request.announced_at)
        return run_id, Message(topic="ingest", attributes=request.attributes())

    def _overtake(self, fault: Fault, plan: str, run_id: str, message: Message) -> None:
        """Deliver the message again once a process stands still; then let that go on."""
        _await(lambda: self.city.board.is_paused(plan), f"{fault} did not happen", RUN_TIMEOUT_S)
        time.sleep(LEASE_S)  # the lease of the one that stands still has to run out
        again = message
        if fault.step == "load":
            again = self._load(run_id)
        self._push(again)
        self._await(run_id)
        self.city.board.resume(plan)
        self.city.await_quiet()

    def _repeat(self, case: Case, run_id: str, message: Message) -> None:
        messages = [message, self._load(run_id)] * ROUNDS
        random.Random(str(case)).shuffle(messages)
        for each in messages:
            self._push(each)

    def _load(self, run_id: str) -> Message:
        return Message(topic="load", data=LoadRequest(table=self.table, run_id=run_id).encode())

    def _push(self, message: Message) -> None:
        """Push a message until it is acknowledged."""
        attributes = message.attributes

        def is_acknowledged() -> bool:
            status = self.city.cloud.push(message.topic, message.data, attributes=attributes)
            return status == 204

        _await(is_acknowledged, f"{message} is not acknowledged", RUN_TIMEOUT_S)

    def _await(self, run_id: str) -> Run:
        """Wait until a run has ended."""
        found: list[Run] = []

        def is_over() -> bool:
            run = self.services.ledger.find(self.table, run_id)
            found[:] = [run] if run else []
            return run is not None and run.is_terminal

        _await(is_over, f"run {run_id} of {self.table} does not end", RUN_TIMEOUT_S)
        return found[0]


def _await(condition: Callable[[], bool], failure: str, timeout_s: float) -> None:
    assert _becomes(condition, timeout_s), failure


def _becomes(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Say whether a condition comes true in time."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(POLL_S)
    return True


Tables = dict[str, ProcessTrack]
"""A table of each lane, as far as it was needed."""

"""A lane's table in a world: its source is changed, its target looked at and compared."""

import uuid
from datetime import datetime
from typing import Any

from shared.config.tables import ResolvedTable, TableConfig
from shared.core import runs
from shared.core.dead_letters import ATTRIBUTES, LetterState
from shared.core.messages import ExtractRequest, IngestRequest, SweepRequest
from shared.core.runs import RunState, Trigger
from shared.steps.repairs import dead_letters
from tests.crash.ends import EMPTY
from tests.crash.functions import serve
from tests.crash.lanes import DAMAGE, Lane, Rows
from tests.crash.messages import Message
from tests.crash.reader import ABSENT, Reader
from tests.crash.servers import DATABASE, Servers


class Track:
    """A lane's table, now: its source changes, its target is compared."""

    def __init__(self, lane: Lane, servers: Servers, *, is_alone: bool = False) -> None:
        """Make the table; ``is_alone``: in a database of its own."""
        self.lane = lane
        self.servers = servers
        self.table = f"t{uuid.uuid4().hex[:10]}"
        self.services, self.outbox, self.clock = servers.services(self.table, **lane.settings)
        self.target = servers.target(lane.target)
        self.database = self.target.end.database
        self._changes = 0
        self._source_rows: Rows = []
        self._back_to, self._rows_then = "", self._source_rows
        if lane.is_new_each_time or is_alone:
            self.target.make(self.table)
            self.database = self.table
        self._prepare()

    @property
    def is_file(self) -> bool:
        """Its rows come in files."""
        return "csv" in self.lane.config

    def get_ready(self) -> None:
        """Do to the target what a rewind is to undo; first of all, move what it goes back to."""
        if not self.lane.is_rewind:
            return
        if not self._back_to:
            self._move()
            self._back_to, self._rows_then = self._move(), self._source_rows
        for statement in DAMAGE:
            self.query(statement.format(t=self.table))

    def change(self) -> Message:
        """Change the source, and return the message that asks to move the change."""
        if self.is_file:
            return self._drop_file()
        if self._back_to:
            self._source_rows = self._rows_then
            request = self._request(rewind_to=self._back_to)
            return Message(topic="extract", data=request.encode())
        message = Message(topic="extract", data=self._change_rows().encode())
        return self._lose_what_follows(message) if self.lane.loses_load else message

    def tick(self) -> Message:
        """Let time pass, and return the message that the Scheduler sends to the sweep then."""
        self.clock.advance(self.services.settings.stuck_s + 1)
        return Message(topic="sweep", data=SweepRequest().encode())

    def replay(self) -> None:
        """Replay what died, as people do once a run says that it waits for them."""
        for letter in self.services.dead_letters.letters(LetterState.OPEN):
            run = self.services.ledger.find(letter.table, letter.run_id)
            if run and run.state is RunState.FAILED:
                dead_letters.replay(letter, self.services)

    def source_rows(self) -> Rows:
        """Return what the target ought to hold since the last change."""
        return self._source_rows

    def has_table(self) -> bool:
        """Say whether the target has the table."""
        return self.look() != ABSENT

    def target_rows(self) -> Rows:
        """Return what the target holds."""
        return self.query(f"SELECT * FROM {self.table}")

    def query(self, statement: str) -> Rows:
        """Run SQL in the target's database."""
        return self.target.query(statement, self.database)

    def has_strays(self) -> bool:
        """Say whether a staging table is where people look."""
        return self.target.end.count_strays(self.target.at(self.database)) > 0

    def staging_tables(self) -> int:
        """Return the number of staging tables."""
        return self.target.end.count_staging(self.target.at(self.database))

    def state_row(self) -> Rows:
        """Return run, watermark and epoch of the table's state."""
        return self.query(self.target.end.state(self.table))

    def look(self) -> str:
        """Return a digest of what the target holds."""
        return self.target.end.look(self.target.at(self.database), self.table)

    def between(self, before: str) -> set[str]:
        """Return what else a reader may see whose table was as ``before`` says."""
        is_new = before == ABSENT and self.target.end.is_empty_at_first
        return {EMPTY} if is_new else set()

    def read(self) -> Reader:
        """Let somebody read the target from now on."""
        end = self.target.end
        return Reader(end.connect(self.database), self.table, end.look, end.poll_s)

    def drop(self) -> None:
        """Give back what only this table needed."""
        if self.database != self.target.end.database:
            self.target.forget(self.database)

    def _prepare(self) -> None:
        if not self.is_file:
            name = self._source_table()
            self.servers.source(f"CREATE TABLE {name} ({self.lane.columns})")
            width = 1000 if "1000" in self.lane.columns else 5
            values = ", ".join(f"({i}, '{i:0{width}d}', SYSDATE())" for i in range(self.lane.rows))
            self.servers.source(f"INSERT INTO {name} VALUES {values}")
        self._configure()

    def _configure(self) -> None:
        place = {"database": DATABASE, "schema": "PUBLIC", "table": self.table.upper()}
        target = {"table": self.table, **self.target.end.place}
        config = {self.lane.target: target, **self.lane.config}
        if not self.is_file:
            config["snowflake"] = {**place, **self.lane.config.get("snowflake", {})}
        table = TableConfig.model_validate({"name": self.table, **config})
        connections = self.servers.connections(self.lane.target, self.database)
        self.services.config.put(
            ResolvedTable(environment="crash", table=table, connections=connections)
        )

    def _lose_what_follows(self, message: Message) -> Message:
        """Serve a message and lose what it publishes; return what comes in place of that."""
        assert serve(self.services, message)
        (lost,) = self.outbox.published
        self.outbox.published.clear()
        if not self.lane.is_dead_letter:
            return self.tick()
        return Message(topic="sweep", data=lost.data, attributes=_obituary(self.clock.now()))

    def _move(self) -> str:
        """Change the source and move the change; return the run's id."""
        request = self._change_rows()
        assert serve(self.services, Message(topic="extract", data=request.encode()))
        (load,) = self.outbox.published
        self.outbox.published.clear()
        assert serve(self.services, Message(topic=load.topic, data=load.data))
        key, at = request.request_id or "", request.published_at
        return runs.run_id(self.table, Trigger.REQUEST, key, at)

    def _change_rows(self) -> ExtractRequest:
        """Change the source, and return what asks to move the change."""
        self._changes += 1
        for statement in self.lane.changes:
            self.servers.source(statement.format(t=self._source_table(), n=self._changes))
        rows = self.servers.source(f"SELECT * FROM {self._source_table()}")
        self._source_rows = [tuple(row) for row in rows]
        is_loaded = self._changes > 1 or self.lane.is_new_each_time
        return self._request(span=self.lane.span if is_loaded else None)

    def _request(self, **wanted: Any) -> ExtractRequest:
        return ExtractRequest(
            table=self.table,
            published_at=self.clock.now(),
            request_id=uuid.uuid4().hex,
            **wanted,
        )

    def _drop_file(self) -> Message:
        self._changes += 1
        n = self._changes
        rows = [(10 * n + i, f"row {i} of file {n}") for i in range(3)]
        lines = ["id,name", *(f"{id_},{name}" for id_, name in rows), "no number,rejected"]
        is_full = self.lane.config["sync_mode"] == "full"
        self._source_rows = rows if is_full else [*self._source_rows, *rows]
        bucket, name = self.services.settings.bucket("landing"), f"{self.table}/file-{n}.csv"
        generation = self.services.storage.write(
            bucket, name, "\n".join(lines).encode(), generation=0, content_type="text/csv"
        )
        request = IngestRequest(bucket=bucket, name=name, generation=generation)
        return Message(topic="ingest", attributes=request.attributes())

    def _source_table(self) -> str:
        return f"{DATABASE}.PUBLIC.{self.table.upper()}"


def _obituary(at: datetime) -> dict[str, str]:
    """Return what Pub/Sub adds to a load request that it could not deliver."""
    return {
        f"{ATTRIBUTES}DeliveryCount": "5",
        f"{ATTRIBUTES}Subscription": "crash-load",
        f"{ATTRIBUTES}SubscriptionProject": "crash",
        f"{ATTRIBUTES}TopicPublishTime": at.isoformat(),
    }

"""What survives a killed process: topics, subscriptions and unacknowledged messages, in SQLite.

SQLite's write-ahead log goes to the operating system with every commit but is never synced: a
killed process loses nothing, a power cut may. The caller sees to it that one thread at a time asks.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from google.pubsub_v1.types import PubsubMessage, Subscription, Topic

_SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY, resource BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS subscriptions (name TEXT PRIMARY KEY, resource BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    subscription TEXT NOT NULL,
    message_id INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    message BLOB NOT NULL,
    PRIMARY KEY (subscription, message_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS last_message (id INTEGER NOT NULL);
INSERT INTO last_message SELECT 0 WHERE NOT EXISTS (SELECT * FROM last_message);
"""


class Store:
    """One SQLite file; every method is a transaction, or part of the one around it."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it when missing."""
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit on leaving, roll back on an exception; inside another one, be part of it."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def topics(self) -> list[Topic]:
        """Return all topics."""
        rows = self._connection.execute("SELECT resource FROM topics ORDER BY name")
        return [Topic.deserialize(row[0]) for row in rows]

    def subscriptions(self) -> list[Subscription]:
        """Return all subscriptions."""
        rows = self._connection.execute("SELECT resource FROM subscriptions ORDER BY name")
        return [Subscription.deserialize(row[0]) for row in rows]

    def deliveries(self, subscription: str) -> list[tuple[PubsubMessage, int]]:
        """Return the unacknowledged messages of a subscription, oldest first, with attempts."""
        rows = self._connection.execute(
            "SELECT message, attempts FROM deliveries WHERE subscription = ? ORDER BY message_id",
            (subscription,),
        )
        return [(PubsubMessage.deserialize(message), attempts) for message, attempts in rows]

    def put_topic(self, topic: Topic) -> None:
        """Create or replace a topic."""
        self._connection.execute(
            "INSERT OR REPLACE INTO topics VALUES (?, ?)", (topic.name, Topic.serialize(topic))
        )

    def put_subscription(self, subscription: Subscription) -> None:
        """Create or replace a subscription."""
        resource = Subscription.serialize(subscription)
        self._connection.execute(
            "INSERT OR REPLACE INTO subscriptions VALUES (?, ?)", (subscription.name, resource)
        )

    def remove_topic(self, name: str) -> None:
        """Forget a topic."""
        self._connection.execute("DELETE FROM topics WHERE name = ?", (name,))

    def remove_subscription(self, name: str) -> None:
        """Forget a subscription and its messages."""
        with self.transaction():
            self._connection.execute("DELETE FROM subscriptions WHERE name = ?", (name,))
            self._connection.execute("DELETE FROM deliveries WHERE subscription = ?", (name,))

    def number(self, count: int) -> range:
        """Return message ids that were never given before, in rising order."""
        with self.transaction():
            self._connection.execute("UPDATE last_message SET id = id + ?", (count,))
            [last] = self._connection.execute("SELECT id FROM last_message").fetchone()
        return range(last - count + 1, last + 1)

    def add(self, subscription: str, messages: Iterable[PubsubMessage]) -> None:
        """Keep messages until they are removed."""
        self._write(
            "INSERT INTO deliveries VALUES (?, ?, 0, ?)",
            [(subscription, int(m.message_id), PubsubMessage.serialize(m)) for m in messages],
        )

    def set_attempts(self, subscription: str, attempts: dict[int, int]) -> None:
        """Keep how often messages were delivered, by message id."""
        self._write(
            "UPDATE deliveries SET attempts = ? WHERE subscription = ? AND message_id = ?",
            [(count, subscription, message_id) for message_id, count in attempts.items()],
        )

    def remove(self, subscription: str, message_ids: Iterable[int]) -> None:
        """Forget acknowledged messages."""
        self._write(
            "DELETE FROM deliveries WHERE subscription = ? AND message_id = ?",
            [(subscription, message_id) for message_id in message_ids],
        )

    def _write(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        with self.transaction():
            self._connection.executemany(sql, rows)

"""Buckets and their notification configurations, as the catalogue keeps them: JSON resources."""

import json
import sqlite3
from typing import Any

from local.gcs.conditions import Conditions
from local.gcs.database import Database
from local.gcs.errors import ApiError, no_bucket
from local.gcs.records import now
from local.gcs.resources import check_bucket_name, dumps, merge_patch

_READ_ONLY = ("id", "kind", "metageneration", "name", "selfLink", "timeCreated", "updated", "etag")


class Buckets:
    """All buckets, whatever their project."""

    def __init__(self, database: Database) -> None:
        """Keep the buckets in this catalogue."""
        self._database = database

    def create(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Add a bucket with these settings and return its resource.

        Raises:
            ApiError: 400, the name; 409, there is one of that name.
        """
        name = check_bucket_name(resource.get("name"))
        settings = {key: value for key, value in resource.items() if key not in _READ_ONLY}
        bucket = {
            "kind": "storage#bucket",
            "id": name,
            "name": name,
            "metageneration": "1",
            "timeCreated": now(),
            "updated": now(),
            "location": "US",
            "locationType": "multi-region",
            "storageClass": "STANDARD",
            "etag": "CAE=",
            **settings,
        }
        with self._database.transaction() as tx:
            try:
                tx.execute("INSERT INTO buckets VALUES (?, ?)", (name, dumps(bucket)))
            except sqlite3.IntegrityError:
                raise ApiError(409, "conflict", f"A bucket named {name} exists already.") from None
        return bucket

    def get(self, name: str, conditions: Conditions) -> dict[str, Any]:
        """Return a bucket's resource.

        Raises:
            ApiError: 404; 412 or 304.
        """
        with self._database.reading() as tx:
            bucket = load_bucket(tx, name)
        conditions.check(0, int(bucket["metageneration"]), is_read=True)
        return bucket

    def page(
        self, *, prefix: str, after: str, max_results: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return buckets by name and, when there are more, the last name."""
        with self._database.reading() as tx:
            rows = tx.execute(
                "SELECT name, resource FROM buckets WHERE name > ? ORDER BY name", (after,)
            )
            found = [row for row in rows if row[0].startswith(prefix)]
        page = found[:max_results]
        resources = [json.loads(resource) for _, resource in page]
        return resources, page[-1][0] if len(found) > len(page) else None

    def update(self, name: str, patch: dict[str, Any], conditions: Conditions) -> dict[str, Any]:
        """Merge a patch into the settings and return the new resource.

        Raises:
            ApiError: 404; 412.
        """
        settings = {key: value for key, value in patch.items() if key not in _READ_ONLY}
        with self._database.transaction() as tx:
            bucket = load_bucket(tx, name)
            metageneration = int(bucket["metageneration"])
            conditions.check(0, metageneration, is_read=False)
            version = {"metageneration": str(metageneration + 1), "updated": now()}
            bucket = merge_patch(bucket, settings) | version
            tx.execute("UPDATE buckets SET resource = ? WHERE name = ?", (dumps(bucket), name))
        return bucket

    def delete(self, name: str, conditions: Conditions) -> None:
        """Remove an empty bucket.

        Raises:
            ApiError: 404; 409, it has objects or archived generations; 412.
        """
        with self._database.transaction() as tx:
            bucket = load_bucket(tx, name)
            conditions.check(0, int(bucket["metageneration"]), is_read=False)
            if tx.execute("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", (name,)).fetchone():
                raise ApiError(409, "conflict", "The bucket you tried to delete is not empty.")
            tx.execute("DELETE FROM notification_configs WHERE bucket = ?", (name,))
            tx.execute("DELETE FROM buckets WHERE name = ?", (name,))

    def add_notification(self, bucket: str, resource: dict[str, Any]) -> dict[str, Any]:
        """Add a notification configuration and return its resource, `id` included.

        Raises:
            ApiError: 404, no such bucket.
        """
        with self._database.transaction() as tx:
            load_bucket(tx, bucket)
            cursor = tx.execute(
                "INSERT INTO notification_configs (bucket, resource) VALUES (?, '')", (bucket,)
            )
            config = {**resource, "kind": "storage#notification", "id": str(cursor.lastrowid)}
            tx.execute(
                "UPDATE notification_configs SET resource = ? WHERE id = ?",
                (dumps(config), cursor.lastrowid),
            )
        return config

    def notifications(self, bucket: str) -> list[dict[str, Any]]:
        """Return all notification configurations of a bucket, the oldest first.

        Raises:
            ApiError: 404, no such bucket.
        """
        with self._database.reading() as tx:
            load_bucket(tx, bucket)
            rows = tx.execute(
                "SELECT resource FROM notification_configs WHERE bucket = ? ORDER BY id", (bucket,)
            )
            return [json.loads(resource) for (resource,) in rows]

    def delete_notification(self, bucket: str, config_id: str) -> None:
        """Remove a notification configuration; one that is gone is fine."""
        with self._database.transaction() as tx:
            tx.execute(
                "DELETE FROM notification_configs WHERE bucket = ? AND id = ?", (bucket, config_id)
            )


def load_bucket(tx: sqlite3.Connection, name: str) -> dict[str, Any]:
    """Return a bucket's resource.

    Raises:
        ApiError: 404.
    """
    row = tx.execute("SELECT resource FROM buckets WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise no_bucket(name)
    bucket: dict[str, Any] = json.loads(row[0])
    return bucket


def is_versioned(bucket: dict[str, Any]) -> bool:
    """Whether generations that lose their place are archived."""
    return bool(bucket.get("versioning", {}).get("enabled"))

"""Records as rows of the catalogue's table `objects`, and back."""

import json
from typing import Any

from local.gcs.records import Content, ObjectRecord
from local.gcs.resources import dumps

COLUMNS = (
    "bucket, name, generation, metageneration, file_id, size_bytes, crc32c, md5_hash, "
    "component_count, attributes, created_at, updated_at, deleted_at"
)


def record_of(row: tuple[Any, ...]) -> ObjectRecord:
    """Build a record from the values of `COLUMNS`."""
    (bucket, name, generation, metageneration, file_id, size_bytes, crc32c, md5_hash) = row[:8]
    (component_count, attributes, created_at, updated_at, deleted_at) = row[8:]
    return ObjectRecord(
        bucket=bucket,
        name=name,
        generation=generation,
        metageneration=metageneration,
        content=Content(
            file_id=file_id,
            size_bytes=size_bytes,
            crc32c=crc32c,
            md5_hash=md5_hash,
            component_count=component_count,
        ),
        attributes=json.loads(attributes),
        created_at=created_at,
        updated_at=updated_at,
        deleted_at=deleted_at,
    )


def row_of(record: ObjectRecord) -> tuple[Any, ...]:
    """Give the values of `COLUMNS`, in order."""
    content = record.content
    return (
        *(record.bucket, record.name, record.generation, record.metageneration),
        *(content.file_id, content.size_bytes, content.crc32c, content.md5_hash),
        *(content.component_count, dumps(record.attributes)),
        *(record.created_at, record.updated_at, record.deleted_at),
    )


def key_of(record: ObjectRecord) -> tuple[str, str, int]:
    """Give the values of the primary key, in order."""
    return record.bucket, record.name, record.generation

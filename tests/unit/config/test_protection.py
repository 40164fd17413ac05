"""Which columns a table file may protect, and how: each rule by a file that breaks it."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.config.tables import ResolvedTable, TableConfig
from shared.core.protection import Protection, kept
from shared.errors import InvalidConfigError
from shared.wire import from_json, to_json
from tests.builders import a_schema, file_table_data, table_data

MERGED = {"sync_mode": "incremental", "incremental_column": "at", "primary_key": ["id"]}


def protecting(column: str, **rule: Any) -> dict[str, Any]:
    return {"columns": {column: rule}}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (table_data(**protecting("a", protect="mask")), "needs keep_first, keep_last or both"),
        (table_data(**protecting("a", protect="hash", keep_last=4)), "are for protect: mask"),
        (table_data(**protecting("a", keep_first=4)), "are for protect: mask"),
        (table_data(**protecting("a", protect="drop", constant="x")), "is for protect: redact"),
        (table_data(**protecting("a", protect="encrypt")), "'hash', 'tokenize', 'mask'"),
        (table_data(**MERGED, **protecting("AT", protect="tokenize")), "is the incremental_column"),
        (table_data(**MERGED, **protecting("id", protect="redact")), "Use hash or tokenize"),
        (table_data(**MERGED, **protecting("ID", protect="drop")), "Use hash or tokenize"),
        (
            file_table_data(csv={"columns": {"id": "int64"}}, **protecting("mail", protect="hash")),
            "columns protects mail; csv.columns has id",
        ),
        (
            {
                "name": "a",
                "csv": {},
                "bigquery": {"dataset": "d", "table": "a", "partition_by": {"column": "day"}},
                **protecting("day", protect="hash"),
            },
            "day partitions the table",
        ),
        (
            {
                "name": "a",
                "csv": {},
                "bigquery": {"dataset": "d", "table": "a", "cluster_by": ["city"]},
                **protecting("city", protect="drop"),
            },
            "cluster_by names city, which is dropped",
        ),
    ],
)
def test_protection_that_cannot_work_is_refused(data: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        TableConfig.model_validate(data)


def test_key_may_be_hashed_or_tokenized() -> None:
    table = TableConfig.model_validate(table_data(**MERGED, **protecting("id", protect="hash")))

    assert table.protected["id"].kind is Protection.HASH
    assert table.needs_protection_key


def test_protection_is_said_in_words_with_the_key_and_survives_the_bucket() -> None:
    columns = {
        "mail": {"protect": "hash"},
        "phone": {"protect": "mask", "keep_last": 4},
        "name": {"protect": "redact", "constant": ""},
        "notes": {"protect": "drop"},
        "city": {"sensitive": True},
    }
    resolved = ResolvedTable.model_validate(
        {
            "environment": "dev",
            "table": table_data(columns=columns),
            "connections": {"protection": {"key_version": 3}},
        }
    )

    again = from_json(ResolvedTable, to_json(resolved), "config")

    assert again.protection == {
        "mail": "hash, key protection-key/3",
        "phone": "mask, keep_last 4",
        "name": "redact, constant ''",
        "notes": "drop",
    }
    assert again.table.dropped == {"notes"}


@pytest.mark.parametrize(
    ("column", "kind", "why"),
    [
        ("mail", "hash", "protects mail, which the source does not have; nothing is read"),
        ("id", "mask", "id is in the primary_key"),
        ("id", "drop", "id is in the primary_key"),
    ],
)
def test_what_only_the_source_tells_is_refused_before_anything_is_read(
    column: str, kind: str, why: str
) -> None:
    keep = {"keep_last": 1} if kind == "mask" else {}
    table = TableConfig.model_validate(table_data(**protecting(column, protect=kind, **keep)))

    with pytest.raises(InvalidConfigError, match=why):
        kept(a_schema(), table.protected, table="flights")

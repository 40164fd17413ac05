"""Receipts: what source, stage and target say of the same rows, and what stops a run."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager

from shared.core.modes import SyncMode
from shared.core.receipts import differences
from shared.sources.base import Source
from shared.stage.fingerprints import Fold
from tests.flow.cloud import Cloud

EVERY_KIND = """CREATE TABLE {db}.EVERY_KIND (
    ID NUMBER(18,0) NOT NULL, BIG NUMBER(38,0), AMOUNT NUMBER(20,4), RATIO FLOAT, NAME VARCHAR,
    FLAG BOOLEAN, DAY DATE, AT TIME(6), NTZ TIMESTAMP_NTZ(6), LTZ TIMESTAMP_LTZ(6),
    TZ TIMESTAMP_TZ(6), RAW BINARY, DOC VARIANT, PRIMARY KEY (ID))"""


@contextmanager
def opened(cloud: Cloud, name: str) -> Iterator[Source]:
    """Open a table's source at a snapshot."""
    resolved, _ = cloud.services.config.get(name)
    with closing(cloud.services.source(resolved, f"test-{uuid.uuid4().hex[:8]}")) as source:
        source.snapshot()
        yield source


def test_source_measures_what_is_read_from_it(cloud: Cloud) -> None:
    cloud.source(EVERY_KIND)
    cloud.source(
        "INSERT INTO {db}.EVERY_KIND SELECT 1, 99999999999999999999999999999999999999, "
        "-1234567890123456.0123, -0.1, 'zoë 🦊', TRUE, '0001-01-01', "
        "'23:59:59.999999', '9999-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999', "
        "'2024-02-29 12:00:00.000001+02:00', TO_BINARY('00FF', 'HEX'), "
        """PARSE_JSON('{"a": [1, 2.5, null], "b": "é"}')"""
    )
    cloud.source(
        "INSERT INTO {db}.EVERY_KIND (ID, NAME, FLAG) VALUES (2, '', FALSE), (3, NULL, NULL)"
    )
    cloud.configure("every_kind")

    with opened(cloud, "every_kind") as source:
        fold = Fold(source.schema())
        for batch in source.read(SyncMode.FULL, None):
            fold.add(batch)
        measured = source.measure(SyncMode.FULL, None)

    assert differences("source to read", measured, fold.point) == ()
    unknown = {
        (c.name, f)
        for c in measured.columns
        for f in ("nulls", "total", "maximum")
        if getattr(c, f) is None
    }
    assert unknown == {("big", "total")}  # 38 digits have no room for a sum

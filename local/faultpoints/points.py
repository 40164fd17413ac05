"""What one I/O is called, and what may go wrong there."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Moment(StrEnum):
    """On which side of the I/O."""

    BEFORE = "before"
    AFTER = "after"


class Action(StrEnum):
    """What goes wrong."""

    KILL = "kill"
    """The process is gone, as by SIGKILL."""
    PAUSE = "pause"
    """The process stands still; it goes on as a zombie once others have done its work."""
    FAIL = "fail"
    """Nothing is done and the connection breaks."""
    LOSE = "lose"
    """It is done, and the connection breaks before the reply."""
    UNAVAILABLE = "503"
    """Nothing is done, and the service answers so. HTTP only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One I/O of one step: the ``nth`` of its kind within a delivery, counted from 1."""

    step: str
    seam: str
    operation: str
    about: str
    nth: int

    def __str__(self) -> str:
        """Name it, the same in every run."""
        again = f" #{self.nth}" if self.nth > 1 else ""
        return f"{self.seam}: {self.operation} {self.about}{again}"


_STAGING = re.compile(r'["[]_sluice["\]]\.["[](stage|keys|layer|differences)_[^"\]]*["\]]')
_STAGED = {
    "stage": "staged rows",
    "keys": "staged keys",
    "layer": "a layer",
    "differences": "differences",
}
_BOOKKEEPING = re.compile(r"\b_sluice\.(\w+)")
_CATALOG = re.compile(
    r"\b(information_schema\.\w+|pg_(?!advisory|temp)\w+|sys\.\w+)", re.IGNORECASE
)
_TABLE = re.compile(r'(?:"(?:[^"]|"")+"\.)+"(?:[^"]|"")+"|(?:\[[^\]]+\]\.)+\[[^\]]+\]')
_PRODUCT_SCHEMA = re.compile(r"SCHEMA IF NOT EXISTS (\S+)|IF SCHEMA_ID\(N'([^']+)'\)")


def statement_name(sql: str) -> str:
    """Name a statement: its verb and what it is about, without the names of one table or run."""
    text = " ".join(sql.split())
    verb = text.partition(" ")[0].upper()
    if "sp_getapplock" in text:
        return "EXEC sp_getapplock"
    if schema := _PRODUCT_SCHEMA.search(text):
        named = schema[1] or schema[2]
        return f"{verb} SCHEMA {'_sluice' if '_sluice' in named else 'schema'}"
    text = _STAGING.sub(lambda found: f"@{_STAGED[found[1]]}@", text)
    text = _BOOKKEEPING.sub(r"@_sluice.\1@", text)
    text = _CATALOG.sub(r"@\1@", text)
    text = _TABLE.sub("@table@", text)
    objects = list(dict.fromkeys(re.findall(r"@([^@]+)@", text)))
    if not objects:
        # No table: the next word says what it is.
        objects = re.split(r"[ (]", text, maxsplit=2)[1:2]
    suffix = " FOR UPDATE" if text.endswith("FOR UPDATE") else ""
    return f"{verb} {', '.join(objects)}{suffix}"


_KINDS = {
    "state/ledger/runs/": "run record",
    "state/ledger/dead/": "dead letter",
    "state/ledger/sweep.json": "sweep report",
    "config/tables/": "table configuration",
    "staging/manifests/": "manifest",
    "staging/plans/": "plan",
    "staging/units/": "unit",
    "staging/parts/": "part",
    "staging/unloaded/": "unloaded file",
    "landing/": "dropped file",
    "raw/": "original",
    "quarantine/": "rejected rows",
    "audit/chains/": "audit event",
}
"""What an object is, by the zone of its bucket and how its name begins."""


def object_kind(bucket: str, name: str) -> str:
    """Name what an object is, by its bucket and the beginning of its name."""
    place = f"{bucket.rpartition('-')[2]}/{name}"
    found = (kind for start, kind in _KINDS.items() if place.startswith(start))
    return next(found, place.rpartition("/")[0])

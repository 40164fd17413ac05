"""What every target does with the facts of a run's rows: compare them before anything is visible.

The staged point is in the manifest. A target measures the same rows where it has them, by its own
engine, and whatever differs stops the publish.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shared.config.tables import TableConfig
from shared.core import naming
from shared.core.fidelity import Consent
from shared.core.manifests import Manifest
from shared.core.measuring import Asked
from shared.core.receipts import Difference, Point, differences, mismatch
from shared.core.schemas import Column, Kind, TableSchema
from shared.stage.fingerprints import Fold

if TYPE_CHECKING:
    import pyarrow as pa

QUICK = ("nulls", "total", "units")
"""Facts that every publish asks for: any changed number moves the total, so ends tell little more.
"""

UNKNOWN = "nothing is known of what was staged: the run is of an older release"
"""Why the rows of a run cannot be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a target measured of a run's rows.

    ``of`` says which rows of which table; ``left_out`` has columns that were not compared, with the
    reason; ``gap`` says why the values of the rows could not be compared at all.
    """

    point: Point | None = None
    of: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    gap: str = ""


def gap(manifest: Manifest) -> str:
    """Return why the rows of a run cannot be compared; empty: they can."""
    if manifest.rewind:
        to = manifest.rewind.run_id
        as_of = "" if to == naming.NO_RUN else f" --as-of {to}"
        return (
            "a rewind reads no source, so its rows were not compared; "
            f"`sluice verify {manifest.table}{as_of}` compares the table with where they came from"
        )
    return "" if manifest.staged else UNKNOWN


def altered(config: TableConfig, columns: Iterable[Column]) -> dict[str, str]:
    """Return the columns whose values may be altered on their way, as the table accepts."""
    late = set(Consent) - {Consent.NANOSECONDS}  # those are altered before they are staged
    given = {c.name: [x for x in config.accept.get(c.name, ()) if x in late] for c in columns}
    return {
        name: f"the table accepts {', '.join(consents)}"
        for name, consents in given.items()
        if consents
    }


def quick(asked: Asked) -> Asked:
    """Return the facts that a publish asks for, of those that an engine can compute."""
    return {
        name: {fact: sql for fact, sql in facts.items() if fact in QUICK}
        for name, facts in asked.items()
    }


def reads_back(config: TableConfig, run_id: str) -> bool:
    """Say whether a run is one of those whose rows are read back, value by value."""
    digest = hashlib.sha256(run_id.encode()).digest()
    return int.from_bytes(digest[:2], "big") < config.read_back_percent / 100 * 2**16


def read_point(
    asked: Asked, columns: Sequence[Column], batches: Iterable["pa.RecordBatch"]
) -> Point:
    """Return the point of rows that were read back, value by value.

    Columns that the engine writes in its own way, of which it was asked nothing but NULLs, are left
    out, and then whole rows are too.
    """
    kept = tuple(
        c for c in columns if set(asked[c.name]) != {"nulls"} or c.type.kind is Kind.DECIMAL
    )
    fold = Fold(TableSchema(kept))
    for batch in batches:
        fold.add(batch)
    return fold.point if len(kept) == len(columns) else replace(fold.point, fingerprint=None)


def require_same(manifest: Manifest, proof: Proof) -> None:
    """Make sure that a target has the rows that were staged.

    Raises:
        MismatchError: it has others.
    """
    if found := found_differences(manifest, proof):
        raise mismatch(manifest.table, manifest.run_id, found, "nothing was published")


def found_differences(manifest: Manifest, proof: Proof) -> tuple[Difference, ...]:
    """Return what a target has otherwise than it was staged, as far as both are known."""
    if manifest.staged is None or proof.point is None:
        return ()
    return differences("staged to target", manifest.staged, proof.point, left_out=proof.left_out)

"""What is written down of a model's refresh: the target's own record, and the receipt by it."""

from dataclasses import dataclass

from shared.core.manifests import Manifest
from shared.core.receipts import Receipt
from shared.core.receipts import Verdict as ReceiptVerdict
from shared.targets.base import LoadRecord

RECORDED = "an earlier attempt committed; the counts are those that the target recorded then"
"""The note of a receipt that was made by the target's record alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What a refresh did to the table."""

    staged: int
    before: int
    after: int
    replaced: int
    """Rows of the same key that gave way, or all of them."""
    notes: tuple[str, ...] = ()


def load(manifest: Manifest, rows: Rows, *, is_base: bool) -> LoadRecord:
    """Return what the target writes down of a refresh."""
    return LoadRecord(
        run_id=manifest.run_id,
        rows_loaded=rows.staged,
        rows_inserted=rows.staged if is_base else rows.staged - rows.replaced,
        rows_updated=0 if is_base else rows.replaced,
        rows_deleted=rows.before if is_base else 0,
        is_base=is_base,
    )


def receipt(
    load: LoadRecord,
    snapshot: str,
    window: tuple[str | None, str | None],
    notes: tuple[str, ...],
) -> Receipt:
    """Return the receipt of a refresh by what the target wrote down."""
    return Receipt(
        rows_source=load.rows_loaded,
        rows_staged=load.rows_loaded,
        rows_loaded=load.rows_loaded,
        rows_rejected=0,
        rows_inserted=load.rows_inserted,
        rows_updated=load.rows_updated,
        rows_deleted=load.rows_deleted,
        snapshot=snapshot,
        is_pinned=True,
        low=window[0],
        high=window[1],
        notes=notes,
        measured="all rows, counted before the commit",
        verdict=ReceiptVerdict.VERIFIED,
        reason="",
    )

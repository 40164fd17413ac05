"""The receipt of a published run, from its manifest and what the target recorded and measured."""

import logging
from collections.abc import Iterator

from shared.core.manifests import Manifest
from shared.core.receipts import Difference, Point, Receipt, Verdict, differences, judged
from shared.targets.base import LoadRecord, Published
from shared.targets.proofs import Proof

COMMITTED_BEFORE = "an earlier attempt published the rows, and ended before it could tell of them"
UNVERIFIABLE = "total, ends, lengths"
"""Of a protected column the source knows these of its clear values alone."""

NOT_PINNED = "no moment of the source could be pinned, so it was not measured"

log = logging.getLogger(__name__)


def of(manifest: Manifest, record: LoadRecord, published: Published) -> Receipt:
    """Return the receipt of a run that is published, and raise the alarm if it does not fit.

    Args:
        manifest: what was staged.
        record: what the target wrote down.
        published: how the publish ended.
    """
    proof = published.proof or Proof(gap=COMMITTED_BEFORE)
    verdict, reason, named = judged(_differences(manifest, record, proof), _gaps(manifest, proof))
    if verdict is Verdict.MISMATCH:
        facts = {"table": manifest.table, "run_id": manifest.run_id, "differences": len(named)}
        log.error("receipt does not match", extra=facts)
    return Receipt(
        rows_source=manifest.rows_source,
        rows_staged=manifest.rows_staged,
        rows_loaded=record.rows_loaded,
        rows_rejected=manifest.rows_rejected,
        rows_inserted=record.rows_inserted,
        rows_updated=record.rows_updated,
        rows_deleted=record.rows_deleted,
        snapshot=manifest.snapshot,
        is_pinned=manifest.is_pinned,
        low=manifest.low,
        high=manifest.high,
        notes=(*manifest.notes, *published.notes),
        evidence=manifest.evidence,
        source=manifest.source,
        staged=manifest.staged,
        target=proof.point,
        measured=proof.of,
        left_out=dict(proof.left_out),
        protected=dict(_protected(manifest)),
        verdict=verdict,
        reason=reason,
        differences=named,
    )


def _differences(manifest: Manifest, record: LoadRecord, proof: Proof) -> Iterator[Difference]:
    read = Point(rows=manifest.rows_source - manifest.rows_rejected)
    staged = Point(rows=manifest.rows_staged)
    yield from differences("source to staged", read, staged)
    yield from differences("staged to target", staged, Point(rows=record.rows_loaded))
    if manifest.staged and proof.point:
        yield from differences(
            "staged to target", manifest.staged, proof.point, left_out=proof.left_out
        )


def _protected(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Say of each protected column how, and what its source cannot prove of the protected form.

    A file has no facts of its own.
    """
    measured = {c.name: c for c in manifest.source.columns} if manifest.source else {}
    for name, how in manifest.protection.items():
        facts = measured.get(name)
        if facts is None or facts.fingerprint is not None:
            yield name, how  # of a file, or read back: there the protected form itself is known
        elif facts.nulls is None:
            yield name, f"{how}; unverifiable against the source: {UNVERIFIABLE}, NULLs"
        else:
            yield name, f"{how}; unverifiable against the source: {UNVERIFIABLE}"


def _gaps(manifest: Manifest, proof: Proof) -> Iterator[str]:
    if manifest.staged is not None and not manifest.is_pinned:
        yield NOT_PINNED
    if proof.gap:
        yield proof.gap

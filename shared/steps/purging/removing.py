"""A subject's rows taken out of what was found: new objects first, then the manifest, then deletes.

Whoever stops in between leaves a manifest that is whole: it names only old objects, or only new
ones. The other ones are what nothing names, and the next purge deletes them.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from shared import csv
from shared.core import naming
from shared.core.checks import Observed
from shared.core.manifests import Manifest, Part, Rewind
from shared.core.purges import Subject
from shared.core.runs import Run
from shared.core.schemas import TableSchema
from shared.errors import ConflictError
from shared.stage.arrow import arrow_schema
from shared.stage.writer import PartWriter
from shared.steps import quarantined_rows
from shared.steps.purging import subjects
from shared.steps.purging.scopes import Scope
from shared.steps.purging.searching import (
    Holding,
    RunFinds,
    parts_of,
    records_of,
)
from shared.steps.staged_parts import rows_of
from shared.storage import ObjectInfo
from shared.wiring import Services

_WHOLE_PART_BYTES = 2**62
"""A part without some rows is one part."""

_GZIP_WBITS = 31
"""Source: zlib's manual, deflateInit2: 15 and a gzip header."""

Cuts = list[tuple[int, int]]


class Removal:
    """One table, rid of one subject's rows."""

    def __init__(self, services: Services, scope: Scope, subject: Subject) -> None:
        self._services = services
        self._storage = services.storage
        self._scope = scope
        self._table = scope.table
        self._subject = subject
        self._renewed: dict[str, Part | None] = {}
        """What takes the place of a part, by its name; None: no row of it is left."""
        self._replaced: list[ObjectInfo] = []

    def remove(self, found: Iterable[RunFinds]) -> None:
        """Take out what was found.

        Raises:
            ConflictError: somebody else purges the table just now.
        """
        finds = list(found)
        for each in finds:
            for part, schema, _ in each.parts.values():
                if part.name not in self._renewed:
                    self._renewed[part.name] = self._part(part, schema)
        for each in finds:
            if each.manifest:
                self._switch(each, each.manifest)
            else:
                self._clean(each)
        for each in finds:
            gone = [h.info for h in each.holdings if h.is_deleted or each.manifest]
            for info in (*gone, *self._replaced):
                self._delete(info)

    def scrub(self, run: Run) -> None:
        """Take the subject out of the samples in a run's record."""

        def change(current: Run) -> Run:
            checks = tuple(
                replace(x, sample=subjects.out_of_sample(x.sample, self._subject))
                for x in current.checks
            )
            return replace(current, checks=checks)

        self._services.ledger.change(run.table, run.run_id, change)

    def _switch(self, finds: RunFinds, manifest: Manifest) -> None:
        """Make the rewritten objects those of the run."""
        cuts: Cuts = []
        original = self._original(manifest, finds.original, cuts) if finds.original else None
        rejects, rejected = self._rejects(finds, manifest, cuts)
        parts, keys = self._new(manifest.parts), manifest.key_parts
        gone = _rows(manifest.parts) - _rows(parts)
        if not (finds.parts or original or rejected or finds.is_sampled):
            return
        observed = subjects.observed_without(manifest.observed, self._subject)
        if rejects != quarantined_rows.names(manifest):
            observed = replace(observed or Observed(), rejects=rejects)
        file = manifest.file
        changed = replace(
            manifest,
            parts=parts,
            key_parts=None if keys is None else self._new(keys),
            rows_source=manifest.rows_source - gone - rejected,
            rows_rejected=manifest.rows_rejected - rejected,
            rewind=self._rewind(manifest),
            file=replace(file, original=original) if file and original else file,
            observed=observed,
            source=None,
            staged=None,
            notes=(*manifest.notes, self._note(gone, rejected)),
        )
        self._services.manifests.replace(changed, finds.generation)

    def _note(self, gone: int, rejected: int) -> str:
        day = f"{self._services.now():%Y-%m-%d}"
        return f"purged on {day}: {gone} staged and {rejected} rejected rows were taken out"

    # Parts ----------------------------------------------------------------------------------------

    def _new(self, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        renewed = (self._newest(part) for part in parts)
        return tuple(part for part in renewed if part)

    def _newest(self, part: Part) -> Part | None:
        found: Part | None = part
        while found and found.name in self._renewed:
            found = self._renewed[found.name]
        return found

    def _rewind(self, manifest: Manifest) -> Rewind | None:
        if manifest.rewind is None:
            return None
        layers = tuple(
            replace(
                layer,
                parts=self._new(layer.parts),
                key_parts=None if layer.key_parts is None else self._new(layer.key_parts),
            )
            for layer in manifest.rewind.layers
        )
        return replace(manifest.rewind, layers=layers)

    def _part(self, part: Part, schema: TableSchema) -> Part | None:
        """Write a part without the subject's rows.

        A purge that broke off may have put it into its own run's manifest, and not into that of a
        rewind that names it too.
        """
        services, bucket = self._services, self._services.settings.bucket("staging")
        name = self._renamed(part.name, part.generation)
        owner = services.manifests.find(self._table, naming.run_within(name))
        if owner and (there := [p for p, _ in parts_of(owner) if p.name == name]):
            return there[0]
        self._make_room(bucket, name)
        writer = PartWriter(
            storage=self._storage,
            bucket=bucket,
            name=lambda _: name,
            part_bytes=_WHOLE_PART_BYTES,
            compression=self._scope.compression,
            envelope=services.envelope if part.key else None,
            on_group=lambda _rows, _bytes: None,
        )
        rows = rows_of(services, part, schema)
        written = writer.write(arrow_schema(schema), subjects.without(rows, self._subject))
        return written[0] if written else None

    # Files ----------------------------------------------------------------------------------------

    def _original(self, manifest: Manifest, holding: Holding, cuts: Cuts) -> str:
        """Write a file's original without the subject's records; return its name."""
        info, width = holding.info, len(manifest.schema)
        name = self._renamed(info.name, info.generation)
        dialect = csv.Dialect.from_dict(manifest.file.dialect if manifest.file else {})
        rows = csv.without(
            lambda: self._chunks(info),
            dialect,
            width,
            holding.places or (),
            lambda start, count: cuts.append((start, count)),
        )
        if csv.packing(self._chunks(info)) is csv.Packing.GZIP:
            rows = _packed(rows)
        self._write(info.bucket, name, "text/csv", rows)
        return name

    def _rejects(
        self, finds: RunFinds, manifest: Manifest, cuts: Cuts
    ) -> tuple[tuple[str, ...], int]:
        """Write rejects anew that lose rows, or whose places moved; return all names, rows lost."""
        names = list(quarantined_rows.names(manifest))
        lost = {holding.info.name: holding.rows or 0 for holding in finds.rejects}
        bucket = self._services.settings.bucket("quarantine")
        for at, name in enumerate(names):
            info = self._storage.info(bucket, name) if name in lost or cuts else None
            if info:
                names[at] = self._renamed(name, info.generation)
                lines = self._kept_lines(name, manifest, cuts)
                self._write(bucket, names[at], "application/x-ndjson", lines)
                self._replaced.append(info)
        return tuple(names), sum(lost.values())

    def _kept_lines(self, name: str, manifest: Manifest | None, cuts: Cuts) -> Iterator[bytes]:
        records = records_of(self._subject, manifest)
        for row in quarantined_rows.kept(name, self._services):
            if records.has_facts(row.facts):
                continue
            facts = dict(row.facts)
            if facts["byte_offset"] is not None:
                at = facts["byte_offset"]
                facts["byte_offset"] = at - sum(count for start, count in cuts if start < at)
            yield (json.dumps(facts, ensure_ascii=False) + "\n").encode()

    def _clean(self, finds: RunFinds) -> None:
        """Write the rejects of a run that staged nothing anew, in their place: nothing names them.

        Where no row is left, the object goes.
        """
        for holding in finds.rejects:
            info = holding.info
            data = b"".join(self._kept_lines(info.name, None, []))
            if data:
                self._storage.write(
                    info.bucket,
                    info.name,
                    data,
                    generation=info.generation,
                    content_type="application/x-ndjson",
                )
            else:
                self._delete(info)

    # Objects --------------------------------------------------------------------------------------

    def _chunks(self, info: ObjectInfo) -> Iterator[bytes]:
        return self._storage.stream(info.bucket, info.name, info.generation)

    def _renamed(self, name: str, generation: int) -> str:
        """Return a new name beside that of an object, always the same for one generation."""
        digest = hashlib.sha256(f"{name}#{generation}".encode()).hexdigest()[:12]
        folder, _, file = name.rpartition("/")
        folders = folder.split("/")
        at = folders.index(naming.run_within(name)) + 1
        return "/".join([*folders[:at], digest, file])

    def _write(self, bucket: str, name: str, content_type: str, pieces: Iterable[bytes]) -> None:
        self._make_room(bucket, name)
        with self._storage.create(bucket, name, content_type) as stream:
            for piece in pieces:
                stream.write(piece)

    def _make_room(self, bucket: str, name: str) -> None:
        """Delete what a purge that broke off has left under a new name."""
        if earlier := self._storage.info(bucket, name):
            self._delete(earlier)

    def _delete(self, info: ObjectInfo) -> None:
        try:
            self._storage.delete(info.bucket, info.name, info.generation)
        except ConflictError:
            return  # written anew since it was looked at


def _rows(parts: Iterable[Part]) -> int:
    return sum(part.rows for part in parts)


def _packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=_GZIP_WBITS)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()

"""Where a subject's rows are: all that is kept of a table, run by run, looked through once."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared import csv
from shared.core import naming
from shared.core.drift import RESCUED
from shared.core.manifests import Manifest, Part
from shared.core.messages import IngestRequest
from shared.core.purges import Find, Subject
from shared.core.runs import Trigger
from shared.core.schemas import TableSchema
from shared.errors import IllegalTransitionError, InvalidFileError, InvalidMessageError
from shared.steps import quarantined_rows
from shared.steps.purging import subjects
from shared.steps.purging.scopes import Scope
from shared.steps.purging.subjects import Records
from shared.steps.staged_parts import rows_of
from shared.steps.stored_files import StoredFile
from shared.storage import ObjectInfo
from shared.wiring import Services

Places = tuple[tuple[int, int], ...]
"""Where records start in an unpacked file, and how many bytes they have."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One object with a subject's rows."""

    kind: str
    info: ObjectInfo
    rows: int | None = None
    places: Places | None = None
    """In a dropped file's original; None: it can only be deleted whole."""
    is_deleted: bool = False

    @property
    def find(self) -> Find:
        """What is said about it."""
        name = self.info.place
        return Find(kind=self.kind, name=name, rows=self.rows, is_deleted=self.is_deleted)


@dataclass(slots=True)
class RunFinds:
    """What one run left of a subject."""

    run_id: str
    manifest: Manifest | None = None
    generation: int = 0
    """Of the manifest."""
    parts: dict[str, tuple[Part, TableSchema, Holding]] = field(default_factory=dict)
    """By name: those with rows of the subject."""
    original: Holding | None = None
    rejects: list[Holding] = field(default_factory=list)
    others: list[Holding] = field(default_factory=list)
    """To be deleted, whatever becomes of the run's manifest."""
    is_sampled: bool = False
    """The manifest shows the subject in the sample of a check, whatever is left of the parts."""

    @property
    def holdings(self) -> list[Holding]:
        """All of it."""
        parts = [holding for _, _, holding in self.parts.values()]
        original = [self.original] if self.original else []
        return [*parts, *original, *self.rejects, *self.others]


class Search:
    """One table, looked through for one subject."""

    def __init__(self, services: Services, scope: Scope, subject: Subject) -> None:
        self._services = services
        self._storage = services.storage
        self._scope = scope
        self._table = scope.table
        self._subject = subject
        self.runs = {run.run_id: run for run in services.ledger.runs(self._table)}

    def finds(self) -> list[RunFinds]:
        """Return what was found, in the order of the runs.

        Raises:
            IllegalTransitionError: a run has not ended, or a file was not taken in yet.
            InvalidMessageError: no run ever had the column, or the value is none of its type.
        """
        self._require_ended()
        manifests = list(self._services.manifests.all(self._table))
        self._require_column([manifest for manifest, _ in manifests])
        staged, raw, bad = (self._objects(zone) for zone in ("staging", "raw", "quarantine"))
        plans = self._plans()
        run_ids = {*self.runs, *staged, *raw, *bad, *plans, *(m.run_id for m, _ in manifests)}
        found = {run_id: RunFinds(run_id) for run_id in sorted(run_ids)}
        for manifest, generation in manifests:
            found[manifest.run_id] = RunFinds(manifest.run_id, manifest, generation)
        for run_id, there in plans.items():  # first: what is left never names what is gone
            found[run_id].others += (Holding("plan", info, is_deleted=True) for info in there)
        self._search_parts(found, {info.name: info for each in staged.values() for info in each})
        for run_id, finds in found.items():
            self._search_originals(finds, raw.get(run_id, []))
            self._search_rejects(finds, bad.get(run_id, []))
        self._search_dropped(found)
        for finds in found.values():
            of_run = finds.manifest
            finds.is_sampled = of_run is not None and subjects.in_samples(of_run, self._subject)
        return [finds for finds in found.values() if finds.holdings or finds.is_sampled]

    def _require_ended(self) -> None:
        for run in self.runs.values():
            if not run.is_terminal:
                raise IllegalTransitionError(
                    f"run {run.run_id} of {self._table} is {run.state}, and may still write rows; "
                    f"purge when it has ended, or `sluice cancel {run.run_id}` it",
                    run_id=run.run_id,
                )

    def _require_column(self, manifests: list[Manifest]) -> None:
        names = sorted({name for m in manifests for name in m.schema.names})
        if manifests and not {self._subject.column, RESCUED} & set(names):
            raise InvalidMessageError(
                f"no run of {self._table} had a column {self._subject.column!r}; columns: "
                f"{', '.join(names)}"
            )

    def _objects(self, zone: str) -> dict[str, list[ObjectInfo]]:
        """Return a zone's objects by run; those in no run's folder are not ours."""
        found: dict[str, list[ObjectInfo]] = defaultdict(list)
        bucket = self._services.settings.bucket(zone)
        prefixes = [naming.zone_prefix(zone, self._table)]
        if zone == "staging":
            prefixes.append(naming.unloaded_prefix(self._table))
        for prefix in prefixes:
            for info in self._storage.list(bucket, prefix):
                if run_id := naming.run_within(info.name):
                    found[run_id].append(info)
        return found

    def _plans(self) -> dict[str, list[ObjectInfo]]:
        """Return the outcomes of units, then the plan, of each run: ends of keys, and samples.

        All runs have ended, so none needs them; one that is replayed is planned anew.
        """
        found: dict[str, list[ObjectInfo]] = defaultdict(list)
        bucket = self._services.settings.bucket("staging")
        for prefix in (naming.units_prefix(self._table), naming.plans_prefix(self._table)):
            for info in self._storage.list(bucket, prefix):
                if run_id := naming.run_within(info.name):
                    found[run_id].append(info)
        return found

    # Parts ----------------------------------------------------------------------------------------

    def _search_parts(self, found: dict[str, RunFinds], there: dict[str, ObjectInfo]) -> None:
        """Look into every part that a manifest names; the others are left over."""
        named: dict[str, int] = {}
        for finds in found.values():
            for part, schema in parts_of(finds.manifest) if finds.manifest else ():
                info = there.get(part.name)
                if part.name not in named and info and info.generation == part.generation:
                    named[part.name] = self._rows_in(part, schema)
                if named.get(part.name) and info:
                    holding = Holding("part", info, named[part.name])
                    finds.parts[part.name] = (part, schema, holding)
        for name, info in there.items():
            if name not in named:
                leftover = Holding("left over", info, is_deleted=True)
                found[naming.run_within(name)].others.append(leftover)

    def _rows_in(self, part: Part, schema: TableSchema) -> int:
        batches = rows_of(self._services, part, schema)
        return sum(len(subjects.in_batch(batch, self._subject)) for batch in batches)

    # Files ----------------------------------------------------------------------------------------

    def _search_originals(self, finds: RunFinds, there: list[ObjectInfo]) -> None:
        file = finds.manifest.file if finds.manifest else None
        for info in there:
            if file and info.name != file.original:
                finds.others.append(Holding("left over", info, is_deleted=True))
            elif holding := self._in_file("original", info, finds.manifest):
                if holding.is_deleted:
                    finds.others.append(holding)
                else:
                    finds.original = holding

    def _in_file(self, kind: str, info: ObjectInfo, manifest: Manifest | None) -> Holding | None:
        """Look into a file as it was read then; one that cannot be read is judged as a whole."""
        if manifest and manifest.file:
            dialect = csv.Dialect.from_dict(manifest.file.dialect)
            if manifest.protection != self._scope.protection:
                # Its rows cannot be told apart: nobody knows how the subject was protected then.
                return Holding(kind, info, is_deleted=True)
            try:
                places = self._places(info, dialect, manifest.file.read_as or manifest.schema)
            except InvalidFileError:
                pass  # it had other columns than what was staged of it
            else:
                how = csv.packing(self._chunks(info))
                is_packed = how not in (csv.Packing.NONE, csv.Packing.GZIP)
                is_whole = is_packed or not csv.is_separable(self._chunks(info), dialect)
                found = Holding(kind, info, len(places), places, is_deleted=is_whole)
                return found if places else None
        return Holding(kind, info, is_deleted=True) if self._may_show(info) else None

    def _may_show(self, info: ObjectInfo) -> bool:
        """Say whether the subject's value may stand in a file; nobody sees into a damaged one."""
        if csv.packing(self._chunks(info)) is csv.Packing.PARQUET:
            return True  # its values are packed
        try:
            return subjects.in_bytes(csv.unpacked(self._chunks(info)), self._subject)
        except InvalidFileError:
            return True

    def _places(self, info: ObjectInfo, dialect: csv.Dialect, schema: TableSchema) -> Places:
        records = Records(self._subject, schema, dialect)
        found: list[tuple[int, int]] = []
        for batch in csv.read(StoredFile(self._storage, info), dialect, schema):
            (data,) = self._scope.protector.passing([batch.data], schema)
            rows = subjects.in_batch(data, self._subject)
            described = batch.describe(csv.LateFault(row) for row in rows)
            bad = [reject for reject in batch.rejects if records.has(reject.raw)]
            found += [(each.byte_offset, each.byte_count) for each in (*described, *bad)]
        return tuple(sorted(found))

    def _chunks(self, info: ObjectInfo) -> Iterator[bytes]:
        return self._storage.stream(info.bucket, info.name, info.generation)

    def _search_rejects(self, finds: RunFinds, there: list[ObjectInfo]) -> None:
        manifest, services = finds.manifest, self._services
        records = records_of(self._subject, manifest)
        for info in there:
            if manifest and info.name not in quarantined_rows.names(manifest):
                finds.others.append(Holding("left over", info, is_deleted=True))
                continue
            rows = sum(
                records.has_facts(row.facts) for row in quarantined_rows.kept(info.name, services)
            )
            if rows:
                finds.rejects.append(Holding("rejects", info, rows))

    def _search_dropped(self, found: dict[str, RunFinds]) -> None:
        """Look into the files in the landing bucket.

        Raises:
            IllegalTransitionError: one was not taken in yet.
        """
        taken = {run.trigger_key: run for run in self.runs.values() if run.trigger is Trigger.FILE}
        bucket = self._services.settings.bucket("landing")
        for info in self._storage.list(bucket, naming.zone_prefix("landing", self._table)):
            if info.name.endswith("/"):
                continue
            request = IngestRequest(bucket=bucket, name=info.name, generation=info.generation)
            run = taken.get(request.key)
            if run is None and self._scope.is_configured:
                raise _not_taken(info)
            # Nobody will take in what was dropped for a table that is not configured any more.
            run_id = run.run_id if run else ""
            finds = found.setdefault(run_id, RunFinds(run_id))
            if holding := self._in_file("dropped file", info, finds.manifest):
                finds.others.append(Holding(holding.kind, info, holding.rows, is_deleted=True))


def _not_taken(info: ObjectInfo) -> IllegalTransitionError:
    return IllegalTransitionError(f"{info.uri} has no run yet; purge when it was taken in")


def parts_of(manifest: Manifest) -> Iterator[tuple[Part, TableSchema]]:
    """Yield all parts that a manifest names, those of a rewind's layers too, with their columns."""
    for part in manifest.all_parts:
        yield part, manifest.schema_of(part)
    for layer in manifest.rewind.layers if manifest.rewind else ():
        for part in layer.parts:
            yield part, layer.schema
        for part in layer.key_parts or ():
            yield part, layer.schema.only_key


def records_of(subject: Subject, manifest: Manifest | None) -> Records:
    """Return what tells which records of a run's file are a subject's."""
    dialect = csv.Dialect.from_dict(manifest.file.dialect) if manifest and manifest.file else None
    return Records(subject, manifest.schema if manifest else TableSchema(()), dialect)

"""One protection for all rows of a table: what would mix two of them is refused.

A hash by another key, or a clear value beside hashes, would neither be found by a merge nor join.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from shared.config.tables import ResolvedTable, TableConfig
from shared.core import unchanged
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.receipts import Difference
from shared.core.runs import Run
from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.errors import InvalidConfigError, RewindError, SchemaConflictError
from shared.targets.base import Target
from shared.wiring import Services


def require_alike(
    run: Run,
    resolved: ResolvedTable,
    target: Target,
    state: TargetState,
    services: Services,
    *,
    generation: int,
) -> None:
    """Make sure that the rows of a table are protected as those will be that a run adds.

    A full load replaces them, so it may follow another protection; so may any run of an empty
    table. No protection is one, too: clear values would take the place of protected ones.

    Args:
        run: it may have begun under an earlier configuration.
        resolved: the configuration that it is read by.
        target: holds the rows.
        state: of the target.
        services: where manifests are.
        generation: of ``resolved``.

    Raises:
        SchemaConflictError: they are not.
    """
    wanted, table, before = resolved.protection, resolved.table.name, state.run_id
    mode = run.mode or resolved.table.sync_mode
    is_same = generation == run.config_generation
    if mode is SyncMode.FULL or (is_same and unchanged.is_of(state.change_token, generation)):
        return
    manifest = services.manifests.find(table, before) if before else None
    if manifest is None or manifest.protection == wanted or not target.count():
        return
    raise SchemaConflictError(
        f"the rows of {table} were protected otherwise ({differences(manifest.protection, wanted)})"
        f" by run {before}, and rows of both kinds would not fit together. Take a full load "
        f"(`sluice run {table} --mode full`), or empty the table and move its rows again",
        table=table,
    )


def require_current(resolved: ResolvedTable, manifest: Manifest) -> None:
    """Make sure that a run was staged under the protection that its table has now.

    Raises:
        SchemaConflictError: it was not, so that clear values, or others, might be loaded.
    """
    if manifest.protection != resolved.protection:
        said = differences(manifest.protection, resolved.protection)
        raise SchemaConflictError(
            f"run {manifest.run_id} of {manifest.table} was staged under another protection than "
            f"its table has now ({said}); nothing was published. Run the table again, or drop the "
            "file again",
            table=manifest.table,
        )


def require_rewindable(resolved: ResolvedTable, found: Manifest | None, run_id: str) -> None:
    """Make sure that a rewind brings no values back that are protected now.

    Raises:
        RewindError: rows of an earlier run were protected otherwise, or nobody knows how.
    """
    wanted = resolved.protection
    before: Mapping[str, str] = found.protection if found else {}
    if before == wanted:
        return
    raise RewindError(
        f"rows of run {run_id} of {resolved.table.name} were not protected as the table file says "
        f"now ({differences(before, wanted)}); choose a run after that change"
    )


def in_files(
    columns: Sequence[Column], table: TableConfig, *, names: Sequence[str] | None = None
) -> tuple[Column, ...]:
    """Return the columns that a file is read as: protected ones as text, dropped ones too.

    What another file's cells look like, or what the target has, says nothing of their type: the
    number 7 and the text 007 would have different hashes. ``csv.columns`` may say something.

    Args:
        columns: as they are found in the file, or in the target, which lacks those dropped.
        table: the table.
        names: the file's, where the columns are the target's.

    Raises:
        InvalidConfigError: a column that is protected is not there.
    """
    found = [_as_text(c) if c.name in table.protected else c for c in columns]
    for place, name in enumerate(names or ()):
        if name in table.dropped and name not in {c.name for c in found}:
            found.insert(place, _as_text(Column(name=name, type=DataType(Kind.TEXT))))
    known = {c.name for c in found}
    if strangers := [name for name in table.protected if name not in known]:
        raise InvalidConfigError(
            f"columns of {table.name} protects {', '.join(strangers)}, which is not what the file "
            "or the table calls a column; nothing is read, because the values might come under "
            f"another name. Names are matched letter by letter{_but_for_case(strangers, known)}",
            table=table.name,
        )
    return tuple(found)


def _but_for_case(names: Iterable[str], known: Iterable[str]) -> str:
    """Say how a column is written that is meant: the file's word, which the table file has too."""
    spelled = {name.casefold(): name for name in known}
    meant = [spelled[name.casefold()] for name in names if name.casefold() in spelled]
    return f": write {', '.join(meant)}" if meant else ""


def _as_text(column: Column) -> Column:
    return replace(column, type=DataType(Kind.TEXT))


def unasked(resolved: ResolvedTable, compared: TableSchema) -> dict[str, str]:
    """Return the protected columns of which a source cannot say what their values add up to."""
    return {
        name: f"protected by {how}: rows and NULLs are compared, and all values with --full"
        for name, how in resolved.protection.items()
        if name in compared.names
    }


def unnamed(
    resolved: ResolvedTable, found: Iterable[Difference], exc: InvalidConfigError
) -> InvalidConfigError:
    """Return the error of a table that differs where nobody can read it to say in which rows.

    Naming rows takes reading them, and that of a table with hashes or tokens takes their key.
    """
    said = "; ".join(str(each) for each in found)
    table = resolved.table.name
    return InvalidConfigError(
        f"{table} differs ({said}), and its rows cannot be read to name them: {exc.message}",
        table=table,
    )


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Say which columns are protected in another way, and how."""
    names = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    pairs = ((name, before.get(name, "clear"), after.get(name, "clear")) for name in names)
    return "; ".join(f"{name}: {old}, now {new}" for name, old, new in pairs)

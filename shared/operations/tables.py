"""Tables that people configure through the API, beside those of the table files."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from shared.config import together
from shared.config.adding import added
from shared.config.store import Configured, Origin
from shared.config.tables import ResolvedTable
from shared.core import naming
from shared.errors import IntegrityError, InvalidConfigError
from shared.storage import ABSENT
from shared.wire import from_json
from shared.wiring import Services

if TYPE_CHECKING:
    from shared.config.curated import ResolvedModel


def check(services: Services, data: dict[str, Any]) -> ResolvedTable:
    """Return a table as it would be configured.

    Raises:
        InvalidConfigError: what is wrong with it.
    """
    return _checked(services, data, services.config.configured())


def put(services: Services, data: dict[str, Any], by: str, generation: int = ABSENT) -> Configured:
    """Create a table, or change the generation of it that is there.

    Somebody else may configure another table meanwhile, so all are checked once more when this one
    is written, and it is taken back if they do not fit: of two that want one place, at most one
    stays.

    Raises:
        InvalidConfigError: what is wrong with it.
        ConflictError: there is another generation, or one where there should be none.
    """
    before = services.config.configured()
    resolved = _checked(services, data, before)
    written = services.config.put_through_api(resolved, generation, by)
    if written != generation:
        try:
            _checked(services, data, services.config.configured(before))
        except InvalidConfigError:
            _take_back(services, resolved.table.name, written, before, by)
            raise
    return Configured(resolved=resolved, generation=written, origin=Origin.API)


def require_deployable(
    services: Services, tables: Sequence[ResolvedTable], models: "Sequence[ResolvedModel]"
) -> None:
    """Refuse a deployment whose tables and models do not fit the tables that the API configured.

    A table through the API that this release cannot read is moved by nobody, and is not looked at.

    Raises:
        InvalidConfigError: two write the same place or have one name, or a check refers to a table
            that the deployment takes away.
    """
    mine = {each.table.name for each in tables}
    bucket, staying = services.settings.bucket("config"), []
    for name, origin in services.config.origins().items():
        place = naming.api_config_object(name)
        found = services.storage.read(bucket, place) if origin is Origin.API else None
        kept = readable(place, found[0]) if found and name not in mine else None
        staying += [kept] if kept else []
    together.require_targets_of_their_own([*tables, *staying])
    together.require_references([*tables, *staying])
    together.require_no_model(staying, models)


def require_restorable(services: Services, texts: Iterable[tuple[str, bytes]]) -> None:
    """Refuse to bring back tables, as object name and bytes, that do not fit those there are.

    Tables that their checks refer to may be the files', which a deployment brings back.

    Raises:
        InvalidConfigError: one writes where another does, or has the name or place of a model.
    """
    back = [found for name, data in texts if (found := readable(name, data))]
    if not back:
        return
    there = [each.resolved for each in services.config.configured()]
    together.require_targets_of_their_own([*there, *back])
    together.require_no_model(back, services.models.all()[0])


def readable(name: str, data: bytes) -> ResolvedTable | None:
    """Return the table that an object of the config bucket holds; None if another release's."""
    try:
        return from_json(ResolvedTable, data, name)
    except IntegrityError:
        return None


def _checked(
    services: Services, data: dict[str, Any], all_tables: Sequence[Configured]
) -> ResolvedTable:
    resolved = added(
        data,
        deployed=[each.resolved for each in all_tables if each.origin is Origin.FILES],
        others=[each.resolved for each in all_tables],
    )
    together.require_no_model([resolved], services.models.all()[0])
    return resolved


def _take_back(
    services: Services, name: str, written: int, before: Iterable[Configured], by: str
) -> None:
    """Undo what was written: put back what was there before, or nothing."""
    earlier = next((each for each in before if each.resolved.table.name == name), None)
    if earlier:
        services.config.put_through_api(earlier.resolved, written, by)
    else:
        services.config.remove_through_api(name, written, by)

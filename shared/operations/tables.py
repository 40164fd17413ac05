"""Tables that people configure through the API, beside those of the table files."""

from typing import Any

from shared.config.adding import added
from shared.config.models import ResolvedTable
from shared.config.store import Configured, Origin
from shared.errors import InvalidConfigError
from shared.storage import ABSENT
from shared.wiring import Services


def check(services: Services, data: dict[str, Any]) -> ResolvedTable:
    """Return a table as it would be configured.

    Raises:
        InvalidConfigError: what is wrong with it.
    """
    all_tables = [services.config.find(name) for name in services.config.names()]
    resolved = added(
        data,
        deployed=[each.resolved for each in all_tables if each.origin is Origin.FILES],
        others=[each.resolved for each in all_tables],
    )
    _require_no_model(services, resolved)
    return resolved


def _require_no_model(services: Services, resolved: ResolvedTable) -> None:
    """Refuse a table with the name of a model, or that would write a model's table.

    Raises:
        InvalidConfigError: it is one.
    """
    wanted = resolved.table
    for model in (each.model for each in services.models.all()[0]):
        if wanted.name == model.name:
            raise InvalidConfigError(f"{wanted.name} is the name of a model; take another one")
        if wanted.postgres == model.place:
            raise InvalidConfigError(
                f"model {model.name} writes {model.place.schema_}.{model.place.table} already; "
                "give the table another place"
            )


def put(services: Services, data: dict[str, Any], by: str, generation: int = ABSENT) -> Configured:
    """Create a table, or change the generation of it that is there.

    Raises:
        InvalidConfigError: what is wrong with it.
        ConflictError: there is another generation, or one where there should be none.
    """
    resolved = check(services, data)
    written = services.config.put_through_api(resolved, generation, by)
    return Configured(resolved=resolved, generation=written, origin=Origin.API)

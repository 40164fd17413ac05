"""Which columns of its source a run stages: as the table file and the target will have them."""

from shared.checks import require_checkable
from shared.config.tables import TableConfig
from shared.core.schemas import TableSchema
from shared.errors import InvalidConfigError
from shared.targets.base import Target


def staged(target: Target, config: TableConfig, source: TableSchema) -> TableSchema:
    """Return the columns that a run stages of a source's.

    Raises:
        InvalidConfigError: the table file names a column that there is not, or checks it in a way
            that its type does not allow.
        SchemaConflictError: the run could not be published, as things are.
    """
    if strangers := sorted(config.accept.keys() - set(source.names)):
        raise InvalidConfigError(
            f"accept of {config.name} names {', '.join(strangers)}, but the columns of the source "
            f"are {', '.join(source.names)}",
            table=config.name,
        )
    fitted = target.fit(source)
    require_checkable(config, fitted)
    return fitted

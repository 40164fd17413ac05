"""How the rows of one run become the rows of the table."""

from enum import StrEnum


class SyncMode(StrEnum):
    """The closed set of modes; the table file picks one, a request may ask for another."""

    FULL = "full"
    """The run's rows are the table's rows from now on."""
    INCREMENTAL = "incremental"
    """The run's rows replace those with the same key, others are added."""
    APPEND = "append"
    """The run's rows are added."""

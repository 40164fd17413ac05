"""What goes wrong with the launcher."""


class PostgresError(RuntimeError):
    """The server was not prepared, started or stopped; the message ends with its last words."""

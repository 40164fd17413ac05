"""A login with a secret that may just be changing: a database and its secret never change at once.

Between them somebody's login is refused: the remembered version is not accepted any more, or the
newest is not yet. So a refused login is tried with the other version before it counts.
"""

from collections.abc import Callable
from typing import TypeVar

from shared.errors import PermanentError
from shared.secrets import Secret, Secrets

T = TypeVar("T")


def log_in(
    secrets: Secrets,
    name: str,
    connect: Callable[[Secret], T],
    is_refused: Callable[[PermanentError], bool],
) -> T:
    """Log in with a secret; where it is refused, with the newest version and the one before it.

    So a password may be changed before its new version is added, or after: for the moment between,
    one of two versions is accepted.

    Args:
        secrets: where it is.
        name: of the secret.
        connect: logs in.
        is_refused: whether an error of ``connect`` says that the secret is wrong.

    Raises:
        PermanentError: what ``connect`` raised for the last version.
    """
    secret: Secret | None = secrets.get(name)
    tried: set[int] = set()
    while secret is not None:
        try:
            return connect(secret)
        except PermanentError as exc:
            tried.add(secret.version)
            secret = secrets.another(name, tried) if is_refused(exc) else None
            if secret is None:
                raise
    raise AssertionError("a secret is there or an error was raised")

"""What a command has to know: taken from its options, else asked for, else a default.

Without a terminal nothing is asked: what has no default is then missing, and the message names the
option that gives it.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import typer

from shared.core.modes import SyncMode
from shared.errors import InvalidMessageError

CONNECTIONS: Mapping[str, Mapping[str, str | None]] = {
    "snowflake": {"account": None, "user": None, "role": "", "warehouse": ""},
    "postgres": {"instance": "", "host": None, "database": "postgres", "user": "sluice"},
    "sqlserver": {"host": None, "database": "sluice", "user": "sluice"},
    "bigquery": {"project": None, "location": None},
}
"""What is asked of each kind of connection, with its default; None: there is none."""

LOCAL: Mapping[str, Mapping[str, str]] = {
    "snowflake": {"account": "local", "user": "SLUICE", "host": "127.0.0.1", "protocol": "http"},
    "postgres": {"host": "127.0.0.1", "user": "postgres"},
    "sqlserver": {"host": "127.0.0.1"},
    "bigquery": {"project": "sluice-local", "location": "EU"},
}
"""The same of the cloud on a laptop, which adds its ports itself."""


class Questions:
    """Somebody at a terminal, or nobody."""

    def __init__(self, *, are_asked: bool) -> None:
        self.are_asked = are_asked

    def text(
        self, question: str, option: str, given: str | None, default: str | None = None
    ) -> str:
        """Return an answer.

        Args:
            question: what to ask.
            option: how the command line would have said it.
            given: what it said; None: nothing.
            default: the answer of whoever only presses Enter; None: there must be one.

        Raises:
            typer.BadParameter: nobody can be asked, and there is no default.
        """
        if given is not None:
            return given
        if self.are_asked:
            shown = default != ""
            return str(typer.prompt(question, default, show_default=shown, err=True)).strip()
        if default is None:
            raise typer.BadParameter(f"{option} is missing: {question}")
        return default

    def mode(self, given: SyncMode | None, default: SyncMode) -> SyncMode:
        """Return how a table moves; whoever answers something else is asked again."""
        if given is None and self.are_asked:
            return SyncMode(typer.prompt("Mode", default, err=True))
        return given or default

    def connection(self, kind: str, given: Mapping[str, str], environment: str) -> dict[str, Any]:
        """Return what an environment's file has to say of a kind of connection."""
        if environment == "local":
            return {**LOCAL[kind], **given}
        said = dict(given)
        for key, default in CONNECTIONS[kind].items():
            if (kind, key) == ("postgres", "host") and said.get("instance"):
                continue  # one address is enough
            question, option = f"{kind} {key}{_hint(kind, key)}", f"--connect {kind}.{key}=…"
            said[key] = self.text(question, option, given.get(key), default)
        return {key: value for key, value in said.items() if value}


def require_consent(question: str) -> None:
    """Ask whether something is meant; end the command if it is not.

    Raises:
        InvalidMessageError: nobody is at a terminal.
    """
    if not sys.stdin.isatty():
        raise InvalidMessageError("nobody is here to confirm; add --yes if this is meant")
    typer.confirm(question, abort=True, err=True)


def _hint(kind: str, key: str) -> str:
    hints = {
        ("postgres", "instance"): " (Cloud SQL: project:region:instance; else empty)",
        ("snowflake", "account"): " (as in account.snowflakecomputing.com)",
    }
    return hints.get((kind, key), "")


def pairs(given: Iterable[str], is_known: Callable[[str], bool]) -> dict[str, dict[str, str]]:
    """Read ``kind.key=value`` options.

    Raises:
        typer.BadParameter: one is written otherwise, or of no known kind.
    """
    found: dict[str, dict[str, str]] = {}
    for text in given:
        place, equals, value = text.partition("=")
        kind, dot, key = place.partition(".")
        if not (equals and dot and key and is_known(kind)):
            raise typer.BadParameter(
                f"--connect {text}: write it like snowflake.account=acme-prod; kinds are "
                f"{', '.join(CONNECTIONS)}"
            )
        found.setdefault(kind, {})[key] = value
    return found

"""All commands together, and how their errors end.

A command's module is imported when the command is asked for: most of the second that importing all
of them takes is for libraries that the others need.
"""

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

import typer
from rich.text import Text
from typer.core import TyperGroup
from typer.exceptions import TyperException

from shared import settings
from shared.cli import render
from shared.cli.exits import Exit
from shared.cli.failures import JsonCommand, plain
from shared.errors import SluiceError, StorageUnavailableError

PANELS = {
    "Move rows": {
        "init": "shared.cli.init:init",
        "plan": "shared.cli.plans:plan",
        "run": "shared.cli.runs:run",
        "backfill": "shared.cli.runs:backfill",
    },
    "See what happened": {
        "runs": "shared.cli.runs:runs",
        "logs": "shared.cli.logs:logs",
        "verify": "shared.cli.verify:verify",
        "trace": "shared.cli.lineage:trace",
        "reveal": "shared.cli.reveal:reveal",
        "lineage": "shared.cli.lineage:lineage",
        "cost": "shared.cli.costs:cost",
        "freshness": "shared.cli.costs:freshness",
        "audit": "shared.cli.audit:app",
    },
    "Tables and files": {
        "validate": "shared.cli.tables:validate",
        "tables": "shared.cli.imports:app",
        "models": "shared.cli.models:app",
        "schema": "shared.cli.tables:schema",
        "metadata": "shared.cli.tables:metadata",
        "data": "shared.cli.data:data",
        "intake": "shared.cli.intake:intake",
        "contract": "shared.cli.contracts:contract",
        "check": "shared.cli.checks:check",
        "profile": "shared.cli.checks:profile",
    },
    "Put right": {
        "cancel": "shared.cli.runs:cancel",
        "replay": "shared.cli.repairs:replay",
        "rewind": "shared.cli.repairs:rewind",
        "restore": "shared.cli.repairs:restore",
        "quarantine": "shared.cli.quarantine:app",
        "deadletter": "shared.cli.deadletter:app",
        "purge": "shared.cli.purging:purge",
        "sweep": "shared.cli.sweep:sweep",
    },
    "Environments": {
        # A package of its own; the functions' archives do not carry it.
        "local": "local.cli:app",
        "deploy": "shared.cli.deploy:app",
        "doctor": "shared.cli.doctor:doctor",
        "keys": "shared.cli.keys:app",
        "access": "shared.cli.access:app",
    },
}
"""Each command's place, by the heading of the help: a function, or a Typer application."""

COMMANDS = {name: place for panel in PANELS.values() for name, place in panel.items()}

LOG_IN = "`gcloud auth application-default login`"

ANSWER_TIMEOUT_S = 2.0

ANSWERS_IN_JSON = {"intake"}
"""Commands whose errors are JSON too, when they were asked for JSON."""


class Commands(Mapping[str, Any]):
    """The commands of the table, each made when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        """Import a command's module and make the command of it."""
        module, _, attribute = COMMANDS[name].partition(":")
        place = getattr(import_module(module), attribute)
        panel = next(heading for heading, names in PANELS.items() if name in names)
        parent = typer.Typer(callback=lambda: None)
        if isinstance(place, typer.Typer):
            parent.add_typer(place, name=name, rich_help_panel=panel)
        else:
            cls = JsonCommand if name in ANSWERS_IN_JSON else None
            parent.command(name, cls=cls, rich_help_panel=panel)(place)
        return typer.main.get_group(parent).commands[name]

    def __iter__(self) -> Iterator[str]:
        """Go through their names, in the order of the help."""
        return iter(COMMANDS)

    def __len__(self) -> int:
        """Say how many there are."""
        return len(COMMANDS)


class Sluice(TyperGroup):
    """The ``sluice`` command."""

    def __init__(self, **attributes: Any) -> None:
        """Take what Typer says of the group, and the table's commands."""
        super().__init__(**{**attributes, "commands": {}})
        self.commands = cast("Any", Commands())

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the line names."""
        try:
            return super().invoke(ctx)
        except TyperException as exc:
            raise plain(exc) from exc.__cause__
        except typer.Abort as exc:
            # A question that was answered by Ctrl-C; the library ends it as one that was denied.
            if isinstance(exc.__context__, KeyboardInterrupt):
                raise typer.Exit(Exit.INTERRUPTED) from None
            raise


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - the library calls it so
    if wanted:
        typer.echo(f"sluice {version('sluice')}")
        raise typer.Exit


def _begin(
    api: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Talk to the API at this address, as SLUICE_API_KEY or SLUICE_API_TOKEN; instead "
            "of it SLUICE_API_URL does.",
        ),
    ] = None,
    *,
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options that stand before the command."""
    if api:
        settings.adopt({"SLUICE_API_URL": api})


app = typer.Typer(
    name="sluice",
    cls=Sluice,
    help="Move tables and files into databases, every row once, with a receipt.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    callback=_begin,
)


def _login_errors() -> tuple[type[Exception], ...]:
    """Return what Google's clients raise without credentials, if a command has imported them."""
    module = sys.modules.get("google.auth.exceptions")
    return (module.GoogleAuthError,) if module else ()


def _local_cloud_gone(exc: SluiceError) -> SluiceError | None:
    """Return what to say instead if it was a local cloud that did not answer, and it is not up."""
    address = settings.storage_emulator()
    if not address or not isinstance(exc, StorageUnavailableError):
        return None
    parts = urlsplit(address)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), ANSWER_TIMEOUT_S):
            return None
    except OSError:
        return StorageUnavailableError(
            f"the local cloud at {address} is not up any more. `sluice local up --detach` starts "
            "it again, and what was asked for goes on then"
        )


def run() -> None:
    """Run the command line; an error raised on purpose is shown without a traceback."""
    # gRPC's own library writes to the terminal when a server goes away; its callers say it, too.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        app()
    except SluiceError as raised:
        exc = _local_cloud_gone(raised) or raised
        # The name is a heading of the runbook; the sentence comes first.
        text = Text.assemble(exc.message, (f"  ({type(exc).__name__})", "dim"))
        render.errors.print(text, soft_wrap=True)
        sys.exit(Exit.FAILED)
    except _login_errors() as exc:
        said = f"no credentials for Google Cloud: {str(exc).rstrip('.')}. Get some: {LOG_IN}"
        render.errors.print(Text(said), soft_wrap=True)
        sys.exit(Exit.FAILED)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)

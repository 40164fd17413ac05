"""All commands together, and how their errors end."""

import sys
from importlib import import_module

import typer
from rich.text import Text

from shared.cli import (
    audit,
    contracts,
    deadletter,
    deploy,
    doctor,
    imports,
    intake,
    plans,
    quarantine,
    render,
    repairs,
    tables,
)
from shared.cli import runs as run_commands
from shared.cli import sweep as sweep_commands
from shared.cli.failures import JsonCommand
from shared.errors import SluiceError

app = typer.Typer(
    name="sluice",
    help="Move tables and files into databases, every row once, with a receipt.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(plans.plan)
app.command()(run_commands.run)
app.command()(run_commands.backfill)
app.command()(repairs.replay)
app.command()(repairs.rewind)
app.command()(repairs.restore)
app.command()(run_commands.runs)
app.command()(tables.validate)
app.command()(tables.schema)
app.command()(tables.metadata)
app.command(cls=JsonCommand)(intake.intake)
app.command()(contracts.contract)
app.command()(sweep_commands.sweep)
app.command()(doctor.doctor)
app.add_typer(imports.app, name="tables")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(deadletter.app, name="deadletter")
app.add_typer(audit.app, name="audit")
app.add_typer(deploy.app, name="deploy")
# The cloud on a laptop is a package of its own; the functions' archives do not carry it.
app.add_typer(import_module("local.cli").app, name="local")


def run() -> None:
    """Run the command line; an error raised on purpose is shown without a traceback."""
    try:
        app()
    except SluiceError as exc:
        # The name is a heading of the runbook; the sentence comes first.
        text = Text.assemble(exc.message, (f"  ({type(exc).__name__})", "dim"))
        render.errors.print(text, highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)

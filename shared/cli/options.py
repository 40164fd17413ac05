"""Options that several commands have, each with one name and one meaning."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
TableAsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds to wait for the run's end.")]
Wait = Annotated[bool, typer.Option(help="Wait for the run's end and show its receipt.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

"""What the functions say of their work, line by line, wherever they run."""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from shared import settings
from shared.cli import cloud, ends, render
from shared.cli.log_lines import SCOPE, CloudLogging, Line, LogFiles, LogLines, Wanted
from shared.config.times import parse_duration
from shared.deploy import environments
from shared.settings import TOPICS, Settings
from shared.wiring import utc_now

POLL_S = 0.3
CLOUD_POLL_S = 5.0
"""Cloud Logging allows 60 such questions a minute and project. Source: its "Quotas and limits"."""

STYLES = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
SHOWN = frozenset(
    {
        *("severity", "time", "message", "step", "table", "run_id", "exception"),
        *("logger", "logging.googleapis.com/trace", "logging.googleapis.com/spanId"),
    }
)
"""Fields with a place of their own, or for programs alone; the others follow the message."""


def logs(
    what: Annotated[
        str, typer.Argument(metavar="[TABLE | RUN]", help="Only lines about this table or run.")
    ] = "",
    since: Annotated[str, typer.Option(help="How far back: 90s, 15m, 2h, 1d.")] = "1d",
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    severity: Annotated[
        Literal["DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"],
        typer.Option(help="This one and those above."),
    ] = "INFO",
    env: Annotated[
        str, typer.Option("--env", help="Environment of this checkout; default: as for `run`.")
    ] = "",
    project: Annotated[str, typer.Option(envvar="TF_VAR_project", help="Id of its project.")] = "",
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes; ends with Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines as written.")] = False,
) -> None:
    """Show the functions' log lines, oldest first; one that begins like a run's id is one."""
    if env and env != "local":
        settings.adopt(environments.variables(Path.cwd(), env, project))
    is_run = what[:1].isdigit()  # no table is named like that
    wanted = Wanted(
        table="" if is_run else what,
        run_id=what if is_run else "",
        severity=severity,
        since=utc_now() - _ago(since),
    )
    place, poll_s = _place(wanted)
    found = place.new(limit)
    _show(found, wanted, as_json=as_json)
    if not found and not follow:
        _require_known(wanted)
        render.errors.print(
            f"no line{' about ' + what if what else ''} in the last {since}; --since looks back "
            "further, `sluice runs` lists what ran",
        )
    while follow:
        time.sleep(poll_s)
        _show(place.new(), wanted, as_json=as_json)


def _require_known(wanted: Wanted) -> None:
    """Make sure that something is not silent because it is misspelt.

    Raises:
        UnknownTableError: no table has that name.
        InvalidMessageError: no run has an id that begins so.
    """
    if wanted.run_id:
        ends.connect().find_run(wanted.run_id)
    elif wanted.table and not (end := ends.connect()).newest(wanted.table, 1)[0]:
        ends.require_known(end, wanted.table)


def _ago(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc


def _place(wanted: Wanted) -> tuple[LogLines, float]:
    """Return where the lines are, and after how long to look again."""
    cloud.require_no_api()
    if settings.is_configured() and not settings.is_emulated():
        return _cloud_logging(wanted), CLOUD_POLL_S
    described = cloud.describe(settings.state_dir() or cloud.DEFAULT_STATE_DIR)
    services = {name: described["services"].get(name) for name in (*TOPICS, "api")}
    return LogFiles([Path(s["log"]) for s in services.values() if s], wanted), POLL_S


def _cloud_logging(wanted: Wanted) -> CloudLogging:
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=[SCOPE])
    found = Settings.from_environment()
    return CloudLogging(AuthorizedSession(credentials), found.project, found.prefix, wanted)


def _show(lines: list[Line], wanted: Wanted, *, as_json: bool) -> None:
    for line in lines:
        if as_json:
            typer.echo(json.dumps(line, ensure_ascii=False))
            continue
        render.console.print(_text(line, wanted), soft_wrap=True)
        if line.get("exception"):
            render.plain(str(line["exception"]), style="dim")


def _text(line: Line, wanted: Wanted) -> Text:
    severity = str(line["severity"])
    named = [("table", wanted.table), ("run_id", wanted.run_id)]
    facts: dict[str, Any] = {k: line[k] for k, v in named if not v and k in line}
    facts |= {name: value for name, value in line.items() if name not in SHOWN}
    return Text.assemble(
        (f"{line['time'][:23].replace('T', ' ')}  ", "dim"),
        (f"{severity:<8}", STYLES.get(severity, "")),
        f"{line.get('step', '-'):<8}",
        str(line["message"]),
        ("".join(f"  {name}={_short(value)}" for name, value in facts.items()), "dim"),
    )


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)

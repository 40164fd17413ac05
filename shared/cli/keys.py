"""Commands about the keys that staged parts are encrypted under."""

import json
from typing import Annotated, Any

import typer

from shared import settings
from shared.cli import cloud, render
from shared.cli.exits import Exit
from shared.cli.options import AsJson
from shared.cli.render import Listed
from shared.operations import keys
from shared.operations.keys import KeyStatus, KeyVersion, Rewrapped

app = typer.Typer(
    name="keys", help="The keys that staged parts are encrypted under.", no_args_is_help=True
)


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """List the versions of the key and the staged parts that need each; exits 1 if one is gone."""
    found = keys.status(cloud.connect())
    if as_json:
        typer.echo(json.dumps(_as_data(found)))
    else:
        render.listing(("VERSION>", "UTC", "STATE", "PARTS>", "BYTES>"), _listed(found))
        render.plain(f"{found.plain_parts:,} parts are not encrypted", style="dim")
        for name, parts in found.lost.items():
            render.errors.print(f"{parts:,} parts need {name}, which is not there")
    if found.lost or any(_is_lost(each) for each in found.versions):
        raise typer.Exit(Exit.FAILED)


@app.command()
def rotate(*, as_json: AsJson = False) -> None:
    """Make a new version of the key and wrap the keys of all staged parts under it.

    No part is written again, and the old version stays readable until it is retired.
    """
    _report(keys.rotate(cloud.connect(), settings.person()), as_json=as_json)


@app.command()
def rewrap(*, as_json: AsJson = False) -> None:
    """Wrap the keys of all staged parts under the newest version, as a rotation does."""
    _report(keys.rewrap(cloud.connect(), settings.person()), as_json=as_json)


@app.command()
def retire(
    version: Annotated[int, typer.Argument(min=1, help="Number of the version.")],
) -> None:
    """Disable a version that no staged part needs any more; refused while one does."""
    keys.retire(cloud.connect(), version, settings.person())
    render.plain(f"version {version} is disabled; destroy it once nobody misses it")


def _report(done: Rewrapped, *, as_json: bool) -> None:
    if as_json:
        data = {"version": done.version, "parts": done.parts, "failed": list(done.reasons)}
        typer.echo(json.dumps(data))
    else:
        render.plain(f"version {done.version}: the keys of {done.parts:,} parts were wrapped")
        for reason in done.reasons:
            render.errors.print(reason, soft_wrap=True)
    if done.failed:
        raise typer.Exit(Exit.FAILED)


def _listed(found: KeyStatus) -> list[Listed]:
    return [
        Listed(
            (
                str(each.version.number),
                f"{each.version.created_at:%Y-%m-%d %H:%M}",
                _state(each),
                f"{each.parts:,}",
                f"{each.size_bytes:,}",
            )
        )
        for each in found.versions
    ]


def _as_data(found: KeyStatus) -> dict[str, Any]:
    return {
        "versions": [
            {
                "version": each.version.number,
                "created_at": each.version.created_at.isoformat(),
                "state": _state(each),
                "parts": each.parts,
                "size_bytes": each.size_bytes,
            }
            for each in found.versions
        ],
        "plain_parts": found.plain_parts,
        "lost": dict(found.lost),
    }


def _state(each: KeyVersion) -> str:
    if each.version.is_destroyed:
        return "destroyed"
    return "enabled" if each.version.is_enabled else "disabled"


def _is_lost(each: KeyVersion) -> bool:
    return bool(each.parts) and not each.version.is_enabled

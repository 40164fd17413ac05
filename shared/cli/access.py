"""Commands about who may call the API: keys and Google accounts, each with a role."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from shared import settings
from shared.callers import Callers
from shared.cli import cloud, render
from shared.cli.options import AsJson
from shared.cli.render import Listed
from shared.core.access import Account, Role
from shared.operations import callers

app = typer.Typer(name="access", help="Who may call the API.", no_args_is_help=True)

WithRole = Annotated[Role, typer.Option("--role", help="What the caller may do.")]

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@app.command()
def create(
    role: WithRole = Role.READ,
    note: Annotated[str, typer.Option(help="What or whom the key is for.")] = "",
    days: Annotated[
        int | None, typer.Option(min=1, help="Days until it expires; without: never.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    services = cloud.connect()
    now = services.now()
    expires_at = now + timedelta(days=days) if days else None
    token, key = callers.create_key(
        services,
        Callers(services.secrets),
        role,
        settings.person(),
        note=note,
        expires_at=expires_at,
    )
    if as_json:
        typer.echo(json.dumps({"id": key.id, "role": key.role, "key": token}))
        return
    render.plain(token)
    render.errors.print(f"key {key.id} may {role}; it is not shown again")


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List keys and accounts with their roles; never a key itself."""
    services = cloud.connect()
    access = Callers(services.secrets).listed()
    now = services.now()
    if as_json:
        keys = [
            {
                "id": key.id,
                "role": key.role,
                "note": key.note,
                "created_at": key.created_at.isoformat(),
                "expires_at": key.expires_at.isoformat() if key.expires_at else None,
            }
            for key in access.keys
        ]
        accounts = [{"email": a.email, "role": a.role} for a in access.accounts]
        typer.echo(json.dumps({"keys": keys, "accounts": accounts}))
        return
    rows = [Listed((k.id, str(k.role), _until(k.expires_at, now), k.note)) for k in access.keys]
    rows += [Listed((a.email, str(a.role), "", "Google account")) for a in access.accounts]
    render.listing(("CALLER", "ROLE", "UNTIL", "FOR"), rows)


@app.command()
def revoke(
    caller: Annotated[str, typer.Argument(help="Id of a key, or a Google account.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Let a key or an account call no more, within half a minute."""
    services = cloud.connect()
    callers.revoke(services, Callers(services.secrets), caller, settings.person())
    _say({"caller": caller, "role": None}, f"{caller} may call no more", as_json=as_json)


@app.command()
def grant(
    email: Annotated[str, typer.Argument(help="E-mail address of a person or service account.")],
    role: WithRole = Role.READ,
    *,
    as_json: AsJson = False,
) -> None:
    """Let a Google account call, with an ID token instead of a key."""
    if not _EMAIL.fullmatch(email):
        raise typer.BadParameter(f"{email!r} is no e-mail address")
    services = cloud.connect()
    account = Account(email=email.lower(), role=role)
    callers.grant(services, Callers(services.secrets), account, settings.person())
    _say({"caller": email, "role": role}, f"{email} may {role}", as_json=as_json)


def _say(facts: dict[str, str | None], said: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        render.plain(said)


def _until(expires_at: datetime | None, now: datetime) -> str:
    if expires_at is None:
        return "ever"
    day = f"{expires_at.astimezone(UTC):%Y-%m-%d}"
    return day if expires_at > now else f"{day}, expired"

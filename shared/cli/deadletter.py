"""Commands about dead letters: list them with their reasons, replay them, drop them."""

import json
from collections.abc import Iterator
from typing import Annotated

import typer

from shared.cli import ends, render
from shared.cli.ends import End
from shared.cli.options import AsJson
from shared.cli.render import Listed
from shared.core.dead_letters import DeadLetter, LetterState
from shared.errors import InvalidMessageError

app = typer.Typer(
    name="deadletter", help="Messages that failed as often as allowed.", no_args_is_help=True
)

LetterId = Annotated[
    str | None, typer.Argument(metavar="ID", help="As listed; its beginning is enough.")
]
AllOpen = Annotated[bool, typer.Option("--all", help="Every one that waits for a decision.")]


@app.command("list")
def list_(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that were decided about, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the dead letters that wait for a decision, the oldest first, with the reason of each."""
    states = tuple(LetterState) if everything else (LetterState.OPEN,)
    end = ends.connect()
    letters = end.letters(*states)
    if as_json:
        typer.echo(json.dumps([end.letter_data(letter) for letter in letters]))
    elif letters:
        rows = [_listed(letter) for letter in letters]
        render.listing(("ID", "MESSAGE", "TABLE", "STATE", "FAILED>"), rows)
    else:
        render.console.print("no dead letters")


@app.command()
def replay(
    letter_id: LetterId = None, *, all_open: AllOpen = False, as_json: AsJson = False
) -> None:
    """Ask once more for what a dead letter asked for. Nothing is ever loaded twice by it."""
    end = _connect(letter_id, all_open=all_open)
    for letter in _chosen(end, letter_id):
        became = end.replay_letter(letter)
        about = f"{letter.table} {letter.run_id}".strip() or letter.topic
        done = "asked for again" if became is LetterState.REPLAYED else "ended well meanwhile"
        _say(letter, became, f"{about}: {done}", as_json=as_json)


@app.command()
def drop(letter_id: LetterId = None, *, all_open: AllOpen = False, as_json: AsJson = False) -> None:
    """Decide that a dead letter is not needed. Its run stays failed."""
    end = _connect(letter_id, all_open=all_open)
    for letter in _chosen(end, letter_id):
        end.drop_letter(letter)
        _say(letter, LetterState.DROPPED, "dropped", as_json=as_json)


def _say(letter: DeadLetter, became: LetterState, done: str, *, as_json: bool) -> None:
    """Say what became of a letter, on a line of its own."""
    if as_json:
        typer.echo(json.dumps({"letter_id": letter.letter_id, "state": became}))
    else:
        render.plain(f"{letter.letter_id}  {done}")


def _connect(letter_id: str | None, *, all_open: bool) -> End:
    if bool(letter_id) == all_open:
        raise typer.BadParameter("give one ID, or --all")
    return ends.connect()


def _chosen(end: End, letter_id: str | None) -> Iterator[DeadLetter]:
    """Yield the open letter that is meant, or all of them.

    Raises:
        InvalidMessageError: no open dead letter, or more than one, has an id that begins so.
    """
    letters = end.letters(LetterState.OPEN)
    if letter_id is None:
        yield from letters
        return
    meant = [letter for letter in letters if letter.letter_id.startswith(letter_id)]
    if len(meant) != 1:
        known = ", ".join(letter.letter_id for letter in letters) or "none"
        raise InvalidMessageError(
            f"{len(meant)} open dead letters begin with {letter_id!r}; open: {known}"
        )
    yield meant[0]


def _listed(letter: DeadLetter) -> Listed:
    run = f"run {letter.run_id}" if letter.run_id else "no run"
    reason = letter.reason or "no attempt wrote down why; see the function's log"
    cells = (letter.letter_id, letter.topic, letter.table, str(letter.state))
    return Listed((*cells, str(letter.deliveries)), (run, reason))

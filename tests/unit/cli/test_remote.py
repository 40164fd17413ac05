"""The command line at the other end of the API: the same words as at the cloud itself."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from shared import errors
from shared.cli import calling
from shared.cli.app import app
from shared.cli.calling import Caller
from shared.cli.direct import Direct
from shared.cli.remote import Remote
from shared.core import naming
from shared.core.access import Role
from shared.core.dead_letters import LetterState
from shared.core.runs import Failure, Run, RunState, StepStats
from shared.core.sweeps import Found, SweepReport
from shared.core.windows import Span
from shared.errors import InvalidConfigError, InvalidMessageError, SluiceError
from shared.settings import ApiAccess
from shared.storage import ABSENT
from shared.wire import to_json
from tests.builders import AT, a_receipt, a_run, an_attempt
from tests.unit.api.test_reading import a_past_run
from tests.unit.api.world import World

STEPS = {"extract": StepStats(duration_s=2.0, rows=9, bytes=50, peak_mib=1.0, source_s=1.5)}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Serve an API, and let the command line talk to it as an operator."""
    started = World.start()
    monkeypatch.setenv("SLUICE_API_URL", f"http://127.0.0.1:{started.port}")
    monkeypatch.setenv("SLUICE_API_KEY", started.keys[Role.OPERATE])
    yield started
    started.stop()


@pytest.fixture
def remote(world: World) -> Remote:
    return Remote(access(world))


def access(world: World, **changes: Any) -> ApiAccess:
    url = f"http://127.0.0.1:{world.port}"
    return replace(ApiAccess(url=url, key=world.keys[Role.OPERATE]), **changes)


def both_ways(
    world: World, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str]
) -> tuple[Result, Result]:
    """Run a command through the API, then at the cloud itself; return both outcomes."""
    through_api = CliRunner().invoke(app, arguments)
    monkeypatch.delenv("SLUICE_API_URL")
    monkeypatch.setattr("shared.cli.cloud.connect", lambda: world.services)
    return through_api, CliRunner().invoke(app, arguments)


def runs_of(world: World) -> list[Run]:
    """Put some runs into the ledger: each began and changed later than the one before."""
    made = []
    for number, state in enumerate((RunState.COMMITTED, RunState.FAILED, RunState.EXTRACTING)):
        at = AT + timedelta(hours=number)
        run = a_run(
            run_id=f"{at:%Y%m%dT%H%M%SZ}-{number:012x}",
            created_at=at,
            updated_at=at + timedelta(minutes=1),
            state=state,
            attempts=(an_attempt(),),
            attempt_count=1,
            failure=Failure(error="MismatchError", message="no") if state == "failed" else None,
            receipt=a_receipt() if state == "committed" else None,
        )
        made.append(world.record(run))
    return made


def test_runs_are_found_as_the_ledger_has_them(world: World, remote: Remote) -> None:
    made, direct = runs_of(world), Direct(world.services)

    for table, limit in ((None, 20), ("flights", 2), ("weather", 5)):
        assert remote.newest(table, limit)[0] == direct.newest(table, limit)[0]
    assert [bool(remote.newest(None, number)[1]) for number in (2, 3)] == [True, False]
    assert remote.find_run(made[1].run_id[:17]) == made[1]
    assert remote.find("flights", made[0].run_id) == made[0]
    assert remote.find("flights", naming.NO_RUN) is None
    assert remote.undone_by(made[0]) == direct.undone_by(made[0])


@pytest.mark.parametrize("text", ["2", "1999"])
def test_beginning_of_no_run_or_of_several_is_refused(
    world: World, remote: Remote, text: str
) -> None:
    runs_of(world)

    said = _refusal(lambda: remote.find_run(text))

    assert said == _refusal(lambda: Direct(world.services).find_run(text))
    assert said[0] is InvalidMessageError


def _refusal(call: Callable[[], object]) -> tuple[type[SluiceError], str]:
    with pytest.raises(SluiceError) as raised:
        call()
    return type(raised.value), raised.value.message


def test_whatever_is_asked_for_is_published_once(world: World, remote: Remote) -> None:
    world.configure(sync_mode="incremental", incremental_column="updated_at")
    made = runs_of(world)

    asked = [
        remote.run("flights", mode=None, allow_empty=True),
        remote.backfill("flights", Span(first="2024-01-01", last="2024-01-02")),
        remote.rewind("flights", made[0]),
    ]
    cancelled = remote.cancel(made[2])

    sent = [json.loads(message.data) for message in world.bus.sent]
    assert len({*asked}) == len(sent) == 3
    assert sent[0]["allow_empty"] is True
    assert (sent[1]["from"], sent[1]["to"]) == ("2024-01-01", "2024-01-02")
    assert sent[2]["rewind_to"] == made[0].run_id
    assert cancelled.state is RunState.FAILED


def test_refusals_are_those_of_the_cloud_itself(world: World, remote: Remote) -> None:
    world.configure("people", csv={"encoding": "utf-8"}, snowflake=None, sync_mode="append")
    world.configure("flights", kind="reference")
    (done, failed, _), direct = runs_of(world), Direct(world.services)

    for call in (
        lambda end: end.run("fligths", mode=None, allow_empty=False),
        lambda end: end.run("people", mode=None, allow_empty=False),
        lambda end: end.cancel(done),
        lambda end: end.replay(done),
        lambda end: end.table("fligths"),
        lambda end: end.rewindable("fligths", "2"),
        lambda end: end.restorable("fligths", ""),
        lambda end: end.restorable("people", naming.NO_RUN),
        lambda end: end.rewindable("flights", failed.run_id),
        lambda end: end.restorable("flights", ""),
    ):
        assert _refusal(lambda call=call: call(remote)) == _refusal(lambda call=call: call(direct))


def test_run_without_rejected_rows_has_none(world: World, remote: Remote) -> None:
    world.configure()
    _, failed, _ = runs_of(world)

    assert list(remote.rejected_rows(failed)) == []
    assert list(Direct(world.services).rejected_rows(failed)) == []


@pytest.mark.parametrize("name", ["../runs", "flights?x=1", "flights#", "a/b", ".."])
def test_name_of_a_table_leads_to_no_other_call(remote: Remote, name: str) -> None:
    with pytest.raises(InvalidMessageError):
        remote.table(name)


def test_table_and_costs_are_the_same(world: World, remote: Remote) -> None:
    world.configure()
    direct = Direct(world.services)

    assert remote.table("flights") == direct.table("flights")
    assert list(remote.names()) == list(direct.names())
    assert remote.is_of_files("flights") is False
    assert remote.costs("flights", 30) == direct.costs("flights", 30)
    assert remote.costs(None, 30) == {}


@pytest.mark.parametrize("options", [(), ("--table", "flights")])
def test_costs_of_runs_are_printed_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    world.configure()
    for began in (1, 2, 31):
        run = a_past_run(timedelta(days=began), steps=STEPS)
        world.record(replace(run, updated_at=world.clock[0]))
    world.record(a_past_run(timedelta(hours=1), state=RunState.LOADING, steps=STEPS))
    world.record(a_past_run(timedelta(hours=1), "weather", steps=STEPS))
    monkeypatch.setattr(Remote, "now", lambda _: world.clock[0])

    through_api, directly = both_ways(world, monkeypatch, ("cost", *options, "--json"))

    assert through_api.stdout == directly.stdout
    assert json.loads(directly.stdout)["total"]["runs"] == (2 if options else 3)


def test_sweep_that_never_was_is_none_and_the_last_one_is_read(
    world: World, remote: Remote
) -> None:
    assert remote.last_sweep() is None
    report = SweepReport(
        swept_at=AT,
        duration_s=1.5,
        open_runs=2,
        **{name: Found() for name in ("nudged", "given_up", "announced", "strays")},
        **{name: Found() for name in ("dead_letters", "deleted", "dropped")},
        stale=(),
        problems=("a problem",),
        collected_at=None,
        collected_upto="",
    )
    bucket = world.services.settings.bucket("state")
    world.storage.write(
        bucket,
        naming.SWEEP_REPORT,
        to_json(report),
        generation=ABSENT,
        content_type="application/json",
    )

    assert remote.last_sweep() == Direct(world.services).last_sweep() == report
    said = CliRunner().invoke(app, ["sweep"]).stdout.splitlines()
    numbers = [line for line in said[1:] if not line.startswith("  ")]
    assert said[0].endswith("2 open runs")
    assert len({len(line) for line in numbers}) == 1


def test_no_letters_are_none(remote: Remote) -> None:
    assert remote.letters(*LetterState) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("runs",), 0),
        (("runs", "--json"), 0),
        (("runs", "20"), 1),
        (("quarantine", "list", "flights", "--json"), 0),
        (("deadletter", "list"), 0),
        (("sweep",), 0),
        (("tables", "show", "flights"), 0),
        (("cost", "--table", "flights", "--json"), 0),
        (("cost",), 0),
        (("run", "fligths"), 1),
    ],
)
def test_command_says_the_same_and_ends_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int
) -> None:
    world.configure()
    runs_of(world)
    monkeypatch.setattr(Remote, "now", lambda _: world.clock[0])

    through_api, directly = both_ways(world, monkeypatch, arguments)

    assert through_api.stdout == directly.stdout
    assert through_api.exit_code == directly.exit_code == code
    assert str(through_api.exception) == str(directly.exception)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": RunState.EXTRACTING}, "no receipt yet: it has not ended"),
        ({"state": RunState.SUPERSEDED, "reason": "since run 7 …"}, "nothing is to be done"),
        ({"state": RunState.FAILED}, "nothing was loaded"),
    ],
)
def test_box_of_a_run_without_a_receipt_names_it_and_says_what_is_next(
    world: World, changes: dict[str, Any], said: str
) -> None:
    run = world.record(a_run(updated_at=AT, **changes))

    shown = CliRunner().invoke(app, ["runs", run.run_id], env={"COLUMNS": "200"})

    first = shown.stdout.splitlines()[0]
    assert run.run_id in first
    assert said in shown.stdout
    assert str(changes.get("reason", "")) in shown.stdout


def interrupted(process: "subprocess.Popen[str]") -> str:
    """Press Ctrl-C, once more if a finalizer swallowed it; return what was said of it."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=25)[1]
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        return process.communicate(timeout=25)[1]


def test_ctrl_c_ends_the_waiting_and_names_the_run_that_goes_on(world: World) -> None:
    world.configure()
    # A shell's background jobs, and what they start, ignore the signal.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heard}; from shared.cli import main; main()"
    command = [sys.executable, "-c", code, "run", "flights"]
    waiting = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not world.bus.sent:
        assert waiting.poll() is None
        time.sleep(0.05)
    time.sleep(1)  # until it waits for the run

    said = interrupted(waiting)

    assert waiting.returncode == 130
    assert re.fullmatch(r"run (\S+) goes on; `sluice runs \1` shows it\n", said), said


def test_command_that_the_api_does_not_have_says_so(world: World) -> None:
    found = CliRunner().invoke(app, ("logs", "flights"))

    assert isinstance(found.exception, InvalidConfigError)
    assert "does not go through the API" in str(found.exception)


def test_option_names_the_api_and_the_key_is_never_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_API_URL", "https://elsewhere.invalid")
    monkeypatch.setenv("SLUICE_API_KEY", f"{world.keys[Role.READ]}x")

    found = CliRunner().invoke(app, ("--api", f"http://127.0.0.1:{world.port}", "runs"))

    assert isinstance(found.exception, InvalidConfigError)
    assert "401 Unauthorized" in str(found.exception)
    assert world.keys[Role.READ] not in f"{found.output}{found.exception!r}"
    assert world.keys[Role.READ] not in repr(access(world, key=world.keys[Role.READ]))


def test_role_that_is_too_low_is_named(world: World) -> None:
    reader = Remote(access(world, key=world.keys[Role.READ]))

    kind, said = _refusal(reader.ask_for_sweep)

    assert kind is InvalidConfigError
    assert "403 Forbidden" in said
    assert "takes operate" in said


@pytest.mark.parametrize("url", ["http://example.com", "https://metadata.google.internal", "x"])
def test_key_goes_over_tls_alone(url: str) -> None:
    with pytest.raises(InvalidConfigError, match="SLUICE_API_URL"):
        Caller(ApiAccess(url=url, key="k"))


class Scripted(ThreadingHTTPServer):
    """Answers one status after the other, and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, dict[str, str]]) -> None:
        self.left, self.asked = list(answers), list[tuple[str, dict[str, str]]]()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.path, dict(self.headers)))
        status, headers = self.server.left.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        body = b'{"run_id": "r"}'
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Scripted]]:
    """Return what starts a server that answers by a script."""
    monkeypatch.setattr(calling, "PAUSE_S", 0.001)
    started = []

    def start(*answers: tuple[int, dict[str, str]]) -> Scripted:
        server = Scripted(*answers)
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def caller(server: Scripted) -> Caller:
    return Caller(ApiAccess(url=f"http://127.0.0.1:{server.server_address[1]}", key="secret"))


def test_post_is_sent_again_with_the_same_key(scripted: Callable[..., Scripted]) -> None:
    server = scripted((503, {}), (429, {"Retry-After": "0"}), (202, {}))

    assert caller(server).post("pipeline/run", {"table": "flights"}) == {"run_id": "r"}

    sent = {headers["Idempotency-Key"] for _, headers in server.asked}
    assert (len(server.asked), len(sent)) == (3, 1)
    assert {headers["X-API-Key"] for _, headers in server.asked} == {"secret"}


@pytest.mark.parametrize(
    ("answers", "number", "kind"),
    [
        ([(503, {})] * 9, calling.TRIES, errors.RetryableError),
        ([(429, {"Retry-After": "3600"})], 1, errors.RetryableError),
        ([(400, {})], 1, InvalidMessageError),
        ([(302, {"Location": "http://127.0.0.1:9/"})], 1, InvalidMessageError),
    ],
)
def test_call_that_cannot_help_ends_in_one_sentence(
    scripted: Callable[..., Scripted],
    answers: list[tuple[int, dict[str, str]]],
    number: int,
    kind: type[SluiceError],
) -> None:
    server = scripted(*answers)

    found, said = _refusal(lambda: caller(server).post("pipeline/run"))

    assert found is kind
    assert str(answers[0][0]) in said
    assert "secret" not in said
    assert len(server.asked) == number


def test_api_that_is_away_is_told_without_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "PAUSE_S", 0.001)

    nowhere = Caller(ApiAccess(url="http://127.0.0.1:9", key="secret"))

    kind, said = _refusal(lambda: nowhere.get("runs"))

    assert kind is errors.RetryableError
    assert "does not answer" in said
    assert "secret" not in said

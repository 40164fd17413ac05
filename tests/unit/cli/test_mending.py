"""Mended rows on their way through the API or past it: in the encoding of the table's files."""

import json
from collections.abc import Iterator

import pytest

from shared import csv
from shared.cli.direct import Direct
from shared.cli.remote import Remote
from shared.core import naming
from shared.core.manifests import FileOrigin
from shared.core.modes import SyncMode
from shared.core.runs import Run, RunState, Trigger
from shared.errors import SluiceError
from shared.operations import mending
from shared.settings import ApiAccess
from shared.storage import ABSENT
from tests.builders import a_manifest, a_receipt, a_run, a_schema, an_attempt
from tests.unit.api.world import Role, World

ROWS = "id;name\n4;Gr\u00fcn\n"


@pytest.fixture
def world() -> Iterator[World]:
    started = World.start()
    yield started
    started.stop()


@pytest.fixture(params=["through the API", "directly"])
def end(request: pytest.FixtureRequest, world: World) -> Remote | Direct:
    if request.param == "directly":
        return Direct(world.services)
    url = f"http://127.0.0.1:{world.port}"
    return Remote(ApiAccess(url=url, key=world.keys[Role.OPERATE]))


def rejecting(world: World, encoding: str) -> Run:
    """Record a run that rejected a row of a file in an encoding."""
    receipt = a_receipt(rows_rejected=1)
    key = "gs://acme-landing/flights/one.csv#1"
    run = a_run(
        trigger=Trigger.FILE,
        trigger_key=key,
        state=RunState.COMMITTED,
        receipt=receipt,
        attempts=(an_attempt(),),
        attempt_count=1,
    )
    origin = FileOrigin(
        bucket="acme-landing",
        name="flights/one.csv",
        generation=1,
        size_bytes=1,
        sha256="ab" * 32,
        original="original.csv",
        dialect=csv.Dialect(encoding=encoding, delimiter=";").to_dict(),
    )
    world.services.manifests.create(
        a_manifest(
            mode=SyncMode.APPEND,
            window=None,
            rows_rejected=1,
            file=origin,
            schema=a_schema(key=(), id="int64", name="text"),
            attempt=run.attempts[0].id,
        )
    )
    return world.record(run)


def sent(world: World) -> bytes:
    """Return the file that was dropped in the place of the rejected rows."""
    (info,) = world.storage.list("acme-landing", "flights/rejects-of-")
    found = world.storage.read("acme-landing", info.name)
    assert found is not None
    return found[0]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-16-le", "iso2022_jp"])
def test_exported_and_edited_rows_go_back_byte_by_byte(
    world: World, end: Remote | Direct, encoding: str
) -> None:
    run = rejecting(world, encoding)
    rows = ROWS if encoding != "iso2022_jp" else "id;name\n4;\u7dd1\n"

    end.send_again(run, rows.encode(encoding))

    assert sent(world) == rows.encode(encoding)


def test_rows_in_utf_8_become_what_the_files_are_in(world: World, end: Remote | Direct) -> None:
    run = rejecting(world, "cp1252")

    end.send_again(run, b"\xef\xbb\xbf" + ROWS.encode())

    assert sent(world) == ROWS.encode("cp1252")


@pytest.mark.parametrize("saved", ["utf-8-sig", "utf-16", "utf-32"])
def test_rows_with_a_byte_order_mark_are_what_it_says(
    world: World, end: Remote | Direct, saved: str
) -> None:
    run = rejecting(world, "utf-16-be")

    end.send_again(run, ROWS.encode(saved))

    assert sent(world) == f"\ufeff{ROWS}".encode("utf-16-be")


def test_character_that_the_encoding_has_not_is_refused(world: World, end: Remote | Direct) -> None:
    run = rejecting(world, "cp1252")

    with pytest.raises(SluiceError, match="line 2 of the mended rows has '\u7dd1', which cp1252"):
        end.send_again(run, "id;name\n4;\u7dd1\n".encode())


def test_bytes_that_are_neither_utf_8_nor_of_the_file_are_refused(
    world: World, end: Remote | Direct
) -> None:
    run = rejecting(world, "shift_jis")

    with pytest.raises(SluiceError, match="neither UTF-8 nor shift_jis"):
        end.send_again(run, b"id;name\n4;\xff\xfe\n")


def original(world: World, run: Run, content: bytes) -> None:
    """Keep the file of a run, and a reject of all that is behind its header."""
    start = content.index(b"4")
    (attempt,) = run.attempts
    name = naming.rejects_object(run.table, run.run_id, attempt.id)
    facts = {"byte_offset": start, "byte_count": len(content) - start - 1}
    world.storage.put("acme-quarantine", name, json.dumps(facts).encode(), ABSENT)
    world.storage.put("acme-raw", "original.csv", content, ABSENT)


@pytest.mark.parametrize("encoding", ["cp1252", "shift_jis"])
def test_rejected_rows_come_as_they_are_and_as_text(world: World, encoding: str) -> None:
    run = rejecting(world, encoding)
    rows = ROWS if encoding == "cp1252" else "id;name\n4;\u301c\n"  # no browser decodes it so
    original(world, run, rows.encode(encoding))

    path = f"/api/v1/quarantine/flights/{run.run_id}/file"
    there, text = world.call(path), world.call(f"{path}?form=text")

    assert there.body == rows.encode(encoding)
    assert there.headers["content-type"] == f"text/csv; charset={mending.charset(encoding)}"
    assert text.body == rows.encode()
    assert text.headers["content-type"] == "text/csv; charset=utf-8"


def test_rejected_rows_that_are_no_text_are_refused_as_text(world: World) -> None:
    run = rejecting(world, "utf-8")
    original(world, run, b"id;name\n4;\xfc\n")

    reply = world.call(f"/api/v1/quarantine/flights/{run.run_id}/file?form=text")

    assert (reply.status, reply.data["code"]) == (422, "not_text")
    assert "export them as a file" in reply.data["detail"]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp1252", "windows-1252"),
        ("latin-1", "iso-8859-1"),
        ("utf-16-le", "utf-16le"),
        ("iso2022_jp", "iso-2022-jp"),
        ("euc_kr", "euc-kr"),
        ("Shift_JIS", "shift_jis"),
        ("UTF8", "utf-8"),
        ("cp437", "cp437"),
    ],
)
def test_charset_of_an_encoding_is_the_registered_one(encoding: str, name: str) -> None:
    assert mending.charset(encoding) == name

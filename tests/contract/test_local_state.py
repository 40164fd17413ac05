"""What a local cloud keeps outside of its processes: ports, PostgreSQL's folder; and its health."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

from local import health
from local.postgres import homes
from local.topology import Ports


def test_ports_stay_from_start_to_start_unless_somebody_has_one(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    first = Ports.plan(path)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first.gcs))
        taken.listen()
        second = Ports.plan(path)
    third = Ports.plan(path)

    assert second.gcs != first.gcs
    assert (second.pubsub, second.snowflake) == (first.pubsub, first.snowflake)
    assert third == second


def test_stand_in_goes_with_its_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept, gone, served = (tmp_path / name for name in ("kept", "gone", "served"))
    for state_dir in (kept, gone, served):
        home = homes.stand_in(state_dir)
        (home / "data").mkdir(parents=True)
        homes.claim(home, state_dir)
    gone.rmdir()
    served.rmdir()
    (homes.stand_in(served) / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n")

    homes.remove_stale()

    assert [homes.stand_in(d).exists() for d in (kept, gone, served)] == [True, False, True]


def test_service_that_does_not_answer_is_down_though_its_process_lives() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        service = {"pid": os.getpid(), "port": unused.getsockname()[1], "health": "/_health"}
        found = health.ask_all({"services": {"gcs": service}})

    assert (found["gcs"]["state"], found["gcs"]["up"]) == ("down", False)
    assert found["gcs"]["rss_mib"] > 0

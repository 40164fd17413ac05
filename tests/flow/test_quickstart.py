"""The quick start, command by command, as somebody types it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.cloud import Cloud
from tests.flow.command_line import sluice
from tests.flow.conftest import write_config

PAGE = Path("docs/quickstart.md").resolve()
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STATEMENT = re.compile(r"^sluice (.*(?:\n  .*)*)$", re.MULTILINE)
FILE = re.compile(r"^cat > (\S+) <<'END'\n(.*?)^END$", re.MULTILINE | re.DOTALL)
WORD = re.compile(r'"([^"]*)"|(\S+)')


def commands() -> Iterator[list[str]]:
    """Yield the commands of the page that talk to a cloud that is up, after writing its files."""
    for block in BLOCK.findall(PAGE.read_text("utf-8")):
        for name, text in FILE.findall(block):
            Path(name).write_text(text, "utf-8")
        for statement in STATEMENT.findall(FILE.sub("", block)):
            words = [quoted or plain for quoted, plain in WORD.findall(statement)]
            if words[:2] != ["local", "down"]:
                yield words


def meant(words: list[str], cloud: Cloud) -> list[str]:
    """Return what a person types: the id of the run, and where the table files are here."""
    if words == ["local", "up"]:
        return [*words, "--config", "config"]
    if words == ["runs", "sales"]:
        cloud.await_run("sales", lambda run: run.is_terminal)
    if "RUN" in words:
        (run,) = cloud.services.ledger.runs("sales")
        return [run.run_id if word == "RUN" else word for word in words]
    return words


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder whose table files are those of an empty checkout."""
    write_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_of_the_quick_start_does_what_the_page_says(
    cloud: Cloud, folder: Path
) -> None:
    said: dict[str, str] = {}
    for words in commands():
        ended = sluice(cloud.state_dir, *meant(words, cloud), folder=folder)
        # The doctor may find faults with a cloud that other tests have used.
        assert ended.returncode == 0 or words == ["doctor"], (words, ended.stdout, ended.stderr)
        said[" ".join(words[:2])] = ended.stdout
    assert "10 rows accepted, 1 rejected of 11" in said["intake sales.csv"]
    assert "wrong_width" in said["quarantine show"]
    assert "committed, verified" in said["run prices"]
    assert "every value of 2 rows" in said["verify prices"]
    assert said["logs prices"].count("\n") > 2
    (changed,) = cloud.target("SELECT price FROM prices WHERE sku = 'B-2'")
    assert changed[0] == 8
    for path in (folder / "config" / "tables").iterdir():
        path.unlink()
    sluice(cloud.state_dir, "local", "up", "--config", "config", folder=folder)

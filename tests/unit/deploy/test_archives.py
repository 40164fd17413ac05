"""What the functions are deployed from: the same bytes every time, and only what is needed."""

import os
import shutil
import stat
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from shared import registry
from shared.deploy import archives
from shared.errors import DeploymentError
from tests.unit.deploy.names import NAMES

REPOSITORY = Path.cwd()


@pytest.fixture(scope="module")
def built() -> dict[str, archives.Archive]:
    """Return the archives of this checkout by function."""
    return {archive.function: archive for archive in archives.build(REPOSITORY)}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of what archives are made of, with other times and modes."""
    for folder in ("functions", "shared"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, copy_function=shutil.copyfile)
    for path in tmp_path.glob("*/*.py"):
        path.chmod(0o700)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    return tmp_path


def hashes(repository: Path) -> dict[str, str]:
    """Return the hashes of a checkout's archives by function."""
    return {archive.function: archive.sha256 for archive in archives.build(repository)}


def test_the_same_files_give_the_same_bytes_whatever_their_times_and_modes(
    built: dict[str, archives.Archive], copy: Path
) -> None:
    assert hashes(copy) == {name: archive.sha256 for name, archive in built.items()}


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_seed_of_hashes_does_not_matter(built: dict[str, archives.Archive], seed: str) -> None:
    code = (
        "from pathlib import Path; from shared.deploy import archives; "
        "print(*(a.sha256 for a in archives.build(Path.cwd())))"
    )

    said = subprocess.check_output(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, text=True
    )

    assert said.split() == [archive.sha256 for archive in built.values()]


def test_a_changed_file_changes_only_the_functions_that_need_it(copy: Path) -> None:
    before = hashes(copy)

    with (copy / "shared/steps/load.py").open("a") as file:
        file.write("# changed\n")
    after = hashes(copy)

    assert [name for name in NAMES if after[name] != before[name]] == ["load"]


@pytest.mark.parametrize("name", NAMES)
def test_an_archive_holds_no_command_line_no_deployment_and_no_tests(
    built: dict[str, archives.Archive], name: str
) -> None:
    folders = {Path(entry).parts[:2] for entry in built[name].entries}

    strangers = {("shared", "cli"), ("shared", "deploy"), ("shared", "doctor")}
    assert not folders & strangers
    assert {parts[0] for parts in folders} == {"main.py", "requirements.txt", "shared"}


@pytest.mark.parametrize("name", NAMES)
def test_an_archive_holds_whatever_the_registry_names(
    built: dict[str, archives.Archive], name: str
) -> None:
    places = [*registry.SOURCES.values(), *registry.TARGETS.values()]
    files = {f"{place.partition(':')[0].replace('.', '/')}.py" for place in places}

    assert files <= set(built[name].entries)


@pytest.mark.parametrize("name", NAMES)
def test_entries_are_sorted_plain_files_of_a_fixed_time(
    built: dict[str, archives.Archive], name: str
) -> None:
    with zipfile.ZipFile(BytesIO(built[name].data)) as file:
        entries = file.infolist()

    assert [e.filename for e in entries] == sorted(e.filename for e in entries)
    assert {e.date_time for e in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {stat.filemode(e.external_attr >> 16) for e in entries} == {"-rw-r--r--"}


def test_files_that_are_no_python_go_with_their_package(copy: Path) -> None:
    (copy / "shared/steps/pages").mkdir()
    (copy / "shared/steps/pages/index.html").write_text("<p>")
    (copy / "shared/cli/help.txt").write_text("no function needs this")

    entries = archives.build(copy)[0].entries

    assert "shared/steps/pages/index.html" in entries
    assert "shared/cli/help.txt" not in entries


def test_archives_of_functions_that_are_gone_are_removed(
    built: dict[str, archives.Archive], tmp_path: Path
) -> None:
    (tmp_path / "old.zip").write_bytes(b"")

    archives.write(list(built.values()), tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.zip" for name in NAMES]


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="in a checkout"):
        archives.build(tmp_path)


def test_a_function_without_requirements_is_refused(copy: Path) -> None:
    (copy / "functions/load/requirements.txt").unlink()

    with pytest.raises(DeploymentError, match=r"load/requirements.txt is missing; `make lock`"):
        archives.build(copy)

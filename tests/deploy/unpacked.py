"""The built archives as the platform makes them run: unpacked, with their own requirements."""

import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

INSTALL_TIMEOUT_S = 300


def unpack(dist: Path, folder: Path) -> list[Path]:
    """Unpack every archive into a folder of its own, beside an environment of its requirements.

    Functions with the same requirements share one environment. Nothing but what the archive's
    ``requirements.txt`` pins by hash is installed, the package itself neither.
    """
    environments: dict[bytes, Path] = {}
    places = []
    for archive in sorted(dist.glob("*.zip")):
        place = folder / archive.stem
        with zipfile.ZipFile(archive) as file:
            file.extractall(place)
        shared = environments.setdefault((place / "requirements.txt").read_bytes(), place)
        if shared is not place:
            (place / ".venv").symlink_to(shared / ".venv")
        places.append(place)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_install, environments.values()))
    return places


def _install(place: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    assert uv.exists(), f"{uv} is missing; `make setup` installs it"
    for command in (
        (uv, "venv", "--quiet", "--no-project", "--python", sys.executable, ".venv"),
        (
            *(uv, "pip", "install", "--quiet", "--python", ".venv/bin/python"),
            *("--require-hashes", "--no-deps", "--requirement", "requirements.txt"),
        ),
    ):
        done = subprocess.run(
            command, cwd=place, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S
        )
        assert done.returncode == 0, done.stderr

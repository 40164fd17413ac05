"""Folders of table files, loaded or refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.config import resolve
from shared.config.tables import ResolvedTable
from shared.errors import InvalidConfigError
from tests.unit.config.table_files import ENVIRONMENT, Load


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that loads the files given as ``{"tables.yaml": text, …}``."""

    def load_files(
        files: dict[str, str | bytes] | str, environment: str = ENVIRONMENT
    ) -> list[ResolvedTable]:
        given = {"tables.yaml": files} if isinstance(files, str) else files
        for name, content in (given | {"environments/test.yaml": environment}).items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return resolve.load(tmp_path, "test")

    return load_files


@pytest.fixture
def problems(load: Load, tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that loads files and returns the problems, places without the folder."""

    def refuse(*args: Any, **kwargs: Any) -> list[str]:
        with pytest.raises(InvalidConfigError) as refused:
            load(*args, **kwargs)
        return str(refused.value).replace(f"{tmp_path}/", "").splitlines()

    return refuse

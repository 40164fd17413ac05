"""One protection for all rows of a table: a change of it is noticed, the end of it too."""

from dataclasses import dataclass
from typing import cast

import pytest

from shared.core import unchanged
from shared.core.fencing import TargetState
from shared.core.modes import SyncMode
from shared.core.runs import RunState
from shared.errors import SchemaConflictError
from shared.steps.protections import require_alike
from shared.targets.base import Target
from tests.builders import a_manifest
from tests.unit.steps.lake import Lake

HASHED = {"name": "hash, key protection-key/1"}


@dataclass
class Rows:
    """A target with so many rows."""

    rows: int

    def count(self) -> int:
        """Return their number."""
        return self.rows


def require(
    before: dict[str, str],
    *,
    mode: SyncMode = SyncMode.INCREMENTAL,
    rows: int = 2,
    token: str | None = None,
    generation: int = 7,
) -> None:
    """Ask for a run of a table that protects nothing, behind one that protected its rows so."""
    lake = Lake()
    lake.configure()
    resolved, _ = lake.services.config.get("people")
    earlier = lake.run(RunState.COMMITTED)
    lake.services.manifests.create(
        a_manifest(run_id=earlier.run_id, table="people", protection=before)
    )
    run = lake.run(RunState.EXTRACTING, mode=mode, config_generation=7)
    state = TargetState(run_id=earlier.run_id, change_token=token)
    require_alike(
        run, resolved, cast(Target, Rows(rows)), state, lake.services, generation=generation
    )


def test_protection_that_was_taken_away_takes_a_full_load() -> None:
    with pytest.raises(SchemaConflictError, match="name: hash, key protection-key/1, now clear"):
        require(HASHED)

    require(HASHED, mode=SyncMode.FULL)
    require(HASHED, rows=0)
    require({})


def test_configuration_that_is_the_same_since_is_proof_enough() -> None:
    require(HASHED, token=unchanged.token("a change", SyncMode.INCREMENTAL, 7))

    with pytest.raises(SchemaConflictError):
        require(HASHED, token=unchanged.token("a change", SyncMode.INCREMENTAL, 77))


def test_run_that_outlives_a_deployment_is_not_taken_for_one_of_the_configuration_before() -> None:
    token = unchanged.token("a change", SyncMode.INCREMENTAL, 7)

    with pytest.raises(SchemaConflictError, match="now clear"):
        require(HASHED, token=token, generation=8)

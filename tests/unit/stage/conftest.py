"""What tests of parts begin with."""

from datetime import UTC, datetime

import pytest

from shared.stage.envelope import KEY_SECRET, Envelope, new_wrapping_key
from tests.model.interleaving import Baton
from tests.model.memory import MemoryStorage
from tests.unit.stage.staged import Staging
from tests.vault import Vault


@pytest.fixture
def staging() -> Staging:
    """Return an empty staging bucket and the first version of a key."""
    vault = Vault({KEY_SECRET: new_wrapping_key()})
    storage = MemoryStorage(Baton(), lambda: datetime(2024, 1, 1, tzinfo=UTC))
    return Staging(storage, vault, Envelope(vault))

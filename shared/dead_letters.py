"""Dead letters in the state bucket: recorded once however often they die, closed once."""

from collections.abc import Iterator
from datetime import datetime

from shared.core import naming
from shared.core.dead_letters import DeadLetter, LetterState
from shared.errors import ConflictError, StorageUnavailableError
from shared.storage import ABSENT, ObjectInfo, Storage
from shared.wire import from_json, to_json


class DeadLetters:
    """What people list, replay and drop."""

    def __init__(self, storage: Storage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket

    def record(self, letter: DeadLetter) -> DeadLetter:
        """Keep a letter, or return the record of the same one that died before."""
        try:
            self._write(letter, ABSENT)
        except ConflictError:
            found = self._read(letter.letter_id)
            if found is None:
                raise StorageUnavailableError(
                    f"the record of dead letter {letter.letter_id} was there and is gone"
                ) from None
            return found[0]
        return letter

    def find(self, letter_id: str) -> DeadLetter | None:
        """Return a letter, open or not; None when there is none of this id."""
        found = self._read(letter_id)
        return found[0] if found else None

    def letters(self, *states: LetterState) -> Iterator[DeadLetter]:
        """Yield the letters in these states, the oldest message first."""
        for info in self._storage.list(self._bucket, naming.DEAD_LETTERS):
            if info.metadata.get("state") in states:
                found = self._storage.read(self._bucket, info.name)
                if found:
                    yield from_json(DeadLetter, found[0], info.name)

    def close(self, letter: DeadLetter, state: LetterState, at: datetime) -> None:
        """Write down what became of a letter, unless somebody has done so already."""
        found = self._read(letter.letter_id)
        if found is None or not found[0].is_open:
            return
        try:
            self._write(found[0].close(state, at), found[1])
        except ConflictError:
            return

    def decided(self, before: datetime) -> Iterator[ObjectInfo]:
        """Yield the records that may go: settled or replayed, and not touched for long.

        A dropped letter stays: it keeps the sweep from announcing its file again.
        """
        over = (LetterState.SETTLED, LetterState.REPLAYED)
        for info in self._storage.list(self._bucket, naming.DEAD_LETTERS):
            if info.metadata.get("state") in over and info.created_at < before:
                yield info

    def _read(self, letter_id: str) -> tuple[DeadLetter, int] | None:
        name = naming.dead_letter_object(letter_id)
        found = self._storage.read(self._bucket, name)
        return (from_json(DeadLetter, found[0], name), found[1]) if found else None

    def _write(self, letter: DeadLetter, generation: int) -> None:
        self._storage.write(
            self._bucket,
            naming.dead_letter_object(letter.letter_id),
            to_json(letter),
            generation=generation,
            content_type="application/json",
            metadata={"state": letter.state.value},
        )

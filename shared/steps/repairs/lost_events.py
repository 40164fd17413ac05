"""Dropped files of which no event told: announced again, as Cloud Storage would have done."""

import logging

from shared.core.dead_letters import LetterState
from shared.core.messages import IngestRequest
from shared.errors import InvalidMessageError
from shared.steps.repairs.dead_letters import file_run
from shared.steps.repairs.sweeping import Sweep
from shared.storage import ObjectInfo

MAX_ANNOUNCED = 500
"""Files announced by one sweep; the next one goes on with the rest."""

log = logging.getLogger(__name__)


def announce(sweep: Sweep) -> None:
    """List the landing bucket and announce what no run knows.

    The bucket has the last word: an event may be lost, and a file may have been dropped before its
    notification or its table was configured. One whose message is a dead letter waits for people.
    """
    services = sweep.services
    decided = _decided(sweep)
    for file in services.storage.list(services.settings.bucket("landing"), ""):
        is_folder = file.name.endswith("/")
        if is_folder or not sweep.is_older(file.created_at, services.settings.lost_s):
            continue
        request = IngestRequest(bucket=file.bucket, name=file.name, generation=file.generation)
        named = file_run(request)
        if named is None or named[0] not in sweep.tables:
            sweep.strays.add(request.key)
        elif named[1] in sweep.entries.get(named[0], {}):
            continue
        elif sweep.tables[named[0]][0].table.csv is None:
            sweep.strays.add(request.key)
        elif request.key not in decided:
            _announce(sweep, request, file)
        if sweep.announced.count >= MAX_ANNOUNCED or sweep.is_over():
            return


def _announce(sweep: Sweep, request: IngestRequest, file: ObjectInfo) -> None:
    services = sweep.services
    services.bus.publish(services.settings.topic("ingest"), b"", request.attributes())
    sweep.announced.add(request.key)
    log.warning(
        "dropped file that no event told of, announced again",
        extra={"object": request.key, "dropped_at": file.created_at.isoformat()},
    )


def _decided(sweep: Sweep) -> set[str]:
    """Return the files whose message died and was not replayed."""
    dropped = sweep.services.dead_letters.letters(LetterState.DROPPED)
    keys = set()
    for letter in [*sweep.open_letters, *dropped]:
        if letter.topic == "ingest":
            try:
                keys.add(IngestRequest.decode(letter.message()).key)
            except InvalidMessageError:
                continue
    return keys

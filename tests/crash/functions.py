"""The functions' entry point, called in this process as the framework would call it."""

import base64
import json
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from flask import Request
from werkzeug.test import EnvironBuilder

from local.faultpoints.boards import MemoryBoard
from local.faultpoints.deliveries import KilledError
from shared import entrypoint
from shared.core.dead_letters import decode_sweep
from shared.core.messages import IngestRequest, LoadRequest, decode_extract
from shared.ledger import Ledger
from shared.steps.extract import extract
from shared.steps.ingest import ingest
from shared.steps.load import load
from shared.steps.sweep import sweep
from shared.wiring import Services
from tests.crash.messages import Message

FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Services], None]]] = {
    "extract": (decode_extract, extract),
    "ingest": (IngestRequest.decode, ingest),
    "load": (LoadRequest.decode, load),
    "sweep": (decode_sweep, sweep),
}
ACKNOWLEDGED = 204


class Unquestioned:
    """Lets every push pass: here the platform is one's own."""

    def verify(self, authorization: str | None, instead: str | None) -> None:
        """Do nothing."""


board_in_use: ContextVar[MemoryBoard | None] = ContextVar("board", default=None)
services_in_use: ContextVar[Services] = ContextVar("services")


def serve(services: Services, message: Message, board: MemoryBoard | None = None) -> bool:
    """Push a message to its function; say whether it was acknowledged.

    Each delivery is to an instance of its own, which knows no record from before.
    """
    ledger = Ledger(services.storage, services.settings.bucket("state"))
    services = replace(services, ledger=ledger)
    services_in_use.set(services)
    board_in_use.set(board)
    decode, step = FUNCTIONS[message.topic]
    body = {
        "data": base64.b64encode(message.data).decode(),
        "attributes": message.attributes,
        "messageId": "1",
        "publishTime": services.now().isoformat(),
    }
    push = json.dumps({"message": body, "subscription": "crash"}).encode()
    request = Request(EnvironBuilder(method="POST", data=push).get_environ())
    try:
        return entrypoint.push(request, decode, step)[1] == ACKNOWLEDGED
    except KilledError:
        return False

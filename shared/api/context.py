"""What one instance of the API works with: settings, clients, memories; built once.

A request borrows its services for itself alone: the ledger and Google's clients serve the steps one
delivery at a time, and are not made for threads.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Semaphore
from typing import Annotated

from fastapi import Depends, Request

from shared.api.limits import RateLimit
from shared.callers import Callers
from shared.errors import TargetUnavailableError
from shared.operations.history import History
from shared.secrets import Secrets
from shared.settings import ApiSettings
from shared.tokens import CERTS_URL, IdTokens
from shared.wiring import Services

CALLS_PER_S, CALLS_BURST = 20.0, 200
"""What one caller may ask of one instance."""

TURN_S = 30.0
"""A request waits no longer for its turn at a target."""

FAILURES_PER_S, FAILURES_BURST = 0.2, 20
"""How often one address may fail to show who it is."""


class Lender:
    """Services to borrow; each is built once and used by one request at a time."""

    def __init__(self, build: Callable[[], Services]) -> None:
        self._build = build
        self._idle: deque[Services] = deque()

    @contextmanager
    def lend(self) -> Iterator[Services]:
        """Lend services until the end of the block."""
        try:
            services = self._idle.pop()
        except IndexError:
            services = self._build()
        try:
            yield services
        finally:
            self._idle.append(services)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that the routes share."""

    lender: Lender
    callers: Callers
    id_tokens: IdTokens | None
    calls: RateLimit
    failures: RateLimit
    history: History
    now: Callable[[], datetime]
    target_turn: Semaphore
    """One request at a time works with a target: an instance holds one connection to it."""

    @contextmanager
    def at_target(self) -> Iterator[None]:
        """Wait for the turn to work with a target.

        Raises:
            TargetUnavailableError: others took too long.
        """
        if not self.target_turn.acquire(timeout=TURN_S):
            raise TargetUnavailableError(
                f"others have asked the target for {TURN_S:g} s; ask again soon"
            )
        try:
            yield
        finally:
            self.target_turn.release()

    @classmethod
    def build(cls, settings: ApiSettings, build: Callable[[], Services]) -> "Context":
        """Put the parts together; nothing is contacted yet."""
        services = build()
        secrets = Secrets(services.settings.project, services.settings.secrets_endpoint)
        return cls(
            lender=Lender(build),
            callers=Callers(secrets),
            id_tokens=(
                IdTokens(settings.audience, settings.certs_url or CERTS_URL)
                if settings.audience
                else None
            ),
            calls=RateLimit(CALLS_PER_S, CALLS_BURST),
            failures=RateLimit(FAILURES_PER_S, FAILURES_BURST),
            history=History(services.ledger, services.now),
            now=services.now,
            target_turn=Semaphore(1),
        )


def context_of(request: Request) -> Context:
    """Return the context of the application that serves a request."""
    context: Context = request.app.state.context
    return context


def _lent(request: Request) -> Iterator[Services]:
    with context_of(request).lender.lend() as services:
        yield services


Lent = Annotated[Services, Depends(_lent)]
"""Services for the time of a request."""

Shared = Annotated[Context, Depends(context_of)]

"""Whether a push comes from Pub/Sub: the first thing that a function asks of a request.

Cloud Run has asked the same before it (``terraform/bus.tf``), and lets in every account that may
invoke the service, by a right on the whole project too. This lets in one account and no other. Only
an emulator, and only where no account is named, pushes without a token.
"""

from shared.errors import InvalidConfigError
from shared.settings import PushSettings
from shared.tokens import CERTS_URL, IdTokens, InvalidTokenError

SCHEME = "bearer "

INSTEAD = "X-Serverless-Authorization"
"""Where a request has it, Cloud Run verifies the token in it and no other, and passes on what is in
``Authorization`` as it came. Source: Cloud Run, "Authenticating service-to-service".
"""


class Pushes:
    """Verifies the token of each push."""

    def __init__(self, account: str, tokens: IdTokens | None) -> None:
        """Let in pushes that carry a token of this account; without ``tokens``, all."""
        self._account = account.lower()
        self._tokens = tokens

    @classmethod
    def build(cls, settings: PushSettings) -> "Pushes":
        """Put the parts together; nothing is contacted yet.

        Raises:
            InvalidConfigError: the environment does not say who pushes here, so nobody may.
        """
        if settings.is_emulated and not settings.account and not settings.audience:
            return cls("", None)
        if not settings.account or not settings.audience:
            raise InvalidConfigError(
                "SLUICE_PUSH_ACCOUNT and SLUICE_PUSH_AUDIENCE are not both set, so nobody may push "
                "here; deployed functions get them from Terraform"
            )
        tokens = IdTokens(
            settings.audience,
            settings.certs_url or CERTS_URL,
            is_checked_in_front=settings.is_on_cloud_run,
        )
        return cls(settings.account, tokens)

    def verify(self, authorization: str | None, instead: str | None) -> None:
        """Let a push pass, by its headers ``Authorization`` and ``INSTEAD``; None: it has none.

        Raises:
            InvalidTokenError: it has no token, one of somebody else, or one that Cloud Run did not
                look at.
            StorageUnavailableError: Google's keys cannot be had.
        """
        if self._tokens is None:
            return
        if instead is not None:
            raise InvalidTokenError(f"it has {INSTEAD}, which Pub/Sub never sends")
        header = authorization or ""
        if not header.lower().startswith(SCHEME):
            raise InvalidTokenError("it carries no token")
        email = self._tokens.email(header[len(SCHEME) :].strip())
        if email != self._account:
            raise InvalidTokenError(f"it comes from {email}, not from {self._account}")

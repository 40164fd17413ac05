"""Whether a push comes from Pub/Sub: the first thing that a function asks of a request.

Cloud Run has asked the same before it (``terraform/bus.tf``), and lets in every account that may
invoke the service, by a right on the whole project too. This lets in one account and no other. Only
an emulator, and only where no account is named, pushes without a token.
"""

from shared.errors import InvalidConfigError
from shared.settings import PushSettings
from shared.tokens import CERTS_URL, IdTokens, InvalidTokenError

SCHEME = "bearer "


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

    def verify(self, authorization: str | None) -> None:
        """Let a push pass, by its header ``Authorization``.

        Raises:
            InvalidTokenError: it has no token, or one of somebody else.
            StorageUnavailableError: Google's keys cannot be had.
        """
        if self._tokens is None:
            return
        header = authorization or ""
        if not header.lower().startswith(SCHEME):
            raise InvalidTokenError("it carries no token")
        email = self._tokens.email(header[len(SCHEME) :].strip())
        if email != self._account:
            raise InvalidTokenError(f"it comes from {email}, not from {self._account}")

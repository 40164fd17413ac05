"""What a caller of the JSON API can be told to be wrong; the server writes it as Google does."""

from typing import Any


class ApiError(Exception):
    """A request is answered with this status instead of being carried out."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        """Describe the answer.

        Args:
            status: HTTP status.
            reason: Google's word for it, such as `conditionNotMet`.
            message: for people.
        """
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message

    def document(self) -> dict[str, Any]:
        """Return the body of the answer. Source: JSON API, "Standard error responses"."""
        detail = {"message": self.message, "domain": "global", "reason": self.reason}
        return {"error": {"code": self.status, "message": self.message, "errors": [detail]}}


def invalid(message: str) -> ApiError:
    """The request makes no sense."""
    return ApiError(400, "invalid", message)


def no_bucket(bucket: str) -> ApiError:
    """There is no such bucket."""
    return ApiError(404, "notFound", f"The specified bucket does not exist: {bucket}")


def no_object(bucket: str, name: str) -> ApiError:
    """There is no such object, or no such generation of it."""
    return ApiError(404, "notFound", f"No such object: {bucket}/{name}")


def condition_not_met() -> ApiError:
    """A precondition of a write, or a match of a read, failed."""
    return ApiError(
        412,
        "conditionNotMet",
        "At least one of the pre-conditions you specified did not hold.",
    )


def not_modified() -> ApiError:
    """A read asked for anything but what is there."""
    return ApiError(304, "notModified", "Not Modified")


def not_emulated(what: str) -> ApiError:
    """The real service may know this; the emulator does not."""
    return ApiError(501, "notImplemented", f"{what} is not emulated by local.gcs")

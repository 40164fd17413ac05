"""gRPC methods over the message types of Google's own clients: no protocol file is compiled.

A stand-in is a mapping from method names to functions that take a request message and return a
response message, or raise ``RefusedError`` with the status that the real service would give.
"""

from collections.abc import Callable, Mapping
from typing import Any

import grpc

MESSAGE_MAX_BYTES = 64 * 2**20
"""Above every limit of an emulated service, so that the service itself says what is too large."""

SERVER_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_MAX_BYTES),
    ("grpc.max_send_message_length", MESSAGE_MAX_BYTES),
    # Without it two servers would share one port, and each get half of the calls.
    ("grpc.so_reuseport", 0),
)


class RefusedError(Exception):
    """A request that the service refuses, with the gRPC status of the refusal."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        """Keep both; the message goes to the caller."""
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> RefusedError:
    """Return an INVALID_ARGUMENT."""
    return RefusedError(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> RefusedError:
    """Return a NOT_FOUND."""
    return RefusedError(grpc.StatusCode.NOT_FOUND, message)


def exists(message: str) -> RefusedError:
    """Return an ALREADY_EXISTS."""
    return RefusedError(grpc.StatusCode.ALREADY_EXISTS, message)


def precondition(message: str) -> RefusedError:
    """Return a FAILED_PRECONDITION."""
    return RefusedError(grpc.StatusCode.FAILED_PRECONDITION, message)


def not_emulated(what: str) -> RefusedError:
    """Return an UNIMPLEMENTED: the real service can do this, the stand-in cannot."""
    return RefusedError(grpc.StatusCode.UNIMPLEMENTED, f"{what}: not emulated here")


def unary(request: Any, call: Callable[[Any], Any]) -> grpc.RpcMethodHandler:
    """Return the handler of a method.

    Args:
        request: class of the request message.
        call: takes the request, returns the response message; None stands for an empty one.
    """
    return unary_in_context(request, lambda message, _: call(message))


def unary_in_context(request: Any, call: Callable[[Any, Any], Any]) -> grpc.RpcMethodHandler:
    """Return the handler of a method that also wants gRPC's context of the call."""

    def answer(message: Any, context: grpc.ServicerContext) -> Any:
        try:
            return call(message, context)
        except RefusedError as refused:
            context.abort(refused.code, refused.message)

    return grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=request.deserialize, response_serializer=_serialize
    )


def service(name: str, methods: Mapping[str, grpc.RpcMethodHandler]) -> grpc.GenericRpcHandler:
    """Return the handler of a whole service, e.g. ``google.pubsub.v1.Publisher``."""
    return grpc.method_handlers_generic_handler(name, methods)


def page(items: list[Any], size: int, token: str) -> tuple[list[Any], str]:
    """Return one page of a list and the token of the next; a token is an index.

    Args:
        items: the whole list, in a stable order.
        size: of a page; 0 lets the service choose.
        token: of this page; empty for the first.

    Raises:
        RefusedError: INVALID_ARGUMENT, no such token, or a negative size.
    """
    if size < 0 or not (token.isdecimal() or not token):
        raise invalid(f"No page of size {size} at token {token!r}.")
    start = int(token or 0)
    end = start + (size or PAGE_DEFAULT)
    return items[start:end], str(end) if end < len(items) else ""


PAGE_DEFAULT = 100
"""Items on a page when the caller does not say."""


def _serialize(message: Any) -> bytes:
    return b"" if message is None else bytes(type(message).serialize(message))

"""A message, as the tests hold it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of one topic, whoever sent it."""

    topic: str
    data: bytes = b""
    attributes: dict[str, str] = field(default_factory=dict)

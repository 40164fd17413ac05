"""Words of messages that several modules say alike."""

import difflib
from collections.abc import Iterable


def meant(word: object, known: Iterable[str]) -> str:
    """Return the known word that somebody may have meant, as the end of a message."""
    near = difflib.get_close_matches(str(word), list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""

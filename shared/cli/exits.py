"""How commands end: one meaning for each exit code, whatever the command.

Source: 2 for a wrong command line is click's own; 130 is 128 and the number of SIGINT, as shells
have it.
"""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes, each with what it means."""

    OK = 0, "done, and nothing is wrong"
    FAILED = 1, "it failed, or what was looked at is not as it should be"
    USAGE = 2, "the command line is wrong; nothing was done"
    TIMEOUT = 3, "what was asked for goes on, but did not end in time"
    REFUSED = 4, "`sluice intake`: the file is refused as a whole"
    INTERRUPTED = 130, "Ctrl-C; a run that was asked for goes on"

    def __new__(cls, code: int, meaning: str) -> "Exit":
        """Make a code with its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    meaning: str

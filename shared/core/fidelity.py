"""How well a type of one system is kept by another, and what a table may consent to.

Each source, and each target, says it of its own types, next to them; ``shared.typetable`` puts the
answers into one table. Nothing that needs consent happens without it: the run is refused.
"""

from dataclasses import dataclass
from enum import StrEnum


class Fidelity(StrEnum):
    """What becomes of the values of a type."""

    EXACT = "exact"
    WIDENED = "widened"
    """Every value is kept, in a type that has room for more."""
    CONSENT = "needs consent"
    """Some values would be altered; a run that meets one is refused unless the table consents."""


class Consent(StrEnum):
    """What a table file may accept for a column (``accept``): the alterations that exist."""

    NANOSECONDS = "nanoseconds"
    NUL = "nul"
    NOT_FINITE = "not_finite"
    TINY = "tiny"
    LENGTH = "length"
    ROUND = "round"

    @property
    def effect(self) -> str:
        """What is done to the values that it is about."""
        return _EFFECTS[self]


_EFFECTS = {
    Consent.NANOSECONDS: "digits after the microsecond are cut",
    Consent.NUL: "characters U+0000 are removed",
    Consent.NOT_FINITE: "NaN and infinities become NULL",
    Consent.TINY: "numbers nearer to 0 than 2.2250738585072014e-308 become 0",
    Consent.LENGTH: "what is longer than the column is cut",
    Consent.ROUND: "digits that the column has no room for are rounded away",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of the type table: what a type becomes, and what that does to its values."""

    type: str
    """As the system writes it; ``{p}`` and ``{s}`` stand for precision and scale."""
    is_wider: bool = False
    consents: tuple[Consent, ...] = ()
    note: str = ""
    """What people should know besides."""

    @property
    def fidelity(self) -> Fidelity:
        """Return which of the three it is."""
        if self.consents:
            return Fidelity.CONSENT
        return Fidelity.WIDENED if self.is_wider else Fidelity.EXACT


def remedy(column: str, consent: Consent) -> str:
    """Return the setting that lets a column's values be altered, as the end of a message."""
    return f"`accept: {{{column}: [{consent}]}}` in the table file, and {consent.effect}"

"""What detection found, why, and what else it might have been."""

from dataclasses import dataclass

from shared.csv.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Detected:
    """What was found, and the evidence for each part of it."""

    dialect: Dialect
    evidence: tuple[str, ...]
    """One sentence per choice, with the numbers that led to it."""
    warnings: tuple[str, ...] = ()
    """What a person should look at before trusting the result; empty for a clean file."""
    confidence: float = 1.0
    """From 0 to 1: how far the chosen delimiter and quote are ahead of the next best."""
    alternatives: tuple[str, ...] = ()
    """Other readings that came close, best first."""

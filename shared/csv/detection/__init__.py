"""Find how a file is written, from its first bytes, and say why.

The verdict proposes; a table's settings overrule it, and the whole file is held to the result.
"""

from shared.csv.detection.detecting import detect
from shared.csv.detection.verdicts import Verdict

__all__ = ["Verdict", "detect"]

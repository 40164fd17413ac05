"""Find how a file is written, from its first bytes, and say why.

The detection proposes; a table's settings overrule it, and the whole file is held to the result.
"""

from shared.csv.detection.detected import Detected
from shared.csv.detection.detecting import detect

__all__ = ["Detected", "detect"]

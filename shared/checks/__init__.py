"""Checks of rows: evaluated over Arrow batches as they pass, and judged for the run as a whole.

``inspection`` looks at the batches that a run stages, ``rules`` says what each check means for
them, ``judging`` turns what was seen into verdicts, ``profiles`` describes data and suggests
checks.
"""

from shared.checks.inspection import Flaw as Flaw
from shared.checks.inspection import Inspection as Inspection
from shared.checks.inspection import looked_for as looked_for
from shared.checks.rules import require_checkable as require_checkable

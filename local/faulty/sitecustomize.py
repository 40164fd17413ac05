"""Puts the fault points into the real functions.

With this folder on ``PYTHONPATH`` and ``SLUICE_FAULTS`` naming a folder for the plan, Python itself
imports this module as it starts; whatever is no function stays as it is.
"""

import os
import sys

if "functions_framework" in sys.orig_argv and os.environ.get("SLUICE_FAULTS"):
    from local.faultpoints.boards import FolderBoard
    from local.faultpoints.seams import install, watch_deliveries

    board = FolderBoard.from_environment()
    install()
    watch_deliveries(lambda: board)

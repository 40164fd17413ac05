"""Cold start: what a function loads before it listens, and what its first request loads then."""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local.bench.tables import Table
from local.topology import FUNCTIONS

ROUNDS = 5

_PROGRAM = """
import json, sys, time
began = time.perf_counter()
import functions_framework, flask, runpy
bare, bare_modules = time.perf_counter() - began, len(sys.modules)
began = time.perf_counter()
runpy.run_path(sys.argv[1])
own, own_modules = time.perf_counter() - began, len(sys.modules)
began = time.perf_counter()
import importlib, shared.entrypoint
importlib.import_module("shared.steps." + sys.argv[2])
first, first_modules = time.perf_counter() - began, len(sys.modules)
print(json.dumps([bare, own, first, bare_modules, own_modules, first_modules]))
"""


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds, medians, and modules loaded by then."""

    function: str
    bare_s: float
    own_s: float
    first_s: float
    bare_modules: int
    own_modules: int
    first_modules: int

    @property
    def ratio(self) -> float:
        """The function's import over the bare framework's."""
        return (self.bare_s + self.own_s) / self.bare_s


def measure(function: str, rounds: int = ROUNDS) -> Start:
    """Start a function's modules in fresh processes."""
    main = Path("functions") / function / "main.py"
    found = []
    for _ in range(rounds):
        command = (sys.executable, "-c", _PROGRAM, str(main), function)
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        found.append(json.loads(subprocess.check_output(command, env=environment)))
    medians = [statistics.median(values) for values in zip(*found, strict=True)]
    return Start(function, *medians[:3], *(int(m) for m in medians[3:]))


def table() -> Table:
    """Measure all functions."""
    starts = [measure(name) for name in FUNCTIONS]
    return Table(
        "Cold start of each function",
        "Time of importing the function over that of importing functions-framework alone, and what "
        "its first request imports after that; drivers come on top when they are first needed. "
        f"Medians of {ROUNDS} fresh processes, Python's compiled files at hand.",
        (
            *("function", "framework s", "function s", "ratio", "first request s"),
            *("modules of the framework", "added by the function", "by the first request"),
        ),
        tuple(
            (
                *(s.function, f"{s.bare_s:.3f}", f"{s.own_s:.3f}", f"{s.ratio:.2f}"),
                *(f"{s.first_s:.3f}", str(s.bare_modules)),
                *(str(s.own_modules - s.bare_modules), str(s.first_modules - s.own_modules)),
            )
            for s in starts
        ),
    )

"""``make mutate-controls``: take each control out of a copy, and see its test fail."""

import sys
import tempfile
import time
from pathlib import Path

from tests.controls.removing import CONTROLS, copied, is_noticed, passes


def main() -> None:
    """Say of each control whether its test noticed; end with 1 if one did not."""
    unnoticed = []
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path.cwd(), Path(folder))
        if not passes([control.test for control in CONTROLS], copy):
            sys.exit("the tests fail as it is; `make test` first")
        for control in CONTROLS:
            begun_s = time.monotonic()
            noticed = is_noticed(control, copy)
            unnoticed += [] if noticed else [control.name]
            verdict = "noticed" if noticed else "NOT NOTICED"
            took_s = time.monotonic() - begun_s
            print(f"{took_s:5.1f} s  {verdict:11}  {control.name}", flush=True)  # noqa: T201
    if unnoticed:
        sys.exit(f"no test fails without: {', '.join(unnoticed)}")


if __name__ == "__main__":
    main()

"""The ``sluice`` command: the same words for the cloud on a laptop and a deployed one.

Each module holds one family of commands; ``app`` puts them together, ``render`` makes them look
well, and ``cloud`` finds out which cloud is meant.
"""


def main() -> None:
    """Run the command line; errors that Sluice raises on purpose are one red line and exit 1."""
    from shared.cli.app import run

    run()

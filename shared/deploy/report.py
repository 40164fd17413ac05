"""What a deployment tells while it goes on; the command line decides how that looks."""

from typing import Protocol

from shared.core.runs import Run
from shared.deploy.archives import Archive
from shared.deploy.configuration import Differences
from shared.deploy.outlooks import Outlook
from shared.deploy.terraform import Change


class Report(Protocol):
    """Where a deployment tells what it does, in the order in which it happens."""

    def step(self, name: str) -> None:
        """A step begins."""

    def say(self, text: str) -> None:
        """Something that a person wants to know."""

    def archives(self, built: list[Archive]) -> None:
        """The archives are built."""

    def changes(self, planned: list[Change]) -> None:
        """Terraform has planned."""

    def tables(self, differences: Differences) -> None:
        """The tables' configurations were compared."""

    def outlook(self, found: Outlook) -> None:
        """A table that is new or configured otherwise was looked at, at both of its ends."""

    def run(self, ended: Run) -> None:
        """The smoke run has ended."""

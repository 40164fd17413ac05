"""What a table file says of single columns: ``columns``. See docs/tables.md."""

from collections.abc import Iterable, Mapping
from typing import Self

from pydantic import Field, StrictBool, model_validator

from shared.config.base import StrictModel
from shared.core.protection import KEYED, Protection, Rule, key_refusal

MAX_KEPT = 64
"""So many characters of a value may stay at either end of a mask."""


class ColumnRules(StrictModel):
    """What is special about a column."""

    sensitive: StrictBool = False
    """Its values are masked wherever rows are shown."""
    protect: Protection | None = None
    """What becomes of its values before anything is staged."""
    keep_first: int = Field(default=0, ge=0, le=MAX_KEPT)
    """Of ``mask``: so many characters stay at the start."""
    keep_last: int = Field(default=0, ge=0, le=MAX_KEPT)
    """Of ``mask``: so many characters stay at the end."""
    constant: str | None = Field(default=None, max_length=200)
    """Of ``redact``: what stands for every value; absent: NULL."""

    @model_validator(mode="after")
    def _options_are_of_their_kind(self) -> Self:
        kept = self.keep_first + self.keep_last
        if kept and self.protect is not Protection.MASK:
            raise ValueError("keep_first and keep_last are for protect: mask")
        if self.protect is Protection.MASK and not kept:
            raise ValueError(
                "protect: mask needs keep_first, keep_last or both; to keep nothing, write "
                "protect: redact"
            )
        if self.constant is not None and self.protect is not Protection.REDACT:
            raise ValueError("constant is for protect: redact")
        if self.constant is not None and "\x00" in self.constant:
            raise ValueError("constant cannot have the character U+0000")
        return self

    @property
    def rule(self) -> Rule | None:
        """How the column is protected; None: it is not."""
        if self.protect is None:
            return None
        return Rule(
            kind=self.protect,
            keep_first=self.keep_first,
            keep_last=self.keep_last,
            constant=self.constant,
        )


def require_protectable(
    rules: Mapping[str, Rule], *, key: Iterable[str], cursor: str | None, laid_out: Iterable[str]
) -> None:
    """Make sure that a table still works with its columns protected.

    Args:
        rules: by column.
        key: columns of the primary key, as far as the table file names them.
        cursor: the incremental_column.
        laid_out: columns by which the target partitions the table.

    Raises:
        ValueError: it would not; the message names the column.
    """
    by_name = {name.casefold(): rule.kind for name, rule in rules.items()}
    if cursor and cursor.casefold() in by_name:
        raise ValueError(
            f"{cursor} is the incremental_column and cannot be protected: windows and the "
            "watermark hold its values. Use another column to go by"
        )
    for name in key:
        if by_name.get(name.casefold(), Protection.HASH) not in KEYED:
            raise ValueError(key_refusal(name, by_name[name.casefold()]))
    for name in laid_out:
        if name.casefold() in by_name:
            raise ValueError(
                f"{name} partitions the table in BigQuery and cannot be protected: its protected "
                "form is no date"
            )

"""Text of mainframes, which has to be named in the settings: its code pages differ too much."""

from shared.errors import InvalidFileError

_LOOKED_AT = 2**12
_EBCDIC = frozenset(
    (0x15, 0x25, 0x40, 0x4B, 0x4D, 0x5D, 0x5E, 0x60, 0x61, 0x6B, 0x6D, 0x7A, 0x7D, 0x7F)
) | {*range(0x81, 0xAA), *range(0xC1, 0xEA), *range(0xF0, 0xFA)}
"""Letters, digits, blanks, line ends and usual punctuation. Source: code page 037."""


def refuse_ebcdic(head: bytes) -> None:
    """Refuse EBCDIC, whose line ends and national characters differ between its code pages.

    Raises:
        InvalidFileError: it is.
    """
    beginning = head[:_LOOKED_AT]
    usual = sum(b in _EBCDIC for b in beginning)
    has_line_end = b"\x15" in beginning or b"\x25" in beginning
    if usual > 0.9 * len(beginning) and has_line_end and b"\n" not in beginning:
        raise InvalidFileError(
            "this is EBCDIC text, as mainframes write it; have the transfer convert it to UTF-8, "
            "or set encoding to the code page, such as cp037, cp273 or cp500",
            found="EBCDIC",
        )

"""What is said of a workbook that cannot be read."""

from shared.errors import InvalidFileError


def damaged(what: str) -> InvalidFileError:
    """Return the refusal of a workbook that is not as the format demands."""
    return InvalidFileError(
        f"the workbook is damaged or incomplete: {what}. Open it in a spreadsheet program, save it "
        "as .xlsx, and send that"
    )

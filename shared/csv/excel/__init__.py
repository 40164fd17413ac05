"""One worksheet of an Excel workbook as CSV text: what kind ``excel`` unpacks a file to.

A workbook is packed CSV: its container is spooled, because what a worksheet refers to may stand
behind it, and the rows of one worksheet come out as text, as a stream. Nothing here is imported
before a workbook comes.

Source of the format: ECMA-376, Office Open XML File Formats, parts 1 and 2.
"""

from shared.csv.excel.package import is_workbook, spooled
from shared.csv.excel.texts import worksheet_text

__all__ = ["is_workbook", "spooled", "worksheet_text"]

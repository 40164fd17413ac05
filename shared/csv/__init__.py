"""CSV files of any kind in, typed Arrow batches and explained rejects out.

A pure streaming library: bytes come from an iterator, nothing else is read or written.
"""

from shared.csv.contracts import Contract, differences
from shared.csv.detection import Verdict, detect
from shared.csv.dialect import Dialect
from shared.csv.excerpts import excerpt
from shared.csv.inference import ColumnEvidence, Inference, infer
from shared.csv.nearly import Nearly, nearly
from shared.csv.reader import Batch, RowFault, place_of_row, read
from shared.csv.rejects import Note, Reject
from shared.csv.removals import without
from shared.csv.unpacking import unpacked

__all__ = [
    "Batch",
    "ColumnEvidence",
    "Contract",
    "Dialect",
    "Inference",
    "Nearly",
    "Note",
    "Reject",
    "RowFault",
    "Verdict",
    "detect",
    "differences",
    "excerpt",
    "infer",
    "nearly",
    "place_of_row",
    "read",
    "unpacked",
    "without",
]

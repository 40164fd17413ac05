"""CSV files of any kind in, typed Arrow batches and explained rejects out.

A pure streaming library: bytes come from an iterator, nothing else is read or written.
"""

from shared.csv.detection import Verdict, detect
from shared.csv.dialect import Dialect
from shared.csv.inference import ColumnEvidence, Inference, infer
from shared.csv.reader import Batch, read
from shared.csv.rejects import Note, Reject

__all__ = [
    "Batch",
    "ColumnEvidence",
    "Dialect",
    "Inference",
    "Note",
    "Reject",
    "Verdict",
    "detect",
    "infer",
    "read",
]

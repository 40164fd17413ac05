"""CSV files of any kind in, typed Arrow batches and explained rejects out.

A pure streaming library: bytes come from an iterator, or from a file that can be read at any place;
nothing else is read or written.
"""

from shared.csv.beginnings import HEAD_BYTES, Beginning, beginning
from shared.csv.contracts import Contract, differences
from shared.csv.detection import Detected, detect
from shared.csv.dialect import Dialect, Worksheet
from shared.csv.excerpts import excerpt
from shared.csv.inference import ColumnEvidence, Inference, infer
from shared.csv.nearly import Nearly, nearly
from shared.csv.packings import Packing, packing
from shared.csv.ranged import RangedFile
from shared.csv.raw_cells import cells_of
from shared.csv.reader import Batch, LateFault, place_of_row, read
from shared.csv.rejects import Note, Reject
from shared.csv.removals import is_separable, without
from shared.csv.trailers import no_trailer
from shared.csv.unpacking import unpacked

__all__ = [
    "HEAD_BYTES",
    "Batch",
    "Beginning",
    "ColumnEvidence",
    "Contract",
    "Detected",
    "Dialect",
    "Inference",
    "LateFault",
    "Nearly",
    "Note",
    "Packing",
    "RangedFile",
    "Reject",
    "Worksheet",
    "beginning",
    "cells_of",
    "detect",
    "differences",
    "excerpt",
    "infer",
    "is_separable",
    "nearly",
    "no_trailer",
    "packing",
    "place_of_row",
    "read",
    "unpacked",
    "without",
]

"""pyarrow: FILE PARQUET, block by block."""

import sys

import pyarrow.csv
import pyarrow.parquet

with pyarrow.csv.open_csv(sys.argv[1]) as blocks:
    with pyarrow.parquet.ParquetWriter(sys.argv[2], blocks.schema, compression="zstd") as file:
        for block in blocks:
            file.write_batch(block)

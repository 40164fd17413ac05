"""polars: FILE PARQUET."""

import sys

import polars as pl

pl.scan_csv(sys.argv[1], try_parse_dates=True).sink_parquet(sys.argv[2])

"""DuckDB: FILE PARQUET."""

import sys

import duckdb

duckdb.sql(f"COPY (FROM read_csv('{sys.argv[1]}')) TO '{sys.argv[2]}' (FORMAT parquet, CODEC zstd)")

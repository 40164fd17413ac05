"""The package that all functions share, in the order in which data moves.

``config``   table files and environments, validated once at the edge
``core``     pure decisions: messages, run ids and states, windows, schemas, manifests
``sources``  where rows come from: Snowflake, CSV files
``stage``    Parquet parts and their manifest in Cloud Storage
``targets``  where rows go: PostgreSQL
``ledger``   one small object per run: what people see
``steps``    the story of each function: extract, ingest, load
``entrypoint``  push request in, acknowledge or retry out: the only place that decides it
``cli``      the ``sluice`` command
"""

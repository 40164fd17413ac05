"""Between source and target: immutable Parquet parts and the manifest that makes them a run."""

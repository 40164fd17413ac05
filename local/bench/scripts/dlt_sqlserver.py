"""dlt: FILE URI TABLE, by Arrow; SQL Server takes its rows as INSERT statements."""

import sys
import tempfile

import dlt
import pyarrow.csv

folder = tempfile.mkdtemp()
pipeline = dlt.pipeline(
    "load",
    destination=dlt.destinations.mssql(f"{sys.argv[2]}?TrustServerCertificate=yes"),
    dataset_name="dlt_bench",
    pipelines_dir=folder,
)


@dlt.resource(name=sys.argv[3], write_disposition="append")
def orders():
    yield from pyarrow.csv.open_csv(sys.argv[1])


pipeline.run(orders).raise_on_failed_jobs()

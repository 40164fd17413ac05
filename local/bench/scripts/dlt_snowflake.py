"""dlt: DESCRIPTION URI MODE, by Snowflake's Arrow batches and PostgreSQL's CSV loading.

DESCRIPTION is a JSON file with host, port, key and table, and the folder in which dlt keeps what
it remembers from run to run; MODE is replace or merge.
"""

import json
import sys
from pathlib import Path

import dlt
import snowflake.connector
from cryptography.hazmat.primitives import serialization

given = json.loads(Path(sys.argv[1]).read_text())
mode = sys.argv[3]
key = serialization.load_pem_private_key(given["key"].encode(), password=None)
connection = snowflake.connector.connect(
    account="local",
    user="SLUICE",
    authenticator="SNOWFLAKE_JWT",
    private_key=key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ),
    host=given["host"],
    port=given["port"],
    protocol="http",
    arrow_number_to_decimal=True,
    session_parameters={"TIMEZONE": "UTC"},
)
pipeline = dlt.pipeline(
    f"snowflake_{mode}",
    destination=dlt.destinations.postgres(sys.argv[2]),
    dataset_name="dlt_bench",
    pipelines_dir=given["folder"],
)


CHANGED = dlt.sources.incremental("UPDATED_AT")


@dlt.resource(name=f"snowflake_{mode}", write_disposition=mode, primary_key="ID")
def orders(updated_at=CHANGED):
    where = ""
    if mode == "merge" and updated_at.last_value is not None:
        where = f" WHERE UPDATED_AT >= '{updated_at.last_value:%Y-%m-%d %H:%M:%S.%f}'"
    cursor = connection.cursor()
    cursor.execute(f"SELECT * FROM {given['table']}{where}")
    for batch in cursor.get_result_batches():
        table = batch.to_arrow(number_to_decimal=True, force_microsecond_precision=True)
        if table is not None and table.num_rows:
            yield table


pipeline.run(orders, loader_file_format="csv").raise_on_failed_jobs()

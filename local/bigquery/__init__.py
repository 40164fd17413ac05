"""BigQuery on a laptop: a part of its REST API, over DuckDB, with its SQL through sqlglot.

`python -m local.bigquery --port N --state DIR` serves 127.0.0.1 until SIGTERM. The port also has
`/_health` and `/_faults` (see `faults`). Objects that load jobs name are read from the Cloud
Storage of `STORAGE_EMULATOR_HOST`. There are no credentials: everybody may do everything.

As in BigQuery, because the product depends on it:

- Datasets (get, insert, delete), tables (get, list, insert, patch, delete), tabledata.list, jobs
  (get, insert, list), queries (jobs.query, getQueryResults) with pages of rows. Errors have
  BigQuery's status and reason.
- A job id can be used once: 409 after that, also when its job failed or still runs. jobs.get tells
  how a job ended, also after a restart.
- Load jobs of Parquet, from `gs://` URIs or from an upload in one request or in chunks: all files
  or none become visible. WRITE_EMPTY, WRITE_APPEND, WRITE_TRUNCATE, CREATE_NEVER. A column whose
  type does not fit is refused; so is, without `columnNameCharacterMap: V2`, a name that is more
  than letters, digits and _. A wildcard or a generation in a URI is refused.
- Copy jobs of one table.
- Scripts: DECLARE, SET, ASSERT, BEGIN, COMMIT and ROLLBACK TRANSACTION, @@row_count, named
  parameters. A script that fails undoes its open transaction. Changes of others between its begin
  and its end are not seen; two transactions that change the same rows: one is aborted. No DDL in a
  transaction.
- SELECT, INSERT, UPDATE, DELETE, MERGE, CREATE TABLE with or without AS SELECT, ALTER TABLE … ADD
  COLUMN [IF NOT EXISTS], ALTER TABLE … ALTER COLUMN … SET DATA TYPE of decimals, DROP TABLE.
- Reserved words are no names without backticks.
- Names of columns have no case. NOT NULL (REQUIRED) is enforced, primary keys are not.
- Partitions, clusters, labels, expiry and primary keys of tables come back as they were given; a
  table says when its rows or columns were last changed.

What differs:

- A job is done when its insertion is answered. Results of queries go with the process.
- Conflicts are found by row, not by table: two transactions that change different rows of one table
  both commit here, and one of them is aborted there.
- Partitions and clusters cut nothing: bytes of a dry run are those of all named columns, whichever
  partitions are asked for, and minima per query are not applied. Queries that are run process 0
  bytes. Nothing expires.
- Names of tables and datasets have no case here, and are two different ones there.
- Types: no arrays, structs, JSON, GEOGRAPHY, INTERVAL or RANGE. BIGNUMERIC has 38 digits in all; it
  needs precision and scale. Arithmetic, rounding and functions are DuckDB's after sqlglot's
  translation: types of results may differ (DATE_TRUNC, division, sums). FLOAT64 texts are Python's.
- STRING(n), BYTES(n) are kept in the schema and not enforced.
- Not served: legacy SQL, CSV, JSON, Avro and ORC loads, exports, sessions, positional parameters,
  IF, LOOP, BEGIN … EXCEPTION, EXECUTE IMMEDIATE, temporary tables, views, procedures, functions of
  one's own, INFORMATION_SCHEMA, time travel, snapshots, clones, child jobs, streaming inserts, the
  Storage API, ALTER TABLE otherwise, row and column rights, quotas, locations (all are one).

The service itself can take its place: the endpoint is a setting (`connections.bigquery.endpoint`;
`SLUICE_TEST_BIGQUERY` for the tests). goccy/bigquery-emulator cannot: its SQL engine has no
DECLARE, SET, ASSERT, ROLLBACK TRANSACTION or SET DATA TYPE, which a publish needs.

From the wire inwards: `server`, `uploads` and `service`; `jobs`, `loads`, `scripts`, `translate`;
`catalog`, `types`, `engine` and `journal`; `errors` and `faults` at the side.
"""

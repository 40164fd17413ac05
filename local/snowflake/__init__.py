"""Snowflake on a laptop: the real connector's protocol over HTTP, DuckDB underneath.

`python -m local.snowflake --port N --state DIR` serves 127.0.0.1 until SIGTERM. Databases are
files below DIR and every connection sees the same ones. A client connects with `host`, `port`,
`protocol="http"`, any account, and a key pair that `DIR/users.json` knows (`logins.py`; without
the file everybody is let in).

As in Snowflake, because the product depends on it:

- Key-pair tokens are verified; a request that is sent again is not executed again; session tokens
  are renewed.
- NUMBER has 38 digits. Results come in chunks that the client downloads: numbers in the narrowest
  integer that holds the result, so that the Arrow type depends on the data; timestamps as epoch
  and fraction.
- Committed states of the last 15 minutes (`--retention-minutes`) can be read AT or BEFORE a
  moment, an offset or a statement. SYSTEM$LAST_CHANGE_COMMIT_TIME moves with each committed
  change, and not otherwise.
- Errors have Snowflake's number and SQLSTATE and come at once.
- Unquoted names are upper case. The default time zone is America/Los_Angeles. Keys are not
  enforced. A timestamp as text, without a format, has three digits. A database or schema named at
  login need not exist: the session then has none.

What differs:

- Types: TIMESTAMP_NTZ of scale 7 to 9 ends in 2262, and of scale 0 to 5 is kept with six digits.
  TIMESTAMP_LTZ, TIMESTAMP_TZ and TIME have microseconds, whatever their scale. TIMESTAMP_TZ
  forgets its offset and comes back in UTC; an expression over it is a TIMESTAMP_LTZ. The length
  of a VARCHAR is described, not enforced. Microseconds of nanoseconds (DATE_TRUNC, DATE_PART) are
  rounded, where Snowflake cuts them.
- Results: a column has its declared length, scale and nullability if it is a plain column (or
  MAX, MIN) of the only table of the query; any other has the widest type of its kind and may be
  null.
- Arithmetic: `/` gives FLOAT; DATEADD on a DATE gives a timestamp; a whole FLOAT as text keeps
  its `.0`. A text with an offset after a space becomes a moment only by an explicit cast. HASH and
  HASH_AGG are stable here, but not Snowflake's numbers.
- Names: two that differ only in case collide, and a quoted column is found in any case.
- Transactions: snapshot isolation instead of read committed; one database a transaction; one
  writer a table at a time; after an error inside BEGIN … COMMIT only ROLLBACK is left.
- Catalogue: INFORMATION_SCHEMA has TABLES, COLUMNS, SCHEMATA, VIEWS, TABLE_CONSTRAINTS and
  DATABASES; BYTES is an estimate. Everything belongs to SYSADMIN; roles and warehouses are names
  only.
- COPY INTO unloads Parquet to a bucket, in one form of the statement (`unload.py`).
- Not served (error 2, "Unsupported feature"): stages, PUT, other COPY INTO, temporary tables,
  AUTOINCREMENT, sequences, streams, tasks, UNDROP, GRANT, CALL, EXPLAIN, several statements in
  one request, RESULT_SCAN, LATERAL FLATTEN, time travel on views and in statements that are not
  queries, and SHOW beyond tables, views, columns, schemas, databases, keys and parameters.
- Nothing of the optimizer, the result cache, queueing, suspended warehouses, or cost.

Controls that Snowflake does not have:

- `GET /_health`; `GET /_statements`: the last thousand statements with their query tags.
- `POST /_seed?table=DB.SCHEMA.T` with `{"path": "/x/y.csv", "null": "NA"}`: load a file
  (`seeds.py`).
- `POST /_faults` with `[{"kind": "error", "sql_regex": "FROM ORDERS", "count": 2}]`, `DELETE
  /_faults` (`faults.py`).

From the wire inwards: `server`, `service`, `statements`; then `queries`, `changes`, `definitions`
and `show`; under them `translate`, `catalog` and `history` on DuckDB; and back to the wire
through `results`, `arrow` and `replies`.
"""

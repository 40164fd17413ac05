"""SQL Server on a laptop: the TDS 7.4 protocol over sockets, PostgreSQL underneath.

`python -m local.sqlserver --port N --state DIR` serves 127.0.0.1 until SIGTERM, with a PostgreSQL
of its own below DIR; `python -m local.sqlserver.health --port N` ends with 0 once it answers. There
is one login (`--user`, `--password`); any other gets error 18456. `Encrypt=yes` works with
`TrustServerCertificate=yes`: the certificate is made anew at each start.

As in SQL Server, because the product depends on it:

- Real transactions and locks. A failed statement is undone alone and leaves the transaction open,
  unless XACT_ABORT is on or it was the victim of a deadlock (1205). LOCK_TIMEOUT gives 1222.
- Errors 102, 137, 206, 207, 208, 241, 245, 515, 547, 1222, 1205, 2627, 2628, 2714, 2760, 2812,
  8115, 8134 and 18456 have their number; drivers make the SQLSTATE of it.
- Prepared statements, parameters with type and NULL, `fast_executemany`, cancellation,
  application locks (`sp_getapplock`), several databases.
- Decimals of 38 digits, dates from year 1 to 9999, texts and bytes without limit, names of 128
  characters.
- Statements: CREATE SCHEMA, TABLE, INDEX and DATABASE, ALTER TABLE, DROP, TRUNCATE, SELECT with TOP
  or OFFSET, INSERT, UPDATE and DELETE with FROM, OPENJSON … WITH, IF … ELSE, BEGIN … END, DECLARE
  and SET of one variable, EXEC of a text, `sp_executesql`, `sp_rename`, THROW, WAITFOR DELAY, USE.
- Catalogue: sys.databases, schemas, objects, tables, columns, types, indexes and index_columns;
  INFORMATION_SCHEMA.SCHEMATA, TABLES, COLUMNS, TABLE_CONSTRAINTS and KEY_COLUMN_USAGE.

What differs:

- Names and texts are compared by case; a name must be written in the case it was created in.
  Trailing spaces count in comparisons.
- Types: fractions of seconds have six digits; datetimeoffset forgets its offset and comes back at
  +00:00; tinyint is a smallint; varbinary(n) has no limit; char, varchar and nchar are nvarchar,
  whose length counts characters, not UTF-16 units; a text cannot hold the character U+0000.
- Sums of bigint are decimals. Integer arithmetic, rounding and implicit conversions are
  PostgreSQL's, except that texts become any type in an assignment and 0 and 1 become bit.
- HOLDLOCK, SERIALIZABLE and TABLOCKX lock the whole table. Readers do not wait for writers.
- An error ends its batch. CREATE SCHEMA need not be the first statement of one. Texts of errors
  are PostgreSQL's.
- Statements without a semicolon between them are told apart only before DECLARE, EXEC, COMMIT and
  ROLLBACK.
- OPENJSON: a text longer than its nvarchar(n) is cut; varbinary is read as base64.
- Results are held in memory before they are sent. Rows of `fast_executemany` are inserted by one
  statement per message, and one by one only when that fails.
- Not served: MERGE, TRY … CATCH, OUTPUT, WHILE, cursors, procedures of one's own, triggers,
  savepoints, MARS, bulk load messages, table-valued parameters, sp_describe_first_result_set,
  sp_columns and its like, logins by Entra or Kerberos, TDS 8 (`Encrypt=strict`).

From the wire inwards: `server`, `wire`, `tokens` and `values`; `procedures`, `describe`, `session`
and `scripts`; `translate` with `joins`, `openjson`, `types` and `names`; `backend`, `applocks` and
`catalog` on PostgreSQL.
"""

PASSWORD_VARIABLE = "SLUICE_LOCAL_SQLSERVER_PASSWORD"  # noqa: S105 - the name of a variable
"""The environment variable with the password of the only login."""

CERTIFICATE = "certificate.pem"
"""Where in its state folder a server keeps the certificate that clients have to trust."""

"""SQL Server on a laptop: the TDS 7.4 protocol over sockets, PostgreSQL underneath.

`python -m local.sqlserver --port N --control-port M --state DIR [--database NAME] [--user NAME]`
serves 127.0.0.1 until SIGTERM, with a PostgreSQL of its own below DIR. On M, over HTTP, are
`/_health` and `/_faults` (see `faults`). There is one login; any other gets 18456. TLS works with
`TrustServerCertificate=yes`, and verified against `certificate.pem` in DIR, which is made once.

As in SQL Server, because the product depends on it:

- Real transactions and locks. A failed statement is undone alone and leaves the transaction open,
  unless XACT_ABORT is on or it was the victim of a deadlock (1205). The batch goes on after a
  refused row or a division by zero and ends after any other error. LOCK_TIMEOUT gives 1222. A
  connection that breaks is rolled back.
- Errors have their number, severity and text; drivers make the SQLSTATE of it: 102, 103, 137, 195,
  206, 207, 208, 220, 241, 245, 402, 515, 529, 547, 911, 1205, 1222, 1505, 1801, 2601, 2627, 2628,
  2705, 2714, 2760, 2812, 3902, 3903, 3960, 4060, 8023, 8114, 8115, 8134, 8169, 8179, 15151, 15248,
  15335, 15530, 18456.
- Prepared statements, parameters of every type below with NULL, `fast_executemany`, descriptions of
  parameters, cancellation, application locks (`sp_getapplock`), several databases.
- Names have no case and up to 128 UTF-16 units; they come back as they were written.
- Texts are compared without case and without blanks at the end, as SQL_Latin1_General_CP1_CI_AS
  does; under a binary collation (`COLLATE …_BIN2`, of a column or in an expression) with case, and
  still without the blanks. Bytes are compared without zeros at the end.
- nvarchar(n) counts UTF-16 units: a cast cuts, an assignment refuses. varbinary(n) likewise.
  CAST of a text to varbinary gives UTF-16LE. U+0000 is a character; the empty text is not NULL.
- decimal(38), datetime2, time and datetimeoffset with seven digits from year 1 to 9999, float
  without NaN, tinyint from 0, texts and bytes without limit.
- Statements: CREATE SCHEMA, TABLE, INDEX, VIEW and DATABASE, ALTER TABLE (ADD, ALTER and DROP
  COLUMN, constraints), ALTER SCHEMA … TRANSFER, sp_rename, DROP, TRUNCATE, SELECT with TOP, OFFSET
  or INTO, INSERT, UPDATE and DELETE with FROM and OUTPUT, OPENJSON … WITH, IF … ELSE, BEGIN … END,
  DECLARE and SET of one variable, EXEC of a text, sp_executesql, THROW, WAITFOR DELAY, USE.
- Catalogue: sys.databases, schemas, objects, tables, views, columns, types, indexes, index_columns,
  key_constraints and partitions; INFORMATION_SCHEMA.SCHEMATA, TABLES, COLUMNS, TABLE_CONSTRAINTS
  and KEY_COLUMN_USAGE; OBJECT_ID, SCHEMA_ID, DB_NAME and the like; HAS_PERMS_BY_NAME is always 1.

What differs:

- Readers do not wait for writers, as with READ_COMMITTED_SNAPSHOT on. HOLDLOCK, SERIALIZABLE,
  TABLOCK and TABLOCKX lock the whole table, against writers only; UPDLOCK locks the rows found.
- Types: datetimeoffset is kept in UTC and comes back at +00:00; datetime is datetime2(3); money is
  decimal(19,4); varchar and char keep characters outside code page 1252 until they are read, when
  they become question marks; nchar, char and binary are not filled up.
- Texts: U+FDD0 and half surrogate pairs are refused, and U+0000 inside JSON. Without case is by
  Unicode's lower-case letters; order is by code point; REPLACE and CHARINDEX regard case. LIKE has
  no character ranges, and no case under a binary collation either. A comparison of two columns, one
  with a binary collation, is binary, not error 468.
- Arithmetic and rounding are PostgreSQL's: a sum of int is a bigint. Implicit conversions are
  assignments', texts that meet numbers, dates or GUIDs, and 0 and 1 for bit.
- Times in texts are ISO: `2024-01-31 10:00:00.1234567 +01:00`, with T or a blank.
- Names of indexes are unique in a schema, not only in a table. SELECT INTO copies no NOT NULL. An
  alias beside `*` comes back in small letters, as do all names in messages. Columns of
  INFORMATION_SCHEMA come back in small letters by `*`.
- CREATE SCHEMA need not be the first statement of a batch. Statements without a semicolon between
  them are told apart only before DECLARE, EXEC, COMMIT and ROLLBACK.
- OPENJSON needs WITH; a text longer than its nvarchar(n) is cut; varbinary is read as base64.
- Results are held in memory before they are sent. Rows of `fast_executemany` are inserted by one
  statement per message, and one by one only when that fails.
- Not served: MERGE, TRY … CATCH, TRY_CAST, WHILE, DATEADD, DATEDIFF other than of days and
  microseconds, cursors, procedures of one's own, triggers, IDENTITY, savepoints, MARS, bulk load
  messages, table-valued parameters, sp_describe_first_result_set, sp_columns and its like, logins
  by Entra or Kerberos, rights, TDS 8 (`Encrypt=strict`). What is not known is refused with 102 or
  195.

From the wire inwards: `server`, `wire`, `tokens`, `values` and `parameters`; `procedures`,
`describe`, `session`, `scripts`, `arguments`, `renaming` and `replies`; `translate` with
`definitions`, `hints`, `joins`, `openjson`, `texts`, `types` and `names`; `backend`, `applocks`,
`databases`, `engine_types`, `engine_times` and `catalog` on PostgreSQL.
"""

PASSWORD_VARIABLE = "SLUICE_LOCAL_SQLSERVER_PASSWORD"  # noqa: S105 - the name of a variable
"""The environment variable with the password of the only login."""

CERTIFICATE = "certificate.pem"
"""Where in its state folder a server keeps the certificate that clients have to trust."""

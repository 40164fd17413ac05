"""SQL Server's catalogue and functions, as views and functions of PostgreSQL in the schema `sys`.

Names are stored folded (see `names.py`). How a name was written, and what PostgreSQL's type of a
column does not tell, is in the comment of the object, a JSON object: `name`, `type`, `collation`.
INFORMATION_SCHEMA is served from `mssql_information`: PostgreSQL has a schema under that name.
"""

SYSTEM_SCHEMA = "sys"
INFORMATION_SCHEMA = "mssql_information"
DEFAULT_COLLATION = "SQL_Latin1_General_CP1_CI_AS"

# name, PostgreSQL's type (none: by comment only), system_type_id, max_length, precision, scale.
# Source: SELECT * FROM sys.types.
_TYPES = """
('bit','bool',104,1,1,0), ('tinyint','tinyint',48,1,3,0), ('smallint','int2',52,2,5,0),
('int','int4',56,4,10,0), ('bigint','int8',127,8,19,0), ('decimal','numeric',106,17,38,38),
('numeric',NULL,108,17,38,38), ('float','float8',62,8,53,0), ('real','float4',59,4,24,0),
('nvarchar','nvarchar',231,8000,0,0), ('nchar',NULL,239,8000,0,0), ('varchar',NULL,167,8000,0,0),
('char',NULL,175,8000,0,0), ('varbinary','varbinary',165,8000,0,0), ('binary',NULL,173,8000,0,0),
('date','date',40,3,10,0), ('time','clock',41,5,16,7), ('datetime2','datetime2',42,8,27,7),
('datetimeoffset','datetimeoffset',43,10,34,7), ('uniqueidentifier','uuid',36,16,0,0)
"""

_NAMES = r"""
CREATE FUNCTION sys.stored(name text) RETURNS text IMMUTABLE STRICT LANGUAGE sql AS $$
  SELECT CASE WHEN octet_length(lower(name)) <= 63 THEN lower(name)
    ELSE '~' || left(lower(name), 7) || md5(lower(name)) END $$;
CREATE FUNCTION sys.spelled(stored name, note text) RETURNS sys.nvarchar IMMUTABLE LANGUAGE sql AS
  $$ SELECT coalesce(note::jsonb ->> 'name', stored::text)::sys.nvarchar $$;
CREATE FUNCTION sys.name_parts(name text) RETURNS text[] IMMUTABLE STRICT LANGUAGE sql AS $$
  SELECT array_agg(coalesce(replace(m[1], ']]', ']'), replace(m[2], '""', '"'), m[3]))
  FROM regexp_matches(name, '\[((?:[^]]|\]\])+)\]|"((?:[^"]|"")+)"|([^]."[]+)', 'g') m $$;
CREATE FUNCTION sys.object_id(name sys.nvarchar, kind sys.nvarchar DEFAULT NULL) RETURNS integer
STABLE LANGUAGE sql AS $$
  SELECT c.oid::bigint::integer FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
    (SELECT sys.name_parts(name) p) q
  WHERE c.relname = sys.stored(p[cardinality(p)])
    AND n.nspname = coalesce(sys.stored(p[cardinality(p) - 1]), 'dbo') AND c.relkind IN ('r', 'v')
    AND c.relkind::text = coalesce(CASE trim(kind::text) WHEN 'V' THEN 'v' WHEN 'U' THEN 'r' END,
      c.relkind::text) $$;
CREATE FUNCTION sys.schema_id(name sys.nvarchar DEFAULT 'dbo') RETURNS integer STABLE LANGUAGE sql
AS $$ SELECT oid::bigint::integer FROM pg_namespace WHERE nspname = sys.stored(name::text) $$;
CREATE FUNCTION sys.schema_name(id integer DEFAULT NULL) RETURNS sys.nvarchar STABLE LANGUAGE sql AS
  $$ SELECT CASE WHEN id IS NULL THEN 'dbo'::sys.nvarchar ELSE
     (SELECT sys.spelled(nspname, obj_description(oid, 'pg_namespace')) FROM pg_namespace
      WHERE oid = id::oid) END $$;
CREATE FUNCTION sys.object_name(id integer) RETURNS sys.nvarchar STABLE LANGUAGE sql AS
  $$ SELECT sys.spelled(relname, obj_description(oid, 'pg_class')) FROM pg_class
     WHERE oid = id::oid $$;
CREATE FUNCTION sys.object_schema_name(id integer) RETURNS sys.nvarchar STABLE LANGUAGE sql AS
  $$ SELECT sys.schema_name(relnamespace::bigint::integer) FROM pg_class WHERE oid = id::oid $$;
CREATE FUNCTION sys.db_name() RETURNS sys.nvarchar STABLE LANGUAGE sql AS
  $$ SELECT current_database()::text::sys.nvarchar $$;
CREATE FUNCTION sys.db_id(name sys.nvarchar DEFAULT NULL) RETURNS integer STABLE LANGUAGE sql AS $$
  SELECT oid::bigint::integer FROM pg_database
  WHERE datname = coalesce(sys.stored(name::text), current_database()) $$;
CREATE FUNCTION sys.note_column(place regclass, stored name, changes jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE note jsonb;
BEGIN
  SELECT jsonb_strip_nulls(coalesce(col_description(attrelid, attnum)::jsonb, '{}') || changes)
    INTO STRICT note FROM pg_attribute WHERE attrelid = place AND attname = stored;
  EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', place, stored, nullif(note, '{}')::text);
END $$;
CREATE FUNCTION sys.copy_notes(target regclass, source regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE note record;
BEGIN
  FOR note IN SELECT t.attname, col_description(s.attrelid, s.attnum) AS text
    FROM pg_attribute t JOIN pg_attribute s ON s.attname = t.attname AND s.attrelid = source
    WHERE t.attrelid = target AND t.attnum > 0 AND col_description(s.attrelid, s.attnum) IS NOT NULL
  LOOP
    EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', target, note.attname, note.text);
  END LOOP;
END $$;
"""

_FUNCTIONS = """
CREATE FUNCTION sys.has_perms_by_name(sys.nvarchar, sys.nvarchar, sys.nvarchar) RETURNS integer
  IMMUTABLE LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION sys.suser_sname() RETURNS sys.nvarchar STABLE LANGUAGE sql AS
  $$ SELECT 'sa'::sys.nvarchar $$;
CREATE FUNCTION sys.user_name() RETURNS sys.nvarchar STABLE LANGUAGE sql AS
  $$ SELECT 'dbo'::sys.nvarchar $$;
CREATE FUNCTION sys.serverproperty(name sys.nvarchar) RETURNS sys.nvarchar STABLE LANGUAGE sql AS $$
  SELECT CASE lower(name::text) WHEN 'productversion' THEN '16.0.4000.0'
    WHEN 'productmajorversion' THEN '16' WHEN 'collation' THEN 'SQL_Latin1_General_CP1_CI_AS'
    WHEN 'edition' THEN 'local stand-in' WHEN 'engineedition' THEN '3' END::sys.nvarchar $$;
CREATE FUNCTION sys.sysutcdatetime() RETURNS sys.datetime2 VOLATILE LANGUAGE sql AS
  $$ SELECT (clock_timestamp() AT TIME ZONE 'UTC')::sys.datetime2 $$;
CREATE FUNCTION sys.getutcdate() RETURNS sys.datetime2 VOLATILE LANGUAGE sql AS
  $$ SELECT sys.sysutcdatetime() $$;
CREATE FUNCTION sys.sysdatetime() RETURNS sys.datetime2 VOLATILE LANGUAGE sql AS
  $$ SELECT sys.sysutcdatetime() $$;
CREATE FUNCTION sys.sysdatetimeoffset() RETURNS sys.datetimeoffset VOLATILE LANGUAGE sql AS
  $$ SELECT sys.sysutcdatetime()::sys.datetimeoffset $$;
CREATE FUNCTION sys.len(value sys.nvarchar) RETURNS integer IMMUTABLE STRICT LANGUAGE sql AS
  $$ SELECT sys.units(rtrim(value::text, ' ')) $$;
CREATE FUNCTION sys.len_of_characters(value sys.nvarchar) RETURNS integer IMMUTABLE STRICT
LANGUAGE sql AS $$ SELECT length(rtrim(value::text, ' ')) $$;
CREATE FUNCTION sys.datalength(value bigint) RETURNS integer IMMUTABLE STRICT LANGUAGE sql AS
  $$ SELECT 8 $$;
CREATE FUNCTION sys.converted(value bytea, style integer) RETURNS sys.nvarchar IMMUTABLE STRICT
  LANGUAGE sql AS $$ SELECT ((ARRAY['0x', ''])[style] || upper(encode(value, 'hex')))::sys.nvarchar
  $$;
CREATE FUNCTION sys.converted(value sys.datetime2, style integer) RETURNS sys.nvarchar IMMUTABLE
  STRICT LANGUAGE sql AS $$ SELECT CASE WHEN style IN (126, 127)
    THEN replace(value::text, ' ', 'T') ELSE value::text END::sys.nvarchar $$;
CREATE FUNCTION sys.converted(value sys.datetimeoffset, style integer) RETURNS sys.nvarchar
  IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT CASE style
    WHEN 126 THEN replace(replace(value::text, ' +', '+'), ' ', 'T')
    WHEN 127 THEN replace(replace(value::text, ' +00:00', 'Z'), ' ', 'T')
    ELSE value::text END::sys.nvarchar $$;
CREATE FUNCTION sys.converted(value date, style integer) RETURNS sys.nvarchar IMMUTABLE STRICT
  LANGUAGE sql AS $$ SELECT to_char(value, 'YYYY-MM-DD')::sys.nvarchar $$;
CREATE FUNCTION sys.converted(value sys.clock, style integer) RETURNS sys.nvarchar IMMUTABLE STRICT
  LANGUAGE sql AS $$ SELECT value::text::sys.nvarchar $$;
CREATE FUNCTION sys.converted(value double precision, style integer) RETURNS sys.nvarchar IMMUTABLE
  STRICT LANGUAGE sql AS $$ SELECT value::text::sys.nvarchar $$;
CREATE FUNCTION sys.unhex(value sys.nvarchar, style integer) RETURNS bytea IMMUTABLE STRICT
  LANGUAGE sql AS
  $$ SELECT decode(CASE style WHEN 1 THEN substring(value::text FROM 3) ELSE value::text END, 'hex')
  $$;
CREATE FUNCTION sys.row_count(id oid) RETURNS bigint STABLE LANGUAGE plpgsql AS $$
DECLARE found bigint;
BEGIN EXECUTE format('SELECT count(*) FROM %s', id::regclass) INTO found; RETURN found; END $$;
CREATE FUNCTION sys.sum_step(bigint, bigint) RETURNS bigint IMMUTABLE STRICT LANGUAGE internal AS
  'int8pl';
CREATE AGGREGATE sys.sum(bigint) (SFUNC = sys.sum_step, STYPE = bigint);
"""

_VIEWS = """
CREATE VIEW sys.types AS SELECT name::sys.nvarchar, id AS system_type_id, id AS user_type_id,
  max_length::smallint, "precision"::sys.tinyint, scale::sys.tinyint, pg
  FROM (VALUES {types}) AS t (name, pg, id, max_length, "precision", scale);
CREATE VIEW sys.schemas AS
  SELECT sys.spelled(nspname, obj_description(oid, 'pg_namespace')) AS name,
  oid::bigint::integer AS schema_id FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'
    AND nspname NOT IN ('sys', 'public', 'mssql_information');
CREATE VIEW sys.databases AS SELECT datname::text::sys.nvarchar AS name,
  oid::bigint::integer AS database_id, '{collation}'::sys.nvarchar AS collation_name,
  true AS is_read_committed_snapshot_on, 1::sys.tinyint AS snapshot_isolation_state,
  0::sys.tinyint AS state, 'ONLINE'::sys.nvarchar AS state_desc
  FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres';
CREATE VIEW sys.objects AS
  SELECT sys.spelled(c.relname, obj_description(c.oid, 'pg_class')) AS name,
  c.oid::bigint::integer AS object_id, c.relnamespace::bigint::integer AS schema_id,
  (CASE c.relkind WHEN 'r' THEN 'U' ELSE 'V' END)::sys.nvarchar AS type,
  (CASE c.relkind WHEN 'r' THEN 'USER_TABLE' ELSE 'VIEW' END)::sys.nvarchar AS type_desc
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'v') AND n.nspname NOT LIKE 'pg\\_%'
    AND n.nspname NOT IN ('sys', 'public', 'mssql_information', 'information_schema');
CREATE VIEW sys.tables AS SELECT * FROM sys.objects WHERE type = 'U'::sys.nvarchar;
CREATE VIEW sys.views AS SELECT * FROM sys.objects WHERE type = 'V'::sys.nvarchar;
CREATE VIEW sys.columns AS SELECT a.attrelid::bigint::integer AS object_id,
  sys.spelled(a.attname, a.note::text) AS name, a.attnum::integer AS column_id,
  t.system_type_id, t.user_type_id, t.name AS type_name,
  (CASE WHEN t.name IN ('nvarchar', 'nchar') THEN coalesce(2 * a.size, -1)
        WHEN t.name IN ('varchar', 'char', 'varbinary', 'binary') THEN coalesce(a.size, -1)
        WHEN t.pg = 'numeric' THEN CASE WHEN a.digits <= 9 THEN 5 WHEN a.digits <= 19 THEN 9
          WHEN a.digits <= 28 THEN 13 ELSE 17 END
        WHEN t.pg IN ('clock', 'datetime2', 'datetimeoffset') THEN t.max_length
          - (coalesce(a.size, 8) < 4)::int - (coalesce(a.size, 8) < 6)::int
        ELSE t.max_length END)::smallint AS max_length,
  (CASE WHEN t.pg = 'numeric' THEN a.digits
        WHEN t.pg IN ('clock', 'datetime2', 'datetimeoffset') THEN t.precision - 8
          + CASE a.size WHEN 1 THEN 0 ELSE coalesce(a.size, 8) END
        ELSE t.precision END)::sys.tinyint AS "precision",
  (CASE WHEN t.pg = 'numeric' THEN (a.atttypmod - 4) & 2047
        WHEN t.pg IN ('clock', 'datetime2', 'datetimeoffset') THEN coalesce(a.size, 8) - 1
        ELSE t.scale END)::sys.tinyint AS scale,
  (CASE WHEN t.name IN ('nvarchar', 'nchar', 'varchar', 'char')
    THEN coalesce(a.note ->> 'collation', '{collation}') END)::sys.nvarchar AS collation_name,
  NOT a.attnotnull AS is_nullable, a.attidentity <> '' AS is_identity,
  a.attgenerated <> '' AS is_computed
  FROM (SELECT *, col_description(attrelid, attnum)::jsonb AS note,
      nullif(atttypmod, -1) - 4 AS size, ((atttypmod - 4) >> 16) & 65535 AS digits
    FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped) a
  JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'v') AND c.oid >= 16384
    AND c.relnamespace NOT IN ('sys'::regnamespace, 'mssql_information'::regnamespace)
  JOIN pg_type p ON p.oid = a.atttypid
  JOIN sys.types t ON t.name = (coalesce(a.note ->> 'type', (SELECT d.name::text FROM sys.types d
    WHERE d.pg = CASE p.typname WHEN 'nvarchar_bin' THEN 'nvarchar' WHEN 'text' THEN 'nvarchar'
      ELSE p.typname END)))::sys.nvarchar;
CREATE VIEW sys.indexes AS SELECT i.indrelid::bigint::integer AS object_id,
  sys.spelled(c.relname, obj_description(c.oid, 'pg_class')) AS name,
  (CASE WHEN i.indisprimary THEN 1 ELSE 1 + row_number() OVER (
    PARTITION BY i.indrelid, i.indisprimary ORDER BY c.oid) END)::integer AS index_id,
  (CASE WHEN i.indisprimary THEN 1 ELSE 2 END)::sys.tinyint AS type,
  (CASE WHEN i.indisprimary THEN 'CLUSTERED' ELSE 'NONCLUSTERED' END)::sys.nvarchar AS type_desc,
  i.indisunique AS is_unique, i.indisprimary AS is_primary_key,
  EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype = 'u')
    AS is_unique_constraint, false AS is_disabled, c.oid AS pg
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid >= 16384;
CREATE VIEW sys.index_columns AS SELECT i.object_id, i.index_id, k.attnum::integer AS column_id,
  k.place::integer AS index_column_id, k.place::sys.tinyint AS key_ordinal,
  false AS is_included_column, false AS is_descending_key
  FROM sys.indexes i JOIN pg_index p ON p.indexrelid = i.pg,
  unnest(p.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place);
CREATE VIEW sys.key_constraints AS
  SELECT sys.spelled(k.conname, obj_description(k.conindid, 'pg_class')) AS name,
  k.oid::bigint::integer AS object_id, k.conrelid::bigint::integer AS parent_object_id,
  k.connamespace::bigint::integer AS schema_id,
  (CASE k.contype WHEN 'p' THEN 'PK' ELSE 'UQ' END)::sys.nvarchar AS type,
  i.index_id AS unique_index_id
  FROM pg_constraint k JOIN sys.indexes i ON i.pg = k.conindid WHERE k.contype IN ('p', 'u');
CREATE VIEW sys.partitions AS SELECT o.object_id::bigint AS partition_id, o.object_id,
  EXISTS (SELECT 1 FROM pg_index WHERE indrelid = o.object_id::oid AND indisprimary)::integer
    AS index_id, 1 AS partition_number, sys.row_count(o.object_id::oid) AS rows FROM sys.tables o;
CREATE VIEW mssql_information.schemata AS SELECT sys.db_name() AS catalog_name,
  name AS schema_name FROM sys.schemas;
CREATE VIEW mssql_information.tables AS SELECT sys.db_name() AS table_catalog,
  sys.schema_name(schema_id) AS table_schema, name AS table_name,
  (CASE WHEN type = 'U'::sys.nvarchar THEN 'BASE TABLE' ELSE 'VIEW' END)::sys.nvarchar AS table_type
  FROM sys.objects;
CREATE VIEW mssql_information.columns AS SELECT sys.db_name() AS table_catalog,
  sys.schema_name(o.schema_id) AS table_schema, o.name AS table_name, c.name AS column_name,
  c.column_id AS ordinal_position,
  (CASE WHEN c.is_nullable THEN 'YES' ELSE 'NO' END)::sys.nvarchar AS is_nullable,
  c.type_name AS data_type,
  CASE WHEN c.type_name IN ('nvarchar', 'nchar') THEN CASE c.max_length WHEN -1 THEN -1
      ELSE c.max_length / 2 END
    WHEN c.type_name IN ('varchar', 'char', 'varbinary', 'binary') THEN c.max_length END::integer
    AS character_maximum_length,
  CASE WHEN c.type_name IN ('tinyint', 'smallint', 'int', 'bigint', 'decimal', 'numeric', 'float',
    'real') THEN c.precision END::sys.tinyint AS numeric_precision,
  CASE WHEN c.type_name IN ('tinyint', 'smallint', 'int', 'bigint', 'decimal', 'numeric')
    THEN c.scale END::integer AS numeric_scale,
  CASE WHEN c.type_name IN ('time', 'datetime2', 'datetimeoffset') THEN c.scale::smallint
    WHEN c.type_name = 'date' THEN 0 END::smallint AS datetime_precision, c.collation_name
  FROM sys.objects o JOIN sys.columns c ON c.object_id = o.object_id;
CREATE VIEW mssql_information.table_constraints AS SELECT sys.schema_name(o.schema_id) AS
  table_schema, o.name AS table_name, k.name AS constraint_name,
  sys.schema_name(o.schema_id) AS constraint_schema,
  (CASE WHEN k.type = 'PK'::sys.nvarchar THEN 'PRIMARY KEY' ELSE 'UNIQUE' END)::sys.nvarchar
    AS constraint_type
  FROM sys.objects o JOIN sys.key_constraints k ON k.parent_object_id = o.object_id;
CREATE VIEW mssql_information.key_column_usage AS SELECT sys.schema_name(o.schema_id) AS
  table_schema, o.name AS table_name, k.name AS constraint_name,
  sys.schema_name(o.schema_id) AS constraint_schema, c.name AS column_name,
  x.index_column_id AS ordinal_position
  FROM sys.objects o JOIN sys.key_constraints k ON k.parent_object_id = o.object_id
  JOIN sys.index_columns x ON x.object_id = o.object_id AND x.index_id = k.unique_index_id
  JOIN sys.columns c ON c.object_id = o.object_id AND c.column_id = x.column_id;
"""

# 0 and 1 become bit wherever one is expected.
_BITS = """
UPDATE pg_cast SET castcontext = 'i'
  WHERE castsource = 'int4'::regtype AND casttarget = 'bool'::regtype;
"""

SCHEMAS = """
CREATE SCHEMA dbo; CREATE SCHEMA sys; CREATE SCHEMA mssql_information;
SET search_path = dbo, sys, pg_catalog; SET jit = off; SET check_function_bodies = off;
"""

SETUP = _BITS + _NAMES + _FUNCTIONS + _VIEWS.format(types=_TYPES, collation=DEFAULT_COLLATION)

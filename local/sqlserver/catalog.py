"""What every database holds besides its data: SQL Server's catalogue and functions, as views.

INFORMATION_SCHEMA is served from the schema `mssql_information`, because PostgreSQL has one of its
own under that name, with its own names of types.
"""

SYSTEM_SCHEMA = "sys"
INFORMATION_SCHEMA = "mssql_information"

# SQL Server converts these by itself in assignments (and 0 and 1 to bit everywhere).
_CASTS = "\n".join(
    f"CREATE CAST ({source} AS {target}) WITH INOUT AS ASSIGNMENT;"
    for target in (
        *("bigint", "integer", "smallint", "numeric", "double precision", "real", "boolean"),
        *("date", "time", "timestamp", "timestamptz", "uuid"),
    )
    for source in ("text", "varchar")
)

# name, PostgreSQL type, system_type_id, max_length, precision, scale.
# Source: SELECT * FROM sys.types.
_TYPES = """
('bit','bool',104,1,1,0), ('smallint','int2',52,2,5,0), ('int','int4',56,4,10,0),
('bigint','int8',127,8,19,0), ('decimal','numeric',106,17,38,38), ('float','float8',62,8,53,0),
('real','float4',59,4,24,0), ('nvarchar','varchar',231,8000,0,0), ('ntext','text',99,16,0,0),
('varbinary','bytea',165,8000,0,0), ('date','date',40,3,10,0), ('time','time',41,5,16,7),
('datetime2','timestamp',42,8,27,7), ('datetimeoffset','timestamptz',43,10,34,7),
('uniqueidentifier','uuid',36,16,0,0)
"""

SETUP = f"""
CREATE SCHEMA dbo; CREATE SCHEMA sys; CREATE SCHEMA mssql_information;
UPDATE pg_cast SET castcontext = 'i'
  WHERE castsource = 'int4'::regtype AND casttarget = 'bool'::regtype;
{_CASTS}
CREATE TABLE sys.long_names (short_name text PRIMARY KEY, name text NOT NULL);
CREATE FUNCTION sys.short_name(name text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE WHEN octet_length(name) <= 63 THEN name ELSE '~' || left(name, 7) || md5(name) END $$;
CREATE FUNCTION sys.full_name(stored name) RETURNS varchar(128) STABLE LANGUAGE sql AS $$
  SELECT coalesce((SELECT l.name FROM sys.long_names l WHERE l.short_name = stored::text),
    stored::text)
$$;
CREATE FUNCTION sys.name_parts(name text) RETURNS text[] IMMUTABLE LANGUAGE sql AS $$
  SELECT array_agg(coalesce(replace(m[1], ']]', ']'), replace(m[2], '""', '"'), m[3]))
  FROM regexp_matches(name, '\\[((?:[^]]|\\]\\])+)\\]|"((?:[^"]|"")+)"|([^]."[]+)', 'g') m $$;
CREATE FUNCTION sys.object_id(name text, kind text DEFAULT NULL) RETURNS integer STABLE
LANGUAGE sql AS $$
  SELECT c.oid::bigint::integer FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
    (SELECT sys.name_parts(name) p) q
  WHERE c.relname = sys.short_name(p[cardinality(p)])
    AND n.nspname = coalesce(sys.short_name(p[cardinality(p) - 1]), 'dbo')
    AND c.relkind::text = CASE trim(kind) WHEN 'V' THEN 'v' ELSE 'r' END $$;
CREATE FUNCTION sys.schema_id(name text DEFAULT 'dbo') RETURNS integer STABLE LANGUAGE sql AS $$
  SELECT oid::bigint::integer FROM pg_namespace WHERE nspname = sys.short_name(name) $$;
CREATE FUNCTION sys.schema_name(id integer DEFAULT NULL) RETURNS varchar(128) STABLE LANGUAGE sql AS
  $$ SELECT CASE WHEN id IS NULL THEN 'dbo' ELSE
     (SELECT sys.full_name(nspname) FROM pg_namespace WHERE oid = id::oid) END $$;
CREATE FUNCTION sys.object_name(id integer) RETURNS varchar(128) STABLE LANGUAGE sql AS
  $$ SELECT sys.full_name(relname) FROM pg_class WHERE oid = id::oid $$;
CREATE FUNCTION sys.db_name() RETURNS varchar(128) STABLE LANGUAGE sql AS
  $$ SELECT current_database()::text $$;
CREATE FUNCTION sys.db_id(name text DEFAULT NULL) RETURNS integer STABLE LANGUAGE sql AS $$
  SELECT oid::bigint::integer FROM pg_database
  WHERE datname = coalesce(name, current_database()) $$;
CREATE FUNCTION sys.suser_sname() RETURNS varchar(128) STABLE LANGUAGE sql AS $$ SELECT 'sa' $$;
CREATE FUNCTION sys.sysutcdatetime() RETURNS timestamp VOLATILE LANGUAGE sql AS
  $$ SELECT clock_timestamp() AT TIME ZONE 'UTC' $$;
CREATE FUNCTION sys.sysdatetimeoffset() RETURNS timestamptz VOLATILE LANGUAGE sql AS
  $$ SELECT clock_timestamp() $$;
CREATE FUNCTION sys.datalength(value bytea) RETURNS bigint IMMUTABLE LANGUAGE sql AS
  $$ SELECT octet_length(value) $$;
CREATE FUNCTION sys.datalength(value text) RETURNS bigint IMMUTABLE LANGUAGE sql AS
  $$ SELECT 2 * length(value) $$;
CREATE FUNCTION sys.newid() RETURNS uuid VOLATILE LANGUAGE sql AS $$ SELECT gen_random_uuid() $$;
CREATE VIEW sys.types AS SELECT name::varchar(128), id AS system_type_id, id AS user_type_id,
  max_length::smallint, "precision"::smallint, scale::smallint, pg
  FROM (VALUES {_TYPES}) AS t (name, pg, id, max_length, "precision", scale);
CREATE VIEW sys.schemas AS SELECT sys.full_name(nspname) AS name, oid::bigint::integer AS schema_id
  FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'
    AND nspname NOT IN ('sys', 'public', 'mssql_information');
CREATE VIEW sys.databases AS SELECT datname::varchar(128) AS name,
  oid::bigint::integer AS database_id FROM pg_database
  WHERE NOT datistemplate AND datname <> 'postgres';
CREATE VIEW sys.objects AS SELECT sys.full_name(c.relname) AS name,
  c.oid::bigint::integer AS object_id, c.relnamespace::bigint::integer AS schema_id,
  (CASE c.relkind WHEN 'r' THEN 'U' ELSE 'V' END)::varchar(2) AS type
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'v') AND n.nspname NOT LIKE 'pg\\_%'
    AND n.nspname NOT IN ('sys', 'public', 'mssql_information', 'information_schema');
CREATE VIEW sys.tables AS SELECT * FROM sys.objects WHERE type = 'U';
CREATE VIEW sys.columns AS SELECT o.object_id, sys.full_name(a.attname) AS name,
  a.attnum::integer AS column_id, t.system_type_id, t.user_type_id, t.name AS type_name,
  (CASE WHEN t.pg = 'varchar' THEN coalesce(nullif(a.atttypmod, -1) - 4, -1) * 2
        WHEN t.pg = 'bytea' THEN -1 ELSE t.max_length END)::smallint AS max_length,
  (CASE WHEN t.pg = 'numeric' THEN ((a.atttypmod - 4) >> 16) & 65535
        ELSE t.precision END)::smallint AS "precision",
  (CASE WHEN t.pg = 'numeric' THEN (a.atttypmod - 4) & 2047
        WHEN t.pg IN ('time', 'timestamp', 'timestamptz') THEN coalesce(nullif(a.atttypmod, -1), 6)
        ELSE t.scale END)::smallint AS scale,
  NOT a.attnotnull AS is_nullable, a.attidentity <> '' AS is_identity
  FROM sys.objects o JOIN pg_attribute a ON a.attrelid = o.object_id::oid
  JOIN pg_type p ON p.oid = a.atttypid
  JOIN sys.types t ON t.pg = CASE p.typname WHEN 'text' THEN 'varchar' ELSE p.typname END
  WHERE a.attnum > 0 AND NOT a.attisdropped;
CREATE VIEW sys.indexes AS SELECT i.indrelid::bigint::integer AS object_id,
  sys.full_name(c.relname) AS name, c.oid::bigint::integer AS index_id,
  i.indisunique AS is_unique, i.indisprimary AS is_primary_key
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid;
CREATE VIEW sys.index_columns AS SELECT i.object_id, i.index_id, k.attnum::integer AS column_id,
  k.place::integer AS key_ordinal, k.place::integer AS index_column_id
  FROM sys.indexes i JOIN pg_index p ON p.indexrelid = i.index_id::oid,
  unnest(p.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place);
CREATE VIEW mssql_information.schemata AS SELECT current_database()::varchar(128) AS catalog_name,
  name AS schema_name FROM sys.schemas;
CREATE VIEW mssql_information.tables AS SELECT current_database()::varchar(128) AS table_catalog,
  sys.schema_name(schema_id) AS table_schema, name AS table_name,
  (CASE type WHEN 'U' THEN 'BASE TABLE' ELSE 'VIEW' END)::varchar(10) AS table_type
  FROM sys.objects;
CREATE VIEW mssql_information.columns AS SELECT current_database()::varchar(128) AS table_catalog,
  sys.schema_name(o.schema_id) AS table_schema, o.name AS table_name, c.name AS column_name,
  c.column_id AS ordinal_position,
  (CASE WHEN c.is_nullable THEN 'YES' ELSE 'NO' END)::varchar(3) AS is_nullable,
  c.type_name AS data_type,
  CASE c.type_name WHEN 'nvarchar' THEN CASE c.max_length WHEN -2 THEN -1 ELSE c.max_length / 2 END
    WHEN 'varbinary' THEN -1 END::integer AS character_maximum_length,
  CASE WHEN c.type_name IN ('smallint', 'int', 'bigint', 'decimal', 'float', 'real')
    THEN c.precision END AS numeric_precision,
  CASE WHEN c.type_name IN ('smallint', 'int', 'bigint', 'decimal')
    THEN c.scale::integer END AS numeric_scale,
  CASE WHEN c.type_name IN ('time', 'datetime2', 'datetimeoffset') THEN c.scale
    WHEN c.type_name = 'date' THEN 0 END::smallint AS datetime_precision
  FROM sys.objects o JOIN sys.columns c ON c.object_id = o.object_id;
CREATE VIEW mssql_information.table_constraints AS SELECT sys.schema_name(o.schema_id) AS
  table_schema, o.name AS table_name, sys.full_name(k.conname) AS constraint_name,
  sys.schema_name(o.schema_id) AS constraint_schema,
  (CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END)::varchar(11) AS constraint_type
  FROM sys.objects o JOIN pg_constraint k ON k.conrelid = o.object_id::oid
  WHERE k.contype IN ('p', 'u');
CREATE VIEW mssql_information.key_column_usage AS SELECT sys.schema_name(o.schema_id) AS
  table_schema, o.name AS table_name, sys.full_name(k.conname) AS constraint_name,
  sys.schema_name(o.schema_id) AS constraint_schema, c.name AS column_name,
  u.place::integer AS ordinal_position
  FROM sys.objects o JOIN pg_constraint k ON k.conrelid = o.object_id::oid,
  unnest(k.conkey) WITH ORDINALITY AS u (attnum, place), sys.columns c
  WHERE k.contype IN ('p', 'u') AND c.object_id = o.object_id AND c.column_id = u.attnum;
"""  # noqa: S608 - constants of this module

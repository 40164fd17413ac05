"""SQL Server's types of times, which count steps of 100 ns; PostgreSQL's have microseconds.

`sys.datetime2` counts from the year 1, `sys.datetimeoffset` does so in UTC, `sys.clock` (`time`)
from midnight. The modifier of a type is its number of digits plus one, because it cannot be 0.
"""

NAMES = ("datetime2", "datetimeoffset", "clock")

DAY_TICKS = 864_000_000_000
"""Steps of 100 ns of a day."""


def _moment(name: str, text: str, parse: str) -> str:
    """Return the casts of a type that counts steps of 100 ns, from and to texts."""
    kind = f"sys.{name}"
    options = "IMMUTABLE STRICT PARALLEL SAFE"
    parts = [
        f"""
CREATE FUNCTION sys.fit(value {kind}, modifier integer, is_cast boolean) RETURNS {kind}
{options} LANGUAGE sql AS $$
  SELECT CASE WHEN modifier >= 12 THEN value ELSE sys.rounded(value::bigint, modifier)::{kind} END
$$;
CREATE CAST ({kind} AS bigint) WITHOUT FUNCTION;
CREATE CAST (bigint AS {kind}) WITHOUT FUNCTION;
CREATE CAST ({kind} AS {kind}) WITH FUNCTION sys.fit({kind}, integer, boolean) AS IMPLICIT;
CREATE FUNCTION sys.{name}_text(value {kind}) RETURNS text {options} LANGUAGE sql AS $$ {text} $$;
CREATE FUNCTION sys.{name}_of(value text) RETURNS {kind} {options} LANGUAGE plpgsql AS
  $$ {parse} $$;
CREATE CAST ({kind} AS text) WITH FUNCTION sys.{name}_text({kind});
CREATE CAST (text AS {kind}) WITH FUNCTION sys.{name}_of(text);
"""
    ]
    for source in ("nvarchar", "nvarchar_bin"):
        parts.append(f"""
CREATE FUNCTION sys.{name}_{source}(value {kind}) RETURNS sys.{source} {options} LANGUAGE sql AS
  $$ SELECT sys.{name}_text(value)::sys.{source} $$;
CREATE FUNCTION sys.{name}_of(value sys.{source}) RETURNS {kind} {options} LANGUAGE sql AS
  $$ SELECT sys.{name}_of(value::text) $$;
CREATE CAST ({kind} AS sys.{source}) WITH FUNCTION sys.{name}_{source}({kind}) AS ASSIGNMENT;
CREATE CAST (sys.{source} AS {kind}) WITH FUNCTION sys.{name}_of(sys.{source}) AS IMPLICIT;
""")
    return "".join(parts)


_CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,7})?)?"

_TIME_TOOLS = f"""
CREATE FUNCTION sys.rounded(ticks bigint, modifier integer) RETURNS bigint IMMUTABLE STRICT
PARALLEL SAFE LANGUAGE sql AS $$
  SELECT (ticks + 5 * (10 ^ (11 - modifier))::bigint) / (10 ^ (12 - modifier))::bigint
    * (10 ^ (12 - modifier))::bigint $$;
CREATE FUNCTION sys.clock_ticks(value text) RETURNS bigint IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE plpgsql AS $$
BEGIN
  IF value !~ '^{_CLOCK}$' THEN
    RAISE EXCEPTION USING ERRCODE = '22007', MESSAGE = format('not a time: %s', value);
  END IF;
  RETURN extract(epoch FROM left(value, 8)::time)::bigint * 10000000
    + rpad(substring(value FROM 10), 7, '0')::bigint;
END $$;
CREATE FUNCTION sys.moment_ticks(value text) RETURNS bigint IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE plpgsql AS $$
DECLARE midnight bigint;
BEGIN
  IF value !~ '^\\d{{4}}-\\d\\d-\\d\\d([ T]{_CLOCK})?$' THEN
    RAISE EXCEPTION USING ERRCODE = '22007', MESSAGE = format('not a date and time: %s', value);
  END IF;
  midnight := (left(value, 10)::date - date '0001-01-01')::bigint * {DAY_TICKS};
  IF length(value) = 10 THEN RETURN midnight; END IF;
  RETURN midnight + extract(epoch FROM substring(value FROM 12 FOR 8)::time)::bigint * 10000000
    + rpad(substring(value FROM 21), 7, '0')::bigint;
END $$;
CREATE FUNCTION sys.clock_digits(ticks bigint) RETURNS text IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE sql AS $$
  SELECT to_char(make_time((ticks / 36000000000)::int, (ticks / 600000000 % 60)::int,
    (ticks / 10000000 % 60)::float8), 'HH24:MI:SS') || '.' || lpad((ticks % 10000000)::text, 7, '0')
$$;
CREATE FUNCTION sys.moment_digits(ticks bigint) RETURNS text IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE sql AS $$ SELECT to_char(date '0001-01-01' + (ticks / {DAY_TICKS})::int, 'YYYY-MM-DD')
  || ' ' || sys.clock_digits(ticks % {DAY_TICKS}) $$;
"""  # noqa: S608 - constants of this module

_PARSE_OFFSET = """
DECLARE m text[] := regexp_match(trim(value), '^(.*?) ?(?:Z|([+-])(\\d\\d):(\\d\\d))?$');
BEGIN
  RETURN (sys.moment_ticks(m[1]) - coalesce((m[2] || '1')::bigint, 0)
    * (coalesce(m[3], '0')::bigint * 60 + coalesce(m[4], '0')::bigint) * 600000000
    )::sys.datetimeoffset;
END
"""

_BETWEEN_MOMENTS = f"""
CREATE FUNCTION sys.datetime2_of(value date) RETURNS sys.datetime2 IMMUTABLE STRICT LANGUAGE sql AS
  $$ SELECT ((value - date '0001-01-01')::bigint * {DAY_TICKS})::sys.datetime2 $$;
CREATE CAST (date AS sys.datetime2) WITH FUNCTION sys.datetime2_of(date) AS IMPLICIT;
CREATE FUNCTION sys.datetime2_of(value timestamp) RETURNS sys.datetime2 IMMUTABLE STRICT
LANGUAGE sql AS $$ SELECT ((value::date - date '0001-01-01')::bigint * {DAY_TICKS}
  + (extract(epoch FROM value::time) * 10000000)::bigint)::sys.datetime2 $$;
CREATE CAST (timestamp AS sys.datetime2) WITH FUNCTION sys.datetime2_of(timestamp)
  AS ASSIGNMENT;
CREATE FUNCTION sys.timestamp_of(value sys.datetime2) RETURNS timestamp IMMUTABLE STRICT
LANGUAGE sql AS $$ SELECT sys.datetime2_text(value)::timestamp $$;
CREATE CAST (sys.datetime2 AS timestamp) WITH FUNCTION sys.timestamp_of(sys.datetime2)
  AS ASSIGNMENT;
CREATE FUNCTION sys.date_of(value sys.datetime2) RETURNS date IMMUTABLE STRICT LANGUAGE sql AS
  $$ SELECT date '0001-01-01' + (value::bigint / {DAY_TICKS})::int $$;
CREATE CAST (sys.datetime2 AS date) WITH FUNCTION sys.date_of(sys.datetime2) AS ASSIGNMENT;
CREATE FUNCTION sys.clock_of(value sys.datetime2) RETURNS sys.clock IMMUTABLE STRICT LANGUAGE sql AS
  $$ SELECT (value::bigint % {DAY_TICKS})::sys.clock $$;
CREATE CAST (sys.datetime2 AS sys.clock) WITH FUNCTION sys.clock_of(sys.datetime2) AS ASSIGNMENT;
CREATE CAST (sys.datetime2 AS sys.datetimeoffset) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (sys.datetimeoffset AS sys.datetime2) WITHOUT FUNCTION AS ASSIGNMENT;
"""  # noqa: S608 - constants of this module

_DIFFERENCES = """
CREATE FUNCTION sys.datediff_day(earlier date, later date) RETURNS integer IMMUTABLE STRICT
PARALLEL SAFE LANGUAGE sql AS $$ SELECT later - earlier $$;
""" + "".join(
    f"""
CREATE FUNCTION sys.datediff_microsecond(earlier sys.{name}, later sys.{name}) RETURNS bigint
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS
  $$ SELECT later::bigint / 10 - earlier::bigint / 10 $$;
"""
    for name in NAMES
)


SETUP = "".join(
    (
        _TIME_TOOLS,
        _moment(
            "datetime2",
            "SELECT sys.moment_digits(value::bigint)",
            "BEGIN RETURN sys.moment_ticks(trim(value))::sys.datetime2; END",
        ),
        _moment(
            "datetimeoffset",
            "SELECT sys.moment_digits(value::bigint) || ' +00:00'",
            _PARSE_OFFSET,
        ),
        _moment(
            "clock",
            "SELECT sys.clock_digits(value::bigint)",
            "BEGIN RETURN sys.clock_ticks(trim(value))::sys.clock; END",
        ),
        _BETWEEN_MOMENTS,
        _DIFFERENCES,
    )
)

"""SQL Server's types as types of PostgreSQL, where PostgreSQL has none that behaves the same.

`sys.nvarchar` compares without regard to case and to blanks at the end, as the default collation
does; `sys.nvarchar_bin` is its form under a binary collation, where case counts and blanks at the
end still do not. Both count their length in UTF-16 units: a cast cuts, an assignment refuses.
`sys.varbinary` ignores zeros at the end of what it compares. `sys.datetime2`,
`sys.datetimeoffset` and `sys.clock` (`time`) count steps of 100 ns: since the year 1, since the
year 1 in UTC, since midnight.

A type borrows the storage and the input of one that PostgreSQL has, so it needs no library. Its
modifier is the length; that of a time is its number of digits plus one, because it cannot be 0.
"""

from collections.abc import Mapping

_OPERATORS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_PAIRS = {"eq": "=", "ne": "<>", "lt": ">", "le": ">=", "gt": "<", "ge": "<="}
_OPPOSITES = {"eq": "<>", "ne": "=", "lt": ">=", "le": ">", "gt": "<=", "ge": "<"}
_STRATEGIES = ("lt", "le", "eq", "ge", "gt")

DAY_TICKS = 864_000_000_000
"""Steps of 100 ns of a day."""


def _type(name: str, like: str, prefix: str, options: str = "") -> str:
    """Return a type with the storage of another and its input and output."""
    internal = "LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS"
    return f"""
CREATE TYPE sys.{name};
CREATE FUNCTION sys.{name}_in(cstring) RETURNS sys.{name} {internal} '{prefix}in';
CREATE FUNCTION sys.{name}_out(sys.{name}) RETURNS cstring {internal} '{prefix}out';
CREATE FUNCTION sys.{name}_recv(internal) RETURNS sys.{name} {internal} '{prefix}recv';
CREATE FUNCTION sys.{name}_send(sys.{name}) RETURNS bytea {internal} '{prefix}send';
CREATE TYPE sys.{name} (INPUT = sys.{name}_in, OUTPUT = sys.{name}_out,
  RECEIVE = sys.{name}_recv, SEND = sys.{name}_send, LIKE = {like}, CATEGORY = 'N',
  TYPMOD_IN = varchartypmodin, TYPMOD_OUT = varchartypmodout{options});
"""


def _order(name: str, functions: Mapping[str, str], compare: str, hashing: str) -> str:
    """Return comparison operators, and the classes that index, sort and hash by them.

    `functions`, `compare` and `hashing` are bodies with their language.
    """
    kind = f"sys.{name}"
    options = "IMMUTABLE STRICT PARALLEL SAFE"
    parts = []
    for short, body in functions.items():
        equal = ", HASHES, MERGES" if short == "eq" else ""
        function = f"sys.{name}_{short}"
        parts.append(f"""
CREATE FUNCTION {function}({kind}, {kind}) RETURNS boolean {options} {body};
CREATE OPERATOR sys.{_OPERATORS[short]} (LEFTARG = {kind}, RIGHTARG = {kind},
  FUNCTION = {function}, COMMUTATOR = OPERATOR(sys.{_PAIRS[short]}),
  NEGATOR = OPERATOR(sys.{_OPPOSITES[short]}){equal});""")
    places = ", ".join(
        f"OPERATOR {number} sys.{_OPERATORS[short]}" for number, short in enumerate(_STRATEGIES, 1)
    )
    return "".join(parts) + f"""
CREATE FUNCTION sys.{name}_cmp({kind}, {kind}) RETURNS integer {options} {compare};
CREATE FUNCTION sys.{name}_hash({kind}) RETURNS integer {options} {hashing};
CREATE OPERATOR CLASS sys.{name}_order DEFAULT FOR TYPE {kind} USING btree AS {places},
  FUNCTION 1 sys.{name}_cmp({kind}, {kind});
CREATE OPERATOR CLASS sys.{name}_hashing DEFAULT FOR TYPE {kind} USING hash AS
  OPERATOR 1 sys.=, FUNCTION 1 sys.{name}_hash({kind});
CREATE FUNCTION sys.{name}_larger(a {kind}, b {kind}) RETURNS {kind} {options} LANGUAGE sql AS
  $$ SELECT CASE WHEN a OPERATOR(sys.<) b THEN b ELSE a END $$;
CREATE FUNCTION sys.{name}_smaller(a {kind}, b {kind}) RETURNS {kind} {options} LANGUAGE sql AS
  $$ SELECT CASE WHEN b OPERATOR(sys.<) a THEN b ELSE a END $$;
CREATE AGGREGATE sys.max({kind}) (SFUNC = sys.{name}_larger, STYPE = {kind});
CREATE AGGREGATE sys.min({kind}) (SFUNC = sys.{name}_smaller, STYPE = {kind});
"""


def _internal(name: str, prefix: str, compare: str, hashing: str) -> str:
    """Return an order by functions that are in the server."""
    functions = {each: f"LANGUAGE internal AS '{prefix}{each}'" for each in _OPERATORS}
    bodies = (f"LANGUAGE internal AS '{each}'" for each in (compare, hashing))
    return _order(name, functions, *bodies)


def _by_key(name: str, key: str, prefix: str, hashing: str) -> str:
    """Return an order by what an expression makes of each side, `{}`."""
    first, second = key.format("$1"), key.format("$2")
    functions = {
        each: f"LANGUAGE sql AS $f$ SELECT {first} OPERATOR(pg_catalog.{sign}) {second} $f$"
        for each, sign in _OPERATORS.items()
    }
    compare = f"LANGUAGE sql AS $f$ SELECT {prefix}({first}, {second}) $f$"
    return _order(name, functions, compare, f"LANGUAGE sql AS $f$ SELECT {hashing}({first}) $f$")


_TEXT_CASTS = """
CREATE CAST (sys.{0} AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (text AS sys.{0}) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (varchar AS sys.{0}) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (name AS sys.{0}) WITH INOUT AS ASSIGNMENT;
CREATE FUNCTION sys.fit(value sys.{0}, modifier integer, is_cast boolean) RETURNS sys.{0}
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
  IF octet_length(value::text) <= modifier - 4 OR sys.units(value::text) <= modifier - 4 THEN
    RETURN value;
  ELSIF is_cast THEN
    RETURN sys.first_units(value::text, modifier - 4)::sys.{0};
  END IF;
  RAISE EXCEPTION USING ERRCODE = '22001',
    MESSAGE = format('Truncated value: ''%s''', sys.first_units(value::text, modifier - 4));
END $$;
CREATE CAST (sys.{0} AS sys.{0}) WITH FUNCTION sys.fit(sys.{0}, integer, boolean) AS IMPLICIT;
CREATE FUNCTION sys.utf16(value sys.{0}) RETURNS sys.varbinary IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE sql AS $$ SELECT sys.utf16_bytes(value::text)::sys.varbinary $$;
CREATE CAST (sys.{0} AS sys.varbinary) WITH FUNCTION sys.utf16(sys.{0});
CREATE FUNCTION sys.datalength(value sys.{0}) RETURNS bigint IMMUTABLE STRICT LANGUAGE sql AS
  $$ SELECT 2 * sys.units(value::text)::bigint $$;
CREATE FUNCTION sys.joined(sys.{0}, sys.{0}) RETURNS sys.{0} IMMUTABLE STRICT PARALLEL SAFE
  LANGUAGE internal AS 'textcat';
CREATE OPERATOR sys.|| (LEFTARG = sys.{0}, RIGHTARG = sys.{0}, FUNCTION = sys.joined);
CREATE OPERATOR sys.+ (LEFTARG = sys.{0}, RIGHTARG = sys.{0}, FUNCTION = sys.joined);
CREATE FUNCTION sys.bit_of(value sys.{0}) RETURNS boolean IMMUTABLE STRICT LANGUAGE sql AS
  $$ SELECT CASE lower(value::text) WHEN 'true' THEN true WHEN 'false' THEN false
     ELSE value::text::integer <> 0 END $$;
CREATE CAST (sys.{0} AS boolean) WITH FUNCTION sys.bit_of(sys.{0}) AS ASSIGNMENT;
"""

# Where a text meets one of these in an expression, it becomes the other type, as in SQL Server. Of the
# numbers only one may be so, or PostgreSQL could not choose.
_STRONGER = ("numeric", "date", "uuid")
_OTHERS = ("bigint", "integer", "smallint", "double precision", "real")


def _conversions(name: str) -> str:
    """Return the casts between texts and plain types; SQL Server makes them by itself."""
    both = "".join(
        f"CREATE CAST (sys.{name} AS {each}) WITH INOUT AS "
        f"{'IMPLICIT' if each in _STRONGER else 'ASSIGNMENT'};\n"
        f"CREATE CAST ({each} AS sys.{name}) WITH INOUT AS ASSIGNMENT;\n"
        for each in (*_STRONGER, *_OTHERS)
    )
    return both + f"CREATE CAST (sys.{name} AS jsonb) WITH INOUT AS ASSIGNMENT;\n"


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


_TEXT_TOOLS = r"""
CREATE FUNCTION sys.units(value text) RETURNS integer IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS
$$ SELECT CASE WHEN octet_length(value) = length(value) THEN length(value) ELSE
   length(value) + length(regexp_replace(value, '[^\U00010000-\U0010FFFF]', '', 'g')) END $$;
CREATE FUNCTION sys.first_units(value text, count integer) RETURNS text IMMUTABLE STRICT
PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE cut text := left(value, count);
BEGIN
  WHILE sys.units(cut) > count LOOP cut := left(cut, -1); END LOOP;
  RETURN cut;
END $$;
CREATE FUNCTION sys.utf16_bytes(value text) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE plpgsql AS $$
DECLARE code integer; digits text := '';
BEGIN
  IF octet_length(value) = length(value) THEN
    RETURN decode(regexp_replace(encode(convert_to(value, 'UTF8'), 'hex'), '(..)', '\100', 'g'),
      'hex');
  END IF;
  FOR code IN SELECT ascii(each) FROM regexp_split_to_table(value, '') each LOOP
    IF code = 64976 THEN code := 0; END IF;
    IF code > 65535 THEN
      digits := digits || sys.swapped(55296 + (code - 65536) / 1024);
      code := 56320 + (code - 65536) % 1024;
    END IF;
    digits := digits || sys.swapped(code);
  END LOOP;
  RETURN decode(digits, 'hex');
END $$;
CREATE FUNCTION sys.swapped(code integer) RETURNS text IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS
$$ SELECT lpad(to_hex(code % 256), 2, '0') || lpad(to_hex(code / 256), 2, '0') $$;
"""
# 64976 is U+FDD0, which is kept in the place of U+0000 (see `values.NUL`).

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
"""

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
CREATE CAST (timestamp AS sys.datetime2) WITH FUNCTION sys.datetime2_of(timestamp) AS ASSIGNMENT;
CREATE FUNCTION sys.timestamp_of(value sys.datetime2) RETURNS timestamp IMMUTABLE STRICT
LANGUAGE sql AS $$ SELECT sys.datetime2_text(value)::timestamp $$;
CREATE CAST (sys.datetime2 AS timestamp) WITH FUNCTION sys.timestamp_of(sys.datetime2) AS ASSIGNMENT;
CREATE FUNCTION sys.date_of(value sys.datetime2) RETURNS date IMMUTABLE STRICT LANGUAGE sql AS
  $$ SELECT date '0001-01-01' + (value::bigint / {DAY_TICKS})::int $$;
CREATE CAST (sys.datetime2 AS date) WITH FUNCTION sys.date_of(sys.datetime2) AS ASSIGNMENT;
CREATE FUNCTION sys.clock_of(value sys.datetime2) RETURNS sys.clock IMMUTABLE STRICT LANGUAGE sql AS
  $$ SELECT (value::bigint % {DAY_TICKS})::sys.clock $$;
CREATE CAST (sys.datetime2 AS sys.clock) WITH FUNCTION sys.clock_of(sys.datetime2) AS ASSIGNMENT;
CREATE CAST (sys.datetime2 AS sys.datetimeoffset) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (sys.datetimeoffset AS sys.datetime2) WITHOUT FUNCTION AS ASSIGNMENT;
"""

_BYTES = """
CREATE CAST (sys.varbinary AS bytea) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (bytea AS sys.varbinary) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE FUNCTION sys.fit(value sys.varbinary, modifier integer, is_cast boolean)
RETURNS sys.varbinary IMMUTABLE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
  IF octet_length(value::bytea) <= modifier - 4 THEN RETURN value; END IF;
  IF is_cast THEN RETURN substring(value::bytea FOR modifier - 4)::sys.varbinary; END IF;
  RAISE EXCEPTION USING ERRCODE = '22001', MESSAGE = 'Truncated value: ''''';
END $$;
CREATE CAST (sys.varbinary AS sys.varbinary)
  WITH FUNCTION sys.fit(sys.varbinary, integer, boolean) AS IMPLICIT;
CREATE FUNCTION sys.datalength(value bytea) RETURNS bigint IMMUTABLE STRICT LANGUAGE sql AS
  $$ SELECT octet_length(value)::bigint $$;
"""

_CASELESS = "lower(rtrim({}::text, ' '))"
_HASH_OF_BYTES = """
CREATE FUNCTION sys.hash_of_bytes(value bytea) RETURNS integer IMMUTABLE STRICT PARALLEL SAFE
  LANGUAGE sql AS $$ SELECT hashtext(encode(value, 'hex')) $$;
"""
_WITHOUT_ZEROS = r"rtrim({}::bytea, '\x00'::bytea)"

SETUP = "".join(
    (
        _type("varbinary", "bytea", "bytea"),
        _TEXT_TOOLS,
        _type("nvarchar", "text", "text", ", COLLATABLE = true, PREFERRED = true"),
        _type("nvarchar_bin", "text", "text", ", COLLATABLE = true"),
        _HASH_OF_BYTES,
        _by_key("nvarchar", _CASELESS, "bttextcmp", "hashtext"),
        _internal("nvarchar_bin", "bpchar", "bpcharcmp", "hashbpchar"),
        _by_key("varbinary", _WITHOUT_ZEROS, "byteacmp", "sys.hash_of_bytes"),
        _TEXT_CASTS.format("nvarchar"),
        _TEXT_CASTS.format("nvarchar_bin"),
        "CREATE CAST (sys.nvarchar AS sys.nvarchar_bin) WITHOUT FUNCTION AS IMPLICIT;\n",
        "CREATE CAST (sys.nvarchar_bin AS sys.nvarchar) WITHOUT FUNCTION AS ASSIGNMENT;\n",
        _conversions("nvarchar"),
        _conversions("nvarchar_bin"),
        _BYTES,
        *(_type(each, "int8", "int8") for each in ("datetime2", "datetimeoffset", "clock")),
        *(
            _internal(each, "int8", "btint8cmp", "hashint8")
            for each in ("datetime2", "datetimeoffset", "clock")
        ),
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
        "CREATE DOMAIN sys.tinyint AS smallint CHECK (VALUE BETWEEN 0 AND 255);\n",
    )
)

"""SQL Server's types as types of PostgreSQL, where PostgreSQL has none that behaves the same.

`sys.nvarchar` compares without regard to case and to blanks at the end, as the default collation
does; `sys.nvarchar_bin` is its form under a binary collation, where case counts and blanks at the
end still do not. Both count their length in UTF-16 units: a cast cuts, an assignment refuses.
`sys.varbinary` ignores zeros at the end of what it compares. Those of times are in `engine_times`.

A type borrows the storage and the input of one that PostgreSQL has, so it needs no library. Its
modifier is the length; that of a time is its number of digits plus one, because it cannot be 0.
"""

from collections.abc import Mapping

from local.sqlserver import engine_times

_OPERATORS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_PAIRS = {"eq": "=", "ne": "<>", "lt": ">", "le": ">=", "gt": "<", "ge": "<="}
_OPPOSITES = {"eq": "<>", "ne": "=", "lt": ">=", "le": ">", "gt": "<=", "ge": "<"}
_STRATEGIES = ("lt", "le", "eq", "ge", "gt")


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
    return (
        "".join(parts)
        + f"""
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
    )


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

# Where a text meets one of these in an expression, it becomes the other type, as in SQL Server. Of
# the numbers only one may be so, or PostgreSQL could not choose.
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
CREATE FUNCTION sys.swapped(code integer) RETURNS text IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE sql AS $$ SELECT lpad(to_hex(code % 256), 2, '0') || lpad(to_hex(code / 256), 2, '0') $$;
"""
# 64976 is U+FDD0, which is kept in the place of U+0000 (see `values.NUL`).

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
        *(_type(each, "int8", "int8") for each in engine_times.NAMES),
        *(_internal(each, "int8", "btint8cmp", "hashint8") for each in engine_times.NAMES),
        engine_times.SETUP,
        "CREATE DOMAIN sys.tinyint AS smallint CHECK (VALUE BETWEEN 0 AND 255);\n",
    )
)

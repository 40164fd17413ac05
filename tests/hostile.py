"""Names that somebody chose to do harm with, or that simply look strange; for every surface."""

from hypothesis import strategies as st

STATEMENTS = (
    'x"; DROP TABLE canary; --',
    "x'; DROP TABLE canary; --",
    "x`; DROP TABLE canary; --",
    "x]; DROP TABLE canary; --",
    'a"b""c"""',
    "a]b]]c",
    "a`b``c",
    "\\",
    "\\'",
    '\\"',
    "x\\'; DROP TABLE canary; --",
    "$$; DROP TABLE canary; $$",
    "/* x",
    "*/ x",
    "-- x",
    "# x",
    "x; SELECT 1",
    "x) UNION SELECT 1 --",
    "1=1",
    "$1",
    "%s",
    "%(name)s",
    "%%",
    ":name",
    "?",
    "@p1",
    "{0}",
    "{fn now()}",
    "${HOME}",
    "$(id)",
    "`id`",
    "{{7*7}}",
)
"""What ends a quotation, a statement or a comment, and what drivers take for a placeholder."""

PATHS = (
    "..",
    ".",
    "../../etc/passwd",
    "..\\..\\windows",
    "/etc/passwd",
    "a/../b",
    "a//b",
    "a/./b",
    "%2e%2e%2f",
    "a?b=c&d",
    "a#1700000000000000",
    "C:\\temp\\x",
    "~",
)
"""What leads elsewhere where a name is taken for a path or an address."""

CONTROLS = (
    "a\nb",
    "a\rb",
    "a\r\nSet-Cookie: x=1",
    "a\tb",
    "a\x1b[2Jb",
    "a\x7fb",
    "a\x85b",
    "a\u2028b",
    "invoice\u202excod.exe",
    "a\u200bb",
    "\ufeffid",
)
"""What moves a cursor, ends a line, or hides and reorders what stands beside it."""

LOOK_ALIKES = (
    "\u0430ccount",
    "\uff49\uff44",
    "i\u0307d",
    "\u00e9",
    "e\u0301",
    "\u212a",
    "\ud55c",
    "😀",
)
"""Letters of other scripts, forms and widths; ``é`` in two ways."""

WORDS = (
    "select",
    "NULL",
    "null",
    "true",
    "__proto__",
    "constructor",
    "None",
    "nan",
    "=1+1",
    "[red]x[/]",
)
"""What means something to a language on the way."""

NAMES = (
    *STATEMENTS,
    *PATHS,
    *CONTROLS,
    *LOOK_ALIKES,
    *WORDS,
    " ",
    " id",
    "id ",
    "a" * 1024,
    "ü" * 512,
)
"""All of them, and those that are long."""

BROKEN = ("", "a\x00b", "\x00", "half \ud800", "\udc80")
"""What is no name anywhere."""


def names() -> st.SearchStrategy[str]:
    """Return names that a test has not thought of; those that are none are in ``BROKEN``."""
    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    marks = st.sampled_from("\"'`[]%$?:;\\-/*{}()@#. \n")
    return st.text(letters | marks, min_size=1, max_size=40)

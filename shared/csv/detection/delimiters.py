"""Which marks may part fields: those that occur often enough, with how usual each of them is."""

import re
from collections import Counter

_RARE_PRIOR = 0.5
_REGULAR_PRIOR = 0.62
"""Of a rare delimiter that parts every record into the same number of fields, above two."""
PRIORS = {
    **dict.fromkeys((",", ";", "\t", "|"), 1.0),
    **dict.fromkeys(("\x01", "\x02", "\x1c", "\x1d", "\x1e", "\x1f", "\x14", "\x07", "\x7f"), 1.0),
    **dict.fromkeys(("~", "^", "¬", "¦", "§", "¶", "þ"), 0.95),
    ":": 0.8,
    " ": 0.62,
    **dict.fromkeys(("#", "&", "*", "@", "!", "$", "%", "+", "=", "\\"), _RARE_PRIOR),
    **dict.fromkeys(("/", "-", "_"), 0.42),
}
_MIXED_PRIOR = 0.85
_STRONG_PRIOR = 0.9
_LONG_PRIOR = 0.96
_RARE_RUN_PRIOR = 0.85
_RUNS = re.compile("\\^[A-Z@\\[\\]_]|[,;:|~^!@#$&*<>§¦¬\x01-\x08\x0b\x0c\x0e-\x1f\t]{2,8}")
_REPEATED = re.compile(r"(.)\1+(?!\1|\Z)")
_RARE_RUNS = re.compile(
    r"([-%+/_.?=])\1{1,3}|<[-=~]+>|[-=~]>|<[-=~]|([-+%$/_=.*~^#@&!])\|\2|\[\|\]|\{\|\}|\(\|\)|\(\)|\\t"
    r"|<[A-Z]{2,8}>"
)
"""Runs that also occur in text: a delimiter only where they part every line alike."""
_SPACED = re.compile(r"(?<=\S)(?: [|;,:~] |[,;|:] )(?=\S)")
_RARELY_SPACED = re.compile(r"(?<=\S)(?: [-–/>] |  )(?=\S)")  # noqa: RUF001
_CLOCK = re.compile(r"(?<!\d)\d{1,2}:\d{2}(?::\d{2})?(?![\d:])")
_IN_QUOTES = re.compile('"[^"]*"')
_MIN_LINE_SHARE = 0.2
_MIN_RUN_SHARE = 0.4
_MAX_RARE_RUNS = 4
_ARROWS = ("->", "=>", "~>", "<-", "<=")
"""What hardly occurs in a cell of every line, so that once in each line is enough."""
_REGULAR_RUN_LINES = 3
_LETTERS = frozenset("ÇÿÞ")
"""Letters at the ends of MS-DOS 437 and Windows-1252, which exports use as delimiters."""


def find_delimiters(lines: list[str]) -> list[str]:
    """Return every delimiter that occurs in enough lines, and the empty one."""
    enough = max(1, _MIN_LINE_SHARE * len(lines))
    single = [d for d in PRIORS if sum(d in line for line in lines) >= enough]
    if ":" in single and sum(_has_clock(line) for line in lines) > len(lines) / 2:
        single.remove(":")
    runs: Counter[str] = Counter()
    for line in lines:
        found = {*_RUNS.findall(line), *_SPACED.findall(line)}
        # Another mark, such as one of a price, may follow a delimiter.
        found |= {match[0] for run in found if (match := _REPEATED.match(run))}
        # A run of delimiters around empty fields holds the delimiter more than once.
        runs.update(found | {r[: len(r) // 2] for r in found if r[: len(r) // 2] * 2 == r})
    few = max(1, _MIN_RUN_SHARE * len(lines))
    long = [
        run
        for run, count in runs.most_common(12)
        # A dollar sign belongs to a price, unless it is everywhere.
        if count >= (len(lines) if "$" in run else few) and len(run) > 1
    ]
    rare = [*_in_all(lines, _RARE_RUNS), *_in_all(lines, _RARELY_SPACED)]
    long += [run for run in rare if run not in long]
    strong = [d for d in single if PRIORS[d] >= _STRONG_PRIOR]
    weak = [d for d in single if d not in strong]
    return [*strong, *long, "", *weak, *_unheard_of(lines)]


def _has_clock(line: str) -> bool:
    """Whether a time stands in a line outside of quotes."""
    return bool(_CLOCK.search(_IN_QUOTES.sub("", line)))


def _in_all(lines: list[str], runs: re.Pattern[str]) -> list[str]:
    """Return the runs that occur in each line as often as in the first, and more than once."""
    counts = Counter(match[0] for match in runs.finditer(lines[0] if lines else ""))
    return [
        run
        for run, count in counts.items()
        if (count > 1 or (run in _ARROWS and len(lines) >= _REGULAR_RUN_LINES))
        and all(line.count(run) == count for line in lines)
    ][:_MAX_RARE_RUNS]


def _unheard_of(lines: list[str]) -> list[str]:
    """Return signs that nobody uses as delimiters, where each line has them alike."""
    first = lines[0] if lines else ""
    signs = {c for c in first if (c.isprintable() or c == "\x0b") and not c.isalnum()}
    signs |= _LETTERS & set(first)
    signs -= {*PRIORS, *"\"'.,()[]<>{}\ufffd"}
    return sorted(
        sign
        for sign in signs
        if first.count(sign) > 1 and all(line.count(sign) == first.count(sign) for line in lines)
    )[:_MAX_RARE_RUNS]


def prior(delimiter: str, *, share: float, width: int) -> float:
    """Return how usual a delimiter is that parts a share of the records into so many fields."""
    if delimiter not in PRIORS:
        if len(delimiter) == 1:
            return _REGULAR_PRIOR if share == 1.0 and width > 2 else _RARE_PRIOR
        if _RARE_RUNS.fullmatch(delimiter) or _RARELY_SPACED.search(f"a{delimiter}a"):
            return _RARE_RUN_PRIOR
        is_mixed = delimiter[0] in ",;|\t" and delimiter != delimiter[::-1]
        is_spaced = is_mixed and delimiter[1:] == " "
        return 1.0 if is_spaced else _MIXED_PRIOR if is_mixed else _LONG_PRIOR
    usual = PRIORS[delimiter]
    is_rare = usual == _RARE_PRIOR or delimiter == "/"
    return _REGULAR_PRIOR if is_rare and share == 1.0 and width > 2 else usual

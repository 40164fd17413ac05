"""Find the encoding of a file from its first bytes.

What can be proved comes first: a byte order mark, NUL bytes where UTF-16 has them, valid UTF-8.
Only bytes that are no UTF-8 are a matter of likelihood: of how usual the decoded letters are.
"""

import codecs
import re
from dataclasses import dataclass
from itertools import islice

from shared.csv.detection.ebcdic import refuse_ebcdic
from shared.csv.detection.letters import MULTI_BYTE, SINGLE_BYTE
from shared.csv.detection.likelihood import score_multi, score_single, stands_in_place
from shared.csv.encodings import marked_encoding

_LOOKED_AT = 2**12
_MAX_WORDS = 1500
_WORD = re.compile(rb"(?<![0-9A-Za-z\x80-\xff])[0-9A-Za-z]*+[\x80-\xff][0-9A-Za-z\x80-\xff]*+")
_HIGH = bytes(range(0x80, 0x100))
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")
_CONTINUATION = bytes(range(0x80, 0xC0))
_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_UTF8_LATIN = re.compile(rb"[\xc3-\xc9][\x80-\xbf]|\xe2\x80[\x90-\xbf]|\xe2\x82\xac")
_ESCAPES = (b"\x1b$B", b"\x1b$@", b"\x1b(J")
"""Source: RFC 1468, ISO-2022-JP."""
_CONCORDANCE = b"\xfe\x14\xfe"
"""Between two fields, as programs for document review write them: quotes that are no letters."""
_CUT_LEADS = b"\xc2\xc3\xc4\xc5\xd0\xd1"
"""Usual first halves of characters in UTF-8, which hardly end a word in another encoding."""
_DOUBT = 0.2
"""What Windows-1252 is ahead by when there is but one byte to go by."""
_FEW_WORDS = 3
_LOW = 0.4
"""The score of letters of which some are rare, or odd where they stand."""
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CLOSE = 0.12
"""A rival whose score is nearer than this might be right too."""
_EVEN = 0.02
"""A rival of another script that is nearer than this is as likely."""
_SAME_AS = {"cp1252": "latin-1", "gb18030": "gbk", "cp932": "shift_jis", "cp949": "euc-kr"}


@dataclass(frozen=True, slots=True)
class Charset:
    """The encoding of a file and what speaks for it."""

    name: str
    evidence: str
    warning: str = ""
    alternatives: tuple[str, ...] = ()


def find_charset(head: bytes, *, is_whole: bool) -> Charset:
    """Find the encoding of a file.

    Raises:
        InvalidFileError: the file is EBCDIC, which has to be named in the settings.
    """
    marked = marked_encoding(head)
    if marked:
        return Charset(marked, f"encoding {marked}: the file starts with its byte order mark")
    wide = _wide(head[:_LOOKED_AT])
    if wide:
        return Charset(wide, f"encoding {wide}: every other byte or so is 0, without a mark")
    if any(escape in head for escape in _ESCAPES) and head.isascii():
        return Charset("iso2022_jp", "encoding iso2022_jp: its escape sequences occur")
    if head.isascii():
        return Charset("utf-8", f"encoding utf-8: all {len(head):,} bytes looked at are ASCII")
    return _utf8(head, is_whole=is_whole) or _legacy(head)


def _wide(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32 where zero bytes stand as in ASCII text in that encoding."""
    if len(head) < 4 or b"\0" not in head:
        return None
    for name in ("utf-32-le", "utf-32-be"):
        if _is_wide(head[: len(head) // 4 * 4], name):
            return name
    quarters = [head[place::4].count(0) / max(1, len(head[place::4])) for place in range(4)]
    even, odd = (quarters[0] + quarters[2]) / 2, (quarters[1] + quarters[3]) / 2
    for name, many, few in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        whole = head[: len(head) // 2 * 2]
        if many > 0.08 and few < 0.02 and many > 5 * few and _is_wide(whole, name):
            return name
    return None


def _is_wide(head: bytes, name: str) -> bool:
    """Whether bytes are text with line ends in an encoding of two or four bytes per character.

    A byte order mark in the middle says that only a part of the file is in it.
    """
    text = head.decode(name, errors="replace")
    return not {"\ufffd", "\ufeff"} & set(text[:-1]) and any(c in text for c in "\n\r")


def _utf8(head: bytes, *, is_whole: bool) -> Charset | None:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=is_whole)
    except UnicodeDecodeError as exc:
        around = head[max(0, exc.start - 2**16) : exc.start + 2**16]
        valid, stray = _counted(around)
        is_cut = stray == 1 and exc.start == len(head) - 1 and head[exc.start] in _CUT_LEADS
        if not is_cut and (valid < 3 * stray or not valid):
            return None
        return _nearly_utf8(valid, stray, exc.start)
    beyond = len(head) - len(head.translate(None, _HIGH))
    valid = beyond - (len(head) - len(head.translate(None, _CONTINUATION)))
    return Charset(
        "utf-8",
        f"encoding utf-8: valid throughout the {len(head):,} bytes looked at, with {valid:,} "
        "characters beyond ASCII",
        _twice_encoded(head) or _lost(head),
    )


def _twice_encoded(head: bytes) -> str:
    """Say so if what is beyond ASCII was UTF-8, read as Windows-1252 and written as UTF-8 again."""
    words = [m[0] for m in islice(_WORD.finditer(head), _MAX_WORDS)]
    text = "\n".join(word.decode(errors="ignore") for word in words)
    try:
        once = text.encode("cp1252").decode()
    except UnicodeError:
        return ""
    if once.isascii() or once == text or len(once) == len(text):
        return ""
    shown, meant = (t[:40].split("\n")[0] for t in (text, once))
    return (
        f"letters seem to be encoded twice: {shown!r} was {meant!r} once; they are read as they are"
    )


def _lost(head: bytes) -> str:
    """Say so if letters were replaced before the file was written."""
    count = head.count("\ufffd".encode())
    return (
        f"letters were lost before the file was written: U+FFFD stands for {count:,}; they are "
        "read as they are"
        if count
        else ""
    )


def _nearly_utf8(valid: int, stray: int, first: int) -> Charset:
    return Charset(
        "utf-8",
        f"encoding utf-8: {valid:,} characters beyond ASCII are valid, bytes that are not: "
        f"{stray:,}",
        f"not all bytes are UTF-8, the first that is not at {first:,}; records with such "
        f"bytes ({stray:,} near it) will be rejected",
    )


def _counted(head: bytes) -> tuple[int, int]:
    """Count the characters beyond ASCII that are valid UTF-8, and the bytes that are not."""
    rest = _UTF8.sub(b"", head)
    return len(_UTF8.findall(head)), len(rest) - len(rest.translate(None, _HIGH))


def _legacy(head: bytes) -> Charset:
    refuse_ebcdic(head)
    if _CONCORDANCE in head:
        return Charset("cp1252", "encoding cp1252: its thorns stand around fields, as quotes")
    words = list(dict.fromkeys(m[0] for m in islice(_WORD.finditer(head), _MAX_WORDS)))
    scores = {name: score_single(words, name, script) for name, script in SINGLE_BYTE.items()}
    for name in MULTI_BYTE:
        score = score_multi(head, words, name)
        if score is not None:
            scores[name] = score
    # A few bytes fit many encodings, so that the usual one needs less to be believed.
    doubt = _DOUBT / max(1, len({b for word in words for b in word if b >= 0x80}))
    scores["cp1252"] += doubt
    ranked = sorted(scores, key=lambda name: -scores[name])
    best = _settled(
        words, ranked[0], [n for n in ranked[1:] if scores[ranked[0]] - scores[n] < _CLOSE]
    )
    close = [
        n for n in ranked[:4] if n != best and scores[best] - scores[n] < _CLOSE and scores[n] > 0
    ]
    different = tuple(n for n in close if _differs(words, best, n))
    shown = _shown(max(words, key=len)[:40], best) if words else ""
    count = len(head) - len(head.translate(None, _HIGH))
    same = f" (or {_SAME_AS[best]}, which it includes)" if best in _SAME_AS else ""
    others = f"; could also be {' or '.join(different)}" if different else ""
    evidence = (
        f"encoding {best}{same}: {count:,} bytes are no ASCII and not UTF-8; read so they give "
        f"usual letters, as in {shown!r}{others}"
    )
    warning = ""
    if scores[best] < 0:
        warning = (
            f"no known encoding gives usual letters for the {count:,} bytes beyond ASCII; {best} "
            "is a guess: set the encoding"
        )
    if not warning and len(words) <= _FEW_WORDS:
        warning = _script_doubt(words, best, scores)
    has_mac_lines = best.startswith("mac-") and b"\r" in head and b"\n" not in head
    if not warning and not has_mac_lines:
        warning = _lone_doubt(words, best, scores[best])
    valid, stray = _counted(head[: 2**17])
    is_latin = best in SINGLE_BYTE and SINGLE_BYTE[best].is_latin
    if is_latin and valid >= stray:
        first = next(_HIGH_BYTE.finditer(_UTF8.sub(_blanked, head)))
        return _nearly_utf8(valid, stray, first.start())
    likely = len(_UTF8_LATIN.findall(head[: 2**17]))
    if is_latin and not warning and likely > stray / 10:
        warning = (
            f"{likely:,} places would be characters of UTF-8, but {stray:,} bytes are not; the "
            f"file may be of two encodings, and all of it is read as {best}"
        )
    return Charset(best, evidence, warning, different)


def _settled(words: list[bytes], best: str, rivals: list[str]) -> str:
    """Return the best of the encodings of one script, by the words that they read differently."""
    for name in rivals:
        if SINGLE_BYTE.get(name) != SINGLE_BYTE.get(best) or best not in SINGLE_BYTE:
            continue
        script = SINGLE_BYTE[best]
        apart = [w for w in words if _decoded(w, best) != _decoded(w, name)]
        if apart and score_single(apart, name, script) > score_single(apart, best, script):
            best = name
    return best


def _lone_doubt(words: list[bytes], best: str, score: float) -> str:
    """Say why there is too little to go by; empty where there is enough.

    One letter is all there is, and only a rarer encoding has a usual one in its place; or there is
    half of a byte order mark's worth of UTF-16 in it.
    """
    shown = ", ".join(_decoded(word, best) for word in words)
    if len(words) <= _FEW_WORDS and any(mark in word for word in words for mark in _WIDE_MARKS):
        return f"the bytes of a byte order mark of UTF-16 stand in {shown!r}; they are no text"
    beyond = {byte for word in words for byte in word if byte >= 0x80}
    is_lone = len(words) == 1 and len(beyond) == 1
    is_apart = len(words) <= _FEW_WORDS and (score < _LOW or all(len(word) == 1 for word in words))
    usual = ", ".join(_decoded(word, "cp1252") for word in words)
    if not (is_lone or is_apart) or best in MULTI_BYTE or shown == usual:
        return ""
    if all(stands_in_place(_decoded(word, best)) for word in words):
        return ""
    return (
        f"{shown!r} is all there is beyond ASCII, too little to tell the encoding: {best} is a "
        "guess. Set the encoding"
    )


def _script_doubt(words: list[bytes], best: str, scores: dict[str, float]) -> str:
    """Say so where the letters are as usual in another script."""
    others = [
        name
        for name, script in SINGLE_BYTE.items()
        if best in SINGLE_BYTE
        and not script.weights.keys() & SINGLE_BYTE[best].weights.keys()
        and scores[best] - scores[name] < _EVEN
    ]
    if not others:
        return ""
    word = max(words, key=len)[:40]
    return (
        f"{_shown(word, best)!r} in {best} could as well be {_shown(word, others[0])!r} in "
        f"{others[0]}. Set the encoding"
    )


def _blanked(match: re.Match[bytes]) -> bytes:
    return b" " * len(match[0])


def _differs(words: list[bytes], best: str, other: str) -> bool:
    return any(_decoded(w, best) != _decoded(w, other) for w in words)


def _decoded(word: bytes, name: str) -> str:
    return word.decode(name, errors="replace")


def _shown(word: bytes, name: str) -> str:
    return word.decode(name, errors="ignore")

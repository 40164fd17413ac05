"""How likely bytes are text in an encoding: by letters, signs and what stands next to them.

A wrong encoding gives letters of several languages in one file, letters next to digits, signs of
units without a number, or capitals behind small letters.
"""

import codecs
import re
from functools import lru_cache
from itertools import pairwise

from shared.csv.detection.letters import (
    APOSTROPHES,
    CLOSING_QUOTES,
    COMMON_SYMBOLS,
    INNER_QUOTES,
    KANA,
    LANGUAGES,
    LEVEL_ONE,
    LONE_LETTERS,
    MULTI_BYTE,
    OPENING_QUOTES,
    ORDINALS,
    SINGLE_BYTE,
    SYMBOL_PLACES,
    WIDE_SYMBOLS,
    Script,
)


def score_single(words: list[bytes], name: str, script: Script) -> float:
    """Score an encoding of one byte per character by words with bytes beyond ASCII."""
    total, count, is_joined = 0.0, 0, False
    for word in words:
        text = word.decode(name, errors="replace")
        total += _word_score(text, script)
        count += sum(not c.isascii() for c in text)
        is_joined = is_joined or any(
            a in script.weights and b in script.weights for a, b in pairwise(text)
        )
    lonely = 0.0 if script.is_latin or is_joined else _LONELY
    texts = [word.decode(name, errors="replace") for word in words]
    odd = _mixture(texts) if script.is_latin else _oddity(texts, script)
    return total / max(1, count) - _PRIORS[name] - lonely - odd


def _mixture(texts: list[str]) -> float:
    """Return what it costs that no one language has all the letters."""
    letters = {c for text in texts for c in text if c.isalpha()}
    letters = {c for c in letters if not c.isascii() and c not in SYMBOL_PLACES}
    best = max(len(letters & known) for known in LANGUAGES.values())
    return _MIXED * (1 - best / len(letters)) if letters else 0.0


def _oddity(texts: list[str], script: Script) -> float:
    """Return what it costs that Greek has no accents, or a word of another script Latin ones."""
    alien = sum(
        any(c in script.weights for c in text) and bool(_ACCENTED.search(text)) for text in texts
    )
    return _UNACCENTED * _lacks_accents(texts) + _ALIEN * alien / max(1, len(texts))


def _lacks_accents(texts: list[str]) -> bool:
    """Whether there are Greek words, and none has the accent that each of them needs."""
    greek = [t for t in texts if len(t) > 2 and t.islower() and _GREEK_WORD.fullmatch(t)]
    return len(greek) > 1 and not any(set(text) & _GREEK_ACCENTS for text in greek)


_PRIORS = {name: 0.02 if name.startswith("cp12") else 0.05 for name in SINGLE_BYTE} | {
    "cp1252": 0.0,
    "mac-roman": 0.15,
    "cp850": 0.1,
    "cp437": 0.11,
    "cp852": 0.12,
    "mac-cyrillic": 0.1,
}
"""How much less usual an encoding is than Windows-1252, on the scale of the scores."""


_APART = 0.5
"""What it costs an East Asian encoding that nowhere two of its characters stand together."""
_MIXED = 0.4
_UNACCENTED = 0.5
_GREEK_WORD = re.compile("[\u0370-\u03ff]+")
_GREEK_ACCENTS = frozenset("άέήίόύώΐΰ")
_ACCENTED = re.compile("[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]")
_ALIEN = 0.5
_LONELY = 0.8
"""What it costs a script of its own that nowhere two of its letters stand together."""

_RUNS = (0.0, 0.0, 0.25, 1.0)
"""What the first, second and third letter beyond ASCII in a row costs in a Latin word."""


def _word_score(text: str, script: Script) -> float:
    score, previous, run = 0.0, "", 0
    has_ascii = any(c.isascii() for c in text)
    if script.is_latin and len(text) == 1 and text.isalpha() and text not in LONE_LETTERS:
        score -= 0.8
    for place, char in enumerate(text):
        run = run + 1 if char.isalpha() and not char.isascii() else 0
        if not char.isascii():
            score += _char_score(char, text[place - 1 : place], text[place + 1 : place + 2], script)
            if script.is_latin:
                score -= _RUNS[min(run, 3)]
            elif has_ascii and char in script.weights:
                score -= 0.5
        if previous.islower() and char.isupper() and not (previous.isascii() and char.isascii()):
            score -= 0.8
        previous = char
    return score


def _char_score(char: str, before: str, after: str, script: Script) -> float:
    """Score a character beyond ASCII between its neighbours, which are empty at a word's ends."""
    place = SYMBOL_PLACES.get(char)
    if place is not None and place.matches(before, after):
        return 0.9
    weight = script.weights.get(char)
    if weight is not None:
        is_at_digit = before.isdecimal() or after.isdecimal()
        return weight - 0.8 if is_at_digit and char not in ORDINALS else weight
    if char == "\ufffd" or (char < "\xa0"):
        return -3.0
    if char in COMMON_SYMBOLS:
        if (char in OPENING_QUOTES and before.isalpha()) or (
            char in INNER_QUOTES and before.isalpha() and after.isalpha()
        ):
            return -1.0
        if char in CLOSING_QUOTES and not before and after.isalpha():
            return 0.3
        is_touching = before.isalpha() or after.isalpha()
        return 0.8 if char in APOSTROPHES or not is_touching else -1.0
    return -0.6 if char.isalpha() else -1.2


def stands_in_place(word: str) -> bool:
    """Whether all characters beyond ASCII are signs, such as those of units, where they belong."""
    return all(
        char.isascii()
        or (
            (place := SYMBOL_PLACES.get(char))
            and place.matches(word[at - 1 : at], word[at + 1 : at + 2])
        )
        for at, char in enumerate(word)
    )


def score_multi(head: bytes, words: list[bytes], name: str) -> float | None:
    """Score an East Asian encoding; None when the bytes are not even valid in it."""
    try:
        codecs.getincrementaldecoder(name)().decode(head[: 2**18])
    except UnicodeDecodeError:
        if not _is_nearly_valid(head[: 2**14], name):
            return None
    first = head.index(words[0]) if words else 0
    start = head.rfind(b"\n", 0, first) + 1
    text = head[start : start + 2**14].decode(name, errors="ignore")
    total, count, previous, is_joined = 0.0, 0, "", False
    for char in text:
        is_joined = is_joined or not (char.isascii() or (previous or "a").isascii())
        if not char.isascii():
            count += 1
            total += _wide_score(char, name)
            is_odd = previous.isalpha() or (previous.isdecimal() and char not in MULTI_BYTE[name])
            if previous.isascii() and is_odd and char.isalpha():
                total -= 0.6
        elif char.islower() and previous and not previous.isascii():
            total -= 0.6
        previous = char
    return total / max(1, count) - (0.03 if is_joined else _APART)


def _is_nearly_valid(head: bytes, name: str) -> bool:
    text = head.decode(name, errors="replace")
    beyond = sum(not c.isascii() for c in text)
    return text.count("\ufffd") * 50 < beyond


@lru_cache(maxsize=2**14)
def _wide_score(char: str, name: str) -> float:
    if char in MULTI_BYTE[name]:
        return 1.0
    if char in KANA:
        return 1.0 if name in ("cp932", "euc-jp") else 0.0
    if char in WIDE_SYMBOLS:
        return 0.5
    if "\uff66" <= char <= "\uff9f":
        return 0.35
    if "\uff10" <= char <= "\uff5a":
        return 0.4
    codec, first, last = LEVEL_ONE[name]
    try:
        lead = char.encode(codec)[0]
    except UnicodeEncodeError:
        return -0.6
    if first <= lead <= last and char >= "\u3400":
        return 0.5
    return -0.3 if char >= "\u3400" else -0.5

"""New files out of known ones: changed where CSV has its joints, and sometimes anywhere."""

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path
from random import Random

import pyarrow as pa

CORPUS = Path(__file__).parents[1] / "data" / "csv"
MAX_BYTES = 2**14

DELIMITERS = (b",", b";", b"\t", b"|", b":", b"~", b" ", b"||", b"~|~", b"\x01", b"\x1f")
ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp1251", "cp932")
ENCODINGS += ("gb18030", "big5", "euc-kr", "koi8-r", "mac-roman", "iso2022_jp", "cp037")
TOKENS = (
    *(b'"', b'""', b'"""', b"'", b"\\", b'\\"', b"\\N", b"\\\\", b'",', b',"', b'"\n', b'\n"'),
    *(b"\n", b"\r", b"\r\n", b"\r\r\n", b"\n\r", b"\n\n", b"\n\n\n", b"\x0c", b"\x0b", b"\x85"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\0\0\0\0", b"\x1a", b"\xff", b"\xc3", b"\xe2\x82"),
    *(b"\xc3\xa9", b"\xe9", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\xc2\x85"),
    *(b"sep=;\n", b"#", b"# x\n", b"#Fields: a b c\n", b"--\n", b"//", b"%", b"(2 rows)\n"),
    *(b"TRAILER|2\n", b"Total rows: 2\n", b"0", b"00", b"-0", b"1e400", b"1.5", b"1,5", b"NaN"),
    *(b"9" * 40, b"2024-02-30", b"24:00:00", b"0001-01-01", b"true", b"NULL", b" ", b"   ", b"\t"),
    *DELIMITERS,
)


def seeds() -> list[bytes]:
    """Return the files of the corpus that are not large."""
    files = sorted(CORPUS.glob("*.csv"))
    return [content for path in files if len(content := path.read_bytes()) < MAX_BYTES]


def mutated(random: Random, files: list[bytes]) -> bytes:
    """Return a file made of one or two others by some changes."""
    content = random.choice(files)
    for _ in range(random.choice((1, 1, 2, 3, 5, 8))):
        content = random.choice(_CHANGES)(random, content, files)[:MAX_BYTES]
    return content


def _insert_token(random: Random, content: bytes, _: list[bytes]) -> bytes:
    at = _joint(random, content)
    return content[:at] + random.choice(TOKENS) + content[at:]


def _replace_token(random: Random, content: bytes, _: list[bytes]) -> bytes:
    old, new = random.choice(TOKENS), random.choice(TOKENS)
    return content.replace(old, new, random.choice((1, 2, -1)))


def _joint(random: Random, content: bytes) -> int:
    """Return a place at a delimiter, a quote or a line end, or any."""
    joints = [at for at, byte in enumerate(content) if byte in b',;\t|"\n\r\\']
    if joints and random.random() < 0.8:
        return random.choice(joints) + random.choice((0, 1))
    return random.randint(0, len(content))


def _change_lines(random: Random, content: bytes, _: list[bytes]) -> bytes:
    lines = content.splitlines(keepends=True) or [b""]
    first, second = random.randrange(len(lines)), random.randrange(len(lines))
    change = random.randrange(5)
    if change == 0:
        lines.insert(first, lines[second])
    elif change == 1:
        del lines[first]
    elif change == 2:
        lines[first], lines[second] = lines[second], lines[first]
    elif change == 3:
        lines[first] = lines[first].rstrip(b"\r\n")
    else:
        lines.insert(first, lines[0])
    return b"".join(lines)


def _change_bytes(random: Random, content: bytes, _: list[bytes]) -> bytes:
    changed = bytearray(content or b"a")
    for _ in range(random.randint(1, 4)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _cut(random: Random, content: bytes, _: list[bytes]) -> bytes:
    first, second = sorted(random.randint(0, len(content)) for _ in range(2))
    return random.choice((content[:second], content[first:], content[:first] + content[second:]))


def _repeat(random: Random, content: bytes, _: list[bytes]) -> bytes:
    first, second = sorted(random.randint(0, len(content)) for _ in range(2))
    part = content[first:second][:200]
    return content[:second] + part * random.choice((1, 2, 10, 300)) + content[second:]


def _splice(random: Random, content: bytes, files: list[bytes]) -> bytes:
    other = random.choice(files)
    return content[: _joint(random, content)] + other[_joint(random, other) :]


def _other_delimiter(random: Random, content: bytes, _: list[bytes]) -> bytes:
    return content.replace(random.choice(DELIMITERS), random.choice(DELIMITERS))


def _other_encoding(random: Random, content: bytes, _: list[bytes]) -> bytes:
    text = content.decode(random.choice(("utf-8", "cp1252")), errors="replace")
    return text.encode(random.choice(ENCODINGS), errors="replace")


def _packed(random: Random, content: bytes, _: list[bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", random.choice((0, 8))) as file:
        file.writestr("a.csv", content)
    packings = (
        gzip.compress(content, mtime=0),
        bz2.compress(content),
        lzma.compress(content),
        archive.getvalue(),
        pa.Codec("zstd").compress(content, asbytes=True),
    )
    return random.choice(packings)


_CHANGES = (
    *[_insert_token] * 6,
    *[_change_lines] * 3,
    *(_replace_token, _replace_token, _change_bytes, _cut, _repeat, _splice, _splice),
    *(_other_delimiter, _other_encoding, _packed),
)

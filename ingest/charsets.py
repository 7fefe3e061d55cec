"""Bytes of text files as text: which encoding they are in.

It knows byte order marks, declared encodings and how to guess. It does not know what kind of file
it reads, or where a declaration stands in it.
"""

from __future__ import annotations

import codecs
import logging
import re

__all__ = ["codec_named", "decode"]

GUESS_BYTES = 128 * 1024
"""Of a text that are looked at to guess its encoding: guessing costs about 0.1 s for so many."""
CONTROL_SHARE = 0.02
"""Of the characters that may be control characters before a file counts as binary. Chosen: text has
none, bar a form feed a page or colours of a terminal."""

_MARKS = (  # the longer first: the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WHATWG = {  # names that browsers take for a larger neighbour, as the WHATWG Encoding Standard says
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "tis-620": "cp874",
}
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")

logging.getLogger("charset_normalizer").addHandler(logging.NullHandler())


def decode(content: bytes, *, declared: tuple[str, ...] = ()) -> str | None:
    """`content` as text, or None where it is none; line ends become newlines.

    A byte order mark wins, then UTF-8 where other than ASCII fits it (many servers declare Latin-1
    whatever they send), then the first of `declared` that fits every byte, then UTF-16 without a
    mark, then a guess. A declared encoding that fits all but a few bytes comes before a guess. A
    stray NUL is dropped.
    """
    text = _decoded(content, declared)
    if text is None:
        return None
    sample = text[:GUESS_BYTES]
    if len(_CONTROL.findall(sample)) > CONTROL_SHARE * len(sample):
        return None
    return text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")


def codec_named(label: str) -> str | None:
    """Python's name of the codec that browsers use for `label`; None where there is none."""
    try:
        name = codecs.lookup(label.strip().strip("\"'")).name
    except (LookupError, ValueError):
        return None
    if name in ("hex", "base64", "bz2", "zlib", "rot13", "uu", "quopri", "idna", "punycode"):
        return None
    if "escape" in name or name == "undefined":
        return None
    return _WHATWG.get(name, name)


def _decoded(content: bytes, declared: tuple[str, ...]) -> str | None:
    for mark, marked in _MARKS:
        if content.startswith(mark):
            return content.decode(marked, "replace")
    named = [name for label in declared if (name := codec_named(label))]
    if wide := _wide(content):
        return content.decode(wide, "replace")
    for codec in [*named, "utf-8"] if content.isascii() else ["utf-8", *named]:
        if codec.startswith(("utf-16", "utf-32")):  # without a mark, and often claimed in error
            continue
        try:
            return content.decode(codec)
        except UnicodeDecodeError:
            continue
    for codec in named:
        text = content.decode(codec, "replace")
        if text.count("�") <= len(text) // 200:
            return text
    return _guessed(content)


def _wide(content: bytes) -> str | None:
    """UTF-16 by its zeros: of Latin letters every second byte is one."""
    sample = content[:4096]
    pairs = len(sample) // 2
    if pairs and sample[1::2].count(0) > pairs * 0.4 and sample[::2].count(0) < pairs * 0.05:
        return "utf-16-le"
    if pairs and sample[::2].count(0) > pairs * 0.4 and sample[1::2].count(0) < pairs * 0.05:
        return "utf-16-be"
    return None


def _guessed(content: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(content[:GUESS_BYTES]).best()
    return content.decode(best.encoding, "replace") if best else None

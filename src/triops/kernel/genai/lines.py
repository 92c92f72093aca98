"""Texts as one line each, many at a time: whitespace of any kind and length is one space, and none at the ends."""

from collections.abc import Sequence

_WHITE = bytes(range(9, 14)) + bytes(range(28, 32))  # of ASCII, as `str.split` sees it
_SPACED = bytes.maketrans(_WHITE, b" " * len(_WHITE))


def one_line(texts: Sequence[str], most: int) -> list[str]:
    """Each cut to `most` characters."""
    plain = [text for text in texts if text.isascii()]
    together = "\0".join(plain)
    if not plain or together.count("\0") >= len(plain):
        return [_one(text, most) for text in texts]
    raw = together.encode()  # all of them at once: splitting each into words is five times as dear
    if any(white in raw for white in _WHITE):
        raw = raw.translate(_SPACED)
    while b"  " in raw:
        raw = raw.replace(b"  ", b" ")
    lines = raw.replace(b" \0", b"\0").replace(b"\0 ", b"\0").strip(b" ").decode().split("\0")
    if len(plain) == len(texts):
        return [line[:most] for line in lines]
    rest = iter(lines)
    return [next(rest)[:most] if text.isascii() else _one(text, most) for text in texts]


def _one(text: str, most: int) -> str:
    return " ".join(text.split())[:most]

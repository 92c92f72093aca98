"""Langfuse's ids are any texts; traces have 128 bits here and spans 64. Hexadecimal ids and UUIDs stay as they are."""

from hashlib import blake2b


def trace_id(text: str) -> int:
    return _hex(text, 32) or int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=16).digest(), "big")


def span_id(text: str) -> int:
    return _hex(text, 16) or int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def _hex(text: str, digits: int) -> int:
    plain = text.replace("-", "")
    try:
        return int(plain, 16) if len(plain) == digits and plain.isascii() and plain.isalnum() else 0
    except ValueError:
        return 0

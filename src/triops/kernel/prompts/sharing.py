"""A label that shares its traffic among versions, and which of them a caller gets."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from triops.kernel.errors import Invalid

Share = Mapping[int, int]  # version → percent; they sum to 100
_MOST = 20  # versions that a label shares among
_NUMBERS = 1 << 31


def share_of(raw: Any, field: str) -> dict[int, int]:
    """A version number, or `{version: percent}` with whole percents that sum to 100; sorted by version, and those with
    no traffic left out. Raises: Invalid."""
    if isinstance(raw, Mapping):
        given = dict(raw)
    else:
        given = {_version(raw, field): 100}
    share: dict[int, int] = {}
    for key, percent in given.items():
        number = _version(key, field)
        if isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= 100:
            raise Invalid("not a percentage", field=f"{field}.{number}", got=percent, expected="0 to 100, whole")
        if number in share:
            raise Invalid("a version is named twice", field=f"{field}.{number}")
        if percent:
            share[number] = percent
    if len(share) > _MOST or sum(share.values()) != 100:
        expected = f"percents of at most {_MOST} versions that sum to 100"
        raise Invalid("not a share of traffic", field=field, got=sum(share.values()), expected=expected)
    return dict(sorted(share.items()))


def share_text(share: Share) -> str:
    """As history and Changes have it: `3`, or `1:90,2:10`; "" for none."""
    if len(share) == 1:
        return str(next(iter(share)))
    return ",".join(f"{version}:{percent}" for version, percent in sorted(share.items()))


def share_from(text: str, field: str) -> dict[int, int]:
    """What `share_text` wrote. Raises: Invalid."""
    if ":" not in text:
        return share_of(text, field)
    parts = [part.partition(":") for part in text.split(",", _MOST + 1)]
    percents: dict[Any, Any] = {}
    for version, _, percent in parts:
        if version in percents:
            raise Invalid("a version is named twice", field=field, got=text)
        percents[version] = int(percent) if percent.isascii() and percent.isdigit() and len(percent) <= 3 else percent
    return share_of(percents, field)


def main_version(share: Share) -> int:
    """The version with the most traffic (the older of equals): what readers get that know of no shares."""
    return max(share, key=lambda version: (share[version], -version))


def picked(share: Share, pick: float) -> int:
    """`pick` in [0, 1): the same pick keeps its version while a share only grows at the end."""
    at = pick * 100
    for version, percent in sorted(share.items()):
        at -= percent
        if at < 0:
            return version
    return max(share)


def pick_of(*parts: str) -> float:
    """A number in [0, 1) of a prompt's name and a session, user or call: whoever asks again gets the same version."""
    digest = blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=7).digest()
    return (int.from_bytes(digest) >> 3) / (1 << 53)


def _version(key: Any, field: str) -> int:
    number = int(key) if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 11 else key
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number < _NUMBERS:
        raise Invalid("not a version", field=field, got=key, expected="a version's number")
    return number

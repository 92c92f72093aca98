"""OTLP attributes as JSON: one object a row, keys sorted, nested values nested, bytes as base64.

JSON has no NaN and no infinity: they are the texts "NaN", "Infinity" and "-Infinity", as in OTLP/JSON. Of equal keys
the last counts. What is not UTF-8 gets U+FFFD in its place.
"""

import base64
import math
from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import orjson

from triops.kernel.genai.content import is_content
from triops.kernel.limits import Limits
from triops.kernel.signal import fingerprint
from triops.web.body import MESSAGE_BYTES
from triops.web.protobuf import DecodeError, MessageClass

Pair = tuple[str, str, Any]  # key, its JSON fragment `"key":value`, value
_DEPTH = 16  # nested deeper is null
_CACHED = 16_384
_KEYS = 4096
_CACHED_BYTES = 256  # longer attributes are hardly ever repeated
TOO_LARGE = "larger than one row may be"
_by_key = itemgetter(0)


class Attributes:
    """Decodes attribute lists. Remembers single attributes and whole resources by their bytes; at the bound of a cache
    it is emptied. `cut` is filled by the caller's request: parts that were dropped or shortened, by reason."""

    def __init__(self, classes: dict[str, MessageClass], limits: Limits) -> None:
        self._key_value = classes["KeyValue"].FromString
        self._any = classes["AnyValue"].FromString
        self._values = classes["Values"].FromString
        self._resource = classes["Resource"].FromString
        self._limits = limits
        self._text_bytes = limits.attribute_bytes
        self._short_bytes = min(128, self._text_bytes)
        self._pairs: dict[bytes, Pair] = {}
        self._keys: dict[str, str] = {}  # as JSON, with the colon
        self._resources: dict[bytes, tuple[int, str]] = {}

    def json(self, raws: Sequence[bytes], cut: Counter[str]) -> str:
        """One row's attributes. Raises: DecodeError when one of them is not an attribute."""
        if not raws:
            return "{}"
        pairs = self.pairs(raws, cut)
        return "{" + ",".join([pair[1] for pair in pairs]) + "}"

    def of_span(self, repeated: Sequence[bytes], cut: Counter[str]) -> list[Pair]:
        """As `pairs`, with room for a conversation."""
        return self.pairs(repeated, cut, self._limits.span_attributes)

    def pairs(self, repeated: Sequence[bytes], cut: Counter[str], most: int = 0) -> list[Pair]:
        """Sorted by key, each key once. `most`: how many, where it is not the usual bound."""
        bound = most or self._limits.attributes
        raws = repeated[:bound]
        if len(raws) == bound and len(repeated) > bound:
            cut[f"attributes over {bound} of one row were dropped"] += len(repeated) - bound
        known, decode = self._pairs.get, self._pair
        pairs = [known(raw) or decode(raw, cut) for raw in raws]
        pairs.sort(key=_by_key)
        last = None
        for pair in pairs:
            if pair[0] == last:
                return [pairs[i] for i in range(len(pairs)) if i + 1 == len(pairs) or pairs[i][0] != pairs[i + 1][0]]
            last = pair[0]
        return pairs

    def resource(self, raw: bytes, cut: Counter[str]) -> tuple[int, str]:
        """Fingerprint and JSON of a Resource message. Raises: DecodeError."""
        found = self._resources.get(raw)
        if found is None:
            if len(raw) > MESSAGE_BYTES:
                raise DecodeError(TOO_LARGE)
            text = self.json(self._resource(raw).attributes, cut)
            found = (fingerprint(text), text)
            if len(raw) <= self._text_bytes:
                if len(self._resources) >= 1024:
                    self._resources.clear()
                self._resources[raw] = found
        return found

    def text(self, raw: bytes, cut: Counter[str]) -> str:
        """An AnyValue as text (a log's body): strings as they are, the rest as JSON. Raises: DecodeError."""
        value = self._value(raw, self._limits.log_body_bytes, cut, 0)
        return value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()

    def _pair(self, raw: bytes, cut: Counter[str]) -> Pair:
        bound = self._text_bytes
        if len(raw) <= self._short_bytes and (short := _short_text(raw)):
            key, value = short
            shown = orjson.dumps(value)
        else:
            message = self._key_value(raw)
            key = self._string(message.key, 1024, cut)
            if len(raw) > bound and is_content(key):
                bound = self._limits.content_bytes
            value = self._value(message.value, bound, cut, 0)
            shown = orjson.dumps(value)
        if len(shown) > 2 * bound and not isinstance(value, str):
            cut["attributes were shortened"] += 1
            value = shown[:bound].decode("utf-8", "ignore")
            shown = orjson.dumps(value)
        prefix = self._keys.get(key)
        if prefix is None:
            prefix = orjson.dumps(key).decode() + ":"
            if len(self._keys) >= _KEYS:
                self._keys.clear()
            self._keys[key] = prefix
        pair = (key, prefix + shown.decode(), value)
        if len(raw) <= _CACHED_BYTES:
            if len(self._pairs) >= _CACHED:
                self._pairs.clear()
            self._pairs[raw] = pair
        return pair

    def _string(self, raw: bytes, bound: int, cut: Counter[str]) -> str:
        if len(raw) > bound:
            cut["texts were shortened"] += 1
            return raw[:bound].decode("utf-8", "ignore")
        return raw.decode("utf-8", "replace")

    def _value(self, raw: bytes, bound: int, cut: Counter[str], depth: int) -> Any:
        message = self._any(raw)
        which = message.WhichOneof("value")
        if which is None:
            return None
        value = getattr(message, which)
        if which == "string_value":
            return self._string(value, bound, cut)
        if which == "double_value" and not math.isfinite(value):
            return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
        if which == "bytes_value":
            return base64.b64encode(value[: bound * 3 // 4]).decode()
        if which == "array_value" or which == "kvlist_value":
            if depth >= _DEPTH or len(value) > 8 * bound:
                cut["nested values were dropped"] += 1
                return None
            items = self._values(value).values
            if which == "array_value":
                return [self._value(item, bound, cut, depth + 1) for item in items]
            nested = {}
            for item in items:
                pair = self._key_value(item)
                nested[self._string(pair.key, 1024, cut)] = self._value(pair.value, bound, cut, depth + 1)
            return dict(sorted(nested.items()))
        return value


def _short_text(raw: bytes) -> tuple[str, str] | None:
    """Key and text of the commonest attribute there is, read without a parser: at most 128 bytes, the fields in order
    (0a key, 12 (0a text)) and nothing else. None for any other, and for what is not UTF-8."""
    size = len(raw)
    if size < 6 or raw[0] != 0x0A:
        return None
    at = 2 + raw[1]
    if (
        size < at + 4
        or raw[at] != 0x12
        or raw[at + 1] != size - at - 2
        or raw[at + 2] != 0x0A
        or raw[at + 3] != size - at - 4
    ):
        return None
    try:
        return raw[2:at].decode(), raw[at + 4 :].decode()
    except UnicodeDecodeError:
        return None


def broken() -> str:
    """Why a row is refused that is not what its place says."""
    return "not decodable as protobuf"

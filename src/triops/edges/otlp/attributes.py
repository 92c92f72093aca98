"""OTLP attributes as JSON: one object a row, keys sorted, nested values nested, bytes as base64.

JSON has no NaN and no infinity: they are the texts "NaN", "Infinity" and "-Infinity", as in OTLP/JSON. Of equal keys
the last counts. What is not UTF-8 gets U+FFFD in its place.
"""

import base64
import math
from collections import Counter
from collections.abc import Callable, Sequence
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
_ORDERS = 1024
_ORDERED = 4096  # characters of a row's keys together, that their order is remembered
_ONCE = 8192  # attributes that came once: those that come again are remembered
_CACHED_BYTES = 256  # longer attributes are hardly ever repeated
TOO_LARGE = "larger than one row may be"
_key_of = itemgetter(0)
# What stands between a key and its text of so many bytes, where nothing else is said.
_BETWEEN = [bytes((0x12, size + 2, 0x0A, size)) for size in range(126)] + [
    bytes((0x12, size + 3 & 127 | 128, size + 3 >> 7, 0x0A, size & 127 | 128, size >> 7)) for size in range(126, 4096)
]


class Attributes:
    """Decodes attribute lists. Remembers single attributes that came again, the orders of keys and whole resources; at
    the bound of a cache it is emptied. `cut` is filled by the caller's request: parts that were dropped or shortened,
    by reason."""

    def __init__(self, classes: dict[str, MessageClass], limits: Limits) -> None:
        self._key_value = classes["KeyValue"].FromString
        self._any = classes["AnyValue"].FromString
        self._values = classes["Values"].FromString
        self._resource = classes["Resource"].FromString
        self._limits = limits
        self._text_bytes = limits.attribute_bytes
        self._short_bytes = min(4096, self._text_bytes)
        self._pairs: dict[bytes, Pair] = {}
        self._once = [0] * _ONCE
        self._keys: dict[bytes, tuple[str, str]] = {}  # as text, and as JSON with the colon
        self._orders: dict[tuple[str, ...], Callable[[list[Pair]], tuple[Pair, ...]]] = {}
        self._resources: dict[bytes, tuple[int, str]] = {}

    def json(self, raws: Sequence[bytes], cut: Counter[str]) -> str:
        """One row's attributes. Raises: DecodeError when one of them is not an attribute."""
        if not raws:
            return "{}"
        pairs = self.pairs(raws, cut)
        return "{" + ",".join([pair[1] for pair in pairs]) + "}"

    def of_span(self, repeated: Sequence[bytes], cut: Counter[str]) -> Sequence[Pair]:
        """As `pairs`, with room for a conversation."""
        return self.pairs(repeated, cut, self._limits.span_attributes)

    def pairs(self, repeated: Sequence[bytes], cut: Counter[str], most: int = 0) -> Sequence[Pair]:
        """Sorted by key, each key once. `most`: how many, where it is not the usual bound."""
        bound = most or self._limits.attributes
        raws = repeated[:bound]
        if len(raws) == bound and len(repeated) > bound:
            cut[f"attributes over {bound} of one row were dropped"] += len(repeated) - bound
        known, decode = self._pairs.get, self._pair
        pairs = [known(raw) or decode(raw, cut) for raw in raws]
        keys = tuple(map(_key_of, pairs))
        order = self._orders.get(keys)
        if order is None:
            order = _order(keys)
            if sum(map(len, keys)) <= _ORDERED:
                if len(self._orders) >= _ORDERS:
                    self._orders.clear()
                self._orders[keys] = order
        return order(pairs)

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
        pair = self._short(raw)
        if pair is None:
            message = self._key_value(raw)
            key, bound = self._string(message.key, 1024, cut), self._text_bytes
            if len(raw) > bound and is_content(key):
                bound = self._limits.content_bytes
            value = self._value(message.value, bound, cut, 0)
            shown = orjson.dumps(value)
            if len(shown) > 2 * bound and not isinstance(value, str):
                cut["attributes were shortened"] += 1
                value = shown[:bound].decode("utf-8", "ignore")
                shown = orjson.dumps(value)
            pair = (key, orjson.dumps(key).decode() + ":" + shown.decode(), value)
        if len(raw) <= _CACHED_BYTES:
            seen = hash(raw)
            place = seen % _ONCE
            if self._once[place] != seen:  # most long texts come but once, and would only push out the others
                self._once[place] = seen
            else:
                if len(self._pairs) >= _CACHED:
                    self._pairs.clear()
                self._pairs[raw] = pair
        return pair

    def _short(self, raw: bytes) -> Pair | None:
        """The commonest attribute there is, read without a parser: at most 4 kB, the fields in order (0a key, 12
        (0a text)) and nothing else. None for any other, for what would be cut, and for what is not UTF-8."""
        size = len(raw)
        if not 6 <= size <= self._short_bytes or raw[0] != 0x0A or raw[1] > 127:
            return None
        at = 2 + raw[1]
        begin = at + 4 if size - at < 128 else at + 6
        if size < begin or raw[at:begin] != _BETWEEN[size - begin]:
            return None
        try:
            key = self._keys.get(raw[2:at]) or self._remember(raw[2:at])
            text = raw[begin:].decode()
        except UnicodeDecodeError:
            return None
        return (key[0], key[1] + orjson.dumps(text).decode(), text)

    def _remember(self, raw: bytes) -> tuple[str, str]:
        key = raw.decode()
        if len(self._keys) >= _KEYS:
            self._keys.clear()
        self._keys[raw] = known = (key, orjson.dumps(key).decode() + ":")
        return known

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


def _order(keys: Sequence[str]) -> Callable[[list[Pair]], tuple[Pair, ...]]:
    """Sorts what has these keys; of equal keys it takes the last."""
    last = {key: at for at, key in enumerate(keys)}
    places = [last[key] for key in sorted(last)]
    if places == list(range(len(keys))):
        return tuple
    return itemgetter(*places) if len(places) > 1 else lambda pairs: (pairs[places[0]],)


def broken() -> str:
    """Why a row is refused that is not what its place says."""
    return "not decodable as protobuf"

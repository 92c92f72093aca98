"""How many tokens a request or a text is, counted by ourselves: a bound that holds before a call, and a guess where a
provider did not say.

The bound: a token is at least one byte of UTF-8, whatever the tokenizer (byte-level BPE, SentencePiece with byte
fallback); what a provider adds (roles, templates, its words about tools) is bounded beside it, and images, files and
what a provider has stored are bounded by what the largest models take.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from triops.kernel.completion import Ask, Chat, Embed, Part

PER_CALL: Final = 64  # tokens that a chat's template has around everything
PER_MESSAGE: Final = 16
PER_TOOLS: Final = 1_000  # a provider's own words about tools, where there are any
IMAGE_MOST: Final = 50_000  # of one image: the dearest way of counting that a provider publishes, at its size limit
IMAGE_GUESS: Final = 1_000
STORED_MOST: Final = 1_000_000  # a file or conversation that the provider has: as much as a window holds
_MODELS: Final = 256  # of one project, whose estimates are learned
_PROJECTS: Final = 1_000
_PER_BYTE: Final = 0.25  # until a model's own usage says better; of other scripts:
_PER_BYTE_WIDE: Final = 0.36
_LEARN: Final = 0.1  # of the newest call
_LEAST: Final = 0.02
_MOST: Final = 1.0
_DEPTH: Final = 32
_PLAIN: Final = len("role") + len("content")
_STORED: Final = frozenset(
    {"file_id", "previous_response_id", "conversation", "file_url", "container", "cached_content"}
)
_AROUND: Final = frozenset({"user", "metadata", "safety_identifier", "model", "stream_options", "service_tier", "type"})
_SAYING: Final = frozenset({"messages", "input", "images"})  # where there may be images; elsewhere all is text
_IMAGE_PARTS: Final = frozenset({"image", "input_image", "image_url"})
_IMAGE_MEMBERS: Final = frozenset({"image_url", "source", "images"})
_FILE_PARTS: Final = frozenset({"input_audio", "file", "input_file", "document", "audio"})


@dataclass(slots=True)
class Size:
    """`text`: bytes; `wide`: those of them in texts that are not all ASCII; `media`: bytes of audio and files, encoded
    as they came; `stored`: references to what the provider has."""

    text: int = 0
    wide: int = 0
    messages: int = 0
    images: int = 0
    media: int = 0
    stored: int = 0
    tools: bool = False
    looking: bool = False  # for images and files

    @property
    def most(self) -> int:
        """No fewer tokens than the provider will count."""
        return (
            self.text
            + PER_CALL
            + PER_MESSAGE * self.messages
            + IMAGE_MOST * self.images
            + self.media
            + STORED_MOST * self.stored
            + (PER_TOOLS if self.tools else 0)
        )


def size_of(ask: Ask, content: Chat | Embed | None = None) -> Size:
    """Reads the request as it came, in any dialect; or `content`, which is sent in its place where a prompt was filled
    in or a guard changed it."""
    size = Size()
    if isinstance(content, Chat):
        _chat(content, size)
        return size
    for name, value in ask.raw.items():
        if name in _AROUND or value is None:
            continue
        if name == "tools" and value:
            size.tools = True
        elif name in ("messages", "input") and isinstance(value, list):
            size.messages += len(value)
        if name in _STORED:
            size.stored += 1
        else:
            size.looking = name in _SAYING
            if name == "messages" and type(value) is list:
                _messages(value, size)
            else:
                _walk(name, value, size, _DEPTH)
    return size


class Estimators:
    """Each project's own: what providers count of one project's texts says nothing of another's costs. (The 1,000
    projects that called last; another begins anew.)"""

    def __init__(self) -> None:
        self._projects: OrderedDict[str, Estimator] = OrderedDict()

    def of(self, project: str) -> "Estimator":
        known = self._projects.get(project)
        if known is None:
            known = self._projects[project] = Estimator()
            if len(self._projects) > _PROJECTS:
                self._projects.popitem(last=False)
        else:
            self._projects.move_to_end(project)
        return known


class Estimator:
    """Learns how many tokens a byte is from what providers count, by model (the 256 learned of last)."""

    def __init__(self) -> None:
        self._learned: OrderedDict[str, float] = OrderedDict()

    def input_tokens(self, ask: Ask, size: Size | None = None, model: str = "") -> int:
        """The best guess. `size`: where it is known already; `model`: who will be asked, where that is known."""
        size = size or size_of(ask)
        own = self._learned.get(model or ask.model)
        if own is None:
            text = (size.text - size.wide) * _PER_BYTE + size.wide * _PER_BYTE_WIDE
        else:
            text = size.text * own
        return int(text) + 4 * size.messages + IMAGE_GUESS * size.images + size.media // 100 + 1

    def output_tokens(self, text: str, model: str) -> int:
        """Of an answer that was cut: at least one where there is any text."""
        if not text:
            return 0
        count = _bytes(text)
        per = self._learned.get(model)
        if per is None:
            per = _PER_BYTE if count == len(text) else _PER_BYTE_WIDE
        return max(1, round(count * per))

    def heard_tokens(self, kept: str, characters: int, model: str) -> int:
        """Of an answer of so many characters, of which `kept` was kept."""
        tokens = self.output_tokens(kept, model)
        return tokens if characters <= len(kept) or not kept else tokens * characters // len(kept)

    def learn(self, model: str, bytes: int, tokens: int) -> None:
        """A text of so many bytes was so many tokens, as its provider counted. Too short ones say little."""
        if bytes < 64 or tokens <= 0:
            return
        seen = min(_MOST, max(_LEAST, tokens / bytes))
        known = self._learned.get(model)
        self._learned[model] = seen if known is None else known + _LEARN * (seen - known)
        self._learned.move_to_end(model)
        if len(self._learned) > _MODELS:
            self._learned.popitem(last=False)


def _messages(messages: list[Any], size: Size) -> None:
    """As `_walk`, faster where a message is a role and a text, as most are."""
    text = 0
    for message in messages:
        if type(message) is dict and len(message) == 2:
            role, said = message.get("role"), message.get("content")
            if type(said) is str and type(role) is str and said.isascii() and role.isascii():
                text += _PLAIN + len(role) + len(said)
                continue
        _walk("messages", message, size, _DEPTH - 1)
    size.text += text


def _chat(chat: Chat, size: Size) -> None:
    size.messages = len(chat.messages)
    for message in chat.messages:
        size.text += _bytes(message.name)
        _parts(message.parts, size)
    size.tools = bool(chat.tools)
    for tool in chat.tools:
        size.text += _bytes(tool.name)
        _text("", tool.description, size)
        _walk("", tool.parameters, size, _DEPTH)
    if chat.format is not None:
        _walk("", chat.format.schema, size, _DEPTH)
    for name, value in chat.extra.items():
        size.stored += name in _STORED
        _walk(name, value, size, _DEPTH)


def _parts(parts: tuple[Part, ...], size: Size) -> None:
    for part in parts:
        if part.kind == "block":
            size.looking = True
            _walk("", orjson.loads(part.text), size, _DEPTH)
            size.looking = False
            continue
        _text("", part.text, size)
        size.text += _bytes(part.name) + len(part.id)
        if part.kind == "image":
            size.images += 1
        elif part.kind in ("audio", "file"):
            size.media += len(part.data) + 64
            size.stored += bool(part.url or part.id) and not part.data
        _parts(part.parts, size)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _walk(name: str, value: Any, size: Size, depth: int) -> None:
    """Strings count with all their bytes, names and numbers too: tool schemas are read by models as text."""
    if isinstance(value, str):
        _text(name, value, size)
    elif depth == 0:
        size.text += len(str(value))
    elif isinstance(value, list):
        for item in value:
            _walk(name, item, size, depth - 1)
    elif isinstance(value, dict | Mapping):  # looked for in this order: asking for a Mapping is slow
        _members(value, size, depth)
    elif value is not None:
        size.text += 24


def _members(value: Mapping[str, Any], size: Size, depth: int) -> None:
    kind = value.get("type") if size.looking else None
    image = isinstance(kind, str) and kind in _IMAGE_PARTS
    made = kind == "image_generation_call"
    if image or made:
        size.images += 1
    elif isinstance(kind, str) and kind in _FILE_PARTS:
        size.media += 64
    for name, inner in value.items():
        size.text += len(name)
        if name in _STORED:
            size.stored += 1
        elif not (image and name in _IMAGE_MEMBERS) and not (made and name == "result"):
            _walk(name, inner, size, depth - 1)


def _text(name: str, value: str, size: Size) -> None:
    if size.looking and name in _IMAGE_MEMBERS:
        size.images += 1
    elif size.looking and name in ("data", "file_data") and len(value) > 64:
        size.media += len(value)
    else:
        count = len(value)
        if not value.isascii():
            count = len(value.encode("utf-8", "surrogatepass"))
            size.wide += count
        size.text += count

"""What is asked of a language model, and what it answers, in no provider's words.

Two depths. `Ask` is the envelope: what every call needs to be admitted, routed and counted, read without touching the
messages; with it goes the request as it came. `Chat` and `Embed` are its content in full, made only where a dialect
must become another, a guard must read it, or a prompt is filled in. Field names follow OpenAI's chat completions where
it has a word; roles are `system`, `developer`, `user`, `assistant`, `tool`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from triops.kernel.value import value

Operation = Literal["chat", "embeddings", "count", "moderations"]
Finish = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "error"]
PartKind = Literal["text", "image", "audio", "file", "tool_call", "tool_result", "thinking", "refusal", "block"]
DeltaKind = Literal[
    "start", "text", "thinking", "refusal", "tool", "arguments", "citation", "whole", "logprobs", "finish", "usage"
]
# whose words a part of kind `block` is in, as its media type
ANTHROPIC_BLOCK: Final = "application/vnd.anthropic.block+json"
ANTHROPIC_MEMBER: Final = "application/vnd.anthropic.message-member+json"  # beside the content; `name` its name
RESPONSES_ITEM: Final = "application/vnd.openai.response-item+json"
MODERATED: Final = "application/vnd.openai.moderation-results+json"
CUSTOM: Final = "text/plain"  # media type of a custom tool's call, whose text is no JSON
CHAT_MEMBER: Final = "application/vnd.openai.chat-member+json"  # a message's member, `name` its name


@dataclass(frozen=True, slots=True)
class PromptRef:
    """A prompt of the registry asked for by name. Of `version` and `label` at most one; neither means `production`."""

    name: str
    version: int | None = None
    label: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


@value
class Ask:
    """`dialect`: which words `raw` is in (`openai.chat`, `openai.responses`, `openai.embeddings`, `openai.moderations`,
    `anthropic.messages`, `anthropic.count_tokens`, `ollama.chat`, `ollama.generate`, `ollama.embed`,
    `ollama.embeddings`). `size`: bytes of the body. `max_tokens`: of one choice, None where the caller set no
    bound. `headers`: those a provider of the same dialect must see (versions, betas), lower-case. `began_ns`: when
    it was read, by a monotonic clock; 0 where the dialect tells no durations.
    """

    dialect: str
    operation: Operation
    model: str
    raw: Mapping[str, Any]
    size: int
    stream: bool = False
    max_tokens: int | None = None
    n: int = 1
    user: str = ""
    session: str = ""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    prompt: PromptRef | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    began_ns: int = 0


@value
class Citation:
    """What a text of an answer rests on. `own`: the provider's words for it, in those of `family`: `anthropic`, or
    `openai` (as responses have it). The rest is what other families may be told: `url`, `title` and `text` of the
    source. `start`, `end`: the characters of the answer's text that rest on it; -1: all of it."""

    family: Literal["anthropic", "openai"]
    own: Mapping[str, Any]
    url: str = ""
    title: str = ""
    text: str = ""
    start: int = -1
    end: int = -1


@value
class Part:
    """`text`: of text, thinking and refusal; a tool call's arguments, or a block, as JSON text. `id`: of a tool call,
    in its result too. `url` or `data` (base64, with `media_type`): of an image, audio or file. Of thinking `data`: it
    came sealed, `name`: the member it came in, where that is not the usual one. `parts`: what a tool result holds; of
    a tool call, members that have no word here, as blocks. `citations`: of a text.

    A block is what a provider said that has no word here (its own tools' calls and results, documents to be cited):
    whoever speaks its family's words (`media_type`) writes it as it came, nobody else can."""

    kind: PartKind
    text: str = ""
    id: str = ""
    name: str = ""
    url: str = ""
    data: str = ""
    media_type: str = ""
    detail: str = ""
    parts: tuple["Part", ...] = ()
    error: bool = False
    signature: str = ""
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    parts: tuple[Part, ...]
    name: str = ""

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if part.kind == "text")


@dataclass(frozen=True, slots=True)
class Tool:
    """`parameters` is a JSON Schema."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """The answer must be JSON; `schema` None: any."""

    schema: Mapping[str, Any] | None = None
    name: str = ""
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Chat:
    """`tool_choice`: "auto", "none", "required", or "tool:NAME". `thinking_tokens`: bound of reasoning, where it is
    asked for in tokens. `extra`: members of the request that have no field here, by name: a provider must refuse or
    drop each by its stated rule."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = ""
    parallel_tool_calls: bool | None = None
    format: Format | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int = 1
    logprobs: bool = False
    top_logprobs: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: str = ""
    thinking_tokens: int | None = None
    user: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Embed:
    """`inputs`: texts, or token ids. `encoding`: "float" or "base64"."""

    inputs: tuple[str | tuple[int, ...], ...]
    dimensions: int | None = None
    encoding: str = "float"
    extra: Mapping[str, Any] = field(default_factory=dict)


@value
class Usage:
    """Tokens as providers bill them. `input` holds `cached_input` and `cache_write`; `output` holds `reasoning`."""

    input: int = 0
    output: int = 0
    cached_input: int = 0
    cache_write: int = 0
    reasoning: int = 0


@value
class Choice:
    """`logprobs` in OpenAI's form (`[{"token", "logprob", "bytes", "top_logprobs"}]`), or None."""

    index: int
    parts: tuple[Part, ...]
    finish: Finish = "stop"
    logprobs: Any = None


@value
class Reply:
    """`usage` None: the provider did not say. `created`: unix seconds."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    created: int = 0
    stop_sequence: str = ""


@dataclass(frozen=True, slots=True)
class Embedded:
    vectors: tuple[tuple[float, ...], ...]
    model: str
    usage: Usage | None = None


@value
class Delta:
    """One step of a streamed answer. `index`: of the choice; `part`: which of its tool calls, which of its texts, which
    of its thoughts (0, 1, …; each counted for itself).

    start: `id`, `model`. text, thinking, refusal: `text`; of thinking its `id`, `name` and `signature` too, where it
    has them. tool: a call begins, with `id` and `name`; `item` where it has more, an empty one. arguments: more of its
    text. citation: `item`, of the text `part`, anywhere in it. whole: `item`, a part that comes at once (an image, a
    block, sealed thinking). logprobs: `logprobs`. finish: `finish` of this choice. usage: `usage`, once, at or after
    the end.
    """

    kind: DeltaKind
    index: int = 0
    text: str = ""
    part: int = 0
    id: str = ""
    name: str = ""
    model: str = ""
    signature: str = ""
    finish: Finish = "stop"
    stop_sequence: str = ""
    usage: Usage | None = None
    logprobs: Any = None
    item: Part | Citation | None = None

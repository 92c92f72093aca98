"""`POST /api/chat` and `POST /api/generate`. Both stream unless they are told not to."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from triops.edges.ollama.answers import Voice, whole_of
from triops.edges.ollama.content import chat_of, generated_of
from triops.edges.ollama.options import max_tokens_of, options_of
from triops.edges.ollama.problems import problem_of
from triops.edges.ollama.stream import LineEncoder
from triops.edges.ollama.who import who_of
from triops.kernel.completion import Ask, Chat, Embed, Embedded, PromptRef, Reply
from triops.kernel.errors import TriopsError
from triops.lenses.llmops.gateway.limits import Left
from triops.web.dialects import Encoder, Problem
from triops.web.envelope import model_of, prompt_of, session_of
from triops.web.members import flag, mapping, sequence, tree_of
from triops.web.ratelimits import headers_of


class OllamaChat:
    name = "ollama.chat"
    path = "/api/chat"
    stream_type = "application/x-ndjson"
    call_header = ""
    voice: Voice = "chat"

    def __init__(self, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._now_ns = now_ns

    def ask(self, body: bytes, headers: Mapping[str, str]) -> Ask:
        tree = tree_of(body)
        prompt = self._prompt(tree)
        user, metadata = who_of(tree)
        return Ask(
            dialect=self.name,
            operation="chat",
            model=model_of(tree, prompt),
            raw=tree,
            size=len(body),
            stream=flag(tree, "stream") is not False,
            max_tokens=max_tokens_of(options_of(tree)),
            user=user,
            session=session_of(metadata),
            metadata=metadata,
            prompt=prompt,
            began_ns=self._now_ns(),
        )

    def _prompt(self, tree: dict[str, Any]) -> PromptRef | None:
        for index, message in enumerate(sequence(tree.setdefault("messages", []) or [], "messages")):
            mapping(message, f"messages[{index}]")
        tree["messages"] = tree["messages"] or []
        return prompt_of(tree.pop("prompt", None))

    def content(self, ask: Ask) -> Chat | Embed:
        return chat_of(ask.raw, ask.user)

    def reply(self, ask: Ask, answer: Reply | Embedded) -> bytes:
        assert isinstance(answer, Reply)
        return orjson.dumps(whole_of(self.voice, ask.model, answer, self._now_ns() - ask.began_ns))

    def encoder(self, ask: Ask) -> Encoder:
        return LineEncoder(self.voice, ask.model, ask.began_ns, self._now_ns)

    def problem(self, error: TriopsError) -> Problem:
        return problem_of(error)

    def limits(self, left: Left) -> Sequence[tuple[str, str]]:
        return headers_of(left)


class OllamaGenerate(OllamaChat):
    """Its `prompt` is the text to answer, or, as an object, a prompt of the registry."""

    name = "ollama.generate"
    path = "/api/generate"
    voice: Voice = "generate"

    def _prompt(self, tree: dict[str, Any]) -> PromptRef | None:
        return prompt_of(tree.pop("prompt")) if isinstance(tree.get("prompt"), dict) else None

    def content(self, ask: Ask) -> Chat | Embed:
        return generated_of(ask.raw, ask.user)

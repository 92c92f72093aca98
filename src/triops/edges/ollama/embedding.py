"""`POST /api/embed`, and `POST /api/embeddings`, which it took the place of."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from triops.edges.ollama.problems import problem_of
from triops.edges.ollama.who import who_of
from triops.kernel.completion import Ask, Chat, Embed, Embedded, Reply
from triops.kernel.errors import Invalid, NotOffered, TriopsError
from triops.lenses.llmops.gateway.limits import Left
from triops.web.dialects import Encoder, Problem
from triops.web.envelope import model_of, session_of
from triops.web.members import mapping, needed, texts, tree_of, whole
from triops.web.ratelimits import headers_of

_FIELDS = ("model", "input", "dimensions", "options")


class OllamaEmbed:
    name = "ollama.embed"
    path = "/api/embed"
    stream_type = "application/json"
    call_header = ""

    def __init__(self, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._now_ns = now_ns

    def ask(self, body: bytes, headers: Mapping[str, str]) -> Ask:
        tree = tree_of(body)
        self._checked(tree)
        user, metadata = who_of(tree)
        return Ask(
            self.name,
            "embeddings",
            model_of(tree, None),
            tree,
            len(body),
            user=user,
            session=session_of(metadata),
            metadata=metadata,
            began_ns=self._now_ns(),
        )

    def _checked(self, tree: dict[str, Any]) -> None:
        if tree.get("input") is None:
            raise Invalid("missing", field="input", expected="a text or a list of texts")

    def content(self, ask: Ask) -> Chat | Embed:
        extra = {name: value for name, value in ask.raw.items() if name not in _FIELDS and value is not None}
        if ask.raw.get("options") is not None:
            options = mapping(ask.raw["options"], "options")
            extra.update({f"options.{name}": value for name, value in options.items()})
        return Embed(texts(ask.raw, "input"), whole(ask.raw, "dimensions", 1), extra=extra)

    def reply(self, ask: Ask, answer: Reply | Embedded) -> bytes:
        assert isinstance(answer, Embedded)
        told: dict[str, Any] = {"model": answer.model or ask.model, "embeddings": answer.vectors}
        told |= {"total_duration": self._now_ns() - ask.began_ns, "load_duration": 0}
        if answer.usage is not None:
            told["prompt_eval_count"] = answer.usage.input
        return orjson.dumps(told)

    def encoder(self, ask: Ask) -> Encoder:
        raise NotOffered("embeddings are not streamed")

    def problem(self, error: TriopsError) -> Problem:
        return problem_of(error)

    def limits(self, left: Left) -> Sequence[tuple[str, str]]:
        return headers_of(left)


class OllamaEmbeddings(OllamaEmbed):
    """One text, one vector; asked of every provider as `/api/embed` is."""

    name = "ollama.embeddings"
    path = "/api/embeddings"

    def _checked(self, tree: dict[str, Any]) -> None:
        tree["input"] = needed(tree, "prompt")
        del tree["prompt"]

    def reply(self, ask: Ask, answer: Reply | Embedded) -> bytes:
        assert isinstance(answer, Embedded)
        return orjson.dumps({"embedding": answer.vectors[0] if answer.vectors else ()})

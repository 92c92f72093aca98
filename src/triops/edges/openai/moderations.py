"""POST /v1/moderations: texts and images judged by a provider that speaks OpenAI. A text is a message of its own, parts
of several kinds are one, as each has one result."""

from collections.abc import Mapping
from typing import Any

import orjson

from triops.edges.openai.asking import asked
from triops.edges.openai.chat_content import parts_of
from triops.edges.openai.dialect import OpenAIDialect
from triops.kernel.completion import MODERATED, Ask, Chat, Embedded, Message, Part, Reply
from triops.kernel.errors import Invalid, NotOffered
from triops.web.dialects import Encoder
from triops.web.members import tree_of

_USUAL = "omni-moderation-latest"  # the model that answers who names none
_EXPECTED = "a text, a list of texts, or a list of parts (text, image_url)"
_MOST_INPUTS = 2048


class ModerationsDialect(OpenAIDialect):
    name = "openai.moderations"
    path = "/v1/moderations"

    def ask(self, body: bytes, headers: Mapping[str, str]) -> Ask:
        raw = tree_of(body)
        given = raw.get("input")
        if not isinstance(given, str | list) or not given:
            raise Invalid("nothing to moderate", field="input", got=given, expected=_EXPECTED)
        if isinstance(given, list) and len(given) > _MOST_INPUTS:
            raise Invalid("too many inputs", field="input", got=len(given), expected=f"at most {_MOST_INPUTS}")
        if raw.get("model") is None:
            raw["model"] = _USUAL
        return asked(self.name, raw, len(body), headers, operation="moderations")

    def content(self, ask: Ask) -> Chat:
        given = ask.raw["input"]
        if isinstance(given, str):
            return Chat((Message("user", (Part("text", given),)),))
        if all(isinstance(one, str) for one in given):
            return Chat(tuple(Message("user", (Part("text", one),)) for one in given))
        extra: dict[str, Any] = {}
        parts = parts_of(given, "input", extra)
        for path, part in extra.items():
            raise Invalid("not a part that can be moderated", field=path, got=part, expected="text, image_url")
        return Chat((Message("user", parts),))

    def reply(self, ask: Ask, answer: Reply | Embedded) -> bytes:
        assert isinstance(answer, Reply)
        held = (part for choice in answer.choices for part in choice.parts if part.media_type == MODERATED)
        results = [result for part in held for result in orjson.loads(part.text)]
        return orjson.dumps({"id": answer.id, "model": answer.model or ask.model, "results": results})

    def encoder(self, ask: Ask) -> Encoder:
        raise NotOffered("moderations are not streamed")

"""POST /v1/responses: the envelope of a request, and a whole answer.

Nothing is stored here, and a conversation that a provider keeps cannot be counted before it is paid for: requests that
build on one (`previous_response_id`, `conversation`, references to items) or run in the background are refused.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from triops.edges.openai.asking import asked, prompt_in
from triops.edges.openai.problems import problem_of
from triops.edges.openai.responses_answer import about, items_of, new_id, status_of, usage_of
from triops.edges.openai.responses_content import content_of
from triops.edges.openai.responses_stream import ResponsesEncoder
from triops.kernel.completion import Ask, Chat, Embedded, Reply
from triops.kernel.errors import Invalid, TriopsError
from triops.web.dialects import Encoder, Problem
from triops.web.members import flag, tree_of, whole

_KEPT = ("previous_response_id", "conversation")


class ResponsesDialect:
    name = "openai.responses"
    path = "/v1/responses"
    stream_type = "text/event-stream"
    call_header = "x-request-id"

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now

    def ask(self, body: bytes, headers: Mapping[str, str]) -> Ask:
        raw = tree_of(body)
        prompt = prompt_in(raw)
        given = raw.get("input")
        if given is None and prompt is not None:
            raw["input"] = []
        elif not isinstance(given, str | list) or (not given and prompt is None):
            raise Invalid("nothing was said", field="input", got=given, expected="a text, or a list of items")
        _check_kept(raw)
        return asked(self.name, raw, len(body), headers, prompt, whole(raw, "max_output_tokens", 1))

    def content(self, ask: Ask) -> Chat:
        return content_of(ask.raw)

    def reply(self, ask: Ask, answer: Reply | Embedded) -> bytes:
        assert isinstance(answer, Reply)
        created = answer.created or int(self._now())
        choice = answer.choices[0]
        id = answer.id if answer.id.startswith("resp_") else new_id("resp")
        tree: dict[str, Any] = about(ask, id, created, answer.model or ask.model)
        tree["status"], tree["incomplete_details"] = status_of(choice.finish)
        tree["output"] = items_of(choice, tree["status"])
        tree["usage"] = None if answer.usage is None else usage_of(answer.usage)
        return orjson.dumps(tree)

    def encoder(self, ask: Ask) -> Encoder:
        return ResponsesEncoder(ask, int(self._now()))

    def problem(self, error: TriopsError) -> Problem:
        return problem_of(error)


def _check_kept(raw: Mapping[str, Any]) -> None:
    """Raises: Invalid where the request needs what somebody stored."""
    for field in _KEPT:
        if raw.get(field) is not None:
            raise Invalid("conversations are not kept", field=field, expected="the whole conversation in `input`")
    if flag(raw, "background"):
        raise Invalid("answers are not kept to be fetched later", field="background", got=True, expected="false")
    if isinstance(raw["input"], list):
        for i, item in enumerate(raw["input"]):
            if isinstance(item, dict) and item.get("type") == "item_reference":
                raise Invalid("items are not kept", field=f"input[{i}]", expected="the item itself")

"""OpenAI's moderations, by its published reference: free, so no usage is told. What says "kill" is flagged."""

from collections.abc import Mapping
from typing import Any

import orjson

from triops.testing.upstream.openai_wire import OpenAIWire
from triops.testing.upstream.orders import Orders
from triops.testing.upstream.wire import Answer, Asked, Refused, Request

_CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip


class ModerationsWire(OpenAIWire):
    path = "/v1/moderations"

    def answer(self, request: Request, asked: Asked, orders: Orders) -> Answer:
        given = request.tree.get("input")
        if not isinstance(given, str | list) or not given:
            raise Refused(400, "Missing required parameter: 'input'.", "input")
        inputs: list[Any] = [given] if isinstance(given, str) else given
        if isinstance(inputs[0], Mapping):  # parts of one
            inputs = [" ".join(str(part.get("text", "")) for part in inputs)]
        model = asked.model.partition("!")[0]
        results = [_result(str(one)) for one in inputs]
        return Answer([orjson.dumps({"id": f"modr-{request.id}", "model": model, "results": results})], [0], 0, -1)


def _result(text: str) -> dict[str, Any]:
    flagged = "kill" in text
    scores = {name: 0.99 if flagged and name == "violence" else 0.01 for name in _CATEGORIES}
    return {
        "flagged": flagged,
        "categories": {name: score > 0.5 for name, score in scores.items()},
        "category_scores": scores,
        "category_applied_input_types": {name: ["text"] for name in _CATEGORIES},
    }

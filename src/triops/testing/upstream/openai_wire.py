"""What OpenAI's endpoints have in common: how they are asked, and how they refuse."""

from triops.testing.upstream import openai_errors
from triops.testing.upstream.wire import Asked, Refused, Request

CREATED = 1_767_225_600


class OpenAIWire:
    method = "POST"

    def refusal(self, status: int, message: str, param: str | None) -> bytes:
        return openai_errors.refusal(status, message, param)

    def asked(self, request: Request) -> Asked:
        tree = request.tree
        model, user = tree.get("model"), tree.get("safety_identifier") or tree.get("user") or ""
        if not isinstance(model, str) or not model:
            raise Refused(400, "you must provide a model parameter")
        return Asked(model, str(user), key_of(request), tree.get("stream") is True)


def key_of(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")

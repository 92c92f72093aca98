"""What OpenAI's endpoints have in common: their streams' type, where a request's id stands, their errors."""

from collections.abc import Sequence

from triops.edges.openai.problems import problem_of
from triops.kernel.errors import TriopsError
from triops.lenses.llmops.gateway.limits import Left
from triops.web.dialects import Problem
from triops.web.ratelimits import headers_of


class OpenAIDialect:
    stream_type = "text/event-stream"
    call_header = "x-request-id"

    def problem(self, error: TriopsError) -> Problem:
        return problem_of(error)

    def limits(self, left: Left) -> Sequence[tuple[str, str]]:
        return headers_of(left)

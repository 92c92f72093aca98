"""What OpenAI's endpoints have in common: their streams' type, where a request's id stands, their errors."""

from triops.edges.openai.problems import problem_of
from triops.kernel.errors import TriopsError
from triops.web.dialects import Problem


class OpenAIDialect:
    stream_type = "text/event-stream"
    call_header = "x-request-id"

    def problem(self, error: TriopsError) -> Problem:
        return problem_of(error)

"""Errors in Ollama's shape: `{"error": "…"}`, and beside it the `type` (`budget_exceeded`, `rate_limited`, …)."""

import orjson

from triops.kernel.errors import TriopsError
from triops.web.dialects import Problem
from triops.web.told import advice_of, message_of


def problem_of(error: TriopsError) -> Problem:
    body = {"error": message_of(error), "type": error.kind}
    return Problem(error.status, orjson.dumps(body), advice_of(error))

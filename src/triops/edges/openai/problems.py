"""Errors in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`, with the types its clients know.

Its clients retry 408, 409, 429 and 5xx; where trying again cannot help (a spent budget, a quota of the day) they are
told so by `x-should-retry: false`.
"""

from typing import Any

import orjson

from triops.kernel.errors import BudgetExceeded, ProviderFailed, RateLimited, TriopsError, Unauthenticated
from triops.web.dialects import Problem
from triops.web.told import advice_of, message_of

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}


def problem_of(error: TriopsError) -> Problem:
    return Problem(error.status, orjson.dumps({"error": described(error)}), advice_of(error))


def described(error: TriopsError) -> dict[str, Any]:
    return {
        "message": message_of(error),
        "type": _type(error),
        "param": error.details.get("field"),
        "code": _code(error),
    }


def error_in(problem: Problem) -> dict[str, Any]:
    """The error object of a problem, which may be a provider's own words in whatever form."""
    try:
        tree = orjson.loads(problem.body)
    except orjson.JSONDecodeError:
        tree = None
    error = tree.get("error", tree) if isinstance(tree, dict) else None
    if isinstance(error, dict) and error.get("message"):
        return error
    return {"message": "the provider failed", "type": "server_error", "param": None, "code": None}


def _type(error: TriopsError) -> str:
    if isinstance(error, BudgetExceeded):
        return "budget_exceeded"
    return _TYPES.get(error.status) or ("server_error" if error.status >= 500 else "invalid_request_error")


def _code(error: TriopsError) -> str:
    if isinstance(error, RateLimited):
        return "rate_limit_exceeded"
    if isinstance(error, ProviderFailed):
        return "rate_limit_exceeded" if error.fault == "rate_limited" else f"provider_{error.fault}"
    if isinstance(error, Unauthenticated):
        return "invalid_api_key"
    return error.kind

"""Errors in Anthropic's shape: `{"type": "error", "error": {"type", "message"}, "request_id"}`, with the types that its
clients know. They retry 408, 409, 429 and 5xx unless `x-should-retry` says no."""

import orjson

from triops.kernel.errors import BudgetExceeded, Overloaded, TriopsError
from triops.web.dialects import Problem
from triops.web.told import advice_of, message_of

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def problem_of(error: TriopsError) -> Problem:
    call = error.details.get("call")
    body = {
        "type": "error",
        "error": {"type": _type(error), "message": message_of(error)},
        "request_id": call if isinstance(call, str) else None,
    }
    return Problem(error.status, orjson.dumps(body), advice_of(error))


def _type(error: TriopsError) -> str:
    if isinstance(error, BudgetExceeded):
        return "budget_exceeded"
    if type(error) is Overloaded:  # a queue of ours, not a limit of the caller's
        return "overloaded_error"
    return _TYPES.get(error.status) or ("api_error" if error.status >= 500 else "invalid_request_error")

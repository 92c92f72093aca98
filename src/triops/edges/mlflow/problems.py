"""TriopsError as MLflow's clients read it: `{"error_code", "message"}` with the status that goes with the code."""

import orjson
from starlette.responses import Response

from triops.kernel.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotOffered,
    Overloaded,
    StoreFull,
    TooLarge,
    TriopsError,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from triops.web.problems import headers_of

_CODES: dict[type[TriopsError], tuple[str, int]] = {
    Invalid: ("INVALID_PARAMETER_VALUE", 400),
    Unauthenticated: ("UNAUTHENTICATED", 401),
    Forbidden: ("PERMISSION_DENIED", 403),
    NotFound: ("RESOURCE_DOES_NOT_EXIST", 404),
    AlreadyExists: ("RESOURCE_ALREADY_EXISTS", 400),
    Conflict: ("INVALID_STATE", 409),
    TooLarge: ("INVALID_PARAMETER_VALUE", 413),
    Unsupported: ("INVALID_PARAMETER_VALUE", 400),
    Overloaded: ("REQUEST_LIMIT_EXCEEDED", 429),
    Unavailable: ("TEMPORARILY_UNAVAILABLE", 503),
    StoreFull: ("TEMPORARILY_UNAVAILABLE", 503),  # so that its client tries again
    NotOffered: ("NOT_IMPLEMENTED", 501),
}


def problem(error: TriopsError) -> Response:
    code, status = next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), ("INTERNAL_ERROR", 500))
    body = {"error_code": code, "message": error.message}
    return Response(orjson.dumps(body), status, headers=headers_of(error), media_type="application/json")

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

# Beside the code MLflow sends a class of its own and an SQLSTATE, which its clients pass on.
_CLASSES = {
    "INVALID_PARAMETER_VALUE": ("INVALID_PARAMETER_VALUE", "KAM00"),
    "RESOURCE_DOES_NOT_EXIST": ("RESOURCE_NOT_FOUND", "KAM00"),
    "RESOURCE_ALREADY_EXISTS": ("RESOURCE_ALREADY_EXISTS", "KAM00"),
    "PERMISSION_DENIED": ("PERMISSION_DENIED", "KAM00"),
    "INVALID_STATE": ("CLIENT_INTERNAL_ERROR", "XXM00"),
    "TEMPORARILY_UNAVAILABLE": ("CLIENT_INTERNAL_ERROR", "XXM00"),
}


def problem(error: TriopsError) -> Response:
    code, status = next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), ("INTERNAL_ERROR", 500))
    body = {"error_code": code, "message": error.message}
    if code in _CLASSES:
        body["error_class"], body["sqlstate"] = _CLASSES[code]
    return Response(orjson.dumps(body), status, headers=headers_of(error), media_type="application/json")

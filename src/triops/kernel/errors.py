"""Every error that Triops raises on purpose, one tree; edges map kinds to a status, once each.

TriopsError
├── Invalid            400  the caller's input is wrong (field, got, expected)
├── GuardBlocked       400  a guard's rule forbids the request or the answer
├── Unauthenticated    401  no key, or not a valid one
├── Forbidden          403  a valid key that may not do this
├── NotFound           404  no such thing in this project
├── Conflict           409  the thing's state does not allow it
│   └── AlreadyExists  409  its name is taken
├── TooLarge           413  over a stated bound
├── Unsupported        415  a content type or encoding that is not spoken here
├── Overloaded         429  a bounded queue is full; retryable after `retry_after_s`
│   ├── RateLimited    429  a caller's own limit of requests or tokens
│   └── BudgetExceeded 429  a hard budget has no room for the call; retryable when its period ends
├── ProviderFailed     502  a provider of models did not answer as asked; often with another status that says more
├── NotOffered         501  a call of a protocol that Triops leaves out; the message says why
├── Unavailable        503  stopping, or a needed part is down; retryable
└── StoreFull          507  the disk is full; retryable when there is room; what is stored stays readable
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class TriopsError(Exception):
    status: int = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **details: Any) -> None:
        self.message = _unicode(message)
        super().__init__(self.message)
        self.details = {name: _unicode(value) if isinstance(value, str) else value for name, value in details.items()}

    @property
    def kind(self) -> str:
        """snake_case name of the kind, as APIs return it."""
        name = type(self).__name__
        return "".join("_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))


class Invalid(TriopsError):
    """The caller's input is wrong. `field` names where, `got` what came, `expected` what would do."""

    status = 400

    def __init__(self, message: str, *, field: str = "", got: Any = None, expected: Any = None) -> None:
        details = {"field": field, "got": _shown(got), "expected": expected}
        super().__init__(message, **{k: v for k, v in details.items() if v not in (None, "")})


class GuardBlocked(TriopsError):
    """A guard's rule forbids a request or an answer. `rule` and `type` name what was found, never the text. `findings`:
    all that was found until then, as calls are recorded."""

    status = 400

    def __init__(self, message: str, *, rule: str, type: str, findings: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message, rule=rule, type=type)
        self.findings = tuple(findings)


class Unauthenticated(TriopsError):
    status = 401


class Forbidden(TriopsError):
    status = 403


class NotFound(TriopsError):
    status = 404


class Conflict(TriopsError):
    status = 409


class AlreadyExists(Conflict):
    status = 409


class TooLarge(TriopsError):
    status = 413


class Unsupported(TriopsError):
    status = 415


class Overloaded(TriopsError):
    status = 429
    retryable = True

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s


class RateLimited(Overloaded):
    """Too many requests or tokens for a key."""


class BudgetExceeded(Overloaded):
    """A hard budget cannot cover the most that a call may cost. `retry_after_s`: until its period ends."""


class ProviderFailed(TriopsError):
    """`fault`: its kind (`ports.providers.FaultKind`). `body`: the provider's own words without secrets, for callers of
    the dialects in `native`, who can read them."""

    def __init__(
        self,
        message: str,
        *,
        fault: str,
        status: int = 502,
        body: bytes = b"",
        native: frozenset[str] = frozenset(),
        retry_after_s: float = 0.0,
        **details: Any,
    ) -> None:
        super().__init__(message, fault=fault, **details)
        self.fault = fault
        self.status = status
        self.body = body
        self.native = native
        self.retry_after_s = retry_after_s


class NotOffered(TriopsError):
    status = 501


class Unavailable(TriopsError):
    status = 503
    retryable = True


class StoreFull(TriopsError):
    status = 507
    retryable = True


def _shown(value: Any) -> Any:
    """A value short enough to repeat in an error."""
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and -(1 << 63) <= value < 1 << 63):
        return value
    many = isinstance(value, int) and value.bit_length() > 10_000  # Python writes no more digits than that
    text = hex(value) if many else str(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _unicode(text: str) -> str:
    """What can be written: a lone surrogate, which JSON can escape, as its escape."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()

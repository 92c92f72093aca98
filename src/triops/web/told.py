"""How an error is told in one sentence, and when its caller may try again: the same in every family's own shape."""

import math

from triops.kernel.errors import BudgetExceeded, Overloaded, ProviderFailed, TriopsError

_LONGEST_WAIT_S = 60.0  # clients of models wait no longer than this for one retry


def message_of(error: TriopsError) -> str:
    """With the field, what came and what was expected."""
    details = error.details
    said = f"{details['field']}: {error.message}" if details.get("field") else error.message
    if "got" in details:
        said += f"; got {details['got']!r}"
    if "expected" in details:
        said += f"; expected {details['expected']}"
    return said


def advice_of(error: TriopsError) -> tuple[tuple[str, str], ...]:
    """Headers: `retry-after` where it is known, and `x-should-retry: false` where trying again soon cannot help (a
    spent budget, a quota of the day, a conflict)."""
    if not isinstance(error, Overloaded | ProviderFailed):
        return () if error.retryable or error.status not in (409, 501) else (("x-should-retry", "false"),)
    wait = error.retry_after_s
    if isinstance(error, ProviderFailed) and not wait:
        return ()
    after = ("retry-after", str(max(1, math.ceil(wait))))
    if isinstance(error, BudgetExceeded) or wait > _LONGEST_WAIT_S:
        return (after, ("x-should-retry", "false"))
    return (after,)

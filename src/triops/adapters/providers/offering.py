"""What a provider offers, as it lists it itself: the same way in each dialect, with other words.

One page is asked for and read; where there is more (over 1,000 with Anthropic and Google), that is not told.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from triops.adapters.providers.faults import refused
from triops.adapters.providers.json_body import as_text, count_of, headers_of, tree_of
from triops.ports.providers import Fault, Offered, Outgoing, Target

MOST = 5000
_LONGEST = 256  # characters of a name


def listing(path: str, own: tuple[tuple[str, str], ...], target: Target) -> Outgoing:
    """`own`: headers of the dialect; nothing is sent in the body."""
    headers = tuple(one for one in headers_of(own, target) if one[0] != "content-type")
    return Outgoing("GET", path, headers, b"")


def models_in(status: int, headers: Mapping[str, str], body: bytes, member: str) -> list[dict[str, Any]]:
    """Raises: Fault for any status but 2xx, and for garbage."""
    if not 200 <= status < 300:
        raise refused(status, headers, body)
    models = tree_of(body).get(member)
    if models is None:
        models = []
    if not isinstance(models, list):
        raise Fault("garbage", f"a list of models without {member}")
    return [model for model in models[:MOST] if isinstance(model, dict)]


def offered_of(models: list[dict[str, Any]], name: str, made: str) -> tuple[Offered, ...]:
    """`name` and `made`: the members that say them. Each name once, in their order."""
    found: dict[str, Offered] = {}
    for model in models:
        called = as_text(model.get(name))
        if 0 < len(called) <= _LONGEST and called.isprintable() and called not in found:
            found[called] = Offered(called, _seconds(model.get(made)))
    return tuple(found.values())


def _seconds(made: Any) -> int:
    """Unix time, of a number or of RFC 3339; 0 where it is neither."""
    if not isinstance(made, str):
        seconds = count_of(made) or 0
    else:
        try:
            at = datetime.fromisoformat(made[:40])
        except ValueError:
            return 0
        seconds = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    return seconds if 0 <= seconds < 1 << 36 else 0

"""What Claude models take, told by their names, from Anthropic's published tables.

The API refuses what a model does not take (sampling since 4.7, thinking by a budget since 4.7, effort before 4.5), so a
hint must not be sent to it. A name that is not Claude's is another server that speaks this dialect: it is sent what the
current reference documents, and sampling.
"""

import re
from dataclasses import dataclass

_VERSION = re.compile(r"claude-(?:([a-z]+)-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_NEWEST = (99, 0)


@dataclass(frozen=True, slots=True)
class Traits:
    """`samples`: temperature, top_p, top_k; `one_sample`: not both of the first two. `efforts`: the highest that it
    knows, () for none. `budgets`: thinking bounded in tokens; `adaptive`: thinking as it sees fit; `restless`:
    thinking cannot be turned off. `schemas`: answers and strict tools by a JSON Schema."""

    samples: bool = True
    one_sample: bool = False
    efforts: tuple[str, ...] = ("low", "medium", "high", "xhigh", "max")
    budgets: bool = True
    adaptive: bool = True
    restless: bool = False
    schemas: bool = True


def traits_of(model: str) -> Traits:
    if "claude" not in model:
        return Traits()
    found = _VERSION.search(model)
    family, version = "", _NEWEST
    if found:
        family, version = found[1] or "", (int(found[2]), int(found[3] or 0))
    efforts: tuple[str, ...] = ()
    if version >= (4, 7):
        efforts = ("low", "medium", "high", "xhigh", "max")
    elif version >= (4, 6):
        efforts = ("low", "medium", "high", "max")
    elif version >= (4, 5) and family == "opus":
        efforts = ("low", "medium", "high")
    return Traits(
        samples=version <= (4, 6),
        one_sample=version >= (4, 1),
        efforts=efforts,
        budgets=(3, 7) <= version <= (4, 6),
        adaptive=version >= (4, 6),
        restless="fable" in model or "mythos" in model,
        schemas=version >= (4, 5),
    )

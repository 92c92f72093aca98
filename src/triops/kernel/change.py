"""Someone or something altered an entity. Changes are the first suspects of a diagnosis."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from triops.kernel.ids import ChangeId, EntityId


@dataclass(frozen=True, slots=True)
class Change:
    """`kind` is open: deploy, config, promotion, prompt_label, apply, action, ... `at` is unix seconds.

    `details` is JSON of at most 64 kB: what was replaced (`from`, `to`), a link, a commit. It is evidence and a
    template's input; it never decides by itself what is executed.

    `remedy`: an action of the loop made it, so that it is no suspect. Whoever tells of changes cannot say so.
    """

    id: ChangeId
    entity: EntityId
    kind: str
    title: str
    at: float
    author: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    remedy: bool = False

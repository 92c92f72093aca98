"""A prompt and its versions as this lens speaks of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from triops.kernel.errors import Invalid
from triops.kernel.prompts.sharing import Share
from triops.kernel.prompts.spec import PromptSpec

PRODUCTION = "production"  # the label that is meant where none is named
LATEST = "latest"  # the newest version, by whatever label
_LABEL = re.compile(r"[\w-]{1,255}")
_VERSION = re.compile(r"[vV]\d+")


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """Times are unix seconds. `labels`: those that stand for it, wholly or by a part of their traffic."""

    prompt: str
    version: int
    spec: PromptSpec
    note: str
    created_at: float
    created_by: str
    labels: Mapping[str, int] = field(default_factory=dict)  # label → percent
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prompt:
    """`labels`: what each stands for. `newest` None: it has no version (yet, or any more)."""

    name: str
    description: str
    created_at: float
    updated_at: float
    versions: int
    newest: int | None
    labels: Mapping[str, Share] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LabelMove:
    """What became of a wish to move a label. `state`: moved; waiting, for `approval`; refused, for `reasons`.
    `before`, `after`: as history has them (`3`, or `1:90,2:10`; "" for none)."""

    state: str
    label: str
    before: str
    after: str
    approval: str = ""
    reasons: Sequence[str] = ()

    @property
    def text(self) -> str:
        return f"{self.label}: {self.before or 'none'} → {self.after or 'none'}"


def is_latest(label: str) -> bool:
    """In any case, as MLflow's clients write it."""
    return label.lower() == LATEST


def label_name(label: str, field: str = "label") -> str:
    """What MLflow allows of an alias that can be set. Raises: Invalid."""
    if not _LABEL.fullmatch(label) or _VERSION.fullmatch(label):
        expected = "at most 255 letters, digits, _ and -, and not v1, v2, …"
        raise Invalid("not a label's name", field=field, got=label, expected=expected)
    if is_latest(label):
        raise Invalid("latest is always the newest version: it does not move", field=field, got=label)
    return label

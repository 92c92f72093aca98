"""What one span says of a model's call: a row of `sayings.py`, for pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from triops.kernel.genai.plans import Plans
from triops.kernel.genai.sayings import sayings


@dataclass(frozen=True, slots=True)
class Said:
    """As `Sayings` describes them."""

    type: str
    call: bool
    model: str
    provider: str
    application: str
    prompt: str
    prompt_version: str
    prompt_label: str
    user: str
    session: str
    key: str
    tags: Sequence[str]
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    cost: int
    estimated: bool
    cached: bool
    first_ns: int
    error: str
    failed: bool
    output_chars: int
    answer_id: str
    gateway: bool
    finish: Any
    input: Any
    output: Any
    system: Any


def said(attributes: Mapping[str, Any], events: Sequence[Mapping[str, Any]] = (), start_ns: int = 0) -> Said | None:
    """None for a span that says nothing of a model or of an application around one."""
    found = sayings([attributes], [Plans().of(attributes)], [events], [start_ns])
    if found is None:
        return None
    first = {field.name: getattr(found, field.name)[0] for field in fields(Said)}
    return Said(**{name: value.item() if isinstance(value, np.generic) else value for name, value in first.items()})

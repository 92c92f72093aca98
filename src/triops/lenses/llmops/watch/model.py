"""Constants and values of the detector of model calls."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np

from triops.kernel.signal import F64, I64, U64
from triops.loop.series.model import Profile


@dataclass(frozen=True, slots=True)
class CallColumns:
    """Calls of models, one row each, in columns of equal length. Texts are "" and numbers NaN where nothing is known.

    ended_s: unix seconds. ms, first_ms: milliseconds, whole call and until the first token. cost_usd: dollars.
    input_tokens, output_tokens. output_chars: length of what was said. error: its type, "" for none. refused: 0 or 1,
    NaN where nothing was said. language: ISO 639-1 of the answer. question: a fingerprint of who asked what, 0 where
    it is not known. trace: half of its trace's id, 0 for none.
    """

    ended_s: F64
    application: Sequence[str]
    prompt: Sequence[str]
    version: Sequence[str]
    model: Sequence[str]
    provider: Sequence[str]
    ms: F64
    first_ms: F64
    cost_usd: F64
    input_tokens: F64
    output_tokens: F64
    output_chars: F64
    error: Sequence[str]
    refused: F64
    language: Sequence[str]
    question: I64
    trace: U64

    def __len__(self) -> int:
        return len(self.ended_s)

    def since(self, at_s: float) -> "CallColumns":
        """Those that ended then or later; itself where all did."""
        rows = np.flatnonzero(self.ended_s >= at_s)
        if len(rows) == len(self):
            return self
        columns: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, column in columns.items():
            columns[name] = column[rows] if isinstance(column, np.ndarray) else [column[row] for row in rows]
        return CallColumns(**columns)

    @staticmethod
    def joined(parts: "Sequence[CallColumns]") -> "CallColumns":
        """Of at least one part; in their order."""
        if len(parts) == 1:
            return parts[0]
        columns: dict[str, Any] = {}
        for field in fields(CallColumns):
            own = [getattr(part, field.name) for part in parts]
            columns[field.name] = np.concatenate(own) if isinstance(own[0], np.ndarray) else list(chain(*own))
        return CallColumns(**columns)


@dataclass(frozen=True, slots=True)
class Mean:
    """A quantity of one call, watched on a logarithmic scale. `ratio`, `rise`: how far over its baseline it must be, as
    a factor and in its unit. `felt`: whether users of an application feel it."""

    name: str
    column: str
    unit: str
    ratio: float
    rise: float
    floor: float  # values are at least this, so that a logarithm exists
    felt: bool
    words: str
    down: bool = False  # whether a fall is worth a claim too


@dataclass(frozen=True, slots=True)
class Share:
    """A share of calls. `rise`: how far over its baseline it must be; `hits`: at least so many calls."""

    name: str
    rise: float
    hits: float
    felt: bool
    words: str


MEANS = (
    Mean("latency", "ms", "ms", 1.6, 50.0, 0.1, True, "answers in"),
    Mean("first_token", "first_ms", "ms", 1.6, 50.0, 0.1, False, "takes to the first token"),
    Mean("cost", "cost_usd", "USD", 1.6, 1e-7, 1e-9, True, "costs a call"),
    Mean("input_tokens", "input_tokens", "{token}", 1.7, 20.0, 1.0, False, "is sent"),
    Mean("output_tokens", "output_tokens", "{token}", 1.6, 8.0, 1.0, False, "answers with"),
    Mean("output_length", "output_chars", "{character}", 1.6, 40.0, 1.0, True, "answers with", down=True),
)
SHARES = (
    Share("errors", 0.03, 3.0, True, "fails"),
    Share("refusals", 0.08, 4.0, True, "refuses"),
    Share("language", 0.15, 4.0, True, "answers in another language"),
    Share("repeats", 0.15, 5.0, True, "is asked the same again"),
)
MEASURES = tuple(m.name for m in (*MEANS, *SHARES))


@dataclass(frozen=True, slots=True)
class WatchProfile:
    """One setting for every application, prompt, model and provider. Times in seconds.

    A window of a series closes when it has `calls` calls and is `window_s` old, or is `longest_s` old with any.
    """

    window_s: float = 5.0
    longest_s: float = 60.0
    settle_s: float = 2.0  # calls are told about so long after they ended
    calls: int = 4
    score: float = 2.0  # of one abnormal window
    share_score: float = 4.0  # of one whose share of calls is abnormal: several windows are pooled in it already
    score_on: float = 1.5  # to go on
    hold: float = 4.0  # to begin: the evidence of at least two abnormal windows in a row, each its score less one
    hold_two: float = 7.0  # and where just two say that a mean is off: in a day two of few calls often are, by chance
    quiet: int = 3  # normal windows in a row to end
    share_windows: int = 6  # judged together, so that a low share is seen too
    silent_s: float = 120.0  # without a call for so long a claim is over,
    silent_gaps: float = 4.0  # and for so many times as long as it usually is between two calls
    late_s: float = 3600.0  # calls that ended longer ago are history that was sent: no sign of how it is now
    forget_s: float = 86_400.0
    slots: int = 20_000  # series of a project; more are not watched, and counted
    texts: int = 200  # calls a second whose words are read, and so many at once


SERIES = Profile(learn=5, alpha=0.02, floor=0.05, floor_ratio=0.0, prior_weight=6.0, drifts=False)

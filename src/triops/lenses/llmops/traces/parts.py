"""What the slice gives to the edges, in one hand."""

from dataclasses import dataclass

from triops.ledger.traces.contents import TraceContents
from triops.lenses.llmops.traces.erasing import Erasing
from triops.lenses.llmops.traces.people import People
from triops.lenses.llmops.traces.prompting import Prompting
from triops.lenses.llmops.traces.scoring import Scoring
from triops.lenses.llmops.traces.service import LlmTracing


@dataclass(frozen=True, slots=True)
class TraceParts:
    tracing: LlmTracing
    people: People
    scoring: Scoring
    erasing: Erasing
    contents: TraceContents  # of experiments
    prompting: Prompting

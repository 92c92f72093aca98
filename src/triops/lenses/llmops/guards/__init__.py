"""Guards: personal data, secrets, size and topics, in what is asked of a model and in what it answers.

Public: `Guarding` and what it says (`Verdict`, `Finding`), `StreamGuard`, `Redactor`. The kind of document is in
`kind`, which the gateway's process does not load.
"""

from triops.lenses.llmops.guards.guarding import Guarding
from triops.lenses.llmops.guards.model import Finding, Verdict
from triops.lenses.llmops.guards.redactor import Redactor
from triops.lenses.llmops.guards.stream import StreamGuard

__all__ = ["Finding", "Guarding", "Redactor", "StreamGuard", "Verdict"]

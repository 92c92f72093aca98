"""Each project's rule of redaction, read again when a document of the project changed."""

import asyncio
from collections.abc import Callable

from triops.kernel.ids import ProjectId
from triops.kernel.signal import LogBatch, SpanBatch
from triops.ledger.documents import Documents
from triops.lenses.llmops.redaction.rule import Rule, rule_of
from triops.lenses.llmops.traces.redaction import logs_kept, spans_kept

_INLINE = 4  # rows; more would hold the event loop


class Redacting:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._rules: dict[ProjectId, tuple[int, Rule | None]] = {}

    async def rule(self, project: ProjectId) -> Rule | None:
        version = self._documents.version(project)
        held = self._rules.get(project)
        if held is None or held[0] != version:
            found = rule_of(await self._documents.list(project, "Redaction"))
            held = self._rules[project] = (version, found)
        return held[1]

    async def text(self, project: ProjectId) -> Callable[[str], str] | None:
        """What of a text that people write may be stored; None: all of it."""
        rule = await self.rule(project)
        return None if rule is None else rule.text

    async def spans(self, project: ProjectId, batch: SpanBatch) -> SpanBatch:
        """What of it may be stored."""
        rule = await self.rule(project)
        if rule is None:
            return batch
        return spans_kept(rule, batch) if len(batch) <= _INLINE else await asyncio.to_thread(spans_kept, rule, batch)

    async def logs(self, project: ProjectId, batch: LogBatch) -> LogBatch:
        rule = await self.rule(project)
        if rule is None:
            return batch
        return logs_kept(rule, batch) if len(batch) <= _INLINE else await asyncio.to_thread(logs_kept, rule, batch)

"""What applications of language models were traced, judged and evaluated with: each call is a transaction, and doing it
again changes nothing."""

import asyncio
import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Principal
from triops.kernel.trace import Trace
from triops.kernel.transfer import MovedDataset, MovedExample, MovedScorer, MovedTrace, MovedWebhook
from triops.ledger.codec import from_json
from triops.ledger.imports.evaluations import datasets_here, write_dataset, write_scorer
from triops.ledger.imports.runs import experiment_location
from triops.ledger.imports.traces import trace_locations, write_trace
from triops.ledger.traces.writing import Brought, brought
from triops.ledger.versions.webhooks import Webhook
from triops.lenses.mlops.genai_traces import law
from triops.lenses.mlops.genai_traces.gather import SpanSaid, gather
from triops.lenses.mlops.genai_traces.redaction import Rule, RuleOf, redacted
from triops.lenses.mlops.importing.checking import (
    check_dataset,
    check_example,
    check_scorer,
    check_trace,
    check_webhook,
    experiment_number,
)
from triops.lenses.mlops.registry.webhooks import Webhooks, event_of
from triops.ports.clock import Clock
from triops.ports.records import Records

JSON = dict[str, Any]
ReadTrace = Callable[[Mapping[str, Any], int], Trace]
"""A trace as MLflow's API tells it. Raises: Invalid."""
ReadSpan = Callable[[bytes, str], SpanSaid]
"""An OTLP span's bytes, for a trace of that id. Raises: Invalid."""
RedactSpan = Callable[[bytes, Rule], bytes]
"""What of an OTLP span's bytes may be stored. Raises: Invalid."""
_SPANS = 10_000  # of one trace
_DISABLED = "DISABLED"


class EvaluationImport:
    """`rule_of`: what of a trace a project may not store."""

    rule_of: RuleOf | None = None

    def __init__(
        self,
        records: Records,
        clock: Clock,
        webhooks: Webhooks,
        read_trace: ReadTrace,
        read_span: ReadSpan,
        redact_span: RedactSpan,
    ) -> None:
        self._records = records
        self._clock = clock
        self._webhooks = webhooks
        self._read_trace = read_trace
        self._read_span = read_span
        self._redact_span = redact_span

    async def known(self, project: ProjectId, traces: Sequence[str]) -> set[str]:
        """Of these ids those that are here."""
        return set(await self._records.read(lambda c: trace_locations(c, project, traces)))

    async def traces(self, project: ProjectId, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        """Items: `trace`, `to` (experiment). Answers id, artifact_uri and state of each. Raises: Invalid, NotFound."""
        rule = await self.rule_of(project) if self.rule_of is not None else None
        read = await asyncio.to_thread(lambda: [self._read(item, at, rule) for at, item in enumerate(items)])

        def write(connection: Connection) -> list[JSON]:
            known = trace_locations(connection, project, [said.id for said, _, _ in read])
            answers = []
            for said, experiment, spans in read:
                state = "present"
                if said.id not in known:
                    home = experiment_location(connection, project, experiment)
                    known[said.id] = write_trace(connection, project, said, experiment, home, spans)
                    state = "created"
                answers.append({"id": said.id, "artifact_uri": known[said.id], "state": state})
            return answers

        return await self._records.write(write)

    async def datasets(self, project: ProjectId, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        """Items: `dataset`, whose experiments are ids of here, and some of its `examples`; those that are not here
        are added. Answers id, state and how many examples it has now."""
        moved: list[tuple[MovedDataset, list[tuple[str, MovedExample]]]] = []
        for at, item in enumerate(items):
            dataset = from_json(MovedDataset, item.get("dataset"), f"items[{at}].dataset")
            check_dataset(dataset)
            given = item.get("examples")
            examples = [
                from_json(MovedExample, one, f"items[{at}].examples[{number}]")
                for number, one in enumerate(given if isinstance(given, list) else ())
            ]
            for example in examples:
                check_example(example)
            moved.append((dataset, [(_hash(example.inputs), example) for example in examples]))

        def write(connection: Connection) -> list[JSON]:
            here = datasets_here(connection, project, [dataset.id for dataset, _ in moved])
            answers = []
            for dataset, examples in moved:
                count = write_dataset(connection, project, dataset, examples)
                state = "present" if dataset.id in here else "created"
                answers.append({"id": dataset.id, "state": state, "examples": count})
            return answers

        return await self._records.write(write)

    async def scorers(self, project: ProjectId, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        """Items: `scorer` with its versions, `to` (experiment). Answers the id that it has here."""
        moved: list[tuple[MovedScorer, int]] = []
        for at, item in enumerate(items):
            scorer = from_json(MovedScorer, item.get("scorer"), f"items[{at}].scorer")
            check_scorer(scorer)
            moved.append((scorer, experiment_number(item.get("to"))))

        def write(connection: Connection) -> list[JSON]:
            answers = []
            for scorer, experiment in moved:
                experiment_location(connection, project, experiment)
                answers.append({"id": write_scorer(connection, project, scorer, experiment)})
            return answers

        return await self._records.write(write)

    async def webhooks(self, who: Principal, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        """Items: `webhook`. They arrive switched off: their secrets did not come, and the server that they come from
        may be sending still."""
        answers = []
        for at, item in enumerate(items):
            moved = from_json(MovedWebhook, item.get("webhook"), f"items[{at}].webhook")
            check_webhook(moved)
            events = [event_of(*event.partition(".")[::2]) for event in moved.events]
            of = (moved.id, moved.name, moved.url, events, _DISABLED, moved.created_ms, moved.updated_ms)
            created = await self._webhooks.bring(who, Webhook(*of, moved.description))
            answers.append({"id": moved.id, "state": "created" if created else "present"})
        return answers

    def _read(self, item: Mapping[str, Any], at: int, rule: Rule | None) -> tuple[Trace, int, Brought | None]:
        moved = from_json(MovedTrace, item.get("trace"), f"items[{at}].trace")
        said = self._read_trace(moved.info, int(self._clock.now() * 1000))
        if said.id != moved.id:
            raise Invalid("not the trace's id", field=f"items[{at}].trace.id", got=moved.id, expected=said.id)
        law.trace_id(said.id)
        check_trace(said)
        said = replace(said, tags=law.said_tags(said.tags), metadata=law.said_metadata(said.metadata))
        if len(moved.spans) > _SPANS:
            raise Invalid("too many", field="spans", got=len(moved.spans), expected=f"at most {_SPANS}")
        sent = [_bytes(one) for one in moved.spans]
        if rule is not None:
            sent = [self._redact_span(one, rule) for one in sent]
        spans = [self._read_span(one, said.id) for one in sent]
        return redacted(said, rule), experiment_number(item.get("to")), brought(gather(spans)[0]) if spans else None


def _hash(inputs: str) -> str:
    told = json.dumps(json.loads(inputs), sort_keys=True)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("not base64", field="spans") from None

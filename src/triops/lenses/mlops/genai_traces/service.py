"""What is done with traces: said by their clients, filled by their spans, read, tagged, deleted, linked, judged."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from triops.kernel.errors import Invalid, NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.trace import SIZES, Trace, TraceState
from triops.ledger.runs.experiments import Experiments, experiment_no
from triops.ledger.traces.links import TraceLinks
from triops.ledger.traces.search import TraceSearch
from triops.ledger.traces.traces import Traces
from triops.ledger.traces.writing import Brought, brought
from triops.lenses.mlops.filters import TRACES, offset_of, page_token, parse_filter, parse_order_by
from triops.lenses.mlops.genai_traces import law
from triops.lenses.mlops.genai_traces.correlation import Correlation
from triops.lenses.mlops.genai_traces.gather import SpanSaid, gather
from triops.lenses.mlops.genai_traces.looking import Views, looker
from triops.lenses.mlops.genai_traces.redaction import Rule, RuleOf, redacted, redacted_metadata
from triops.ports.clock import Clock

_LINKS = 100  # traces linked to a run in one request
_BATCH = 1000  # traces asked for by id in one request
_SPANS = 10_000  # of one request
_PAGE = 500
_VERSION_DIGITS = 10


class TraceService:
    """`views`: how spans' bytes are read where a filter looks into them. `rule_of`: what of a trace a project may
    not store; spans come through their intake, which asks the same."""

    rule_of: RuleOf | None = None

    def __init__(
        self,
        traces: Traces,
        searched: TraceSearch,
        links: TraceLinks,
        experiments: Experiments,
        clock: Clock,
        views: Views,
    ) -> None:
        self._traces = traces
        self._searched = searched
        self._links = links
        self._views = views
        self._experiments = experiments
        self._clock = clock

    async def say(self, project: ProjectId, said: Trace) -> Trace:
        """Raises: NotFound, Invalid."""
        law.trace_id(said.id)
        await self._begin(project)
        checked = replace(said, tags=law.said_tags(said.tags), metadata=law.said_metadata(said.metadata))
        return await self._traces.say(project, redacted(checked, await self._rule(project)))

    @staticmethod
    def gathered(spans: Sequence[SpanSaid]) -> list[Brought]:
        """What `add` takes. Large requests are prepared beside the event loop. Raises: Invalid."""
        if len(spans) > _SPANS:
            raise Invalid(f"at most {_SPANS} spans in one request", field="spans", got=len(spans))
        return [brought(one) for one in gather(spans)]

    async def add(self, project: ProjectId, experiment: str, arrived: Sequence[Brought]) -> list[str]:
        """Spans of any traces; answers the ids of those whose root was among them. Raises: NotFound, Invalid."""
        await self._begin(project)
        await self._traces.add(project, experiment, arrived)
        return [each.sent.trace for each in arrived if each.sent.state is not None]

    async def artifacts(self, project: ProjectId, id: str) -> str:
        """Where they lie. Raises: NotFound."""
        return await self._traces.artifacts(project, id)

    async def get(self, project: ProjectId, id: str) -> Trace:
        return await self._traces.get(project, id)

    async def whole(self, project: ProjectId, id: str, *, partial: bool) -> tuple[Trace, list[bytes]]:
        """Raises: NotFound, also where spans are still missing, unless that is `partial`'s wish."""
        found = await self._traces.whole(project, [id])
        if not found:
            raise NotFound(f"Trace with ID {id} is not found.")
        if not partial and not complete(*found[0]):
            raise NotFound(f"Trace with ID {id} is not fully exported yet, please try again later.")
        return found[0]

    async def wholes(
        self, project: ProjectId, ids: Sequence[str], experiments: Sequence[str] | None
    ) -> list[tuple[Trace, list[bytes]]]:
        """Those that are there and complete."""
        found = await self._traces.whole(project, _bounded(ids), _numbers(experiments))
        return [one for one in found if one[1] and complete(*one)]

    async def some(self, project: ProjectId, ids: Sequence[str], experiments: Sequence[str] | None) -> list[Trace]:
        return await self._traces.some(project, _bounded(ids), _numbers(experiments))

    async def search(
        self,
        project: ProjectId,
        experiments: Sequence[str],
        filter: str,
        order_by: Sequence[str],
        most: int,
        token: str,
    ) -> tuple[list[Trace], str | None]:
        """A page, and the token of the next one. Raises: Invalid."""
        if most < 1:
            raise Invalid(
                f"Invalid value {most} for parameter 'max_results' supplied. It must be a positive integer",
                field="max_results",
            )
        if most > _PAGE:
            raise Invalid(
                f"Invalid value {most} for parameter 'max_results' supplied. It must be at most {_PAGE}",
                field="max_results",
            )
        numbers = _numbers(experiments) or []
        clauses, orders = parse_filter(filter, TRACES), parse_order_by(order_by, TRACES)
        offset = offset_of(token)
        found = await self._searched.find(project, numbers, clauses, orders, offset, most, looker(clauses, self._views))
        return found, page_token(offset + most) if len(found) == most else None

    async def correlation(
        self, project: ProjectId, experiments: Sequence[str], first: str, second: str, base: str
    ) -> Correlation:
        """How often two filters hold together. Raises: Invalid."""
        numbers = _numbers(experiments) or []
        all_, one, two = (parse_filter(text, TRACES) for text in (base, first, second))
        total, firsts, seconds, both = [
            await self._searched.count(project, numbers, clauses)
            for clauses in (all_, (*all_, *one), (*all_, *two), (*all_, *one, *two))
        ]
        return Correlation(firsts, seconds, both, total)

    async def set_tag(self, project: ProjectId, id: str, key: str, value: str) -> None:
        law.settable(key)
        await self._traces.set_tag(project, id, *law.tag(key, value))

    async def delete_tag(self, project: ProjectId, id: str, key: str) -> None:
        law.deletable(key)
        await self._traces.delete_tag(project, id, key)

    async def delete(
        self, project: ProjectId, experiment: str, ids: Sequence[str], until_ms: int | None, most: int | None
    ) -> int:
        """Answers how many. Raises: Invalid."""
        if until_ms is None and not ids:
            raise Invalid("Either `max_timestamp_millis` or `trace_ids` must be specified.")
        if until_ms is not None and ids:
            raise Invalid("Only one of `max_timestamp_millis` and `trace_ids` can be specified.")
        if ids and most is not None:
            raise Invalid("`max_traces` can't be specified if `trace_ids` is specified.")
        if most is not None and most <= 0:
            raise Invalid(f"`max_traces` must be a positive integer, received {most}.")
        number = experiment_no(experiment)
        gone = await self._traces.delete(project, number, ids=ids or None, until_ms=until_ms, most=most)
        return len(gone)

    async def link_to_run(self, project: ProjectId, traces: Sequence[str], run: str) -> None:
        if len(traces) > _LINKS:
            raise Invalid(
                f"Cannot link more than {_LINKS} traces to a run in a single request. Provided {len(traces)} traces."
            )
        await self._links.to_run(project, traces, run)

    async def link_prompts(self, project: ProjectId, trace: str, prompts: Sequence[tuple[str, str]]) -> None:
        if len(prompts) > _LINKS:
            raise Invalid(f"Cannot link more than {_LINKS} prompts to a trace in a single request.")
        for _, version in prompts:
            if not (version.isdecimal() and len(version) < _VERSION_DIGITS):
                raise Invalid(f"Invalid prompt version '{version[:50]}': it must be an integer.", field="version")
        await self._links.to_prompts(project, trace, [f"{name}/{int(version)}" for name, version in prompts])

    async def begin_v2(
        self, project: ProjectId, experiment: str, start_ms: int, tags: Mapping[str, str], metadata: Mapping[str, str]
    ) -> Trace:
        """How clients before 3.0 begin a trace."""
        await self._begin(project)
        said = Trace(
            id=uuid.uuid4().hex,
            experiment=experiment,
            request_ms=start_ms,
            duration_ms=None,
            state=TraceState.IN_PROGRESS,
            tags=law.said_tags(tags),
            metadata=redacted_metadata(law.said_metadata(metadata), await self._rule(project)),
        )
        return await self._traces.say(project, said, final=False)

    async def end_v2(
        self, project: ProjectId, id: str, end_ms: int, state: str, tags: Mapping[str, str], metadata: Mapping[str, str]
    ) -> Trace:
        own = law.said_tags(tags)
        more = redacted_metadata(law.said_metadata(metadata), await self._rule(project))
        return await self._traces.end(project, id, end_ms, state, own.items(), more.items())

    async def clean(self, project: ProjectId) -> Callable[[str], str]:
        """What the project may store of a text that people write of a trace."""
        rule = await self._rule(project)
        return _as_it_is if rule is None else rule.text

    async def _rule(self, project: ProjectId) -> Rule | None:
        return await self.rule_of(project) if self.rule_of is not None else None

    async def _begin(self, project: ProjectId) -> None:
        await self._experiments.begin(project, int(self._clock.now() * 1000))


def _as_it_is(text: str) -> str:
    return text


def complete(trace: Trace, spans: Sequence[bytes]) -> bool:
    """Whether all spans have come that the client counted."""
    try:
        expected = json.loads(trace.metadata.get(SIZES, "null"))
    except (ValueError, RecursionError):
        return True
    count = expected.get("num_spans", 0) if isinstance(expected, dict) else 0
    return bool(spans) and (not isinstance(count, int) or len(spans) >= count)


def _bounded(ids: Sequence[str]) -> Sequence[str]:
    if len(ids) > _BATCH:
        raise Invalid(f"at most {_BATCH} traces may be asked for in one request", field="trace_ids", got=len(ids))
    return ids


def _numbers(experiments: Sequence[str] | None) -> list[int] | None:
    return None if experiments is None else [experiment_no(id) for id in experiments]

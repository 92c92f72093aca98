"""The book of traces: whatever order a client's word and the spans arrive in, and what deleting takes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import func, select

from triops.kernel.errors import Invalid, NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.trace import Assessment, AssessmentKind, SentSpans, Trace, TraceSpan, TraceState
from triops.ledger.erase import erase_project
from triops.ledger.runs import tables as runs
from triops.ledger.runs.experiments import Experiments
from triops.ledger.runs.freeing import Freeing
from triops.ledger.traces import tables
from triops.ledger.traces.assessments import Assessments
from triops.ledger.traces.freeing import TraceFreeing, has_traces
from triops.ledger.traces.links import TraceLinks
from triops.ledger.traces.search import TraceSearch
from triops.ledger.traces.traces import Traces
from triops.ledger.traces.writing import brought
from triops.ports.records import Records
from triops.testing.books import open_records

A, B = ProjectId("a"), ProjectId("b")
MS = 1_000_000


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(tmp_path) as opened:
        experiments = Experiments(opened, "mlflow-artifacts:/")
        for project in (A, B):
            await experiments.begin(project, 1)
        yield opened


def span(id: int, parent: int | None = None, start: int = 10, end: int = 20, usage: str | None = None) -> TraceSpan:
    return TraceSpan(id, parent, f"s{id}", "LLM", "OK", start * MS, end * MS, b"%d" % id, usage)


def sent(*spans: TraceSpan, trace: str = "tr-1", **facts: object) -> SentSpans:
    root = any(one.parent is None for one in spans)
    return SentSpans(trace, spans, TraceState.OK if root else None, **facts)  # type: ignore[arg-type]


def said(id: str = "tr-1", **facts: object) -> Trace:
    return replace(Trace(id, "0", 9, 30, TraceState.OK), **facts)  # type: ignore[arg-type]


def tokens(count: int) -> str:
    return f'{{"input_tokens": {count}, "output_tokens": 0, "total_tokens": {count}}}'


async def test_spans_in_any_order_and_any_requests_make_one_trace(records: Records) -> None:
    """The root sums up what its child used; a third span stands beside it."""
    parts = [
        sent(span(1, None, 10, 50, tokens(5)), request_preview="q", session="s"),
        sent(span(2, 1, 20, 60, tokens(5))),
        sent(span(3, 9, 5, 30, tokens(2)), user="ann"),
    ]
    book = Traces(records)
    for number, order in enumerate(permutations(parts)):
        for part in order:
            await book.add(A, "0", [brought(replace(part, trace=f"tr-{number}"))])
        trace = await book.get(A, f"tr-{number}")
        assert (trace.request_ms, trace.duration_ms, trace.state) == (5, 55, TraceState.OK)
        assert trace.request_preview == "q"
        assert trace.metadata == {
            "mlflow.trace.session": "s",
            "mlflow.trace.user": "ann",
            "mlflow.trace.tokenUsage": tokens(7),
        }


@pytest.mark.parametrize("spans_first", [True, False])
async def test_what_the_client_said_is_final(records: Records, spans_first: bool) -> None:
    book = Traces(records)
    word = said(metadata={"mlflow.trace.tokenUsage": tokens(100)}, tags={"mlflow.traceName": "n", "t": "1"})
    steps = [
        lambda: book.add(A, "0", [brought(sent(span(1, None, 10, 50, tokens(5)), request_preview="q", session="s"))]),
        lambda: book.say(A, word),
    ]
    for step in steps if spans_first else steps[::-1]:
        await step()
    trace = await book.get(A, "tr-1")
    assert (trace.request_ms, trace.duration_ms) == (9, 30)
    assert trace.metadata["mlflow.trace.tokenUsage"] == tokens(100)
    assert trace.metadata["mlflow.trace.session"] == "s"
    assert trace.metadata["mlflow.trace.infoFinalized"] == "true"
    assert trace.request_preview == "q"
    assert trace.name == "n"
    assert trace.tags == {
        "mlflow.traceName": "n",
        "t": "1",
        "mlflow.trace.spansLocation": "TRACKING_STORE",
        "mlflow.artifactLocation": "mlflow-artifacts:/0/traces/tr-1/artifacts",
    }


async def test_a_span_sent_again_counts_once(records: Records) -> None:
    book = Traces(records)
    for usage in (tokens(5), tokens(6)):
        await book.add(A, "0", [brought(sent(span(1, None, usage=usage)))])
    [(trace, bodies)] = await book.whole(A, ["tr-1"])
    assert trace.metadata["mlflow.trace.tokenUsage"] == tokens(6)
    assert bodies == [b"1", b"1"]
    count = select(func.count()).select_from(tables.trace_spans)
    assert await records.read(lambda c: c.scalar(count)) == 1


async def test_many_traces_in_one_request_and_batches_of_them(records: Records) -> None:
    book = Traces(records)
    await book.add(A, "0", [brought(sent(span(1), span(2, 1), trace=f"tr-{n}")) for n in range(450)])
    ids = [f"tr-{n}" for n in (449, 3, 200, 3)]
    assert [trace.id for trace in await book.some(A, [*ids, "tr-none"])] == ["tr-449", "tr-3", "tr-200"]
    assert [bodies for _, bodies in await book.whole(A, ids, [0])] == [[b"1", b"2"]] * 3
    assert await book.some(A, ids, [7]) == []


async def test_projects_do_not_see_each_other(records: Records) -> None:
    book, links, assessments = Traces(records), TraceLinks(records), Assessments(records)
    await book.add(A, "0", [brought(sent(span(1)))])
    await book.add(B, "0", [brought(sent(span(1, usage=tokens(1))))])
    assert (await book.get(A, "tr-1")).metadata == {}
    await links.to_run(A, ["tr-1"], "r")
    for call in (
        book.set_tag(B, "tr-9", "k", "v"),
        links.to_prompts(B, "tr-9", ["p/1"]),
        assessments.create(B, "tr-9", _assessment("a")),
    ):
        with pytest.raises(NotFound):
            await call
    assert await book.delete(A, 0, ids=["tr-1"]) == ["tr-1"]
    assert (await book.get(B, "tr-1")).metadata != {}
    with pytest.raises(NotFound):
        await book.get(A, "tr-1")


async def test_deleting_takes_everything_and_notes_the_artifacts(records: Records) -> None:
    book, links, assessments = Traces(records), TraceLinks(records), Assessments(records)
    for n in range(3):
        await book.add(A, "0", [brought(sent(span(1, None, start=10 + n), trace=f"tr-{n}", session="s"))])
        await book.set_tag(A, f"tr-{n}", "k", "v")
        await links.to_run(A, [f"tr-{n}"], "r")
        await assessments.create(A, f"tr-{n}", _assessment("a"))
    await book.set_tag(A, "tr-0", "mlflow.artifactLocation", "mlflow-artifacts:/0")  # anyone may; nobody believes it
    assert await book.artifacts(A, "tr-0") == "mlflow-artifacts:/0/traces/tr-0/artifacts"
    assert await book.delete(A, 0, until_ms=11, most=1) == ["tr-0"]
    assert await book.delete(A, 7, until_ms=10**15) == []
    assert await book.delete(A, 0, until_ms=10**15) == ["tr-1", "tr-2"]
    for table in (tables.traces, tables.trace_links, *tables.OF_TRACES):
        assert await records.read(lambda c, t=table: c.scalar(select(func.count()).select_from(t))) == 0, table.name
    freed = await Freeing(records).freed()
    assert {one.artifact_uri for one in freed} == {f"mlflow-artifacts:/0/traces/tr-{n}/artifacts" for n in range(3)}


async def test_a_deleted_experiment_takes_its_traces_and_then_goes(records: Records) -> None:
    experiments, book = Experiments(records, "mlflow-artifacts:/"), Traces(records)
    id = await experiments.create(A, "x", "", {}, 1)
    await book.add(A, id, [brought(sent(span(1), trace=f"tr-{n}")) for n in range(250)])
    await book.add(A, "0", [brought(sent(span(1), trace="tr-other"))])
    await experiments.delete(A, id, 100)
    gone, kept = TraceFreeing(records), Freeing(records, [has_traces()])
    assert await gone.free(99) == 0
    await kept.free_experiments(100)
    assert (await experiments.get(A, id)).name == "x"  # something hangs on it
    steps = [await gone.free(100) for _ in range(3)]
    assert (sum(steps), steps[-1]) == (250, 0)
    await kept.free_experiments(100)
    with pytest.raises(NotFound):
        await experiments.get(A, id)
    assert (await book.get(A, "tr-other")).id == "tr-other"


async def test_new_traces_want_an_experiment_that_is_there(records: Records) -> None:
    experiments, book = Experiments(records, "mlflow-artifacts:/"), Traces(records)
    id = await experiments.create(A, "x", "", {}, 1)
    with pytest.raises(NotFound, match="No Experiment with id=77 exists"):
        await book.add(A, "77", [brought(sent(span(1)))])
    with pytest.raises(Invalid, match="Invalid experiment ID"):
        await book.say(A, said(experiment="x"))
    await experiments.delete(A, id, 100)
    with pytest.raises(Invalid, match="must be in the 'active' state"):
        await book.say(A, said(experiment=id))
    assert await TraceSearch(records).find(A, [0], (), (), 0, 10, lambda trace, bodies: True) == []


async def test_erasing_a_project_erases_its_traces(records: Records) -> None:
    book = Traces(records)
    for project in (A, B):
        await book.add(project, "0", [brought(sent(span(1), session="s"))])
        await TraceLinks(records).to_run(project, ["tr-1"], "r")
    await erase_project(records, A)
    for table in (tables.traces, tables.trace_links, *tables.OF_TRACES):
        if table is not tables.assessments:
            count = await records.read(lambda c, t=table: c.scalar(select(func.count()).select_from(t)))
            assert count in (1, 2), table.name
    assert (await book.get(B, "tr-1")).id == "tr-1"
    assert await records.read(lambda c: c.scalar(select(func.count()).select_from(runs.experiments))) == 1


async def test_an_overridden_assessment_is_valid_again_without_its_successor(records: Records) -> None:
    book, assessments = Traces(records), Assessments(records)
    await book.add(A, "0", [brought(sent(span(1)))])
    await assessments.create(A, "tr-1", _assessment("old"))
    await assessments.create(A, "tr-1", replace(_assessment("new"), overrides="old"))
    assert [one.valid for one in (await book.get(A, "tr-1")).assessments] == [False, True]
    with pytest.raises(NotFound, match="Assessment with ID 'zz' not found for trace 'tr-1'"):
        await assessments.create(A, "tr-1", replace(_assessment("x"), overrides="zz"))
    await assessments.delete(A, "tr-1", "new")
    await assessments.delete(A, "tr-1", "new")
    assert (await assessments.get(A, "tr-1", "old")).valid


def _assessment(id: str) -> Assessment:
    return Assessment(id, "good", AssessmentKind.FEEDBACK, True, "HUMAN", "ann", 1, 1)

"""Traces of applications that ask models, their sessions and users."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from triops.edges.native.asking import (
    JSON,
    Admin,
    Cursor,
    Ever,
    LastDay,
    LastHour,
    Limit,
    Reader,
    Reason,
    S,
    Sender,
    Text,
    Window,
    Writer,
    said_why,
)
from triops.kernel.clock import NS
from triops.kernel.errors import Invalid, NotFound
from triops.kernel.money import pico_of, usd
from triops.ledger.audit import AuditEntry
from triops.ledger.codec import to_json
from triops.ledger.scores.scores import Score
from triops.lenses.llmops.traces.model import Gathered, SpanLine, TraceLine
from triops.lenses.llmops.traces.prompting import PromptUse
from triops.lenses.llmops.traces.sums import Sum
from triops.ports.llm_spans import CallsOf, LlmQuery, LlmStep

router = APIRouter()


def _asked(window: Window) -> Callable[..., LlmQuery]:
    def query(
        window: window,  # type: ignore[valid-type]
        q: Annotated[str, Query(max_length=1000, description="a piece of any text in it, in any case")] = "",
        application: Text = "",
        model: Text = "",
        provider: Text = "",
        prompt: Annotated[str, Query(max_length=500, description="a name, or `name@version`")] = "",
        user: Text = "",
        session: Text = "",
        key: Text = "",
        tag: Text = "",
        status: Annotated[str, Query(pattern="^(|ok|error)$")] = "",
        min_ms: Annotated[float, Query(ge=0, le=1e12)] = 0.0,
        min_tokens: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> LlmQuery:
        held: Window = window
        return LlmQuery(
            held.start_ns, held.end_ns, q, application, model, provider, prompt, user, session, key, tag, status,
            min_ms, min_tokens, limit, cursor,
        )  # fmt: skip

    return query


OfEver = Annotated[LlmQuery, Depends(_asked(Ever))]
OfDay = Annotated[LlmQuery, Depends(_asked(LastDay))]


@router.get("/llm/traces", summary="Traces of applications that ask models, newest first")
async def llm_traces(
    who: Reader, services: S, query: OfEver, min_cost_usd: Annotated[str, Query(max_length=40)] = "0"
) -> Response:
    page = await services.llm.tracing.list(who.project, query, pico_of(min_cost_usd, "min_cost_usd"))
    return _json({"items": [trace_json(line) for line in page.items], "next": page.next})


@router.get("/llm/traces/{trace}", summary="One trace: its sums, and its spans by start")
async def llm_trace(who: Reader, services: S, trace: str, limit: Limit = 1000, cursor: Cursor = None) -> Response:
    found = await services.llm.tracing.get(who.project, _trace_id(trace), limit, cursor)
    scores = await services.llm.scoring.scores.list(who.project, trace=found.line.trace, limit=1000)

    def shown() -> Response:
        return _json(
            {
                "trace": trace_json(found.line),
                "items": [span_json(span) for span in found.spans],
                "scores": [score_json(score) for score in scores.items],
                "next": found.next,
            }
        )

    return await asyncio.to_thread(shown)


@router.get("/llm/series", summary="How calls of models fared over time: times, lengths, tokens, cost, failures")
async def llm_series(
    who: Reader,
    services: S,
    window: LastHour,
    application: Text = "",
    prompt: Text = "",
    provider: Text = "",
    model: Text = "",
    step: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Of the calls that were recorded. `cost_usd` is of the `costed` calls whose sender said it."""
    step_ns = window.step_ns(step)
    of = CallsOf(application, prompt, provider, model)
    found = await services.llm.tracing.steps(who.project, window.start_ns, window.end_ns, step_ns, of)
    return _json({"items": [step_json(one) for one in found], "step": step_ns / NS})


@router.get("/llm/sessions", summary="Sessions, the latest first")
async def llm_sessions(who: Reader, services: S, query: OfDay) -> Response:
    page = await services.llm.people.sessions(who.project, query)
    items = [{"session": one.id, "users": one.names, **gathered_json(one)} for one in page.items]
    return _json({"items": items, "next": page.next})


@router.get("/llm/sessions/{id:path}", summary="A session's sums, and its traces in the order they began")
async def llm_session(who: Reader, services: S, id: str, query: OfEver) -> Response:
    """Pages go back in time; within one, traces are in order."""
    found = await services.llm.people.session(who.project, query, id)
    if found is None:
        raise NotFound(f"no session {id[:200]!r}")
    page = await services.llm.tracing.list(who.project, replace(query, session=id))
    return _json(
        {
            "session": {"session": found.id, "users": found.names, **gathered_json(found)},
            "items": [trace_json(line) for line in reversed(page.items)],
            "next": page.next,
        }
    )


@router.get("/llm/users", summary="Users, the latest first")
async def llm_users(who: Reader, services: S, query: OfDay) -> Response:
    page = await services.llm.people.users(who.project, query)
    items = [{"user": one.id, "sessions": one.sessions, **gathered_json(one)} for one in page.items]
    return _json({"items": items, "next": page.next})


@router.get(
    "/prompts/{name:path}/usage", summary="How a prompt's versions fare: calls, cost, times, lengths, refusals, scores"
)
async def prompt_usage(who: Reader, services: S, name: str, window: LastDay) -> JSON:
    """Of the calls that were recorded; what those cost that were not is told by `/spend`."""
    await services.prompts.get(who.project, name)
    found = await services.llm.prompting.usage(who.project, LlmQuery(window.start_ns, window.end_ns, prompt=name))
    return {"rows": [use_json(use) for use in found], "start": window.start, "end": window.end}


@router.get("/users/{user:path}", summary="How much would go if a user was erased")
async def kept_of_user(who: Reader, services: S, user: str) -> JSON:
    kept = await services.llm.erasing.kept(who.project, user)
    return {"user": user, "traces": len(kept.traces), "sessions": len(kept.sessions)}


@router.delete("/users/{user:path}", summary="Erase everything of one user, and give the disk back")
async def erase_user(who: Admin, services: S, user: str, body: Reason | None = None) -> JSON:
    """`why` goes to the audit, which does not name the user."""
    if not user:
        raise Invalid("whose?", field="user", expected="a user's id")
    erased = to_json(await services.llm.erasing.user(who.project, user))
    details = {**erased, **said_why(body)}
    now = services.clock.now()
    await services.audit.append(who.project, AuditEntry(now, who.name, "erase", "user", details=details))
    return dict(erased)


@router.post("/scores", summary="Score a trace, a span of it, or a session", status_code=201)
async def add_score(who: Sender, services: S, body: dict[str, Any]) -> JSON:
    (score,) = await services.llm.scoring.add(who.project, [body], who.name)
    return score_json(score)


@router.get("/scores", summary="Scores, newest first")
async def scores(
    who: Reader,
    services: S,
    trace: Text = "",
    session: Text = "",
    name: Text = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> JSON:
    page = await services.llm.scoring.scores.list(
        who.project, trace=trace.lower(), session=session, name=name, limit=limit, cursor=cursor
    )
    return {"items": [score_json(score) for score in page.items], "next": page.next}


@router.delete("/scores/{id:path}", summary="Take a score back")
async def delete_score(who: Writer, services: S, id: str) -> JSON:
    if not await services.llm.scoring.scores.delete(who.project, id):
        raise NotFound(f"no score {id[:200]!r}")
    return {"ok": True}


def sum_json(sum: Sum) -> JSON:
    return {
        "calls": sum.calls,
        "errors": sum.errors,
        "input_tokens": sum.input_tokens,
        "output_tokens": sum.output_tokens,
        "cost_usd": None if sum.cost is None else usd(sum.cost),
        "estimated": sum.estimated > 0,
        "unpriced": sum.unpriced,
    }


def trace_json(line: TraceLine) -> JSON:
    shown = {name: getattr(line, name) for name in _LINE}
    return {**shown, **sum_json(line.sum), "spans": line.spans, "scores": dict(line.scores)}


def span_json(span: SpanLine) -> JSON:
    shown = {name: getattr(span, name) for name in _SPAN}
    shown["cost_usd"] = None if span.cost is None else usd(span.cost)
    shown["total_cost_usd"] = None if span.total_cost is None else usd(span.total_cost)
    shown["events"] = [{**event, "at": event["time_ns"] / NS} if "time_ns" in event else event for event in span.events]
    return shown


def step_json(step: LlmStep) -> JSON:
    shown = to_json(step)
    told = {"time": shown.pop("time_ns") / NS, "cost_usd": usd(shown.pop("cost"))}
    return told | shown


def use_json(use: PromptUse) -> JSON:
    return {
        "version": int(use.version) if use.version.isascii() and use.version.isdigit() else use.version,
        **sum_json(use.sum),
        "p50_ms": use.p50_ms,
        "p95_ms": use.p95_ms,
        "first_token_ms": use.first_token_ms,
        "output_chars": use.output_chars,
        "answers": use.answers,
        "refused": use.refused,
        "last_at": use.last_at_ns / NS,
        "scores": {name: {"mean": mean, "count": count} for name, (mean, count) in use.scores.items()},
    }


def gathered_json(one: Gathered) -> JSON:
    return {
        "applications": one.applications,
        "traces": one.traces,
        "first_at": one.first_at,
        "last_at": one.last_at,
        **sum_json(one.sum),
    }


def score_json(score: Score) -> JSON:
    return to_json(score)


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def _trace_id(text: str) -> int:
    digits = text.replace("-", "")
    try:
        if not 1 <= len(digits) <= 32 or not digits.isascii() or not digits.isalnum():
            raise ValueError
        return int(digits, 16)
    except ValueError:
        raise Invalid("not a trace's id", field="trace", got=text, expected="32 hexadecimal digits") from None


_LINE = (
    "trace", "span", "root", "at", "ms", "first_token_ms", "application", "model", "provider", "prompt",
    "prompt_version", "user", "session", "tags", "status", "error", "input", "output",
)  # fmt: skip
_SPAN = (
    "span", "parent", "name", "type", "service", "at", "ms", "first_token_ms", "status", "error", "model", "provider",
    "prompt", "prompt_version", "user", "session", "input", "output", "input_tokens", "output_tokens", "cached_tokens",
    "cache_write_tokens", "total_tokens", "estimated", "attributes",
)  # fmt: skip

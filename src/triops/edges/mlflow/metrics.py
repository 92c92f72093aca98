"""Endpoints of metrics' histories: whole, in pages, of many runs, sampled."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

import orjson

from triops.edges.mlflow.fields import integer, text, texts
from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.edges.mlflow.shapes import listed, metric_messages
from triops.kernel.errors import Invalid
from triops.kernel.tenant import Right
from triops.ledger.runs.points import Columns
from triops.lenses.mlops.tracking import Tracking

_TEST = "tests/conformance/test_mlflow_tracking.py"
_HINT = " See the API docs for more information about request parameters."
_RUNS = 100
_SAMPLED = 2500
_BULK = 25_000
_WHOLE = 250_000  # points of an answer; a token tells where the next ones begin, asked for or not


def metric_endpoints(tracking: Tracking) -> Sequence[Endpoint]:
    async def history(call: Call) -> Answer:
        body = call.body
        most, offset = body["max_results"], _offset(body["page_token"])
        if most is not None and most <= 0:
            raise Invalid(
                f"Invalid value {most} for parameter 'max_results' supplied. It must be a positive integer.",
                field="max_results",
            )
        key = body["metric_key"]
        found = await tracking.history(call.project, [body["run_id"]], key)
        end = offset + min(most or _WHOLE, _WHOLE)
        more = any(len(columns[0]) > end for _, columns in found)
        token = {"next_page_token": _token(end)} if more else {}
        return await asyncio.to_thread(_answer, key, found, slice(offset, end), token)

    async def bulk(call: Call) -> Answer:
        runs, key, most = call.body["run_id"], call.given.get("metric_key"), call.body["max_results"]
        if not runs:
            raise Invalid("GetMetricHistoryBulk request must specify at least one run_id.", field="run_id")
        if len(runs) > _RUNS:
            raise Invalid(
                f"GetMetricHistoryBulk request cannot specify more than {_RUNS} run_ids. Received {len(runs)} run_ids.",
                field="run_id",
            )
        if key is None:
            raise Invalid("GetMetricHistoryBulk request must specify a metric_key.", field="metric_key")
        found = await tracking.history(call.project, sorted(set(runs)), key)
        return await asyncio.to_thread(_bulk_answer, key, found, max(0, min(most, _BULK)))

    async def interval(call: Call) -> Answer:
        body = call.body
        runs, key, most = body["run_ids"], body["metric_key"], body["max_results"]
        if len(runs) > _RUNS:
            raise Invalid(
                f"GetMetricHistoryBulkInterval request must specify at most {_RUNS} run_ids. Received {len(runs)}"
                f" run_ids.{_HINT}",
                field="run_ids",
            )
        if not 1 <= most <= _SAMPLED:
            raise Invalid(f"max_results must be between 1 and {_SAMPLED}.{_HINT}", field="max_results")
        steps = _interval(body["start_step"], body["end_step"])
        found = await tracking.sampled(call.project, runs, key, most, steps)
        return await asyncio.to_thread(_answer, key, found, slice(None), {}, True)

    path = "2.0/mlflow/metrics/get-history"
    history_fields = {
        "run_id": text(required=True),
        "metric_key": text(required=True),
        "max_results": integer(),
        "page_token": text(),
    }
    bulk_fields = {"run_id": texts(), "metric_key": text(), "max_results": integer(default=_BULK)}
    interval_fields = {
        "run_ids": texts(required=True),
        "metric_key": text(required=True),
        "start_step": integer(),
        "end_step": integer(),
        "max_results": integer(default=_SAMPLED),
    }
    return [
        Endpoint("GET", path, history, Right.READ, history_fields, _TEST),
        Endpoint("GET", path + "-bulk", bulk, Right.READ, bulk_fields, _TEST),
        Endpoint("GET", path + "-bulk-interval", interval, Right.READ, interval_fields, _TEST),
    ]


def _answer(
    key: str, found: Sequence[tuple[str, Columns]], part: slice, more: dict[str, str], told: bool = False
) -> bytes:
    """Thousands of messages: made off the event loop. `told`: each tells its run."""
    metrics: list[dict[str, Any]] = []
    for run, (time_ms, step, value) in found:
        metrics += metric_messages(key, (time_ms[part], step[part], value[part]), run if told else "")
    return orjson.dumps({**listed("metrics", metrics), **more})


def _bulk_answer(key: str, found: Sequence[tuple[str, Columns]], most: int) -> bytes:
    metrics: list[dict[str, Any]] = []
    for run, (time_ms, step, value) in found:
        left = slice(0, most - len(metrics))
        metrics += metric_messages(key, (time_ms[left], step[left], value[left]), run)
    return orjson.dumps({"metrics": metrics})


def _interval(start: int | None, end: int | None) -> tuple[int, int] | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise Invalid("If either start step or end step are specified, both must be specified.", field="start_step")
    if start > end:
        raise Invalid(
            f"end_step must be greater than start_step. Found start_step={start} and end_step={end}.", field="end_step"
        )
    return start, end


def _token(offset: int) -> str:
    return b64encode(b'{"offset": %d}' % offset).decode()


def _offset(token: str) -> int:
    """Raises: Invalid."""
    if not token:
        return 0
    try:
        decoded = orjson.loads(b64decode(token))
    except orjson.JSONDecodeError:
        raise Invalid("Invalid page token, decoded value=" + repr(b64decode(token)[:200]), field="page_token") from None
    except ValueError:
        raise Invalid("Invalid page token, could not base64-decode", field="page_token") from None
    offset = decoded.get("offset") if isinstance(decoded, dict) else None
    if not isinstance(offset, int) or isinstance(offset, bool) or not 0 <= offset < 1 << 62:
        raise Invalid(f"Invalid page token, parsed value={str(decoded)[:200]}", field="page_token")
    return offset

"""Traces of models' calls by the native API: search, pages, scores, redaction, erasing a user."""

import base64
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest

from triops.sdk.importing.spans import encoded
from triops.testing.server import RunningTriops


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with RunningTriops(tmp_path_factory.mktemp("llm") / "data", environ={"TRIOPS_GATEWAY_ENABLED": "false"}) as running:
        yield running


def plain(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"arrayValue": {"values": [plain(one) for one in value]}}
    return {"intValue": value} if isinstance(value, int) else {"stringValue": value}


def span(trace: int, number: int, parent: int = 0, name: str = "chat", **attributes: Any) -> dict[str, Any]:
    at = time.time_ns() - 10**9 + number * 1000
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{trace * 100_000 + number:016x}",
        "parentSpanId": f"{trace * 100_000 + parent:016x}" if parent else "",
        "name": name,
        "kind": 3,
        "startTimeUnixNano": at,
        "endTimeUnixNano": at + 10**6,
        "attributes": [{"key": key.replace("__", "."), "value": plain(value)} for key, value in attributes.items()],
    }


def call(trace: int, number: int, parent: int = 0, said: str = "hello", **more: Any) -> dict[str, Any]:
    told = {
        "gen_ai__operation__name": "chat",
        "gen_ai__request__model": "small",
        "gen_ai__usage__input_tokens": 1000,
        "gen_ai__usage__output_tokens": 10,
        "gen_ai__input__messages": f'[{{"role":"user","parts":[{{"type":"text","content":"{said}"}}]}}]',
    }
    return span(trace, number, parent, **(told | more))


def send(server: RunningTriops, *spans: dict[str, Any], **headers: str) -> None:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "bot"}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}
    answer = httpx.post(f"{server.url}/v1/traces", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


def api(server: RunningTriops, method: str, path: str, status: int = 200, **more: Any) -> Any:
    answer = httpx.request(method, f"{server.url}/triops/v1{path}", **more)
    assert answer.status_code == status, answer.text
    return answer.json()


def got(server: RunningTriops, path: str, **query: Any) -> Any:
    return api(server, "GET", path, params=query)


def apply(server: RunningTriops, *documents: dict[str, Any]) -> None:
    api(server, "POST", "/documents", json={"documents": list(documents)})


def test_a_price_fills_in_what_the_sender_did_not_say(server: RunningTriops) -> None:
    send(server, span(1, 1, openinference__span__kind="CHAIN"), call(1, 2, 1), call(1, 3, 1), call(1, 4, 3))
    (line,) = got(server, "/llm/traces", min_tokens=1)["items"]
    assert (line["cost_usd"], line["unpriced"], line["calls"]) == (None, 2, 2)
    price = {"input_per_million_usd": "0.5", "output_per_million_usd": "1.5", "from": "2020-01-01"}
    apply(server, {"kind": "Price", "name": "small", "spec": price})
    (line,) = got(server, "/llm/traces", min_cost_usd="0.001")["items"]
    assert (line["cost_usd"], line["unpriced"], line["input_tokens"]) == ("0.00103", 0, 2000)
    assert got(server, "/llm/traces", min_cost_usd="0.00104")["items"] == []
    whole = got(server, f"/llm/traces/{line['trace']}")
    assert [span["total_cost_usd"] for span in whole["items"]] == ["0.00103", "0.000515", "0.000515", "0.000515"]
    assert [span["cost_usd"] for span in whole["items"]] == [None, "0.000515", None, "0.000515"]


def test_what_a_provider_keeps_costs_what_its_price_says(server: RunningTriops) -> None:
    """Tokens read from a cache are cheap, tokens written to one dear; both are among the input."""
    told = {"gen_ai__usage__input_tokens": 1000, "gen_ai__usage__cache_read__input_tokens": 600}
    told |= {"gen_ai__usage__cache_creation__input_tokens": 300, "gen_ai__request__model": "keeps"}
    send(server, span(70, 1, gen_ai__operation__name="chat", **told))
    price = {"input_per_million_usd": "3", "cached_input_per_million_usd": "0.3", "cache_write_per_million_usd": "3.75"}
    apply(server, {"kind": "Price", "name": "keeps", "spec": {**price, "from": "2020-01-01"}})
    (line,) = got(server, "/llm/traces", model="keeps")["items"]
    assert line["cost_usd"] == "0.001605"
    (one,) = got(server, f"/llm/traces/{line['trace']}")["items"]
    assert (one["cost_usd"], one["cached_tokens"], one["cache_write_tokens"]) == ("0.001605", 600, 300)


def test_a_trace_of_ten_thousand_spans_pages(server: RunningTriops) -> None:
    send(server, span(2, 1, openinference__span__kind="AGENT"), *(call(2, n, 1, f"step {n}") for n in range(2, 10_001)))
    (line,) = got(server, "/llm/traces", q="STEP 7777")["items"]
    assert (line["spans"], line["calls"], line["input_tokens"]) == (10_000, 9_999, 9_999_000)
    seen: list[str] = []
    cursor = None
    while True:
        page = got(server, f"/llm/traces/{line['trace']}", limit=1000, **({"cursor": cursor} if cursor else {}))
        seen += [one["span"] for one in page["items"]]
        assert page["trace"]["spans"] == 10_000
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 10_000


def test_what_no_sender_should_send_is_shown_all_the_same(server: RunningTriops) -> None:
    deep = "[" * 400 + "]" * 400
    most = 2**62 - 1
    circle = [call(22, 1, 2), call(22, 2, 3), call(22, 3, 1), call(22, 4, 4), call(22, 5, 1)]
    send(server, call(21, 1, input__value=deep) | {"name": "deep"}, span(21, 2, input__value=deep), *circle)
    send(server, *(call(23, n, 0, gen_ai__usage__output_tokens=most, triops__cost_pico=most) for n in range(1, 6)))
    assert got(server, f"/llm/traces/{21:032x}")["items"][1]["input"][0]["parts"][0]["content"] == deep
    assert got(server, f"/llm/traces/{22:032x}")["trace"]["input_tokens"] == 4000
    huge = got(server, f"/llm/traces/{23:032x}")
    assert huge["trace"]["output_tokens"] == 0
    assert huge["trace"]["cost_usd"] == "23058430.092136939515"


def test_scores(server: RunningTriops) -> None:
    send(server, call(3, 1, said="judge me", session__id="talk"))
    trace = f"{3:032x}"
    one = api(server, "POST", "/scores", 201, json={"id": "a", "trace": trace, "name": "good", "value": 0.5})
    assert (one["id"], one["source"], one["value"]) == ("a", "api", 0.5)
    api(server, "POST", "/scores", 201, json={"id": "a", "trace": trace, "name": "good", "value": True})
    api(server, "POST", "/scores", 201, json={"session": "talk", "name": "tone", "value": "warm"})
    assert [(s["name"], s["value"]) for s in got(server, "/scores", trace=trace)["items"]] == [("good", 1.0)]
    assert got(server, "/llm/traces", q="judge me")["items"][0]["scores"] == {"good": 1.0}
    for wrong in (
        {"trace": trace, "name": "x"},
        {"trace": trace, "value": 1},
        {"name": "x", "value": 1},
        {"trace": "xyz", "name": "x", "value": 1},
        {"trace": trace, "name": "x", "value": 1, "source": "nobody"},
        {"trace": trace, "name": "x", "value": 1, "at": "noon"},
    ):
        assert api(server, "POST", "/scores", 400, json=wrong)["error"]["field"]
    api(server, "DELETE", "/scores/a")
    api(server, "DELETE", "/scores/a", 404)


def test_today_at_one_look_without_a_gateway(server: RunningTriops) -> None:
    send(server, {**call(140, 1), "status": {"code": 2}}, call(141, 1, llm__first_token_ms=1))
    today = got(server, "/llm/today")
    assert (today["requests"], today["cost_usd"], today["budget"], today["problem"]) == (0, "0", None, None)
    assert today["traces"] >= 2
    assert 1 <= today["failed"] < today["traces"]
    assert today["p95_ms"] >= 1


def test_a_user_is_erased_everywhere(server: RunningTriops) -> None:
    chain = span(4, 1, openinference__span__kind="CHAIN", user__id="eve", session__id="hers")
    send(server, chain, call(4, 2, 1, "my secret plan"))
    send(server, call(5, 1, said="an open plan", user__id="bob"))
    api(server, "POST", "/scores", 201, json={"trace": f"{4:032x}", "name": "x", "value": 1})
    api(server, "POST", "/scores", 201, json={"session": "hers", "name": "x", "value": 1})
    assert got(server, "/users/eve") == {"user": "eve", "traces": 1, "sessions": 1}
    gone = {"traces": 1, "sessions": 1, "rows": 4}
    assert api(server, "DELETE", "/users/eve", json={"why": "she asked"}) == gone
    assert got(server, "/users/eve") == {"user": "eve", "traces": 0, "sessions": 0}
    assert [one["user"] for one in got(server, "/llm/traces", q="plan")["items"]] == ["bob"]
    assert got(server, "/llm/users", user="eve")["items"] == []
    assert got(server, "/scores", session="hers")["items"] == []
    assert api(server, "GET", f"/llm/traces/{4:032x}", 404)["error"]["kind"] == "not_found"
    assert got(server, "/audit", verb="erase")["items"][0]["details"] == {**gone, "why": "she asked"}


def test_a_user_whom_only_an_experiments_trace_names_is_erased(server: RunningTriops) -> None:
    made = httpx.post(f"{server.url}/api/2.0/mlflow/experiments/create", json={"name": "named"}).json()
    experiment, trace = made["experiment_id"], f"tr-{41:032x}"
    send(server, call(41, 1, said="named beside it"), **{"x-mlflow-experiment-id": experiment})
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    told = {"trace_id": trace, "trace_location": location, "request_time": "2026-11-21T10:00:00Z"}
    told["trace_metadata"] = {"mlflow.trace.user": "mia"}
    assert httpx.post(f"{server.url}/api/3.0/mlflow/traces", json={"trace": {"trace_info": told}}).status_code == 200
    artifacts = f"mlflow-artifacts/artifacts/{experiment}/traces/{trace}/artifacts/traces.json"
    assert httpx.put(f"{server.url}/api/2.0/{artifacts}", content=b"mia's words").status_code == 200
    assert got(server, "/users/mia")["traces"] == 1
    assert api(server, "DELETE", "/users/mia")["traces"] == 1
    assert got(server, "/llm/traces", q="named beside it")["items"] == []
    held = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file())
    assert b"mia's words" not in held
    assert b"named beside it" not in held


@pytest.mark.parametrize("user", ["long" * 100, '"quoted"', "a/b?c#d", "%2e%2e/.."])
def test_a_user_with_an_odd_id_is_found_and_erased(user: str, server: RunningTriops) -> None:
    named = {"user__id": user, "session__id": user}
    send(server, span(40, 1, openinference__span__kind="CHAIN", **named), call(40, 2, 1, "their own words"))
    assert len(got(server, "/llm/traces", user=user, session=user)["items"]) == 1
    assert got(server, f"/llm/sessions/{quote(user, safe='')}")["session"]["traces"] == 1
    assert api(server, "DELETE", f"/users/{quote(user, safe='')}")["traces"] == 1
    assert got(server, "/llm/traces", q="their own words")["items"] == []


def test_a_client_without_traceparent_and_the_gateway_count_once_in_a_session(server: RunningTriops) -> None:
    same = {"session__id": "joined", "user__id": "joe", "gen_ai__response__id": "chatcmpl-1"}
    send(server, call(30, 1, **same), call(31, 1, triops__call="c1", triops__cost_usd="0.25", **same))
    send(server, call(32, 1, **{**same, "gen_ai__response__id": "chatcmpl-2"}))
    (session,) = got(server, "/llm/sessions", session="joined")["items"]
    assert (session["traces"], session["calls"], session["input_tokens"]) == (3, 2, 2000)
    (user,) = got(server, "/llm/users", user="joe")["items"]
    assert user["calls"] == 2


def test_what_must_not_be_stored_is_stored_nowhere(server: RunningTriops) -> None:
    apply(server, {"kind": "Redaction", "name": "care", "spec": {"pii": ["EMAIL_ADDRESS"], "attributes": ["card.*"]}})
    send(server, call(6, 1, said="write to ada@example.org soon", card__number="5555444433"))
    experiment = httpx.post(f"{server.url}/api/2.0/mlflow/experiments/create", json={"name": "kept"}).json()
    spans = [call(7, 1, said="or to eve@example.org later", card__number="5555444433")]
    send(server, *spans, **{"x-mlflow-experiment-id": experiment["experiment_id"]})
    for text in ("ada@example.org", "eve@example.org", "5555444433"):
        assert got(server, "/llm/traces", q=text)["items"] == []
    for trace, text in ((6, "soon"), (7, "later")):
        assert [one["trace"] for one in got(server, "/llm/traces", q=text)["items"]] == [f"{trace:032x}"]
        shown = httpx.get(f"{server.url}/triops/v1/llm/traces/{trace:032x}").text
        assert "@example.org" not in shown
        assert "card" not in shown
    kept = httpx.get(f"{server.url}/ajax-api/3.0/mlflow/traces/get", params={"trace_id": f"tr-{7:032x}"})
    assert kept.status_code == 200, kept.text
    assert "later" in kept.text
    assert "@example.org" not in kept.text
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment["experiment_id"]}}
    told = {"trace_id": f"tr-{7:032x}", "trace_location": location, "request_time": "2026-11-21T10:00:00Z"}
    told |= {"request_preview": "reach me at eve@example.org", "response_preview": "eve@example.org it is"}
    told["trace_metadata"] = {"mlflow.traceInputs": '{"to": "eve@example.org"}'}
    said = httpx.post(f"{server.url}/api/3.0/mlflow/traces", json={"trace": {"trace_info": told}})
    assert said.status_code == 200, said.text
    assert said.json()["trace"]["trace_info"]["request_preview"] == "reach me at [EMAIL_ADDRESS]"
    mail = "eve@example.org"
    noted = {"langfuse__observation__metadata__note": mail, "langfuse__observation__status_message": mail}
    send(server, span(8, 1, langfuse__observation__type="span", langfuse__trace__metadata__plan=mail, **noted))
    score = {"trace": f"{8:032x}", "name": "good", "value": f"as {mail} said", "comment": f"ask {mail}"}
    assert api(server, "POST", "/scores", 201, json=score)["comment"] == "ask [EMAIL_ADDRESS]"
    judged = {"assessment_name": "good", "source": {"source_type": "HUMAN", "source_id": "ann"}, "rationale": mail}
    mlflow = f"{server.url}/api/3.0/mlflow/traces/tr-{7:032x}/assessments"
    assert httpx.post(mlflow, json={"assessment": {**judged, "feedback": {"value": mail}}}).status_code == 200
    artifacts = f"{server.url}/api/2.0/mlflow-artifacts/artifacts/1/traces/tr-{7:032x}/artifacts/traces.json"
    kept = {"spans": [{"name": "f", "attributes": {"mlflow.spanInputs": f'"{mail}"'}, "events": [], "links": []}]}
    for document in (orjson.dumps(kept), f"broken {mail}".encode()):
        assert httpx.put(artifacts, content=document).status_code == 200
        assert mail.encode() not in httpx.get(artifacts).content
    elsewhere = {
        "name": "say", "trace_id": base64.b64encode(bytes([9] * 16)).decode(), "start_time_unix_nano": time.time_ns(),
        "span_id": base64.b64encode(bytes([9] * 8)).decode(), "status": {"message": "no credit for eve@example.org"},
        "attributes": {"mlflow.spanInputs": "to eve@example.org", "card.number": "5555444433"},
        "events": [{"name": "exception", "attributes": {"exception.message": "eve@example.org"}}],
    }  # fmt: skip
    moved = {"id": "tr-moved", "artifact_uri": "", "info": {**told, "trace_id": "tr-moved"}}
    moved["spans"] = encoded([elsewhere])
    items = [{"trace": moved, "to": experiment["experiment_id"]}]
    assert api(server, "POST", "/import/mlflow/traces", json={"items": items})["items"][0]["state"] == "created"
    kept = httpx.get(f"{server.url}/ajax-api/3.0/mlflow/traces/get", params={"trace_id": "tr-moved"})
    assert "no credit for [EMAIL_ADDRESS]" in kept.text
    assert "reach me at [EMAIL_ADDRESS]" in kept.text
    for path in server.data.rglob("*"):
        if path.is_file():
            assert b"eve@example.org" not in path.read_bytes(), path
            assert b"5555444433" not in path.read_bytes(), path


def test_an_exception_quotes_what_was_said(server: RunningTriops) -> None:
    apply(server, {"kind": "Redaction", "name": "quiet", "spec": {"keep": "none"}})
    failed = span(80, 1, gen_ai__operation__name="chat", error__type="refused", error__message="word in an attribute")
    failed["status"] = {"code": 2, "message": "a word that was said"}
    failed["events"] = [
        {"name": "exception", "timeUnixNano": 1, "attributes": [
            {"key": "exception.message", "value": plain("word in an event")},
            {"key": "exception.stacktrace", "value": plain("word in a trace")},
        ]}
    ]  # fmt: skip
    send(server, failed)
    api(server, "DELETE", "/documents/Redaction/quiet")
    shown = httpx.get(f"{server.url}/triops/v1/llm/traces/{80:032x}")
    assert shown.json()["trace"]["error"] == "refused"
    assert "word" not in shown.text


def test_what_is_asked_wrongly_is_refused(server: RunningTriops) -> None:
    for path, query in (
        ("/llm/traces", {"cursor": "zzz"}),
        ("/llm/traces", {"min_cost_usd": "a lot"}),
        ("/llm/traces", {"status": "fine"}),
        ("/llm/traces/nonsense!", {}),
        ("/llm/sessions", {"cursor": "zzz"}),
    ):
        assert httpx.get(f"{server.url}/triops/v1{path}", params=query).status_code in (400, 422), path
    assert api(server, "GET", "/llm/sessions/nobody", 404)["error"]["kind"] == "not_found"
    assert api(server, "GET", "/llm/traces/ff", 404)["error"]["kind"] == "not_found"


def test_versions_of_a_prompt_beside_each_other(server: RunningTriops) -> None:
    def answered(trace: int, version: int, words: str, **more: Any) -> dict[str, Any]:
        told = f'[{{"role":"assistant","parts":[{{"type":"text","content":"{words}"}}]}}]'
        name = {"triops__prompt__name": "tell", "triops__prompt__version": str(version)}
        return call(trace, 1, **name, gen_ai__output__messages=told, **more)

    api(server, "POST", "/prompts/tell/versions", json={"text": "Tell {{what}}"})
    broken = {**answered(133, 2, "x" * 400), "status": {"code": 2, "message": "no"}}
    send(
        server,
        answered(130, 1, "four"),
        answered(131, 2, "y" * 300),
        answered(132, 2, "I'm sorry, but I can't."),
        broken,
    )
    newest, older = got(server, "/prompts/tell/usage")["rows"]
    assert [newest[k] for k in ("version", "calls", "errors", "answers", "refused")] == [2, 3, 1, 2, 1]
    assert newest["output_chars"] == (300 + 23) / 2  # a failed call answers nothing
    assert [older[k] for k in ("version", "output_chars", "answers", "refused")] == [1, 4.0, 1, 0]


def test_a_long_conversation_keeps_its_answer_and_its_tokens(server: RunningTriops) -> None:
    turns = {
        f"llm__input_messages__{n}__message__{part}": text
        for n in range(300)
        for part, text in (("role", "user"), ("content", f"turn {n}"))
    }
    answer = {"llm__output_messages__0__message__content": "the end", "llm__token_count__prompt": 7}
    long = [{"role": "user", "parts": [{"type": "text", "content": f"{n} " + "word " * 100}]} for n in range(300)]
    send(
        server,
        span(20, 1, openinference__span__kind="LLM", **turns, **answer),
        span(20, 2, gen_ai__operation__name="chat", gen_ai__input__messages=orjson.dumps(long).decode()),
        span(20, 3, gen_ai__operation__name="chat", gen_ai__input__messages=orjson.dumps(long * 2).decode()),
    )
    whole = got(server, f"/llm/traces/{20:032x}")
    spread, one, cut = whole["items"]
    assert (len(spread["input"]), spread["output"][0]["parts"][0]["content"]) == (300, "the end")
    assert whole["trace"]["input_tokens"] == 7
    assert len(one["input"]) == 300
    assert 300 < len(cut["input"]) < 600
    assert cut["input"][-1]["parts"][0]["content"].endswith("word…") or cut["input"][-1]["role"] == "user"


def test_half_of_a_character_does_not_lose_a_request_of_json(server: RunningTriops) -> None:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [call(24, 1, said="HALF"), call(24, 2, said="whole")]}]}]}
    for half in (rb"\\ud83d", b"\xff"):
        sent = orjson.dumps(body).replace(b"HALF", rb"\\ud83d\\ude00 \\\\ud83d " + half)
        answer = httpx.post(f"{server.url}/v1/traces", content=sent, headers={"content-type": "application/json"})
        assert answer.status_code == 200, answer.text
    assert got(server, f"/llm/traces/{24:032x}")["trace"]["spans"] == 2


def test_messages_that_come_as_log_records_are_in_the_conversation(server: RunningTriops) -> None:
    silent = {"gen_ai__operation__name": "chat", "gen_ai__usage__input_tokens": 3}
    send(server, span(25, 1, **silent), span(25, 2, **silent))
    at = str(time.time_ns())

    def record(number: int, name: str, **told: Any) -> dict[str, Any]:
        return {"timeUnixNano": at, "traceId": f"{25:032x}", "spanId": f"{25 * 100_000 + number:016x}", **told} | {
            "attributes": [{"key": "event.name", "value": plain(name)}, *told.get("attributes", ())]
        }

    asked = orjson.dumps([{"role": "user", "parts": [{"type": "text", "content": "of now"}]}]).decode()
    said = {"kvlistValue": {"values": [{"key": "content", "value": plain("once")}]}}
    choice = {"kvlistValue": {"values": [{"key": "message", "value": plain('{"content":"so it was"}')}]}}
    records = [
        record(1, "gen_ai.client.inference.operation.details",
               attributes=[{"key": "gen_ai.input.messages", "value": plain(asked)}]),
        record(2, "gen_ai.user.message", body=said),
        record(2, "gen_ai.choice", body=choice),
    ]  # fmt: skip
    sent = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
    assert httpx.post(f"{server.url}/v1/logs", json=sent).status_code == 200
    new, old = got(server, f"/llm/traces/{25:032x}")["items"]
    assert new["input"][0]["parts"][0]["content"] == "of now"
    assert [old[side][0]["parts"][0]["content"] for side in ("input", "output")] == ["once", "so it was"]

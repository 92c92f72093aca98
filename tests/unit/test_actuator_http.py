import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triops.adapters.actuators.http import HttpActuator
from triops.kernel.errors import Forbidden, Invalid
from triops.kernel.tenant import DEFAULT_PROJECT
from triops.testing.receiver import Receiver, receiver

ENV = {"TOKEN": "t0p-s3cret", "OTHER": "no", "BROKEN": "a\r\nX: y"}


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as listening:
        yield listening


def hand(*allow: str) -> HttpActuator:
    options = {"allow": allow} if allow else {}
    return HttpActuator(ENV.get, env=["TOKEN", "UNSET", "BROKEN"], **options)


async def test_a_request_is_made_as_written(there: Receiver) -> None:
    spec = {
        "method": "PUT",
        "url": there.url + "/deploy?a=1",
        "json": {"service": "pricing", "version": "6"},
        "headers": {"Authorization": "Bearer {{env:TOKEN}}", "X-Why": "rollback"},
        "expect_status": [202],
    }
    there.status, there.body = 202, b"accepted t0p-s3cret"
    outcome = await hand().run(DEFAULT_PROJECT, spec)
    assert (outcome.ok, outcome.text) == (True, "202 accepted ***")
    (got,) = there.received
    assert (got.method, got.path) == ("PUT", "/deploy?a=1")
    assert orjson.loads(got.body) == spec["json"]
    assert got.headers["Authorization"] == "Bearer t0p-s3cret"
    assert got.headers["Content-Type"] == "application/json"
    said = hand().plan(spec)
    assert said == f'PUT {there.url}/deploy?a=1 with {{"service":"pricing","version":"6"}}'


async def test_secrets_are_not_in_the_plan() -> None:
    spec = {"url": "http://127.0.0.1:1/x?token=abc&b=2", "json": {"password": "hunter2", "n": 1}}
    said = hand().plan(spec)
    assert "abc" not in said
    assert "hunter2" not in said
    assert "token=***" in said
    assert "b=2" in said


async def test_a_text_body(there: Receiver) -> None:
    outcome = await hand().run(DEFAULT_PROJECT, {"url": there.url, "body": "plain ü"})
    assert outcome.ok
    assert there.received[0].body == "plain ü".encode()


@pytest.mark.parametrize(
    ("status", "expect", "ok"), [(200, None, True), (204, None, True), (302, None, False), (500, None, False),
                                 (404, 404, True), (200, 201, False)]
)  # fmt: skip
async def test_what_counts_as_done(there: Receiver, status: int, expect: int | None, ok: bool) -> None:
    there.status, there.body = status, b""
    there.headers = {"Location": there.url + "/elsewhere"}
    spec = {"url": there.url} | ({"expect_status": expect} if expect else {})
    outcome = await hand().run(DEFAULT_PROJECT, spec)
    assert outcome.ok is ok
    assert outcome.text.startswith(str(status))
    assert len(there.received) == 1


async def test_it_gives_up_and_never_tries_twice(there: Receiver) -> None:
    there.hold = asyncio.Event()
    outcome = await hand().run(DEFAULT_PROJECT, {"url": there.url, "timeout_s": 0.2})
    assert (outcome.ok, outcome.text) == (False, "no answer within 0.2 s")
    assert len(there.received) == 1


async def test_the_outcome_is_bounded(there: Receiver) -> None:
    there.body = "é".encode() * (1 << 20)
    assert len((await hand().run(DEFAULT_PROJECT, {"url": there.url})).text.encode()) <= 4096


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://127.0.0.1.evil.com/",
        "http://127.0.0.2/",
        "http://0.0.0.0/",
        "http://2130706433/",
    ],
)
async def test_by_default_only_loopback_is_allowed(url: str) -> None:
    with pytest.raises(Forbidden):
        hand().check({"url": url})
    assert not (await hand().run(DEFAULT_PROJECT, {"url": url})).ok


def test_an_allowed_place_is_its_origin_and_the_paths_below() -> None:
    actuator = hand("https://ops.example.com/api/v1", "http://10.0.0.1:8080")
    for url in (
        "https://ops.example.com/api/v1", "https://OPS.example.com:443/api/v1/x?y", "http://10.0.0.1:8080/any",
    ):  # fmt: skip
        actuator.check({"url": url})
    for url in (
        "https://ops.example.com/api/v10", "https://ops.example.com/", "http://ops.example.com/api/v1",
        "https://ops.example.com/api/v1/../admin", "https://ops.example.com/api/v1/%2e%2e/admin",
        "http://10.0.0.1/any", "http://10.0.0.1:80800", "http://10.0.0.1:8081", "http://127.0.0.1/",
    ):  # fmt: skip
        with pytest.raises((Forbidden, Invalid)):
            actuator.check({"url": url})
    with pytest.raises(Invalid):
        actuator.check({"url": "https://ops.example.com/api/v1/..%2f..%2fadmin"})


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"url": None}, "url"),
        ({"url": "https://127.0.0.1:7410.evil.com/"}, "url"),
        ({"url": "http://u:p@127.0.0.1/"}, "url"),
        ({"method": "CONNECT"}, "method"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"timeout_s": 61}, "timeout_s"),
        ({"timeout_s": True}, "timeout_s"),
        ({"timeout": 5}, "timeout"),
        ({"json": {}, "body": ""}, "body"),
        ({"json": object()}, "json"),
        ({"body": {}}, "body"),
        ({"body": "x" * 70_000}, "body"),
        ({"expect_status": "200"}, "expect_status"),
        ({"expect_status": []}, "expect_status"),
        ({"headers": []}, "headers"),
        ({"headers": {"Host": "x"}}, "headers"),
        ({"headers": {"a b": "x"}}, "headers"),
        ({"headers": {"X-A": "x\r\ny: z"}}, "headers.X-A"),
        ({"headers": {"X-A": 1}}, "headers.X-A"),
    ],
)
async def test_a_spec_it_would_not_run_is_named(spec: dict[str, Any], field: str) -> None:
    spec = {"url": "http://127.0.0.1:1/", **spec}
    with pytest.raises(Invalid) as raised:
        hand().check(spec)
    assert raised.value.details["field"] == field
    outcome = await hand().run(DEFAULT_PROJECT, spec)
    assert not outcome.ok
    assert outcome.text.startswith(field)


async def test_only_allowed_variables_are_read(there: Receiver) -> None:
    with pytest.raises(Forbidden):
        hand().check({"url": there.url, "headers": {"X-A": "{{env:OTHER}}"}})
    outcome = await hand().run(DEFAULT_PROJECT, {"url": there.url, "headers": {"X-A": "{{ env:UNSET }}"}})
    assert outcome.text == "not set where the server runs: UNSET"
    outcome = await hand().run(DEFAULT_PROJECT, {"url": there.url, "headers": {"X-A": "{{env:BROKEN}}"}})
    assert not outcome.ok
    assert there.received == []


@given(
    st.dictionaries(
        st.sampled_from(["url", "method", "headers", "json", "body", "expect_status", "timeout_s", "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
            | st.sampled_from(["http://127.0.0.1/", "POST"]),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=5,
        ),
        max_size=4,
    )
)  # fmt: skip
def test_any_spec_is_planned_or_refused_by_kind(spec: dict[str, Any]) -> None:
    try:
        assert len(hand().plan(spec)) <= 500
    except (Invalid, Forbidden):
        pass

"""What is nested beyond reason is the sender's error, never ours."""

from typing import Any

import pytest

from triops.edges.cloudevents.wire import decode
from triops.kernel.errors import Invalid
from triops.kernel.limits import Limits
from triops.loop.documents import Kinds
from triops.loop.runbooks import runbook_kind


def test_a_deep_cloud_event_is_refused() -> None:
    data = b"[" * 600 + b"]" * 600
    body = b'{"specversion":"1.0","id":"a","source":"s","type":"x.deployed","data":{"a":' + data + b"}}"
    with pytest.raises(Invalid, match="deep"):
        decode({}, "application/cloudevents+json", body, 1e9, Limits())


@pytest.mark.parametrize("depth", [30, 200, 900])
def test_a_deep_document_is_refused(depth: int) -> None:
    deep: list[Any] = []
    for _ in range(depth):
        deep = [deep]
    spec = {"title": "t", "effect": {"actuator": "http", "spec": {"json": deep}}}
    with pytest.raises(Invalid, match="deep"):
        Kinds([runbook_kind(["http"])]).validate("Runbook", "a", spec)

"""Errors as answers: whatever came, the answer is JSON."""

import orjson
import pytest

from triops.kernel.errors import Invalid
from triops.web.problems import problem


@pytest.mark.parametrize(
    "got", [-(1 << 63) - 1, 1 << 64, float("nan"), "x" * 1000, [1 << 70], "\ud800", {"\ud800": 1}, None, True]
)
def test_whatever_came_can_be_shown(got: object) -> None:
    answer = problem(Invalid("does not fit", field="body", got=got))
    assert answer.status_code == 400
    assert orjson.loads(bytes(answer.body))["error"]["field"] == "body"

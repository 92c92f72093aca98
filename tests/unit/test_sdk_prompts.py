"""What the SDK serves of a prompt when the server's answer is none, or does not come."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from triops.kernel.errors import Invalid
from triops.sdk.client import ApiError, Client, Unreachable
from triops.sdk.prompts import PromptCache

URL = "http://triops.test"
GOOD = {
    "prompt": "p",
    "label": "production",
    "share": {"1": 100},
    "versions": [{"prompt": "p", "version": 1, "text": "good {{x}}", "engine": "mustache", "note": ""}],
}
BROKEN = {**GOOD, "versions": [{**GOOD["versions"][0], "engine": "jinja2", "text": "{% for %}"}]}  # type: ignore[index]


class Line:
    """What the server answers, and how often it was asked."""

    def __init__(self, answer: Callable[[], httpx.Response]) -> None:
        self.answer = answer
        self.asked = 0

    def client(self) -> Client:
        return Client(URL, http=httpx.Client(base_url=URL, transport=httpx.MockTransport(self._handle)))

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return self.answer()


def says(body: Any, status: int = 200) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(status, **({"text": body} if isinstance(body, str) else {"json": body}))


def fails() -> httpx.Response:
    raise httpx.ReadTimeout("slow")


@pytest.mark.parametrize(
    "answer",
    [
        says("<html>please log in</html>"),
        says("", 302),
        says([]),
        says({"label": "production"}),
        says({**GOOD, "versions": []}),
        says(BROKEN),
        says("bad gateway", 502),
        says({"error": "bad gateway"}, 503),
        fails,
    ],
)
def test_the_last_good_version_whatever_the_server_answers(answer: Any, tmp_path: Path) -> None:
    line = Line(says(GOOD))
    cache = PromptCache(folder=tmp_path, client=line.client())
    assert not cache.get("p", ttl_s=0).stale
    line.answer = answer
    assert (cache.get("p", ttl_s=0).render(x=1), cache.get("p").stale) == ("good 1", True)
    restarted = PromptCache(folder=tmp_path, client=line.client())
    assert (restarted.get("p").render(x=2), restarted.get("p").stale) == ("good 2", True)


def test_how_old_a_version_may_be_is_said_each_time() -> None:
    line = Line(says(GOOD))
    cache = PromptCache(folder="", client=line.client())
    cache.get("p")
    line.answer = fails
    assert not cache.get("p").stale
    assert cache.get("p", ttl_s=0).stale


def test_a_version_that_is_no_template_is_told_where_no_good_one_is_known() -> None:
    with pytest.raises(Invalid, match="not a Jinja2 template"):
        PromptCache(folder="", client=Line(says(BROKEN)).client()).get("p")


def test_a_server_that_is_down_is_not_asked_at_every_call_where_nothing_is_known() -> None:
    line = Line(fails)
    cache = PromptCache(folder="", client=line.client())
    threads = [threading.Thread(target=lambda: cache.get("p", fallback="hi")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get("p", fallback="hi").version == 0
    with pytest.raises(Unreachable, match="not in the cache"):
        cache.get("p")
    assert line.asked == 1


def test_a_prompt_that_was_deleted_is_not_served_from_the_disk(tmp_path: Path) -> None:
    line = Line(says(GOOD))
    PromptCache(folder=tmp_path, client=line.client()).get("p")
    line.answer = says({"error": {"kind": "not_found", "message": "no prompt is named p"}}, 404)
    with pytest.raises(ApiError, match="no prompt is named p"):
        PromptCache(folder=tmp_path, client=line.client()).get("p")
    line.answer = fails
    with pytest.raises(Unreachable):
        PromptCache(folder=tmp_path, client=line.client()).get("p")


def test_what_a_revoked_key_got_is_served_no_more(tmp_path: Path) -> None:
    line = Line(says(GOOD))
    cache = PromptCache(folder=tmp_path, client=line.client())
    for name in ("p", "q"):
        cache.get(name)
    line.answer = says({"error": {"kind": "unauthenticated", "message": "not a valid key"}}, 401)
    with pytest.raises(ApiError, match="not a valid key"):
        PromptCache(folder=tmp_path, client=line.client()).get("p", ttl_s=0)
    with pytest.raises(ApiError, match="not a valid key"):
        cache.get("p", version=1)
    line.answer = fails
    for asked in (cache, PromptCache(folder=tmp_path, client=line.client())):
        for name in ("p", "q"):
            with pytest.raises(Unreachable):
                asked.get(name)


def test_what_a_key_may_not_read_any_more_is_served_no_more(tmp_path: Path) -> None:
    line = Line(says(GOOD))
    cache = PromptCache(folder=tmp_path, client=line.client())
    for name in ("p", "q"):
        cache.get(name)
    line.answer = says({"error": {"kind": "forbidden", "message": "not yours"}}, 403)
    with pytest.raises(ApiError, match="not yours"):
        cache.get("p", ttl_s=0)
    line.answer = fails
    assert cache.get("q", ttl_s=0).stale
    for asked in (cache, PromptCache(folder=tmp_path, client=line.client())):
        with pytest.raises(Unreachable):
            asked.get("p")


def test_an_error_that_is_not_of_triops_is_an_api_error() -> None:
    with pytest.raises(ApiError) as raised:
        Line(says({"error": "no"}, 403)).client().call("GET", "/status")
    assert raised.value.status == 403
    with pytest.raises(Unreachable, match="is no Triops"):
        Line(says("<html>")).client().call("GET", "/status")

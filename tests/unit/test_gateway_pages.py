"""Calls of the UI's own pages: by the session's cookie, from this server's own pages alone."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triops.kernel.errors import Forbidden, TriopsError, Unauthenticated
from triops.lenses.llmops.gateway.config import Config, configured
from triops.lenses.llmops.gateway.pages import LOCAL, of_page

HERE = {"host": "127.0.0.1:4000", "origin": "http://127.0.0.1:4000"}
KEY = {"kind": "Key", "name": "bot", "spec": {}}


def config(
    *, open: bool = False, documents: tuple[Mapping[str, Any], ...] = (), expires: float | None = None
) -> Config:
    keys = {
        sha256(name.encode()).hexdigest(): {"project": "shop", "role": role, "name": name, "expires_at": expires}
        for name, role in (("tri_editor", "editor"), ("tri_viewer", "viewer"))
    }
    projects = {"default": {"documents": list(documents)}}
    return configured({"open": open, "triops_keys": {} if open else keys, "projects": projects})


def cookie(secret: str, **more: str) -> dict[str, str]:
    return {**HERE, "cookie": f"theme=dark; triops_session={secret}", **more}


def test_a_session_calls_as_its_key_in_its_project() -> None:
    caller = of_page(config(), cookie("tri_editor"), 0)
    assert caller is not None
    assert (caller.project, caller.key) == ("shop", "api:tri_editor")


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        (cookie("tri_editor", origin="http://evil.example"), Forbidden),
        (cookie("tri_editor", origin="null"), Forbidden),
        (cookie("tri_editor", origin="https://127.0.0.1:4001"), Forbidden),
        (cookie("tri_viewer"), Forbidden),  # a viewer may not spend
        (cookie("tri_gone"), Unauthenticated),
    ],
)
def test_no_other_page_and_no_other_role(headers: dict[str, str], error: type[TriopsError]) -> None:
    with pytest.raises(error):
        of_page(config(), headers, 0)


def test_a_session_ends_with_its_key() -> None:
    with pytest.raises(Unauthenticated):
        of_page(config(expires=10.0), cookie("tri_editor"), 11.0)


def test_a_program_is_no_page() -> None:
    """It sends no origin, or a key of its own, which counts alone."""
    without = cookie("tri_editor")
    del without["origin"]
    for headers in (
        without,
        cookie("tri_editor", authorization="Bearer trg_x"),
        cookie("tri_editor") | {"x-api-key": "k"},
    ):
        assert of_page(config(), headers, 0) is None


def test_on_an_open_server_the_local_user_calls_where_applications_need_keys() -> None:
    assert of_page(config(open=True, documents=(KEY,)), HERE, 0) is LOCAL
    assert of_page(config(open=True), HERE, 0) is None  # anyone may anyway
    assert of_page(config(open=True, documents=(KEY,)), {**HERE, "origin": "http://127.0.0.1:5000"}, 0) is None


@given(st.text(max_size=200))
def test_no_cookie_breaks_it(text: str) -> None:
    headers = {**HERE, "cookie": f"triops_session{text}"}
    try:
        assert of_page(config(), headers, 0) is None
    except (Forbidden, Unauthenticated):
        pass

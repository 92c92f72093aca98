"""A server with keys: nothing is shown before a valid one, and the secret of a new one is shown once."""

import re
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import expect

from triops.sdk import Client
from triops.testing.server import RunningTriops
from triops.testing.upstream import LoopbackProvider


def test_login_keys_and_revocation(visit: Any, tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        secret = server.client.create_key("root", "admin")["secret"]
        watched = visit(base=server.url, refused=True)
        page = watched.page
        page.goto(server.url + "/ui/settings?tab=keys")
        expect(page).to_have_url(re.compile(r"/ui/login\?next="))
        expect(page.get_by_label("API key")).to_be_visible()
        expect(page.locator(".nav")).to_be_hidden()
        page.get_by_label("API key").fill("not-a-key")
        page.get_by_role("button", name="Log in").click()
        expect(page.locator(".login [role=alert]")).to_contain_text("not valid")
        page.get_by_label("API key").fill(secret)
        page.get_by_role("button", name="Log in").click()
        expect(page).to_have_url(re.compile(r"/ui/settings\?tab=keys"))
        expect(page.locator("td", has_text="root")).to_be_visible()
        assert "triops" in page.context.cookies()[0]["name"]
        assert page.context.cookies()[0]["httpOnly"] is True

        page.get_by_label("Name of the key").fill("laptop")
        page.get_by_label("Role").select_option("viewer")
        page.get_by_role("button", name="Create a key").click()
        box = page.get_by_role("dialog", name="The secret of laptop")
        shown = box.locator("pre").inner_text()
        assert Client(server.url, shown).status()["role"] == "viewer"
        box.get_by_role("button", name="I have it").click()
        expect(page.locator("td", has_text="laptop")).to_be_visible()
        assert shown not in page.content()

        page.get_by_role("button", name="Revoke laptop").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("textbox").fill("lost laptop")
        dialog.get_by_role("button", name="Revoke").click()
        expect(page.locator("tr", has_text="laptop")).to_contain_text("revoked")

        _playground_calls_by_the_session(watched, server, secret)

        page.get_by_role("button", name="Log out").click()
        expect(page).to_have_url(re.compile("/ui/login"))
        page.goto(server.url + "/ui")
        expect(page).to_have_url(re.compile("/ui/login"))


def test_the_first_key_is_still_shown_when_the_login_is_asked_for(visit: Any, tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        page = visit(base=server.url, refused=True).open("/ui/settings?tab=keys")
        page.get_by_label("Name of the key").fill("me")
        page.get_by_label("Role").select_option("admin")
        page.get_by_role("button", name="Create a key").click()
        page.wait_for_url(re.compile("/ui/login"))  # from now on every call needs a key
        box = page.get_by_role("dialog", name="The secret of me")
        secret = box.locator("pre").inner_text()
        box.get_by_role("button", name="I have it").click()
        page.get_by_label("API key").fill(secret)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("td", has_text="me")).to_be_visible()


def _playground_calls_by_the_session(watched: Any, server: RunningTriops, secret: str) -> None:
    """From this server's own page alone: no other site's, and no program by a cookie."""
    with LoopbackProvider() as upstream:
        here = {"dialect": "openai", "base_url": f"{upstream.url}/v1", "allow_private": True}
        Client(server.url, secret).apply([{"kind": "Provider", "name": "upstream", "spec": here}])
        page = watched.open("/ui/playground?model=small-1")
        page.get_by_label("Message 2").fill("Hello?")
        page.get_by_role("button", name="Run").click()
        expect(page.locator(".play-text")).to_contain_text("holds well")
        asked = {"model": "small-1", "messages": [{"role": "user", "content": "hi"}]}
        for origin, status in (({"origin": "http://evil.example"}, 403), ({}, 401)):
            headers = {"cookie": f"triops_session={secret}", **origin}
            answer = httpx.post(f"{server.url}/v1/chat/completions", json=asked, headers=headers)
            assert answer.status_code == status

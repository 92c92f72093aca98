"""Prompts, Prompt, Playground and Gateway: what people do with them, before a real server and a provider."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect
from speaking import HOSTILE, LONG_ANSWERS, PROMPT, Spoken, spoken, tell_of_long_answers

from triops.testing.server import RunningTriops, wait_for

SIZES = {"desk": (1280, 800), "phone": (390, 844)}
PAGES = {
    "overview": "/ui",
    "prompts": "/ui/prompts",
    "prompt": f"/ui/prompts/{PROMPT}?v=2",
    "differences": f"/ui/prompts/{PROMPT}?tab=diff&a=1&b=3",
    "usage": f"/ui/prompts/{PROMPT}?tab=usage",
    "comments": f"/ui/prompts/{PROMPT}?tab=comments",
    "history": f"/ui/prompts/{PROMPT}?tab=history",
    "playground": f"/ui/playground?prompt={PROMPT}&model=fast&model=sturdy",
    "gateway": "/ui/gateway",
}


@pytest.fixture(scope="module")
def server(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    data = tmp_path_factory.mktemp("language") / "data"
    tell_of_long_answers(data)
    with RunningTriops(data) as running:
        yield running


@pytest.fixture(scope="module")
def language(server: RunningTriops) -> Iterator[Spoken]:
    with spoken(server.url) as said:
        yield said


@pytest.mark.parametrize(("size", "theme"), [("desk", "light"), ("phone", "dark")])
def test_every_page_opens_fits_and_has_no_serious_fault(
    visit: Any, server: RunningTriops, language: Spoken, size: str, theme: str
) -> None:
    width, height = SIZES[size]
    watched = visit(base=server.url, width=width, height=height, theme=theme)
    wrong = []
    for name, path in PAGES.items():
        page = watched.open(path)
        expect(page.locator(".answer").first, name).not_to_be_empty()
        wrong += watched.sound(name)
    assert wrong == [], "\n".join(wrong)


def test_the_answers_come_first(visit: Any, server: RunningTriops, language: Spoken) -> None:
    page = visit(base=server.url).open("/ui/gateway")
    answer = page.locator(".answer").first
    expect(answer).to_contain_text("2 routes, all healthy; upstream is cut off for broken-1!status=503 until ")
    expect(answer).to_contain_text("Spare lacks its credential")
    expect(page.get_by_role("article", name="Route sturdy")).to_contain_text("canary 5 %")
    expect(page.get_by_role("article", name="Route fast")).to_contain_text("cached50 %")
    page = visit(base=server.url).open("/ui/prompts")
    expect(page.locator(".answer")).to_contain_text("2 prompts, 1 live under a label. Today 12 calls for $0.125")
    row = page.locator(".tr", has_text=PROMPT)
    expect(row).to_contain_text("production → 2")
    row.get_by_role("link").click()
    expect(page.locator(".version-choice[aria-pressed=true]")).to_contain_text("version 2")
    expect(page.locator("mark.variable").first).to_have_text("{{shop}}")


def test_differences_are_shown_word_by_word_and_versions_beside_each_other(
    visit: Any, server: RunningTriops, language: Spoken
) -> None:
    page = visit(base=server.url).open(f"/ui/prompts/{PROMPT}?tab=diff")  # what a move to the newest would change
    expect(page.get_by_label("From version")).to_have_value("2")
    assert page.locator(".word-diff ins").all_inner_texts() == ["; name the policy"]
    assert page.locator(".word-diff del").count() == 0
    expect(page.locator("tr", has_text="settings.max_tokens")).to_contain_text("200")
    page.get_by_label("From version").select_option("1")
    expect(page.locator(".word-diff ins")).to_contain_text("Never promise a date")
    page.get_by_role("link", name="Usage and quality").click()
    row = page.locator(".usage-table tr", has_text="version 3")
    expect(row).to_contain_text("$0.0447")
    expect(row).to_contain_text("33 %")
    expect(row.locator("td").last).to_contain_text("0.75")  # the mean of its scores, of two traces
    expect(row.locator("td").last).to_contain_text("of 2")


def test_a_label_is_moved_with_a_reason_and_undone(visit: Any, server: RunningTriops, language: Spoken) -> None:
    page = visit(base=server.url).open(f"/ui/prompts/{PROMPT}")
    card = page.get_by_role("article", name="Label production")
    card.get_by_role("button", name="Move production", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Callers that ask for “production” get it with their next call")
    act = dialog.get_by_role("button", name="Move the label")
    expect(act).to_be_disabled()
    dialog.get_by_label("Version").select_option("3")
    dialog.get_by_label("Why").fill("the policy is named")
    act.click()
    expect(card.locator(".live-version")).to_have_text("version 3")
    expect(card).to_contain_text("the policy is named")
    assert server.client.call("GET", f"/prompts/{PROMPT}")["labels"]["production"] == 3
    card.get_by_role("button", name="Undo the last move of production").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("goes back to version 2")
    dialog.get_by_label("Why").fill("too long")
    dialog.get_by_role("button", name="Undo").click()
    expect(card.locator(".live-version")).to_have_text("version 2")
    assert server.client.call("GET", f"/prompts/{PROMPT}")["labels"]["production"] == 2

    page.get_by_role("button", name="Share trial among versions").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Percents").fill("1: 50, 3: 20")
    dialog.get_by_label("Why").fill("halves")
    dialog.get_by_role("button", name="Share the traffic").click()
    expect(dialog.locator(".failure")).to_contain_text("100")
    dialog.get_by_label("Percents").fill("1: 50, 3: 50")
    dialog.get_by_role("button", name="Share the traffic").click()
    expect(page.get_by_role("article", name="Label trial")).to_contain_text("version 1 50 %")


def test_the_playground_streams_two_models_and_saves_a_version(
    visit: Any, server: RunningTriops, language: Spoken
) -> None:
    page = visit(base=server.url).open(f"/ui/playground?prompt={PROMPT}&v=1&model=fast&model=sturdy")
    page.get_by_label("question").fill(f"Is {HOSTILE} allowed here?")
    page.get_by_role("button", name="Run").click()
    places = page.locator(".play-answer")
    for at in range(2):
        expect(places.nth(at).locator(".play-text")).to_contain_text("holds well")
        expect(places.nth(at).locator("[data-figure='tokens']")).to_contain_text(" in, 8 out")
        expect(places.nth(at).locator("[data-figure='cost']")).to_contain_text("$0.0", timeout=10_000)
        expect(places.nth(at).locator("[data-figure='first token']")).to_contain_text("ms")
    traces = [places.nth(at).get_by_role("link", name="Trace").get_attribute("href") for at in range(2)]
    one = server.client.call("GET", f"/llm/traces/{traces[0].rpartition('/')[2].partition('?')[0]}")
    assert one["trace"]["prompt"] == PROMPT
    assert (one["trace"]["prompt_version"], one["trace"]["tags"]) == ("1", ["playground"])
    assert traces[0] != traces[1]

    page.get_by_label("Message 1").fill("You answer {{who}} of {{shop}}.")
    expect(page.get_by_label("who", exact=True)).to_be_visible()
    expect(page.locator(".play-sheet [role=status]")).to_contain_text("no longer version 1")
    page.get_by_role("button", name="Save as a new version").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What is new").fill("to whom")
    dialog.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(rf"prompt={PROMPT}&.*v=4"))
    made = server.client.call("GET", f"/prompts/{PROMPT}/versions/4")
    assert made["messages"][0]["content"] == "You answer {{who}} of {{shop}}."
    assert (made["note"], made["settings"]["temperature"]) == ("to whom", 0.7)


def test_a_call_of_a_trace_is_asked_again(visit: Any, server: RunningTriops, language: Spoken) -> None:
    (trace, *_) = server.client.call("GET", "/llm/traces", prompt=f"{PROMPT}@3", q="in blue")["items"]
    page = visit(base=server.url).open(f"/ui/llm/traces/{trace['trace']}")
    page.get_by_role("link", name="Ask it again").click()
    expect(page.get_by_label("Message 1")).to_have_value(re.compile("^You answer customers of Crumb & Co"))
    expect(page.get_by_label("Message 2")).to_have_value("Do you have it in blue?")
    expect(page.get_by_label("Most tokens")).to_have_value("120")
    expect(page.get_by_label("Model or route")).to_have_value("sturdy")
    page.get_by_label("Message 2").fill("And in red?")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".play-answer")).to_have_attribute("data-state", "done")
    page.get_by_role("link", name="The call it is from").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Do you have it in blue?")


def test_search_leads_to_prompts_and_to_every_page(visit: Any, server: RunningTriops, language: Spoken) -> None:
    page = visit(base=server.url).open("/ui")
    for words, place in ((PROMPT, f"/ui/prompts/{PROMPT}"), ("playgr", "/ui/playground")):
        page.keyboard.press("/")
        page.keyboard.type(words)
        page.get_by_role("option", name=re.compile(words, re.I)).first.click()
        page.wait_for_url(re.compile(re.escape(place)))


def test_a_running_call_is_stopped_and_a_refused_one_says_why(
    visit: Any, server: RunningTriops, language: Spoken
) -> None:
    watched = visit(base=server.url)
    page = watched.open("/ui/playground?model=upstream/small-1!words=50,between_ms=400")
    page.get_by_label("Message 2").fill("Talk.")
    page.get_by_role("button", name="Run").click()
    place = page.locator(".play-answer")
    expect(place.locator(".play-text")).to_contain_text("answer")
    page.get_by_role("button", name="Stop").click()
    expect(place).to_contain_text("Stopped.")
    expect(place).to_have_attribute("data-state", "stopped")
    page.get_by_label("Model or route").fill("nowhere")
    page.get_by_role("button", name="Run").click()
    expect(place.locator(".failure")).to_contain_text("nowhere")
    expect(place).to_have_attribute("data-state", "failed")
    watched.faults[:] = [fault for fault in watched.faults if "404" not in fault]  # the browser reports it by itself


def test_a_secret_is_shown_once_works_and_is_revoked(visit: Any, server: RunningTriops, language: Spoken) -> None:
    page = visit(base=server.url).open("/ui/gateway")
    card = page.get_by_role("article", name="Key lab")
    card.get_by_role("button", name="Make a secret of lab").click()
    page.get_by_role("dialog").get_by_role("button", name="Make it").click()
    shown = page.get_by_role("dialog", name="The secret of lab")
    secret = shown.locator("pre").first.inner_text()
    expect(shown).to_contain_text(f"export OPENAI_BASE_URL={server.url}/v1")
    body = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"authorization": f"Bearer {secret}"}
    assert httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=headers).status_code == 200
    page.keyboard.press("Escape")  # what is shown only once is not closed by chance
    expect(shown).to_be_visible()
    left = "button => { button.click(); return document.documentElement.outerHTML }"
    assert secret not in shown.get_by_role("button", name="I have it").evaluate(left)
    expect(card).to_contain_text(secret[-4:])
    expect(card.get_by_role("button", name="Make a secret of lab")).to_be_focused()
    assert secret not in page.content()
    card.get_by_role("button", name=f"Revoke the secret {secret[-4:]} of lab").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("only a test")
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(card).not_to_contain_text(secret[-4:])
    assert httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=headers).status_code == 401
    (kept,) = [one for one in server.client.call("GET", "/audit")["items"] if one["verb"] == "gateway_key.revoke"]
    assert kept["details"] == {"key": "lab", "why": "only a test"}


def test_a_dialog_closes_by_escape_and_by_going_back(visit: Any, server: RunningTriops, language: Spoken) -> None:
    page = visit(base=server.url).open("/ui/prompts")
    page.locator(".nav").get_by_role("link", name="Gateway").click()
    change = page.get_by_role("button", name="Change what lab may do")
    change.click()
    page.get_by_role("dialog").get_by_label("Team").fill("care")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(change).to_be_focused()
    change.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("Prompts")


def test_the_focus_stays_where_it_was_when_a_page_draws_anew(
    visit: Any, server: RunningTriops, language: Spoken
) -> None:
    page = visit(base=server.url).open(f"/ui/prompts/{PROMPT}")
    button = page.get_by_role("button", name="Move production", exact=True)
    button.focus()
    button.evaluate("button => { button.dataset.old = 'yes' }")
    server.client.call("PUT", f"/prompts/{PROMPT}/labels/held", body={"version": 1, "why": "to be seen"})
    expect(page.locator("button[data-old]")).to_have_count(0)
    expect(button).to_be_focused()


def test_an_incident_of_calls_shows_their_numbers(visit: Any, server: RunningTriops, language: Spoken) -> None:
    page = visit(base=server.url).open("/ui/incidents?status=all")
    page.get_by_role("link", name=LONG_ANSWERS).click()
    evidence = page.locator(".evidence")
    expect(evidence).to_have_count(3)
    for words in ("length of an answer: last ", "a call: last $"):
        expect(page.get_by_role("img", name=re.compile(re.escape(words)))).to_be_visible()
    expect(evidence.last.locator("figure")).to_be_hidden()  # what was said is not kept over time
    evidence.first.get_by_role("link", name="look closer").click()
    page.wait_for_url(re.compile(r"/ui/llm\?.*application=support-bot"))
    expect(page.locator(".llm-list .tr").first).to_be_visible()


def test_a_credential_is_set_and_never_shown(visit: Any, server: RunningTriops, language: Spoken) -> None:
    page = visit(base=server.url).open("/ui/gateway")
    page.get_by_role("button", name="Set the credential of spare").click()
    dialog = page.get_by_role("dialog")
    field = dialog.get_by_label("Credential", exact=True)
    assert field.get_attribute("type") == "password"
    field.fill("sk-very-secret")
    dialog.get_by_role("button", name="Store it").click()
    expect(page.get_by_role("button", name="Replace the credential of spare")).to_be_visible()
    assert "sk-very-secret" not in page.content()
    expect(page.locator(".answer").first).not_to_contain_text("credential")


def test_the_overview_says_how_models_calls_are_today(visit: Any, server: RunningTriops, language: Spoken) -> None:
    page = visit(base=server.url).open("/ui")
    card = page.locator(".lens-card.language")
    expect(card.locator(".lens-figures")).to_contain_text("of $0.30, support-bot")
    expect(card.locator(".lens-figures")).to_contain_text("first token")
    card.locator("a.lens-problem").click()  # whichever is the gravest by now
    page.wait_for_url(re.compile(r"/ui/(gateway|cost|incidents/.*)$"))
    page.go_back()
    card.locator(".lens-figures div", has_text="errors").get_by_role("link").click()
    page.wait_for_url(re.compile(r"/ui/llm\?.*status=error"))


def test_a_key_is_made_limited_rotated_and_removed(visit: Any, server: RunningTriops, language: Spoken) -> None:
    page = visit(base=server.url).open("/ui/gateway")

    def call(secret: str, model: str) -> int:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        headers = {"authorization": f"Bearer {secret}"}
        return httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=headers).status_code

    def shown() -> str:
        dialog = page.get_by_role("dialog", name="The secret of desk")
        secret = dialog.locator("pre").first.inner_text()
        dialog.get_by_role("button", name="I have it").click()
        return str(secret)

    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("lab")
    dialog.get_by_role("button", name="Make the key").click()
    expect(dialog.locator(".failure")).to_contain_text("There is a key lab already")
    dialog.get_by_label("Name").fill("desk")
    dialog.get_by_label("Team").fill("care")
    dialog.get_by_label("Budget, $").fill("2.5")
    dialog.get_by_label("Budget per").select_option("day false")
    dialog.get_by_label("Calls a minute").fill("100")
    dialog.get_by_label("fast", exact=True).check()
    dialog.get_by_role("button", name="Make the key").click()
    first = shown()
    assert [call(first, "fast"), call(first, "sturdy")] == [200, 403]
    (made,) = [d for d in server.client.call("GET", "/documents", kind="Key")["items"] if d["name"] == "desk"]
    assert made["spec"] == {
        "application": "desk", "team": "care", "routes": ["fast"], "requests_per_minute": 100,
        "budget_usd": {"amount": "2.5", "per": "day", "hard": False},
    }  # fmt: skip

    card = page.get_by_role("article", name="Key desk")
    card.get_by_role("button", name="Change what desk may do").click()
    expect(dialog.get_by_label("Budget, $")).to_have_value("2.5")
    dialog.get_by_label("sturdy", exact=True).check()
    dialog.get_by_label("Calls a minute").fill("")
    dialog.get_by_role("button", name="Apply").click()
    expect(card).to_contain_text("routes fast, sturdy")
    assert call(first, "sturdy") == 200
    card.get_by_role("button", name=f"Rotate the secret {first[-4:]} of desk").click()
    dialog.get_by_label("The present one is good for").select_option("0")
    dialog.get_by_role("button", name="Rotate").click()
    second = shown()
    assert [call(first, "fast"), call(second, "fast")] == [401, 200]
    expect(card).not_to_contain_text(first[-4:])
    card.get_by_role("button", name="Remove the key desk").click()
    dialog.get_by_role("textbox").fill("only a test")
    dialog.get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)
    assert call(second, "fast") == 401


def test_an_admin_erases_a_user_who_is_typed(visit: Any, server: RunningTriops, language: Spoken) -> None:
    headers = {"authorization": f"Bearer {language.secret}", "x-triops-user": "gone@example.org"}
    body = {"model": "fast", "messages": [{"role": "user", "content": "Forget me."}]}
    assert httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=headers).status_code == 200
    path = "/users/gone@example.org"
    wait_for(lambda: server.client.call("GET", path)["traces"] == 1, what="the trace")
    page = visit(base=server.url).open("/ui/llm?user=gone@example.org")
    page.get_by_role("button", name="Erase user").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 trace in which they are the user")
    expect(dialog).to_contain_text("cannot come back")
    act = dialog.get_by_role("button", name="Erase for good")
    expect(act).to_be_disabled()
    dialog.get_by_label("to confirm").fill("gone@example.com")
    dialog.get_by_label("Why").fill("asked for")
    act.click()
    expect(dialog.locator(".failure")).to_contain_text("nothing was erased")
    assert server.client.call("GET", path)["traces"] == 1
    dialog.get_by_label("to confirm").fill("gone@example.org")
    act.click()
    told = page.get_by_role("dialog", name="Everything of gone@example.org is erased")
    expect(told).to_contain_text("1 trace and no sessions are gone")
    told.get_by_role("button", name="Done").click()
    page.wait_for_url("**/ui/llm?tab=users")
    assert server.client.call("GET", path)["traces"] == 0


def test_a_label_that_waits_is_seen_compared_and_approved(visit: Any, server: RunningTriops, language: Spoken) -> None:
    gate = {"model": PROMPT, "alias": "guarded", "approval": {"role": "editor", "not_self": True}}
    label = f"/prompts/{PROMPT}/labels/guarded"
    server.client.call("PUT", label, body={"version": 1, "why": "to begin with"})
    server.client.apply([{"kind": "Gate", "name": "words", "spec": gate}])
    asked = server.client.call("PUT", label, body={"version": 2, "why": "kinder words"})
    page = visit(base=server.url).open("/ui/prompts")
    waits = page.get_by_role("article", name="Approval of guarded")
    expect(waits).to_contain_text("kinder words")
    waits.get_by_role("link", name="What changes").click()
    expect(page.locator(".word-diff ins")).to_contain_text("Never promise a date")
    waits.get_by_role("button", name="Reject").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("not now")
    page.get_by_role("dialog").get_by_role("button", name="Reject").click()
    expect(waits).to_have_count(0)
    (done,) = server.client.call("GET", "/approvals", model=PROMPT)["items"]
    assert [done[k] for k in ("id", "state", "decision")] == [asked["approval"], "rejected", "not now"]
    assert server.client.call("GET", f"/prompts/{PROMPT}")["labels"]["guarded"] == 1

"""What people do with the pages of language models, done by a browser against a real gateway."""

import re
from typing import Any

from language import Spoken
from playwright.sync_api import expect

from triops.testing.server import RunningTriops


def test_calls_are_listed_and_narrowed_by_the_address(visit: Any, spoken: Spoken) -> None:
    watched = visit()
    page = watched.open("/ui/llm")
    expect(page.locator(".answer")).to_contain_text(re.compile(r"^\d+ traces for \$0\.\d+"))
    page.get_by_label("Text").fill("blue jacket")
    page.wait_for_url("**/ui/llm?q=blue+jacket")
    expect(page.locator(".answer")).to_contain_text("6 traces")
    page.get_by_label("Application").fill("nobody")
    expect(page.get_by_text("Nothing like this in the range.")).to_be_visible()
    page.get_by_role("button", name="application nobody").click()
    expect(page.locator(".answer")).to_contain_text("6 traces")
    page = watched.open("/ui/llm?status=error&model=broken")
    expect(page.locator(".tr")).to_have_count(1)
    expect(page.locator(".tr")).to_contain_text("◆")
    page.locator(".tr a").click()
    expect(page.get_by_label("Conversation")).to_contain_text("Is anyone there?")
    expect(page.get_by_label("Conversation")).to_contain_text("◆")


def test_a_conversation_says_each_thing_once_and_its_spans_say_what_they_cost(visit: Any, spoken: Spoken) -> None:
    page = visit().open(f"/ui/llm/traces/{spoken.agent_trace}")
    chat = page.get_by_label("Conversation")
    expect(chat.get_by_text("Where is order 4711?")).to_have_count(1)
    expect(chat.locator(".turn")).to_have_count(4)  # asked, called a tool, its answer, answered
    expect(chat.locator(".turn").nth(2)).to_contain_text("on its way")
    page.get_by_role("link", name="Waterfall 4 spans").click()
    rows = page.locator(".wf-row")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text(re.compile(r"tok · \$0\.0000"))
    rows.nth(1).click()
    expect(page.get_by_label("The chosen span")).to_contain_text("loopback/small-1")


def test_a_picture_is_a_placeholder_and_hostile_words_stay_text(visit: Any, spoken: Spoken) -> None:
    watched = visit()
    page = watched.open("/ui/llm?q=on this picture")
    page.locator(".tr a").click()
    expect(page.locator(".media")).to_contain_text("image")
    page = watched.open("/ui/llm?q=please greet me")
    page.locator(".tr a").first.click()
    expect(page.get_by_label("Conversation")).to_contain_text("<img src=x")
    assert page.locator("main img").count() == 0


def test_a_trace_is_scored_and_the_score_taken_back(visit: Any, triops: RunningTriops, spoken: Spoken) -> None:
    page = visit().open(f"/ui/llm/traces/{spoken.agent_trace}")
    page.get_by_role("button", name="Good").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("right and short")
    page.get_by_role("dialog").get_by_role("button", name="Score").click()
    expect(page.locator(".scores")).to_contain_text("right and short")
    (score,) = triops.client.call("GET", "/scores", trace=spoken.agent_trace)["items"]
    assert (score["name"], score["value"], score["comment"]) == ("thumb", 1.0, "right and short")
    page.get_by_role("button", name="Take back the score thumb").click()
    expect(page.locator(".scores")).to_contain_text("None yet.")


def test_a_session_is_read_turn_by_turn(visit: Any, spoken: Spoken) -> None:
    watched = visit()
    page = watched.open("/ui/llm?tab=sessions")
    page.get_by_role("link", name=spoken.session, exact=True).click()
    expect(page.get_by_label("Turns").locator(".turn.user")).to_have_count(5)
    page.get_by_role("button", name="Show it whole").first.click()
    expect(page.get_by_label("Turns").locator(".whole .turn").first).to_be_visible()


def test_cost_is_what_the_book_says_by_any_dimension(visit: Any, triops: RunningTriops, spoken: Spoken) -> None:
    page = visit().open("/ui/cost")
    total = triops.client.call("GET", "/spend")["total"]
    expect(page.locator(".stat").filter(has_text="Spent").locator("[title]")).to_have_attribute(
        "title", f"${total['cost_usd']}"
    )
    expect(page.locator(".budget").filter(has_text="help-desk")).to_contain_text("of $0.01 today")
    expect(page.locator(".timeseries canvas")).to_be_visible()
    page.get_by_role("navigation", name="By", exact=True).get_by_role("link", name="Model").click()
    page.wait_for_url("**/ui/cost?by=model")
    row = page.locator(".tr").filter(has_text="large-2")
    expect(row).to_be_visible()
    row.get_by_role("link", name="large-2").click()
    page.wait_for_url("**/ui/cost?model=large-2&by=application")
    expect(page.locator(".tr")).to_have_count(1)
    expect(page.locator(".tr")).to_contain_text("help-desk")


def test_a_table_is_sorted_by_keyboard(visit: Any, spoken: Spoken) -> None:
    page = visit().open("/ui/llm")
    header = page.get_by_role("columnheader", name="Tokens")
    header.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(header).to_have_attribute("aria-sort", "descending")
    expect(header.get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(header).to_have_attribute("aria-sort", "ascending")

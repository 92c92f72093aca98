"""What people do with the pages, done by a browser against a real server."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Route, expect
from seeding import BIG, Seeded

from triops.testing.server import RunningTriops, wait_for


def test_the_overview_answers_first_and_leads_to_the_incident(visit: Any, seeded: Seeded) -> None:
    page = visit().open("/ui")
    expect(page.locator(".answer")).to_contain_text("waits for an approval")
    page.get_by_role("link", name="pricing answers slowly").first.click()
    page.wait_for_url(f"**/ui/incidents/{seeded.incident}*")
    for title in ("What happened", "Why", "What we do", "Did it help"):
        expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(page.locator(".hypothesis.first")).to_contain_text("pricing v2: new price rules")
    expect(page.locator(".hypothesis.first .hyp-p")).to_have_text(re.compile(r"^\d+ %$"))


def test_who_goes_back_before_a_page_came_stays_where_he_is(visit: Any, seeded: Seeded) -> None:
    page = visit().open("/ui")
    held: list[Route] = []
    page.route(re.compile(r"/pages/topology\.js"), lambda route: held.append(route))
    page.get_by_role("navigation").get_by_role("link", name="Topology").click()
    page.wait_for_url("**/ui/topology*")
    wait_for(lambda: page.evaluate("1") and held, what="the page's code to be asked for")
    page.go_back()
    page.wait_for_url(re.compile(r"/ui(\?.*)?$"))
    address = held[0].request.url
    held[0].continue_()
    page.evaluate("address => import(address).then(() => new Promise((done) => setTimeout(done)))", address)
    expect(page.locator(".answer")).to_contain_text("waits for an approval")
    page.get_by_role("link", name="pricing answers slowly").first.click()
    page.wait_for_url(f"**/ui/incidents/{seeded.incident}*")


def test_dismissing_needs_words_and_approving_runs_the_real_action(visit: Any, seeded: Seeded, hook: Any) -> None:
    watched = visit()
    page = watched.open(f"/ui/incidents/{seeded.incident}")
    page.get_by_role("button", name="Dismiss …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Dismiss")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Approve …").click()
    expect(dialog).to_contain_text("one service")
    expect(dialog.get_by_role("button", name="Approve and run")).to_be_disabled()
    dialog.get_by_role("textbox").fill("prices are slow since v2")
    dialog.get_by_role("button", name="Approve and run").click()
    expect(dialog).to_have_count(0)
    wait_for(lambda: hook.bodies == [{"version": "v1"}], what="the rollback to be called")
    expect(page.locator(".action .health").first).not_to_contain_text("waiting", timeout=15_000)
    expect(page.locator(".timeline")).to_contain_text("prices are slow since v2", timeout=15_000)


def test_a_comment_appears_without_a_reload(visit: Any, seeded: Seeded) -> None:
    page = visit().open(f"/ui/incidents/{seeded.incident}")
    page.get_by_label("Comment", exact=True).fill("<b>looking</b> at it")
    page.get_by_role("button", name="Comment").click()
    expect(page.locator(".timeline .comment").last).to_contain_text("<b>looking</b> at it")


def test_a_page_hears_of_what_others_did(visit: Any, triops: RunningTriops, seeded: Seeded) -> None:
    page = visit().open("/ui/changes")
    expect(page.locator(".live.on")).to_be_visible()
    triops.client.record_change("service", "catalogue", "deploy", "catalogue v9", author="ci")
    expect(page.get_by_role("link", name="catalogue v9")).to_be_visible(timeout=10_000)


def test_an_address_restores_what_another_saw(visit: Any, seeded: Seeded) -> None:
    page = visit().open("/ui/traces")
    page.get_by_label("Operation").fill("GET /product")
    page.get_by_label("Service").fill("front")
    expect(page).to_have_url(re.compile("service=front"))
    expect(page).to_have_url(re.compile("name=GET"))
    page.locator("button.range").click()
    page.get_by_role("button", name="Last 3 hours").click()
    expect(page).to_have_url(re.compile("from=-3h"))
    expect(page.locator(".answer")).to_contain_text("61 traces")
    other = visit()
    again = other.open(page.url.removeprefix(other.base))
    expect(again.get_by_label("Operation")).to_have_value("GET /product")
    expect(again.locator("button.range")).to_contain_text("Last 3 hours")
    expect(again.locator(".answer")).to_contain_text("61 traces")
    again.get_by_role("link", name="Overview").first.click()
    assert parse_qs(urlsplit(again.url).query)["from"] == ["-3h"]  # the range is one for all pages


def test_going_back_shows_the_page_before(visit: Any, seeded: Seeded) -> None:
    page = visit().open("/ui")
    page.get_by_role("link", name="Traces").first.click()
    expect(page.locator("h1")).to_have_text("Traces")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Overview")


def test_a_page_left_while_its_answer_comes_is_left_in_silence(visit: Any, seeded: Seeded) -> None:
    page = visit().open("/ui/start")
    broken = page.evaluate(
        """async () => {
            const api = await import(document.querySelector('script[type=module]').src.replace(/app\\.js$/, 'api.js'));
            const abort = new AbortController();
            const whole = window.fetch;
            window.fetch = async () => new Response(new ReadableStream({
                start(body) { abort.signal.addEventListener('abort', () => body.error(abort.signal.reason)); },
            }), { status: 200, headers: { 'content-type': 'application/json' } });
            const answer = api.get('/traces', {}, abort.signal).then(() => 'answered', (error) => error.name);
            setTimeout(() => abort.abort());
            try { return await answer; } finally { window.fetch = whole; }
        }"""
    )
    assert broken == "AbortError"


def test_search_by_keyboard_alone(visit: Any, seeded: Seeded) -> None:
    page = visit().open("/ui/start")
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    page.keyboard.type("pricing")
    expect(page.get_by_role("option").first).to_contain_text("pricing")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/entities/service*pricing*")
    page.keyboard.press("g")
    page.keyboard.press("l")
    expect(page.locator("h1")).to_have_text("Logs")


def test_a_trace_of_ten_thousand_spans_scrolls_with_few_elements(visit: Any, seeded: Seeded) -> None:
    page = visit().open(f"/ui/traces/{seeded.big_trace}")
    expect(page.locator(".answer")).to_contain_text("rebuild the index", timeout=30_000)
    expect(page.locator(".stats")).to_contain_text(f"{BIG:,}")
    tree = page.get_by_role("tree")
    tree.focus()
    page.keyboard.press("End")
    expect(page.locator(".wf-row").last).to_contain_text(f"row {BIG - 2}")
    assert page.locator(".wf-row").count() < 120
    page.keyboard.press("Home")
    expect(page.locator(".wf-row").first).to_contain_text("rebuild the index")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".wf-row")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("complementary", name="The chosen span")).to_contain_text("row 0")
    assert "span=" in page.url


def test_hostile_names_stay_text(visit: Any, seeded: Seeded) -> None:
    page = visit().open("/ui/logs?severity=error")
    line = page.locator(".log", has_text="payment refused")
    expect(line).to_contain_text("<img src=x onerror=")
    line.locator("summary").click()
    expect(line.locator(".log-more")).to_contain_text("service.name")
    assert page.locator(".log img").count() == 0
    assert page.title() != "owned"


def test_logs_are_followed_live(visit: Any, triops: RunningTriops, seeded: Seeded) -> None:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    page = visit().open("/ui/logs")
    with page.expect_request("**/triops/v1/logs/tail*") as tail:
        page.get_by_role("button", name="Follow live").click()
    wait_for(lambda: tail.value.response() is not None, what="the tail to answer")
    provider = LoggerProvider(resource=Resource.create({"service.name": "front"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{triops.url}/v1/logs")))
    provider.get_logger("tail").emit(body="this line is new", severity_number=None)
    expect(page.locator(".log").first).to_contain_text("this line is new", timeout=10_000)
    provider.shutdown()


def test_any_page_is_an_api_call(visit: Any, seeded: Seeded) -> None:
    page = visit().open("/ui/incidents/" + seeded.incident)
    page.get_by_role("button", name="JSON").click()
    expect(page.locator(".code pre").first).to_contain_text(f"/triops/v1/incidents/{seeded.incident}")
    expect(page.locator(".json").first).to_contain_text('"open"')
    page.get_by_role("button", name="JSON").click()
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()


def test_a_table_sorts_chooses_columns_and_saves(visit: Any, seeded: Seeded) -> None:
    page = visit().open("/ui/traces")
    page.get_by_role("columnheader", name="Duration").get_by_role("button").click()
    expect(page.get_by_role("columnheader", name="Duration")).to_have_attribute("aria-sort", "descending")
    expect(page.locator(".tr").first).to_contain_text("rebuild the index")
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Trace id").check()
    expect(page.get_by_role("columnheader", name="Trace id")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").click()
    lines = saved.value.path().read_text().splitlines()
    assert lines[0].startswith("Request,Service,Started,Duration")
    rows = re.match(r"(\d+) rows", page.locator(".tbar").inner_text())
    assert rows
    assert len(lines) == 1 + int(rows[1]) >= 63


def test_a_drag_over_a_chart_sets_the_range_of_all_pages(visit: Any, seeded: Seeded) -> None:
    page = visit().open("/ui/logs")
    plot = page.locator(".plot").first
    expect(plot.locator("canvas")).to_be_visible()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 40, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"from=\d+&to=\d+"))


def test_theme_is_kept_and_live_can_be_held(visit: Any, seeded: Seeded) -> None:
    page = visit().open("/ui")
    page.get_by_role("button", name="Dark theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Live").click()
    expect(page).to_have_url(re.compile("live=off"))
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "false")


def test_reading_is_not_disturbed_by_a_refresh(visit: Any, triops: RunningTriops, seeded: Seeded) -> None:
    page = visit().open(f"/ui/incidents/{seeded.incident}")
    box = page.get_by_label("Comment", exact=True)
    box.fill("half a sent")
    triops.client.move_incident(seeded.incident, "acknowledge", "from elsewhere")
    expect(page.locator(".timeline")).to_contain_text("from elsewhere", timeout=10_000)
    expect(box).to_have_value("half a sent")
    expect(box).to_be_focused()


def test_start_ticks_what_has_arrived(visit: Any, seeded: Seeded) -> None:
    page = visit().open("/ui/start")
    expect(page.locator(".way", has_text="OpenTelemetry")).to_have_class(re.compile("done"))
    expect(page.locator(".way", has_text="Prometheus: remote write")).not_to_have_class(re.compile("done"))
    page.locator(".way", has_text="Prometheus: remote write").locator("summary").click()
    expect(page.locator(".way[open]", has_text="Prometheus").locator("pre")).to_contain_text("remote_write:")


def test_modules_that_need_no_page(visit: Any, seeded: Seeded) -> None:
    page = visit().open("/ui/login")
    result = page.evaluate(
        """async () => {
          const base = document.querySelector('script[type=module]').src.replace('app.js', '');
          const { treeOf, rowsOf } = await import(base + 'parts/tree.js');
          const { layers } = await import(base + 'parts/layers.js');
          const { yaml } = await import(base + 'parts/yaml.js');
          const { moment, stepFor } = await import(base + 'state.js');
          const { text } = await import(base + 'format.js');
          const span = (id, parent, start, ms) => ({
            span_id: id, parent_span_id: parent, start, duration_ms: ms, service: 's', name: id,
          });
          const circle = treeOf([span('a', 'b', 0, 10), span('b', 'a', 0, 10)]);
          const tree = treeOf([
            span('r', '', 0, 100), span('x', 'r', 0, 20), span('y', 'r', 0.03, 60), span('z', 'y', 0.04, 40),
          ]);
          const rows = rowsOf(tree.roots, new Set());
          const edge = (source, target) => ({ source, target });
          const place = layers(['c', 'a', 'b'], [edge('a', 'b'), edge('b', 'c'), edge('c', 'a')]);
          return {
            circle: circle.size,
            self: rows.map((n) => [n.span.span_id, n.depth, Math.round(n.self_ms), n.critical]),
            layers: Object.fromEntries([...place].map(([id, p]) => [id, p.layer])),
            yaml: yaml({kind: 'Policy', spec: {a: [1, 'on'], b: {c: '{{x}}'}, list: [{k: 1}, {k: 2}]}}),
            moments: [moment('-1h', 7200), moment('nonsense', 0), stepFor({start: 0, end: 3600})],
            text: [text(0.0123, 's'), text(1500000, 'By'), text(0.25, 'ratio'), text(null, 'ms'), text(1234.5, 'ms')],
          };
        }"""
    )
    assert result["circle"] == 2
    assert result["self"] == [["r", 0, 20, True], ["x", 1, 20, True], ["y", 1, 20, True], ["z", 2, 40, True]]
    assert result["layers"] == {"a": 0, "b": 1, "c": 2}
    import yaml

    read = yaml.safe_load(result["yaml"])
    assert read == {"kind": "Policy", "spec": {"a": [1, "on"], "b": {"c": "{{x}}"}, "list": [{"k": 1}, {"k": 2}]}}
    assert result["moments"] == [3600, None, 30]
    assert result["text"] == ["12.3 ms", "1.5 MB", "25 %", "–", "1.23 s"]

"""Experiments, Compare, Run and Models: what people do with them, done by a browser against a real server."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import expect
from training import Trained, train

from triops.sdk import Client
from triops.testing.server import RunningTriops

MANY = 999
SIZES = {"desk": (1280, 800), "phone": (390, 844)}
PAGES = {
    "experiments": "/ui/experiments",
    "experiment": "/ui/experiments/{experiment}",
    "grouped": "/ui/experiments/{experiment}?group=params.optimizer",
    "families": "/ui/experiments/{experiment}?group=parent",
    "nothing": "/ui/experiments/0",
    "curves": "/ui/compare?run={run}&run={other}&smooth=0.6",
    "parallel": "/ui/compare?experiment={experiment}&tab=parallel",
    "scatter": "/ui/compare?experiment={experiment}&tab=scatter",
    "importance": "/ui/compare?experiment={experiment}&tab=importance",
    "diff": "/ui/compare?run={run}&run={other}&tab=diff&all=yes",
    "run": "/ui/runs/{run}",
    "charts": "/ui/runs/{run}?tab=charts",
    "files": "/ui/runs/{run}?tab=artifacts&path=table.csv",
    "signature": "/ui/runs/{run}?tab=artifacts&path=model/MLmodel",
    "provenance": "/ui/runs/{run}?tab=provenance",
    "models": "/ui/models",
    "model": "/ui/models/{model}",
    "history": "/ui/models/{model}?tab=history",
    "lineage": "/ui/models/{model}?tab=lineage",
    "card": "/ui/models/{model}?tab=card",
}


@pytest.fixture(scope="module")
def trained(chromium: Path, triops: RunningTriops) -> Trained:
    return train(triops.url, MANY)


def _filled(path: str, trained: Trained) -> str:
    for name, value in {"run": trained.runs[0], "other": trained.runs[1]}.items():
        path = path.replace(f"{{{name}}}", value)
    return path.replace("{experiment}", trained.experiment).replace("{model}", trained.model)


@pytest.mark.parametrize(("size", "theme"), [("desk", "light"), ("phone", "dark")])
def test_every_page_opens_fits_and_has_no_serious_fault(visit: Any, trained: Trained, size: str, theme: str) -> None:
    width, height = SIZES[size]
    watched = visit(width=width, height=height, theme=theme)
    wrong = []
    for name, path in PAGES.items():
        page = watched.open(_filled(path, trained))
        expect(page.locator(".answer").first, name).not_to_be_empty()
        wrong += watched.sound(name)
    assert wrong == [], "\n".join(wrong)


def test_an_empty_server_says_how_to_begin(visit: Any, tmp_path: Path, chromium: Path) -> None:
    with RunningTriops(tmp_path / "data") as empty:
        watched = visit(base=empty.url)
        page = watched.open("/ui/experiments/0")
        expect(page.locator(".empty pre")).to_contain_text(f"export MLFLOW_TRACKING_URI={empty.url}")
        expect(page.locator(".empty pre")).to_contain_text("mlflow.autolog()")
        page = watched.open("/ui/models")
        expect(page.locator(".empty pre")).to_contain_text("registered_model_name")
        page = watched.open("/ui/prompts")
        expect(page.locator(".empty pre").first).to_contain_text("triops apply prompt.yaml")
        page = watched.open("/ui/gateway")
        expect(page.locator(".empty pre").first).to_contain_text(f"export OPENAI_BASE_URL={empty.url}/v1")
        page = watched.open("/ui/start")
        expect(page.locator(".way", has_text="MLflow")).not_to_have_class(re.compile("done"))


def test_the_start_page_ticks_training_runs(visit: Any, trained: Trained) -> None:
    page = visit().open("/ui/start")
    expect(page.locator(".way", has_text="MLflow")).to_have_class(re.compile("done"))
    expect(page.locator(".answer")).to_contain_text(re.compile("training runs", re.I))


def test_experiments_lead_to_runs(visit: Any, trained: Trained) -> None:
    page = visit().open("/ui")
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page.locator(".answer")).to_contain_text(f"{MANY:,} runs")
    assert page.locator(".tr img").count() == 0
    page.get_by_role("link", name="income", exact=True).click()
    expect(page.locator("h1")).to_have_text("income")
    expect(page.locator(".answer")).to_contain_text(f"{MANY:,} runs, 1 running")
    expect(page.locator(".answer")).to_contain_text("Highest val/accuracy")
    assert page.locator(f'.answer a[href*="{trained.best}"]').count() == 1


def test_many_runs_scroll_with_few_elements(visit: Any, trained: Trained) -> None:
    page = visit().open(f"/ui/experiments/{trained.experiment}")
    expect(page.locator(".tr").first).to_contain_text(f"run-{MANY - 1:05d}")
    grid = page.get_by_role("grid", name="Runs")
    expect(grid).to_have_attribute("aria-rowcount", str(MANY + 1))
    grid.focus()
    page.keyboard.press("End")
    expect(page.locator(".tr").last).to_contain_text("run-00000", timeout=10_000)
    assert page.locator(".tr").count() < 80
    page.keyboard.press("Home")
    expect(page.locator(".tr").first).to_contain_text(f"run-{MANY - 1:05d}")


def test_a_column_sorts_on_the_server_and_the_address_keeps_it(visit: Any, trained: Trained) -> None:
    page = visit().open(f"/ui/experiments/{trained.experiment}")
    page.get_by_role("columnheader", name="val/accuracy").get_by_role("button").click()
    expect(page.locator(".tr a").first).to_have_attribute("href", re.compile(trained.best))
    expect(page.get_by_role("columnheader", name="val/accuracy")).to_have_attribute("aria-sort", "descending")
    assert parse_qs(urlsplit(page.url).query)["order"] == ["-metrics.val/accuracy"]
    page.get_by_role("columnheader", name="val/accuracy").get_by_role("button").click()
    expect(page.locator(".tr a").first).not_to_have_attribute("href", re.compile(trained.best))


def test_a_filter_is_completed_and_its_error_stands_at_the_field(visit: Any, trained: Trained) -> None:
    watched = visit()
    page = watched.open(f"/ui/experiments/{trained.experiment}")
    box = page.get_by_role("combobox", name="Filter")
    box.click()
    page.keyboard.type("metrics.val")
    expect(page.get_by_role("option", name="metrics.`val/accuracy`")).to_be_visible()
    page.keyboard.press("Tab")
    expect(box).to_have_value("metrics.`val/accuracy` ")
    page.keyboard.type("> 0.5 a")
    page.keyboard.press("Tab")
    page.keyboard.type("params.opt")
    page.keyboard.press("Tab")
    page.keyboard.type("= 'adam'")
    page.keyboard.press("Enter")
    expect(page.locator(".answer")).to_contain_text(f"{MANY // 3:,} runs")
    assert "filter=" in page.url
    box.fill("metrics.nonsense >")
    page.keyboard.press("Enter")
    expect(page.locator("#filter-error")).to_be_visible()
    expect(box).to_have_attribute("aria-invalid", "true")
    assert page.locator(".failure").count() == 0
    page.get_by_role("button", name="Clear the filter").click()
    expect(page.locator("#filter-error")).to_be_hidden()
    expect(page.locator(".answer")).to_contain_text(f"{MANY:,} runs")
    told = [fault for fault in watched.faults if "400" in fault]
    assert told, "the browser itself reports a refused call"
    watched.faults[:] = [fault for fault in watched.faults if fault not in told]


def test_columns_are_chosen_and_remembered(visit: Any, trained: Trained) -> None:
    page = visit().open(f"/ui/experiments/{trained.experiment}")
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Find a column").fill("team")
    page.get_by_label("team", exact=True).check()
    expect(page.get_by_role("columnheader", name="team")).to_be_attached()
    assert "tags.team" in parse_qs(urlsplit(page.url).query)["col"]
    page.goto(page.url.split("?")[0])
    expect(page.get_by_role("columnheader", name="team")).to_be_attached()


def test_runs_are_grouped_and_families_open(visit: Any, trained: Trained) -> None:
    watched = visit()
    page = watched.open(f"/ui/experiments/{trained.experiment}")
    page.get_by_label("Group by").select_option("params.optimizer")
    expect(page.locator(".tr.over")).to_have_count(3)
    expect(page.locator(".tr.over").first).to_contain_text(f"{MANY // 3} runs")
    page.locator(".tr.over").first.click()
    expect(page.locator(".tr:not(.over)").first).to_contain_text("run-")
    page = watched.open(f"/ui/experiments/{trained.experiment}?group=parent&order=attributes.start_time")
    first = page.locator(".tr").first
    expect(first).to_contain_text("run-00000")
    expect(page.locator(".tr").nth(1)).to_contain_text("run-00003")
    first.get_by_role("button", name="Open").click()
    expect(page.locator(".tr").nth(1)).to_contain_text("run-00001")


def test_a_view_is_saved_for_all(visit: Any, trained: Trained) -> None:
    page = visit().open(f"/ui/experiments/{trained.experiment}?filter=metrics.cost+%3E+{MANY - 10}&order=metrics.cost")
    expect(page.locator(".tr")).to_have_count(9)
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="Save this view …").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Costly ones")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    other = visit().open(f"/ui/experiments/{trained.experiment}")
    other.get_by_role("button", name="Views").click()
    other.get_by_role("button", name="Costly ones", exact=True).click()
    expect(other.get_by_role("combobox", name="Filter")).to_have_value(f"metrics.cost > {MANY - 10}")
    expect(other.locator(".tr").first).to_contain_text(f"run-{MANY - 9:05d}")


def test_runs_are_saved_as_csv_whole(visit: Any, trained: Trained) -> None:
    page = visit().open(f"/ui/experiments/{trained.experiment}")
    with page.expect_download() as saved:
        page.get_by_title("Save as CSV").click()
    lines = saved.value.path().read_text().splitlines()
    assert lines[0].startswith("run_id,Run,Started")
    assert len(lines) == MANY + 1
    assert sum(trained.best in line for line in lines) == 1


def test_chosen_runs_are_tagged_compared_deleted_and_restored(visit: Any, trained: Trained) -> None:
    watched = visit()
    page = watched.open(f"/ui/experiments/{trained.experiment}?filter=metrics.cost+%3E%3D+100+and+metrics.cost+%3C+104")
    expect(page.locator(".tr")).to_have_count(4)
    page.locator(".tr input").first.click()
    page.locator(".tr input").nth(2).click(modifiers=["Shift"])
    bar = page.get_by_role("region", name="Chosen runs")
    expect(bar).to_contain_text("3 chosen")
    bar.get_by_role("button", name="Tag …").click()
    page.get_by_label("Tag", exact=True).fill("reviewed")
    page.get_by_role("dialog").get_by_label("Value").fill("yes")
    page.get_by_role("dialog").get_by_role("button", name="Tag", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    bar.get_by_role("button", name="Delete …").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".tr")).to_have_count(1)
    page.get_by_label("Show").select_option("deleted")
    expect(page.locator(".tr")).to_have_count(3)
    page.locator(".tr input").first.click()
    page.locator(".tr input").nth(2).click(modifiers=["Shift"])
    bar.get_by_role("button", name="Restore").click()
    page.get_by_label("Show").select_option("")
    expect(page.locator(".tr")).to_have_count(4)
    box = page.get_by_role("combobox", name="Filter")
    box.fill("tags.reviewed = 'yes'")
    box.press("Enter")
    expect(page.locator(".tr")).to_have_count(3)
    page.locator(".tr input").first.click()
    page.locator(".tr input").nth(1).click()
    bar.get_by_role("link", name="Compare").click()
    expect(page.locator("h1")).to_have_text("Compare")
    assert len(parse_qs(urlsplit(page.url).query)["run"]) == 2


def test_curves_are_smoothed_saved_and_shared(visit: Any, trained: Trained) -> None:
    page = visit().open(f"/ui/compare?run={trained.runs[0]}&run={trained.runs[1]}")
    loss = page.locator(".chart-card", has_text="val/loss")
    expect(loss.locator("canvas")).to_be_visible()
    before = loss.locator("canvas").evaluate("c => c.toDataURL()")
    page.get_by_label("Smoothing").fill("0.9")
    expect(page).to_have_url(re.compile("smooth=0.9"))
    assert loss.locator("canvas").evaluate("c => c.toDataURL()") != before
    page.get_by_label("Horizontal axis").select_option("relative")
    expect(page).to_have_url(re.compile("x=relative"))
    page.get_by_label("log up").check()
    expect(page).to_have_url(re.compile("ly=log"))
    with page.expect_download() as saved:
        loss.get_by_role("button", name="CSV: val/loss").click()
    assert len(saved.value.path().read_text().splitlines()) >= 401
    with page.expect_download() as picture:
        loss.get_by_role("button", name="PNG: val/loss").click()
    assert picture.value.path().read_bytes().startswith(b"\x89PNG")
    expect(page.locator(".chart-card", has_text="shaky").locator(".chart-notes")).to_contain_text("not finite")


def test_parallel_coordinates_keep_the_brushed_runs(visit: Any, trained: Trained) -> None:
    page = visit().open(f"/ui/compare?experiment={trained.experiment}&tab=parallel")
    canvas = page.locator(".chart-card canvas")
    expect(canvas).to_be_visible()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 50, box["y"] + 60)  # along the first axis
    page.mouse.down()
    page.mouse.move(box["x"] + 50, box["y"] + 200, steps=8)
    page.mouse.up()
    expect(page.locator(".chips", has_text=re.compile(rf"of {MANY} runs within"))).to_be_visible()


def test_a_scatter_shows_what_the_filter_leaves(visit: Any, trained: Trained) -> None:
    page = visit().open(
        f"/ui/compare?experiment={trained.experiment}&tab=scatter&filter=metrics.cost+%3C+1&sx=start&sy=duration"
    )
    canvas = page.locator(".chart-card canvas")
    expect(canvas).to_be_visible()
    expect(page.locator(".chart-box")).to_have_attribute("aria-label", re.compile("1 runs"))


def test_differences_are_told_line_by_line(visit: Any, trained: Trained) -> None:
    page = visit().open(f"/ui/compare?run={trained.runs[0]}&run={trained.runs[3]}&tab=diff")
    table = page.locator(".diff-table")
    expect(table).to_contain_text("depth")
    expect(table).not_to_contain_text("mlflow.source.name")
    page.get_by_label("only differences").uncheck()
    expect(table).to_contain_text("mlflow.source.name")
    expect(page).to_have_url(re.compile("all=yes"))


def test_importance_names_the_parameters(visit: Any, trained: Trained) -> None:
    page = visit().open(f"/ui/compare?experiment={trained.experiment}&tab=importance&metric=val%2Faccuracy")
    weights = page.locator(".weights-list")
    expect(weights.locator(".name").first).to_have_text(re.compile("lr|depth"))


def test_a_run_tells_all_of_itself(visit: Any, trained: Trained) -> None:
    watched = visit()
    page = watched.open(f"/ui/runs/{trained.runs[0]}")
    expect(page.locator(".answer")).to_contain_text("Finished after 30 s")
    expect(page.locator(".answer")).to_contain_text("It began 2 other runs")
    expect(page.locator(".prose strong")).to_have_text("first")
    assert page.locator(".prose a").count() == 0  # javascript: is no link
    metrics = page.get_by_role("grid", name="Metrics")
    expect(metrics.locator(".tr", has_text="val/loss")).to_contain_text("1.5")  # the most it was
    expect(page.locator(".columns")).to_contain_text("32,561 rows")
    expect(page.get_by_role("link", name="run-00001")).to_be_visible()
    page.get_by_role("link", name="Charts").click()
    expect(page.locator(".chart-card").first.locator("canvas")).to_be_visible()
    child = watched.open(f"/ui/runs/{trained.runs[1]}")
    child.get_by_role("link", name="run-00000").click()
    expect(child.locator("h1")).to_have_text("run-00000")


def test_a_running_run_is_followed(visit: Any, triops: RunningTriops, trained: Trained) -> None:
    page = visit().open(f"/ui/runs/{trained.runs[2]}")
    expect(page.locator(".answer")).to_contain_text("Is running")
    metric = {"key": "new_metric", "value": 4.25, "timestamp": 1, "step": 1}
    httpx.post(
        f"{triops.url}/api/2.0/mlflow/runs/log-batch", json={"run_id": trained.runs[2], "metrics": [metric]}
    ).raise_for_status()
    expect(page.get_by_role("grid", name="Metrics")).to_contain_text("new_metric", timeout=10_000)


def test_files_are_shown_and_none_is_run(visit: Any, trained: Trained) -> None:
    page = visit().open(f"/ui/runs/{trained.runs[0]}?tab=artifacts")
    look = page.locator(".preview")
    page.get_by_role("button", name="table.csv").click()
    expect(look.get_by_role("grid")).to_contain_text("bob, the second")
    page.get_by_role("button", name="report.html").click()
    expect(look.locator("pre")).to_contain_text("<script>")
    page.get_by_role("button", name="summary.json").click()
    expect(look.locator(".json")).to_contain_text("a: [3]")
    page.get_by_role("button", name="weights.bin").click()
    expect(look).to_contain_text("Not text")
    page.get_by_role("button", name="notes.md").click()
    expect(look.locator(".prose li")).to_have_count(2)
    page.get_by_role("button", name="plots").click()
    page.get_by_role("button", name="roc.png").click()
    expect(look.locator("img")).to_have_js_property("naturalWidth", 1)
    page.get_by_role("button", name="model", exact=True).click()
    page.get_by_role("button", name="MLmodel").click()
    expect(look).to_contain_text("sklearn 1.7.0")
    expect(look.locator("tr", has_text="workclass")).to_contain_text("optional")
    expect(look.locator("tr", has_text="int64 [any]")).to_be_visible()
    assert page.title() != "owned"


def test_a_promotion_waits_is_approved_and_undone(visit: Any, tmp_path: Path, chromium: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        made = train(server.url, 4)
        gate = {"model": made.model, "alias": "champion", "approval": {"role": "admin"}}
        gate["checks"] = [{"metric": "val/accuracy", "at_least": 0.5}]
        server.client.apply([{"kind": "Gate", "name": "champion", "spec": gate}])
        admin = server.client.create_key("root", "admin")["secret"]
        editor = Client(server.url, admin).create_key("lee", "editor")["secret"]
        asks, decides = _logged_in(visit, server, editor), _logged_in(visit, server, admin)

        page = asks.open(f"/ui/models/{made.model}")
        page.get_by_role("button", name="Promote version 2").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Alias").fill("champion")
        expect(dialog.get_by_role("button", name="Move the alias")).to_be_disabled()
        dialog.get_by_label("Why").fill("better on the held-out year")
        dialog.get_by_role("button", name="Move the alias").click()
        waits = page.get_by_role("dialog", name="It waits for an approval")
        expect(waits).to_contain_text("passed")
        waits.get_by_role("button", name="Understood").click()

        page = decides.open("/ui/models")
        expect(page.locator(".answer")).to_contain_text("1 promotion waits for an approval")
        expect(page.locator(".approval")).to_contain_text("lee asks: “better on the held-out year”")
        page.get_by_role("button", name="Approve …").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("textbox").fill("checked the slices")
        dialog.get_by_role("button", name="Approve and move").click()
        expect(page.locator(".tr", has_text=made.model)).to_contain_text("@champion → 2")
        expect(page.locator(".approval")).to_have_count(0)

        page = decides.open(f"/ui/models/{made.model}?tab=history")
        expect(page.locator(".lines .line").first).to_contain_text("@champion")
        page.get_by_role("button", name="Undo the last move of champion").click()
        page.get_by_role("dialog").get_by_label("Why").fill("errors in production")
        page.get_by_role("dialog").get_by_role("button", name="Undo").click()
        expect(page.locator(".lines .line").first).to_contain_text("errors in production")
        expect(page.locator(".alias-card", has_text="champion")).to_have_count(0)


def _logged_in(visit: Any, server: RunningTriops, key: str) -> Any:
    watched = visit(base=server.url, refused=True)
    watched.page.goto(server.url + "/ui/login")
    watched.page.get_by_label("API key").fill(key)
    watched.page.get_by_role("button", name="Log in").click()
    watched.page.wait_for_url("**/ui")
    return watched


def test_a_card_is_edited_and_a_lineage_leads_to_its_run(visit: Any, trained: Trained) -> None:
    watched = visit()
    page = watched.open(f"/ui/models/{trained.model}?tab=card&v=1")
    page.get_by_role("button", name="Edit").click()
    area = page.get_by_label("Card, as Markdown")
    area.fill("# Mine\n\n**bold** <img src=x onerror=\"document.title='owned'\">")
    expect(page.locator(".card-edit .prose strong")).to_have_text("bold")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".card-edit")).to_have_count(0)
    expect(page.locator(".prose h2")).to_have_text("Mine")
    again = watched.open(f"/ui/models/{trained.model}?tab=card&v=1")
    expect(again.locator(".prose")).to_contain_text("<img src=x")
    assert again.title() != "owned"
    page = watched.open(f"/ui/models/{trained.model}?tab=lineage&v=1")
    page.locator(".lin-node", has_text="run-00000").click()
    expect(page.locator("h1")).to_have_text("run-00000")


def test_search_finds_experiments_models_and_runs(visit: Any, trained: Trained) -> None:
    page = visit().open("/ui/start")
    page.keyboard.press("/")
    page.keyboard.type("income")
    expect(page.get_by_role("option", name=re.compile(r"^model\s*income"))).to_contain_text(trained.model)
    page.get_by_role("option", name=re.compile(r"^experiment\s*income\s*1$")).click()
    expect(page.locator("h1")).to_have_text("income")
    page.keyboard.press("/")
    page.keyboard.type(trained.runs[1])
    page.get_by_role("option", name="open this run").click()
    expect(page.locator("h1")).to_have_text("run-00001")


def test_a_link_that_the_mlflow_client_prints_leads_to_the_page(visit: Any, trained: Trained) -> None:
    page = visit().open(f"/#/experiments/{trained.experiment}/runs/{trained.runs[0]}")
    page.wait_for_url(f"**/ui/runs/{trained.runs[0]}")


def test_modules_that_need_no_page(visit: Any, trained: Trained) -> None:
    page = visit().open("/ui/login")
    result = page.evaluate(
        """async () => {
          const base = document.querySelector('script[type=module]').src.replace('app.js', '') + 'parts/';
          const { offersAt } = await import(base + 'runfilter.js');
          const { smoothed, dotsOf } = await import(base + 'smooth.js');
          const { parseCsv } = await import(base + 'csvparse.js');
          const { csvText } = await import(base + 'save.js');
          const { markdown } = await import(base + 'markdown.js');
          const { rowsOfFamilies } = await import(base + 'rungroups.js');
          const keys = { metrics: ['val/loss'], params: ['lr'], tags: ['a`b'] };
          const offers = (text) => offersAt(text, text.length, keys).offers.map((o) => o.text.trim());
          const child = (id, parent) => ({ id, tags: { 'mlflow.parentRunId': parent } });
          return {
            names: offers('params.l'),
            quoted: [offers('val'), offers('tags.a')],
            operators: [offers("params.lr LIKE '%and %' and metrics.`val/loss` "), offers('tags.x IS N')],
            status: offers("attributes.status = '"),
            joined: offers("params.lr = '1' "),
            smooth: smoothed([[0, 1], [1, null], [2, 1], [3, 1]], 0.9),
            dots: dotsOf([[0, 5, 1], [1, 6, 'NaN'], [2, 7, -1], [3, 8, 2]], 'step', { x: true, y: true }),
            csv: parseCsv('a;b\\n"x;""y"" z";2\\r\\n3;4', 2),
            formula: csvText([['=1+1', -2, '-0.5', '@x', 'a,b']]),
            markdown: markdown('# a\\n\\n[x](javascript:alert(1)) [y](/ui/models) <b>z</b> \\\\*n\\\\* `c`').innerHTML,
            circle: rowsOfFamilies([child('a', 'b'), child('b', 'a')], new Set()).map((r) => r.id),
          };
        }"""
    )
    assert result["names"] == ["params.lr"]
    assert result["quoted"] == [["metrics.`val/loss`"], ['tags."a`b"']]
    assert result["operators"] == [[">", ">=", "<", "<=", "=", "!="], ["IS NULL", "IS NOT NULL"]]
    assert "'FINISHED'" in result["status"]
    assert result["joined"] == ["and"]
    assert [round(y, 9) if y is not None else None for _, y in result["smooth"]] == [1, None, 1, 1]
    assert result["dots"] == [[1, None], [2, None], [3, 2]]
    assert result["csv"] == {"rows": [["a", "b"], ['x;"y" z', "2"]], "more": True}
    assert result["formula"] == "'=1+1,-2,-0.5,'@x,\"a,b\"\r\n"
    assert "javascript" not in result["markdown"]
    assert '<a href="/ui/models">y</a>' in result["markdown"]
    assert "&lt;b&gt;z&lt;/b&gt; *n* <code>c</code>" in result["markdown"]
    assert sorted(result["circle"]) == ["a", "b"]

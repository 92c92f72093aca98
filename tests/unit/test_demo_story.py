"""How the story is told and how it waits."""

import io

import pytest
from rich.console import Console

from triops.demo.faults import FAULTS, documents
from triops.demo.story import _check_cause
from triops.demo.telling import Teller
from triops.demo.waiting import StoryError, wait_for


def test_plain_lines_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    teller = Teller(Console(file=out, highlight=False, soft_wrap=True))
    teller.step("fault", "[pricing] is slow", "bold red")
    teller.say("because of [this]")
    teller.step("anomaly", "x" * 300)
    teller.summary("fault")
    told = out.getvalue()
    assert "\x1b" not in told
    assert "[pricing] is slow" in told
    assert "because of [this]" in told
    assert "x" * 300 in told
    assert "since fault" in told


def test_plain_lines_on_a_terminal_that_wants_none() -> None:
    out = io.StringIO()
    Teller(Console(file=out, force_terminal=True, color_system=None)).step("fault", "slow", "bold red")
    assert "\x1b" not in out.getvalue()


def test_waiting_ends_with_what_was_found_or_what_was_missing() -> None:
    answers = iter([None, 0, "", "found"])
    assert wait_for("it", lambda: next(answers), 5, lambda: None, every_s=0) == "found"
    with pytest.raises(StoryError, match="the cause did not come within 0 s"):
        wait_for("the cause", lambda: None, 0, lambda: None, every_s=0)

    def dead() -> None:
        raise StoryError("triops ended by itself")

    with pytest.raises(StoryError, match="ended by itself"):
        wait_for("it", lambda: "found", 5, dead)


@pytest.mark.parametrize(
    ("entity", "change", "right"),
    [
        ("service:pricing", {"id": "chg_1"}, True),
        ("service:front", {"id": "chg_1"}, False),
        ("service:pricing", {"id": "chg_0"}, False),
        ("service:pricing", None, False),
        (None, None, False),
    ],
)
def test_only_the_true_entity_and_change_pass(entity: str | None, change: dict[str, str] | None, right: bool) -> None:
    cause = {"entity": entity, "change": change, "title": "it"}
    if right:
        _check_cause(cause, FAULTS["latency"], "chg_1")
    else:
        with pytest.raises(StoryError, match="the true cause is service:pricing"):
            _check_cause(cause, FAULTS["latency"], "chg_1")


def test_every_fault_has_a_remedy_that_can_be_undone() -> None:
    runbooks = [d["spec"] for d in documents("http://127.0.0.1:1") if d["kind"] == "Runbook"]
    for fault in FAULTS.values():
        of_type = [r for r in runbooks if fault.entity.split(":")[0] in r["when"]["entity_types"]]
        assert len(of_type) == 1
        assert of_type[0]["undo"]

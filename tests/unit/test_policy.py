import pytest
from hypothesis import given
from hypothesis import strategies as st

from triops.kernel.errors import Invalid
from triops.kernel.policy import Context, Level, Policy, Proposal, Verdict, decide, frozen

PROPOSAL = Proposal("rollback", "service:pricing", 0.9, 1, True)
CALM = Context(now=12 * 3600.0, last_run_at=None, runs_last_hour=0)


@pytest.mark.parametrize(
    ("level", "verdict"),
    [
        (Level.OBSERVE, Verdict.OBSERVE),
        (Level.SUGGEST, Verdict.SUGGEST),
        (Level.ASK, Verdict.ASK),
        (Level.ACT, Verdict.ALLOW),
    ],
)
def test_each_level_goes_as_far_as_it_says(level: Level, verdict: Verdict) -> None:
    assert decide(Policy("p", level=level), PROPOSAL, CALM).verdict is verdict


def test_without_an_undo_nothing_goes_above_ask() -> None:
    decision = decide(Policy("p", level=Level.ACT), Proposal("r", "e", 0.99, 1, False), CALM)
    assert (decision.verdict, decision.level) == (Verdict.ASK, Level.ASK)
    assert "undo" in decision.reasons[0]


def test_an_improbable_cause_and_a_freeze_ask_instead_of_acting() -> None:
    policy = Policy("p", level=Level.ACT, min_probability=0.8, freeze=("22:00-06:00",))
    doubtful = decide(policy, Proposal("r", "e", 0.5, 1, True), Context(23 * 3600.0, None, 0))
    assert doubtful.verdict is Verdict.ASK
    assert len(doubtful.reasons) == 2


@pytest.mark.parametrize("approved", ["", "ann"])
@pytest.mark.parametrize("level", [Level.SUGGEST, Level.ASK, Level.ACT])
def test_limits_bind_people_too(level: Level, approved: str) -> None:
    policy = Policy("p", level=level, cool_down_s=600, max_per_hour=2, max_entities=1)
    at = CALM.now
    assert decide(policy, PROPOSAL, Context(at, at - 10, 0, approved)).verdict is Verdict.DENY
    assert decide(policy, PROPOSAL, Context(at, at - 700, 2, approved)).verdict is Verdict.DENY
    assert decide(policy, Proposal("r", "e", 0.9, 2, True), Context(at, None, 0, approved)).verdict is Verdict.DENY


def test_approval_lifts_what_asks_for_a_person() -> None:
    policy = Policy("p", level=Level.ACT, freeze=("00:00-00:00",))
    approved = Context(CALM.now, None, 0, approved_by="ann")
    assert decide(policy, Proposal("r", "e", 0.1, 1, False), approved).verdict is Verdict.ALLOW


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 1439))
def test_a_window_and_its_complement_split_the_day(a: int, b: int, at: int) -> None:
    def text(m: int) -> str:
        return f"{m // 60:02}:{m % 60:02}"

    inside, outside = frozen(f"{text(a)}-{text(b)}", at * 60.0), frozen(f"{text(b)}-{text(a)}", at * 60.0)
    assert inside != outside if a != b else inside and outside


@given(st.text(max_size=12))
def test_any_text_is_a_window_or_a_clear_error(text: str) -> None:
    try:
        frozen(text, 0.0)
    except Invalid as error:
        assert error.details["field"] == "freeze"

"""Did it help? Every verdict, and that none but recovery comes before the deadline."""

from dataclasses import replace

import pytest

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.ids import AnomalyId, EntityId
from triops.loop.verifying import Before, Verdict, before, judge


def symptom(entity: str = "service:a", **fields: object) -> Anomaly:
    claim = Anomaly(
        AnomalyId(entity), EntityId(entity), "red", "latency", "latency", Direction.UP, 8.0, Severity.WARNING, True,
        90.0, 95.0, 95.0, value=310.0, expected=10.0, unit="ms",
    )  # fmt: skip
    return replace(claim, **fields)  # type: ignore[arg-type]


WAS = before([symptom()])


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        ([symptom(ended_at=110.0)], Verdict.RECOVERED),
        ([symptom()], Verdict.NO_HELP),
        ([symptom(value=900.0, last_seen=150.0)], Verdict.WORSE),
        ([symptom(value=900.0, last_seen=110.0)], Verdict.NO_HELP),  # on its way from before the start
        ([symptom(value=5000.0, latest=600.0, last_seen=150.0)], Verdict.NO_HELP),  # it drains
        ([symptom(value=5000.0, latest=4800.0, last_seen=150.0)], Verdict.WORSE),
        ([symptom(value=400.0, severity=Severity.CRITICAL, last_seen=150.0)], Verdict.NO_HELP),
        ([symptom(), symptom("service:b", started_at=120.0)], Verdict.WORSE),
        ([symptom(), symptom("service:b", started_at=95.0)], Verdict.NO_HELP),  # it fell ill before, and was told late
        ([symptom(), symptom("service:b", started_at=110.0)], Verdict.NO_HELP),  # too soon to be the remedy's doing
        ([symptom(), symptom("host:h", symptom=False, started_at=120.0)], Verdict.NO_HELP),
        ([symptom(ended_at=110.0), symptom("service:b", started_at=120.0)], Verdict.WORSE),
    ],
)
def test_the_verdict_at_the_deadline(now: list[Anomaly], verdict: Verdict) -> None:
    assert judge(WAS, now, 160.0, 100.0, 160.0)[0] is verdict
    early = judge(WAS, now, 159.0, 100.0, 160.0)[0]
    assert early is (Verdict.RECOVERED if verdict is Verdict.RECOVERED else Verdict.WAIT)


def test_what_was_before_survives_being_written_down() -> None:
    assert Before.from_details(WAS.to_details()) == WAS


def test_a_symptom_without_numbers_is_weighed_by_its_severity() -> None:
    was = before([symptom(value=None)])
    worse = symptom(value=None, severity=Severity.CRITICAL, last_seen=150.0)
    assert judge(was, [symptom(value=None, last_seen=150.0)], 160.0, 100.0, 160.0)[0] is Verdict.NO_HELP
    assert judge(was, [replace(worse, severity=Severity.INFO)], 160.0, 100.0, 160.0)[0] is Verdict.NO_HELP
    assert (
        judge(before([symptom(value=None, severity=Severity.INFO)]), [worse], 160.0, 100.0, 160.0)[0] is Verdict.WORSE
    )

"""The log detector: surges, news, and templates."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.machine import json, text
from triops.kernel.anomaly import Anomaly
from triops.kernel.ids import ProjectId
from triops.kernel.signal import LogBatch, Resources, fingerprint
from triops.lenses.aiops.logs import LogDetector, Templates
from triops.loop.bus import Bus
from triops.loop.events import LogsReceived
from triops.ports.logs import LogCounts

BEGIN = 1_800_000_000.0
DEFAULT = ProjectId("default")


class Counted:
    """`counts` of what was logged: error lines of two services in steps of ten seconds."""

    def __init__(self, errors: Callable[[float, np.random.Generator], int], seconds: int = 1200) -> None:
        rng = np.random.default_rng(2)
        self.rows = [
            (BEGIN + at, service, band, int(count))
            for at in range(0, seconds, 10)
            for service, band, count in (
                ("shop", 0, 200), ("shop", 2, errors(at, rng)), ("calm", 0, 50), ("calm", 2, rng.poisson(0.2)),
            )
            if count
        ]  # fmt: skip

    async def counts(
        self, project: ProjectId, start_ns: int, end_ns: int, step_ns: int, service: str = ""
    ) -> LogCounts:
        assert step_ns == 10_000_000_000
        rows = [row for row in self.rows if start_ns <= row[0] * 1e9 < end_ns]
        times, services, bands, counts = zip(*rows, strict=True) if rows else ((), (), (), ())
        return LogCounts(
            np.array([int(t * 1e9) for t in times], np.int64),
            services,
            np.array(bands, np.uint8),
            np.array(counts, np.int64),
        )


async def run(logs: Counted, seconds: int, first: int = 0) -> list[Anomaly]:
    detector, claims = LogDetector(logs, Bus()), []  # type: ignore[arg-type]
    for at in range(first, seconds, 5):
        claims += await detector.tick(DEFAULT, BEGIN + at)
    return claims


@pytest.mark.parametrize("noise", ["poisson", "bursts"])
async def test_error_lines_as_usual_claim_nothing(noise: str) -> None:
    usual = {
        "poisson": lambda t, rng: rng.poisson(3),
        "bursts": lambda t, rng: rng.negative_binomial(0.4, 0.05),
    }[noise]
    assert not [c for c in await run(Counted(usual), 1200) if c.symptom]


async def test_a_surge_is_told_within_half_a_minute_and_ends() -> None:
    claims = await run(Counted(lambda t, rng: rng.poisson(80 if 600 <= t < 800 else 1)), 1200)
    assert len({c.id for c in claims}) == 1
    first = claims[0]
    assert (first.kind, first.entity, first.symptom) == ("surge", "service:shop", True)
    assert first.started_at == BEGIN + 600
    assert first.detected_at <= BEGIN + 630
    assert first.expected < 3
    assert 800 <= claims[-1].ended_at - BEGIN <= 845


async def test_a_first_surge_after_a_minute_of_silence_is_told() -> None:
    claims = await run(Counted(lambda t, rng: 60 if 90 <= t < 200 else 0), 300)
    assert claims[0].started_at == BEGIN + 90


async def test_a_restart_learns_from_the_store_without_claims() -> None:
    assert not await run(Counted(lambda t, rng: rng.poisson(80 if 600 <= t < 700 else 1)), 1200, first=1000)


def lines(bodies: list[str], at: float, templates: Templates, severity: int = 17) -> LogBatch:
    resource, n = json({"service.name": "shop"}), len(bodies)
    who, none = np.full(n, fingerprint(resource), np.uint64), np.zeros(n, np.uint64)
    column = text(bodies)
    return LogBatch(
        Resources(who[:1], text([resource])), who, np.full(n, int(at * 1e9), np.int64), np.full(n, severity, np.uint8),
        column, templates(column), none, none, none, text(["{}"] * n),
    )  # fmt: skip


async def test_an_error_that_was_never_seen_is_evidence_once() -> None:
    detector, templates = LogDetector(Counted(lambda t, rng: 0), Bus()), Templates()  # type: ignore[arg-type]
    for at in range(0, 300, 10):
        usual = [f"cannot reach peer {n} after {at} ms" for n in range(100)]
        await detector.received(LogsReceived(DEFAULT, lines(usual, BEGIN + at, templates)))
        assert await detector.tick(DEFAULT, BEGIN + at) == []
    news = lines(["disk quota exceeded for user 17"], BEGIN + 300, templates)
    await detector.received(LogsReceived(DEFAULT, news))
    await detector.received(LogsReceived(DEFAULT, news))
    await detector.received(LogsReceived(DEFAULT, lines(["never seen, but fine"], BEGIN + 300, templates, severity=9)))
    claims = await detector.tick(DEFAULT, BEGIN + 301)
    assert [(c.kind, c.symptom, c.entity) for c in claims] == [("new_template", False, "service:shop")]
    assert claims[0].evidence["example"] == "disk quota exceeded for user 17"
    assert replace(claims[0], ended_at=None).score >= 3
    later = await detector.tick(DEFAULT, BEGIN + 430)
    assert [c.ended_at for c in later] == [BEGIN + 430]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("user 17 logged in after 3.5 s", "user 4711 logged in after 12 s"),
        ("from 10.0.0.1:8080 got 0xdeadbeef", "from 192.168.17.200:80 got 0x1f"),
        ("open /var/log/a.log failed", "open /home/x/y/z.txt failed"),
        ('asked for "a b c" twice', 'asked for "" twice'),
        ("id=3f2a9c11-aaaa-bbbb-cccc-0123456789ab done", "id=00000000-0000-4000-8000-000000000000 done"),
        ("took=12.5ms rows=3", "took=1ms rows=12345"),
    ],
)
def test_lines_of_one_statement_share_a_template(one: str, other: str) -> None:
    ids = Templates()(text([one, other]))
    assert ids[0] == ids[1]


def test_lines_of_different_statements_do_not() -> None:
    bodies = ["connection lost", "connection refused", "cannot open file", "user logged in", "user logged out", ""]
    ids = Templates()(text(bodies))
    assert len(set(ids.tolist())) == len(bodies)
    assert (ids != 0).all()


@given(st.lists(st.text(max_size=300), max_size=20))
def test_any_text_has_a_template_that_does_not_depend_on_what_came_before(bodies: list[str]) -> None:
    warm, column = Templates(bound=4), text([*bodies, "x"])[:-1]
    assert np.array_equal(warm(column), warm(column))
    assert [int(Templates()(text([body]))[0]) for body in bodies] == warm(column).tolist()

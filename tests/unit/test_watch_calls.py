"""The detector of model calls, told of made-up traffic: what it claims of what changed, and that it is quiet else."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from triops.kernel.anomaly import Anomaly, Direction
from triops.kernel.ids import ProjectId
from triops.lenses.llmops.watch import CallColumns, CallDetector
from triops.lenses.llmops.watch.model import WatchProfile
from triops.lenses.llmops.watch.service import CallWatch
from triops.lenses.llmops.watch.words import language, refuses

PROJECT = ProjectId("default")


@dataclass
class Call:
    ended_s: float
    ms: float = 400.0
    tokens: float = 40.0
    version: str = "1"
    error: str = ""
    refused: float = 0.0
    language: str = "en"
    question: int = 0
    trace: int = 0


def columns(calls: Sequence[Call]) -> CallColumns:
    def of(read: Callable[[Call], float]) -> np.ndarray:
        return np.array([read(call) for call in calls], np.float64)

    many = len(calls)
    tokens = of(lambda c: c.tokens)
    return CallColumns(
        ended_s=of(lambda c: c.ended_s),
        application=["bot"] * many,
        prompt=["support"] * many,
        version=[c.version for c in calls],
        model=["small"] * many,
        provider=["local"] * many,
        ms=of(lambda c: c.ms),
        first_ms=of(lambda c: c.ms / 5),
        cost_usd=tokens * 6e-7,
        input_tokens=np.full(many, 100.0),
        output_tokens=tokens,
        output_chars=tokens * 4,
        error=[c.error for c in calls],
        refused=of(lambda c: c.refused),
        language=[c.language for c in calls],
        question=np.array([c.question for c in calls], np.int64),
        trace=np.array([c.trace for c in calls], np.uint64),
    )


def watched(seconds: int, make: Callable[[random.Random, float], Call], per_s: float = 2.0) -> list[Anomaly]:
    """Every claim of `seconds` of traffic, as it was told."""
    detector, random_ = CallDetector(), random.Random(7)
    claims: list[Anomaly] = []
    with asyncio.Runner() as runner:
        for second in range(seconds):
            now = 1_000_000.0 + second
            count = int(per_s) + (random_.random() < per_s % 1)
            detector.take(PROJECT, columns([make(random_, now) for _ in range(count)]), now)
            claims += runner.run(detector.tick(PROJECT, now))
    return claims


def usual(random_: random.Random, now: float) -> Call:
    length = random_.lognormvariate(0, 0.5)
    return Call(now, ms=400 * length, tokens=40 * length)


@pytest.mark.parametrize("per_s", [0.3, 2.0, 20.0])
def test_steady_traffic_claims_nothing(per_s: float) -> None:
    assert watched(1200, usual, per_s) == []


def test_a_prompt_that_makes_answers_long_and_slow() -> None:
    def make(random_: random.Random, now: float) -> Call:
        call = usual(random_, now)
        if now >= 1_000_120:
            return Call(now, ms=call.ms * 4, tokens=call.tokens * 4, version="2")
        return call

    claims = watched(180, make)
    found = {(str(c.entity), c.kind): c for c in claims}
    slow = found["application:bot", "latency"]
    assert slow.symptom
    assert slow.direction is Direction.UP
    assert 1_000_100 <= slow.started_at <= 1_000_130
    assert slow.detected_at <= 1_000_150
    longer = found["prompt:support", "output_tokens"]
    assert not longer.symptom
    assert longer.evidence["versions"]["2"] > 2 * longer.evidence["versions"]["1"]
    assert ("llm:local/small", "latency") in found


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("errors", {"error": "server"}),
        ("refusals", {"refused": 1.0}),
        ("language", {"language": "de"}),
        ("repeats", {"question": 42}),
    ],
)
def test_a_share_that_rises(kind: str, change: dict[str, object]) -> None:
    def make(random_: random.Random, now: float) -> Call:
        call = usual(random_, now)
        call.question = random_.getrandbits(60) + 1
        if now >= 1_000_180 and random_.random() < 0.6:
            for name, value in change.items():
                setattr(call, name, value)
        return call

    claims = [c for c in watched(300, make) if str(c.entity) == "application:bot"]
    assert {c.kind for c in claims} == {kind}
    assert claims[0].symptom
    assert claims[0].detected_at <= 1_000_225


def test_a_claim_ends_when_calls_are_as_usual_again() -> None:
    def make(random_: random.Random, now: float) -> Call:
        call = usual(random_, now)
        return Call(now, ms=call.ms * 5) if 1_000_120 <= now < 1_000_170 else call

    claims = [c for c in watched(260, make) if (str(c.entity), c.kind) == ("application:bot", "latency")]
    assert claims[-1].ended_at is not None
    assert 1_000_170 <= claims[-1].ended_at <= 1_000_210


def test_answers_that_became_empty() -> None:
    def make(random_: random.Random, now: float) -> Call:
        call = usual(random_, now)
        return Call(now, ms=call.ms, tokens=1.0) if now >= 1_000_120 else call

    found = [c for c in watched(180, make) if (str(c.entity), c.kind) == ("application:bot", "output_length")]
    assert found
    assert found[0].direction is Direction.DOWN


def opened(claims: Sequence[Anomaly]) -> list[Anomaly]:
    """Each claim as it began."""
    first: dict[str, Anomaly] = {}
    for claim in claims:
        first.setdefault(str(claim.id), claim)
    return list(first.values())


@pytest.mark.parametrize("gap_s", [0.5, 150.0])
def test_an_outage_that_silences_its_callers_is_claimed_once(gap_s: float) -> None:
    detector = CallDetector()
    claims: list[Anomaly] = []
    calls, silence = 120, 30
    with asyncio.Runner() as runner:
        for step in range(calls + silence):
            now = 1_000_000.0 + step * gap_s
            if step < calls:
                detector.take(PROJECT, columns([Call(now, error="connection" if step > calls // 2 else "")]), now)
            claims += runner.run(detector.tick(PROJECT, now))
        for second in range(700):
            claims += runner.run(detector.tick(PROJECT, now + second))
    found = [c for c in opened(claims) if (str(c.entity), c.kind) == ("application:bot", "errors")]
    assert len(found) == 1
    assert [c.ended_at is not None for c in claims if c.id == found[0].id].count(True) == 1


def test_a_shift_that_no_window_proves_alone_is_proved_by_several() -> None:
    def make(random_: random.Random, now: float) -> Call:
        call = usual(random_, now)
        return Call(now, ms=call.ms * 2, tokens=call.tokens) if now >= 1_000_600 else call

    found = [c for c in opened(watched(900, make, 0.3)) if c.symptom]
    assert {c.kind for c in found} == {"latency"}
    assert found[0].detected_at <= 1_000_850
    assert 1_000_550 <= found[0].started_at <= 1_000_750
    assert found[0].value == pytest.approx(2 * found[0].expected, rel=0.5)


def test_two_slow_windows_of_few_calls_may_be_chance_and_five_are_none() -> None:
    def claimed(windows: int) -> int:
        """Of 30 applications of a call each four seconds, of which so many windows of four are 2.5 times as slow."""
        detector, random_ = CallDetector(), random.Random(7)
        names, none = [f"bot{n}" for n in range(30)], [""] * 30
        claims: list[Anomaly] = []
        with asyncio.Runner() as runner:
            for step in range(148):
                now = 1_000_000.0 + 4 * step
                slow = 2.5 if 100 <= step < 100 + 4 * windows else 1.0
                calls = columns([Call(now, ms=400 * random_.lognormvariate(0, 0.5) * slow) for _ in names])
                detector.take(PROJECT, replace(calls, application=names, prompt=none, model=none, provider=none), now)
                for second in range(4):
                    claims += runner.run(detector.tick(PROJECT, now + second))
        return len({claim.entity for claim in claims if claim.kind == "latency"})

    assert claimed(0) == 0
    assert claimed(2) <= 5
    assert claimed(5) >= 20


def test_answers_that_are_long_or_short_by_turns_claim_nothing() -> None:
    def make(random_: random.Random, now: float) -> Call:
        long = random_.random() < 0.3
        return Call(
            now, ms=400 * random_.lognormvariate(0, 0.3), tokens=(400 if long else 8) * random_.uniform(0.8, 1.2)
        )

    assert watched(900, make, 1.0) == []


def test_history_that_is_sent_says_nothing_of_now() -> None:
    def make(random_: random.Random, now: float) -> Call:
        call = usual(random_, now)
        return Call(now - 86_400, ms=call.ms * 20) if now >= 1_000_120 and random_.random() < 0.9 else call

    assert watched(240, make, 4.0) == []


def test_a_question_that_an_agent_passes_on_is_asked_once() -> None:
    def make(random_: random.Random, now: float) -> Call:
        call = usual(random_, now)
        calls_of_a_trace = 3 if now >= 1_000_180 else 1
        call.trace = call.question = int((now - 1_000_000) // calls_of_a_trace) + 1
        return call

    assert [c for c in watched(400, make, 1.0) if c.kind == "repeats"] == []


def test_a_language_that_stays_becomes_usual() -> None:
    detector, random_ = CallDetector(), random.Random(7)
    claims: list[Anomaly] = []
    with asyncio.Runner() as runner:
        for step in range(460):
            now = 1_000_000.0 + 10 * step
            odd = step >= 30
            calls = [Call(now, language="de" if odd and random_.random() < 0.4 else "en") for _ in range(6)]
            detector.take(PROJECT, columns(calls), now)
            claims += runner.run(detector.tick(PROJECT, now))
    claims = [c for c in claims if (str(c.entity), c.kind) == ("application:bot", "language")]
    assert len(opened(claims)) == 1
    assert claims[-1].ended_at is not None
    assert claims[-1].ended_at >= claims[0].started_at + 3600


def test_a_language_of_the_night_is_unusual_once() -> None:
    """From then on the night's is usual, and the day's stays so while it sleeps."""
    detector = CallDetector()
    claims: list[Anomaly] = []
    with asyncio.Runner() as runner:
        for step in range(3 * 96):
            now = 1_000_000.0 + 900 * step
            night = step // 48 % 2 == 1
            calls = [Call(now, language="es" if night else "en") for _ in range(20)]
            if step >= 240:  # after two days a language that is new indeed
                calls += [Call(now, language="ja") for _ in range(20)]
            detector.take(PROJECT, columns(calls), now)
            claims += runner.run(detector.tick(PROJECT, now))
    claims = [c for c in opened(claims) if (str(c.entity), c.kind) == ("application:bot", "language")]
    assert [int(c.started_at - 1_000_000) // 43_200 for c in claims] == [1, 5]


def test_where_many_languages_are_spoken_none_is_unusual() -> None:
    def make(random_: random.Random, now: float) -> Call:
        call = usual(random_, now)
        call.language = f"l{random_.randrange(30)}"
        return call

    assert watched(450, make, 1.0) == []


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, but I cannot assist with this request.",
        "As an AI language model, I do not have opinions on that.",
        "Es tut mir leid, aber ich kann dabei nicht helfen.",
        "Lo siento, no puedo ayudar con eso.",
    ],
)
def test_refusals(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize(
    "text", ["Sorry for the delay! Your order ships today.", "I can help you with that.", "You can't return it."]
)
def test_no_refusals(text: str) -> None:
    assert not refuses(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The order is on its way and you will have it in two days.", "en"),
        ("Die Bestellung ist auf dem Weg und Sie haben sie in zwei Tagen.", "de"),
        ("La commande est en route et vous avez le colis dans deux jours.", "fr"),
        ("El pedido está en camino y lo recibe en dos días con el correo.", "es"),
        ("Ваш заказ уже в пути и придёт через два дня.", "ru"),
        ("ご注文は二日以内に届きます。", "ja"),
        ("您的订单将在两天内送达。", "zh"),
        ("42", ""),
        ("SELECT 1;", ""),
    ],
)
def test_languages(text: str, code: str) -> None:
    assert language(text) == code


def test_what_is_silent_for_long_makes_room_for_what_is_not() -> None:
    watch = CallWatch(WatchProfile(slots=4, forget_s=100.0))
    watch.take(columns([Call(1.0)]), np.array([1.0]))
    assert len(watch.keys) == 4
    others = replace(columns([Call(2.0)]), application=["other"], prompt=[""], model=[""], provider=[""])
    watch.take(others, np.array([2.0]))
    assert watch.refused == 1
    assert sorted(watch.forget(200.0).tolist()) == [0, 1, 2, 3]
    assert len(watch.forget(201.0)) == 0
    watch.take(others, np.array([202.0]))
    assert (watch.refused, len(watch.keys)) == (1, 4)
    assert "application:other" in watch.keys
    watch.take(columns([Call(203.0)]), np.array([203.0]))
    assert watch.refused == 2


def test_calls_that_are_taken_together_say_what_they_say_one_by_one() -> None:
    random_ = random.Random(3)
    batches = [
        (columns([replace(Call(at), ms=random_.uniform(100, 900)) for _ in range(random_.randint(1, 9))]), at)
        for at in (1.0, 1.5, 1.75, 4.0, 90.0, 91.0)
    ]
    batches.insert(3, (replace(batches[3][0], application=["other"] * len(batches[3][0])), 3.0))
    alone, together = CallWatch(WatchProfile()), CallWatch(WatchProfile())
    for watch in (alone, together):
        watch.take(columns([Call(0.5)]), np.array([0.5]))
    for calls, at in batches:
        alone.take(calls, np.full(len(calls), at))
    told = np.concatenate([np.full(len(calls), at) for calls, at in batches])
    together.take(CallColumns.joined([calls for calls, _ in batches]), told)

    order = [together.keys.index(key) for key in alone.keys]
    for name in ("heard", "gap"):
        got, expected = getattr(together, name)[order], getattr(alone, name)[: len(order)]
        np.testing.assert_allclose(got, expected, err_msg=name)
    for name in ("count", "started", "total", "squares", "known", "hits", "trials"):
        got, expected = getattr(together.windows, name)[..., order], getattr(alone.windows, name)[..., : len(order)]
        np.testing.assert_allclose(got, expected, err_msg=name)
    assert (alone.gap > 1.0).sum() == 4

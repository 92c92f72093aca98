"""The detect step: claims are written down and handed on, and one bad detector stops nothing."""

from collections.abc import Sequence
from dataclasses import replace

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.ids import AnomalyId, EntityId, ProjectId
from triops.loop.detect import Detect


def claim(at: float, detector: str = "good") -> Anomaly:
    return Anomaly(
        AnomalyId("ano_1"), EntityId("service:a"), detector, "latency", "latency service:a", Direction.UP, 6.0,
        Severity.WARNING, True, at, at, at,
    )  # fmt: skip


class Book:
    """The anomalies' book, as its docstrings promise, in memory."""

    def __init__(self) -> None:
        self.rows: dict[tuple[ProjectId, str], Anomaly] = {}

    async def merge(self, project: ProjectId, claims: Sequence[Anomaly]) -> Sequence[Anomaly]:
        for one in claims:
            self.rows[project, one.key] = one
        return list(claims)

    async def open(self, project: ProjectId) -> Sequence[Anomaly]:
        return [a for (p, _), a in self.rows.items() if p == project and a.ended_at is None]


class Good:
    name, every_s = "good", 2.0

    async def tick(self, project: ProjectId, now: float) -> Sequence[Anomaly]:
        return [claim(now)] if project == "a" else []


class Bad:
    name, every_s = "bad", 2.0

    async def tick(self, project: ProjectId, now: float) -> Sequence[Anomaly]:
        if project == "a":
            raise ValueError("broken")
        return [claim(now, "bad")]


def step() -> tuple[Detect, Book, list[tuple[ProjectId, int, float]]]:
    book, seen = Book(), []

    async def projects() -> Sequence[ProjectId]:
        return [ProjectId("a"), ProjectId("b")]

    async def then(project: ProjectId, rows: Sequence[Anomaly], now: float) -> None:
        seen.append((project, len(rows), now))

    return Detect([Bad(), Good()], book, projects, then), book, seen  # type: ignore[arg-type]


async def test_each_detector_is_a_job_and_a_fault_stays_in_its_project() -> None:
    detect, book, seen = step()
    jobs = {job.name: job for job in detect.jobs()}
    assert set(jobs) == {"detect:bad", "detect:good", "detect:orphans"}
    for job in jobs.values():
        await job.tick(100.0)
    assert seen == [("b", 1, 100.0), ("a", 1, 100.0)]
    assert len(book.rows) == 2
    status = {row["name"]: row for row in detect.status(ProjectId("a"), 100.0)}
    assert (status["bad"]["failures"], status["good"]["failures"]) == (1, 0)
    assert "broken" in status["bad"]["last_error"]


async def test_a_claim_that_no_detector_keeps_up_is_ended() -> None:
    detect, book, seen = step()
    stale = claim(100.0)
    book.rows[ProjectId("a"), stale.key] = stale
    foreign = replace(claim(100.0, "alertmanager"), signal="x")
    book.rows[ProjectId("a"), foreign.key] = foreign
    await detect.end_orphans(200.0)
    assert seen == []
    await detect.end_orphans(400.0)
    assert seen == [("a", 1, 400.0)]
    assert book.rows[ProjectId("a"), stale.key].ended_at == 100.0
    assert book.rows[ProjectId("a"), foreign.key].ended_at is None

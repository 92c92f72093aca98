"""Diagnosis on the shapes of a small shop: front → catalogue → pricing → its SQLite, all on one host, with a harmless
deploy of the front half a minute before each fault, and claims as the RED detector makes them."""

import pytest

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.change import Change
from triops.kernel.entity import Relation, RelationKind, Topology
from triops.kernel.ids import AnomalyId, ChangeId, EntityId
from triops.loop.causes import diagnose
from triops.testing.faults import NOW, Case, incident_of

FRONT, CATALOGUE, PRICING = "service:front", "service:catalogue", "service:pricing"
DATABASE, HOST = "database:prices", "host:here"
ONSET = NOW - 40.0


def relation(source: str, kind: RelationKind, target: str) -> Relation:
    return Relation(EntityId(source), kind, EntityId(target), 0, NOW)


SHOP = Topology(
    (
        relation(FRONT, RelationKind.CALLS, CATALOGUE),
        relation(CATALOGUE, RelationKind.CALLS, PRICING),
        relation(PRICING, RelationKind.USES, DATABASE),
        *(relation(s, RelationKind.RUNS_ON, HOST) for s in (FRONT, CATALOGUE, PRICING)),
    )
)


def red(
    kind: str,
    target: str,
    before: float,
    after: float,
    *,
    source: str = "",
    late: float = 0.0,
    own: tuple[float, float] | None = None,
) -> Anomaly:
    unit = "ms" if kind == "latency" else "ratio"
    evidence: dict[str, object] = {"source": source, "target": target, "measure": kind}
    if own:
        evidence |= {"self_ms_expected": own[0], "self_ms": own[1]}
    edge = f"{source} -> {target}" if source else target
    return Anomaly(
        AnomalyId(f"ano_{kind}_{edge}"), EntityId(target), "red", kind, f"{kind} {edge}", Direction.UP, 9.0,
        Severity.CRITICAL, not source or not target.startswith("service:"), ONSET + late, ONSET + 15, NOW,
        value=after, expected=before, unit=unit, evidence=evidence,
    )  # fmt: skip


def cpu() -> Anomaly:
    return Anomaly(
        AnomalyId("ano_cpu"), EntityId(HOST), "metrics", "level_shift", "system.cpu.utilization", Direction.UP, 8.0,
        Severity.WARNING, False, ONSET + 5, ONSET + 20, NOW, value=0.97, expected=0.45, unit="1",
    )  # fmt: skip


def callers(kind: str, before: float, after: float, share: float = 1.0) -> list[Anomaly]:
    return [
        red(kind, CATALOGUE, before, after * share, late=5, own=(6.0, 6.5) if kind == "latency" else None),
        red(kind, FRONT, before, after * share, late=5, own=(4.0, 4.2) if kind == "latency" else None),
        red(kind, PRICING, before, after, source=CATALOGUE, late=5),
        red(kind, CATALOGUE, before, after * share, source=FRONT, late=5),
    ]


SLOW_SQL = [
    red("latency", DATABASE, 1.0, 300.0, source=PRICING),
    red("latency", PRICING, 12.0, 330.0, own=(6.0, 9.0)),
    *callers("latency", 25.0, 345.0),
    cpu(),
]
MANY_SQL = [red("latency", PRICING, 12.0, 330.0, own=(6.0, 12.0)), *callers("latency", 25.0, 345.0)]
OWN_WORK = [red("latency", PRICING, 12.0, 330.0, own=(6.0, 322.0)), *callers("latency", 25.0, 345.0)]
ERRORS = [red("errors", PRICING, 0.0, 0.4), *callers("errors", 0.0, 0.4, 0.7)]
CPU = [
    red("latency", CATALOGUE, 20.0, 260.0, own=(6.0, 240.0)),
    red("latency", FRONT, 25.0, 275.0, late=5, own=(4.0, 6.0)),
    red("latency", CATALOGUE, 20.0, 260.0, source=FRONT),
    red("latency", PRICING, 12.0, 25.0, late=10, own=(6.0, 15.0)),
    cpu(),
]
LOCKED = [*SLOW_SQL[:-1], red("errors", DATABASE, 0.0, 0.2, source=PRICING, late=5)]


@pytest.mark.parametrize("before_s", [3.0, 12.0, -4.0])
@pytest.mark.parametrize(
    ("claims", "entity", "kind"),
    [
        (SLOW_SQL, PRICING, "deploy"),
        (MANY_SQL, PRICING, "deploy"),
        (OWN_WORK, PRICING, "deploy"),
        (ERRORS, PRICING, "deploy"),
        (CPU, CATALOGUE, "deploy"),
        (LOCKED, DATABASE, "job"),
    ],
    ids=["slow_sql", "many_sql", "own_work", "errors", "cpu", "locked"],
)
def test_the_true_change_comes_first(claims: list[Anomaly], entity: str, kind: str, before_s: float) -> None:
    changes = [
        Change(ChangeId("decoy"), EntityId(FRONT), "deploy", "front v2", ONSET - before_s - 27.0),
        Change(ChangeId("cause"), EntityId(entity), kind, "v1 → v2", ONSET - before_s),
    ]
    case = Case("shop", SHOP, tuple(claims), tuple(changes), EntityId(entity), ChangeId("cause"), NOW)
    first = diagnose(incident_of(case), claims, changes, SHOP, NOW)[0]
    assert (first.entity, first.change) == (entity, "cause")
    assert first.probability > 0.7


@pytest.mark.parametrize("claims", [SLOW_SQL, OWN_WORK, ERRORS, CPU, LOCKED], ids=range(5))
def test_the_decoy_alone_is_never_sure(claims: list[Anomaly]) -> None:
    decoy = Change(ChangeId("decoy"), EntityId(FRONT), "deploy", "front v2", ONSET - 30.0)
    case = Case("shop", SHOP, tuple(claims), (decoy,), EntityId(""), None, NOW)
    blamed = [h for h in diagnose(incident_of(case), claims, [decoy], SHOP, NOW) if h.change == "decoy"]
    assert all(h.probability < 0.3 for h in blamed)

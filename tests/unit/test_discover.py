"""Entities and relations appear by themselves; ghosts do not."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.machine import DEFAULT, batch
from tests.unit.shop import CATALOGUE, DB, FRONT, PRICING, Shop
from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.entity import Entity, Health, Relation, RelationKind
from triops.kernel.ids import AnomalyId, EntityId, ProjectId
from triops.kernel.page import Page
from triops.loop.bus import Bus
from triops.loop.discover import Discover, read_resource
from triops.loop.events import MetricsReceived
from triops.loop.health import HealthCheck


class Book:
    """The entities' book, as far as these steps write to it, in memory."""

    def __init__(self) -> None:
        self.entities: dict[EntityId, Entity] = {}
        self.relations: dict[tuple[str, str, str], Relation] = {}
        self.writes = 0
        self.health: Mapping[EntityId, Health] = {}

    async def observe(self, project: ProjectId, entities: Sequence[Entity], relations: Sequence[Relation] = ()) -> None:
        self.writes += 1
        self.entities |= {e.id: e for e in entities}
        self.relations |= {(r.source, r.kind.value, r.target): r for r in relations}

    async def list(self, project: ProjectId, *, limit: int = 100, cursor: str | None = None) -> Page[Entity]:
        assert limit <= 1000
        return Page(list(self.entities.values()))

    async def set_health(self, project: ProjectId, health: Mapping[EntityId, Health], default: Health) -> None:
        self.health = {id_: health.get(id_, default) for id_ in self.entities}


class Clock:
    def __init__(self, now: float) -> None:
        self.at = now

    def now(self) -> float:
        return self.at


async def projects() -> Sequence[ProjectId]:
    return [DEFAULT]


def discover(shop: Shop) -> tuple[Discover, Book, Clock]:
    book, clock = Book(), Clock(shop.begin)
    return Discover(book, shop, clock, projects), book, clock  # type: ignore[arg-type]


async def test_a_resource_becomes_a_service_on_a_host_at_most_every_ten_seconds() -> None:
    shop = Shop(seconds=1)
    step, book, clock = discover(shop)
    bus = Bus()
    step.subscribe(bus)
    await bus.start()
    who = {"service.name": "front", "service.version": "2", "host.name": "h1", "os.type": "linux", "secret": "x"}
    for second in range(25):
        clock.at = shop.begin + second
        bus.publish(MetricsReceived(DEFAULT, batch(who, [clock.at], [("g", "gauge", "", {}, [1.0])])))
        await bus.drain()
        await step.write(clock.at)
    await bus.close()
    assert book.writes == 3
    assert set(book.entities) == {FRONT, "host:h1"}
    assert book.entities[EntityId(FRONT)].attributes == {"service.name": "front", "service.version": "2"}
    assert book.entities[EntityId("host:h1")].attributes == {"host.name": "h1", "os.type": "linux"}
    assert set(book.relations) == {(FRONT, RelationKind.RUNS_ON, "host:h1")}


async def test_edges_become_relations_and_a_callee_that_is_down_no_ghost() -> None:
    shop = Shop(seed=3, seconds=300, fault=100, healed=250, gone=True)
    step, book, _ = discover(shop)
    for at in range(0, 290, 10):
        shop.now = shop.begin + at
        await step.read_edges(shop.now)
    assert {(r.source, r.kind.value, r.target) for r in book.relations.values()} == {
        (FRONT, "calls", CATALOGUE), (CATALOGUE, "calls", PRICING), (PRICING, "uses", DB),
    }  # fmt: skip
    assert set(book.entities) == {DB}, "services tell of themselves"


@given(st.text(max_size=200))
def test_any_resource_text_is_read(text: str) -> None:
    found = read_resource(text)
    assert 1 <= len(found.entities) <= 2


def test_a_host_alone_is_no_service() -> None:
    assert [e[0] for e in read_resource('{"host.name":"h1"}').entities] == ["host"]
    assert read_resource('{"job":"node","instance":"a:1"}').entities[0][:2] == ("service", "node")


async def test_health_is_the_worst_open_symptom_and_unknown_when_unseen() -> None:
    book = Book()

    def anomaly(entity: str, severity: Severity, symptom: bool = True) -> Anomaly:
        id_, name = AnomalyId(f"{entity}{severity}"), EntityId(entity)
        return Anomaly(id_, name, "d", "k", "s", Direction.UP, 5.0, severity, symptom, 0.0, 0.0, 0.0)

    class Open:
        async def open(self, project: ProjectId) -> Sequence[Anomaly]:
            return [
                anomaly("service:a", Severity.CRITICAL), anomaly("service:a", Severity.WARNING),
                anomaly("service:b", Severity.WARNING), anomaly("service:c", Severity.CRITICAL, symptom=False),
            ]  # fmt: skip

    seen = [Entity("service", name, 0.0, 990.0) for name in "abc"]
    await book.observe(DEFAULT, [*seen, Entity("service", "old", 0.0, 100.0)])
    await HealthCheck(book, Open(), projects).tick(1000.0)  # type: ignore[arg-type]
    assert {k.removeprefix("service:"): v.value for k, v in book.health.items()} == {
        "a": "critical", "b": "warning", "c": "ok", "old": "unknown",
    }  # fmt: skip

"""The registry over real records, with a clock that the test drives: projects apart, approvals that expire, undo that
never reaches a model of the same name, deliveries that are given up."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from sqlalchemy import func, select

from triops.kernel.document import Document
from triops.kernel.errors import Conflict, Forbidden, NotFound, Unavailable
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Principal, Role
from triops.ledger.documents import Documents
from triops.ledger.entities import Entities
from triops.ledger.erase import erase_project
from triops.ledger.versions import tables
from triops.lenses.mlops.registry.gates import Gates, GateSet
from triops.lenses.mlops.registry.lineage import Lineage
from triops.lenses.mlops.registry.origins import ModelOrigin, RunOrigin
from triops.lenses.mlops.registry.promotions import Promotions
from triops.lenses.mlops.registry.service import Registry
from triops.lenses.mlops.registry.telling import Teller, WebhooksDue
from triops.lenses.mlops.registry.webhooks import Reply, Webhooks
from triops.loop.bus import Bus
from triops.loop.events import ChangeRecorded
from triops.ports.records import Records
from triops.testing.books import open_records
from triops.testing.clock import FakeClock

P, OTHER = ProjectId("p"), ProjectId("other")
EVE, ANN = Principal(P, Role.EDITOR, "eve"), Principal(P, Role.ADMIN, "ann")
START = 1_800_000_000.0


class Nowhere:
    """No run and no logged model."""

    async def run(self, project: ProjectId, id: str) -> RunOrigin | None:
        return None

    async def logged_model(self, project: ProjectId, id: str) -> ModelOrigin | None:
        return None

    async def registered(self, project: ProjectId, model_id: str, name: str, version: int) -> None:
        return None


@dataclass
class Parts:
    records: Records
    clock: FakeClock
    bus: Bus
    documents: Documents
    registry: Registry
    promotions: Promotions
    webhooks: Webhooks
    posted: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    answers: list[Reply | None] = field(default_factory=list)  # None: no answer

    async def add(self, who: Principal, name: str, count: int = 1) -> None:
        try:
            await self.registry.model(who.project, name)
        except NotFound:
            await self.registry.create_model(who, name, [], "")
        for _ in range(count):
            await self.registry.create_version(
                who, name, "s3://b/m", run=None, model_id=None, run_link="", description="", tags=[]
            )

    async def guard(self, model: str = "*", **approval: object) -> None:
        spec = {"model": model, "alias": "champion", "approval": {"role": "admin", **approval}}
        await self.documents.put(P, [Document("Gate", "g", spec)])


@asynccontextmanager
async def composed(directory: Path) -> AsyncIterator[Parts]:
    async with open_records(directory) as records:
        clock, bus, documents = FakeClock(START), Bus(), Documents(records)
        teller, gates = Teller(records, bus, clock), Gates(documents)
        registry = Registry(records, teller, Nowhere(), gates, lambda uri: None)

        async def post(url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
            parts.posted.append((url, body, headers))
            answer = parts.answers.pop(0) if parts.answers else Reply(200, "")
            if answer is None:
                raise Unavailable("nobody there")
            return answer

        webhooks = Webhooks(records, teller, clock, post, ("https",))
        promotions = Promotions(records, teller, Nowhere(), gates)
        parts = Parts(records, clock, bus, documents, registry, promotions, webhooks)
        bus.subscribe(WebhooksDue, webhooks.on_due, name="webhooks")
        await bus.start()
        try:
            yield parts
        finally:
            await bus.close()


async def test_projects_never_see_each_other(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        stranger = Principal(OTHER, Role.ADMIN, "eve")
        await parts.add(EVE, "m", 2)
        await parts.add(stranger, "m")
        await parts.promotions.move(EVE, "m", "live", 2)
        assert (await parts.registry.model(OTHER, "m")).aliases == {}
        with pytest.raises(NotFound):
            await parts.registry.version(OTHER, "m", 2)
        found, _ = await parts.registry.search_versions(OTHER, "", [], 10, "")
        assert [version.version for version in found] == [1]
        await parts.registry.delete_model(stranger, "m")
        assert (await parts.registry.model(P, "m")).aliases == {"live": 2}
        assert await parts.promotions.history(OTHER, "m", 10, None) != await parts.promotions.history(P, "m", 10, None)


async def test_erasing_a_project_leaves_nothing_of_it(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.guard()
        await parts.add(EVE, "m", 1)
        await parts.promotions.move(EVE, "m", "champion", 1)
        await parts.webhooks.create(
            ANN, "w", "https://h", ["registered_model.created"], description=None, secret=None, status="ACTIVE"
        )
        parts.answers = [Reply(500, "")]
        await parts.add(EVE, "n")
        await parts.bus.drain()
        await erase_project(parts.records, P)
        for table in tables.metadata.sorted_tables:
            statement = select(func.count()).select_from(table)
            assert await parts.records.read(lambda c, s=statement: c.scalar(s)) == 0, table.name  # type: ignore[misc]


async def test_a_gate_does_not_judge_a_move_from_where_the_alias_is_no_longer(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.add(EVE, "m", 2)
        await parts.promotions.move(EVE, "m", "champion", 1)
        await parts.guard()
        admins = Promotions(
            parts.records, Teller(parts.records, parts.bus, parts.clock), Nowhere(), Gates(parts.documents)
        )

        class Meanwhile(Gates):
            async def of(self, project: ProjectId) -> GateSet:
                await admins.move(ANN, "m", "champion", 2)
                return await super().of(project)

        slow = Promotions(
            parts.records, Teller(parts.records, parts.bus, parts.clock), Nowhere(), Meanwhile(parts.documents)
        )
        with pytest.raises(Conflict, match="moved meanwhile"):
            await slow.move(EVE, "m", "champion", 1)
        assert (await parts.registry.model(P, "m")).aliases == {"champion": 2}


async def test_numbers_under_many_at_once(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.add(EVE, "m", 0)
        await asyncio.gather(*(parts.add(EVE, "m") for _ in range(40)))
        latest = (await parts.registry.model(P, "m")).latest
        assert [version.version for version in latest] == [40]


async def test_a_move_is_told_once_it_is_durable(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        heard: list[str] = []

        async def hear(event: ChangeRecorded) -> None:
            heard.append(f"{event.change.entity} {event.change.kind} {event.change.details.get('to')}")

        await parts.bus.close()
        parts.bus.subscribe(ChangeRecorded, hear, name="test")
        await parts.bus.start()
        await parts.add(EVE, "m", 1)
        await parts.promotions.move(EVE, "m", "live", 1, "why not")
        await parts.promotions.move(EVE, "m", "live", 1, "again")
        await parts.bus.drain()
        assert heard == ["model:m registration ", "model:m registration 1", "model:m promotion 1"]


async def test_a_request_expires(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.guard(expires_h=1)
        await parts.add(EVE, "m")
        first = (await parts.promotions.move(EVE, "m", "champion", 1)).approval
        again = (await parts.promotions.move(EVE, "m", "champion", 1)).approval
        assert first is not None
        assert again is not None
        assert first.id == again.id
        parts.clock.advance(3601)
        with pytest.raises(Conflict, match="expired"):
            await parts.promotions.decide(ANN, first.id, approve=True)
        assert (await parts.registry.model(P, "m")).aliases == {}
        fresh = (await parts.promotions.move(EVE, "m", "champion", 1)).approval
        assert fresh is not None
        assert fresh.id != first.id
        parts.clock.advance(3601)
        await parts.promotions.expire(parts.clock.now())
        states = [item.state for item in (await parts.promotions.approvals(P)).items]
        assert states == ["expired", "expired"]


async def test_an_admin_agrees_with_themselves_unless_the_gate_says_no(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.guard()
        await parts.add(EVE, "m", 2)
        assert (await parts.promotions.move(ANN, "m", "champion", 1)).state == "moved"
        await parts.guard(not_self=True)
        asked = await parts.promotions.move(ANN, "m", "champion", 2)
        assert asked.state == "waiting"
        assert asked.approval is not None
        with pytest.raises(Forbidden):
            await parts.promotions.decide(ANN, asked.approval.id, approve=True)


async def test_undo_goes_back_step_by_step_and_never_to_another_model(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.add(EVE, "m", 3)
        with pytest.raises(NotFound, match="never moved"):
            await parts.promotions.undo(EVE, "m", "live")
        for number in (1, 2):
            await parts.promotions.move(EVE, "m", "live", number)
        assert (await parts.promotions.undo(EVE, "m", "live")).after == 1
        await parts.promotions.move(EVE, "m", "live", 3)
        await parts.registry.delete_version(EVE, "m", "1")
        with pytest.raises(Conflict, match="it was deleted"):
            await parts.promotions.undo(EVE, "m", "live")
        await parts.registry.delete_model(EVE, "m")
        await parts.add(EVE, "m", 3)
        with pytest.raises(NotFound, match="never moved"):
            await parts.promotions.undo(EVE, "m", "live")


async def test_a_receiver_that_never_answers_is_given_up_after_a_day(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        made = await parts.webhooks.create(
            ANN, "w", "https://h", ["registered_model.created"], description=None, secret="hidden", status="ACTIVE"
        )
        assert "hidden" not in repr(made)
        parts.answers = [None] * 10_000
        await parts.add(EVE, "m", 0)
        await parts.bus.drain()
        waits = []
        while True:
            before, now = len(parts.posted), parts.clock.now()
            await parts.webhooks.tick(now)
            await parts.webhooks.idle()
            if len(parts.posted) > before:
                waits.append(now - START)
            if now - START > 90_000:
                break
            parts.clock.advance(60.0)
        assert waits
        assert max(waits) <= 86_400
        assert len({headers["X-MLflow-Delivery-Id"] for _, _, headers in parts.posted}) == 1
        told = orjson.loads(parts.posted[-1][1])
        assert (told["entity"], told["action"], told["data"]["name"]) == ("registered_model", "created", "m")
        parts.clock.advance(90_000)
        await parts.webhooks.forget(parts.clock.now())
        count = select(func.count()).select_from(tables.webhook_deliveries)
        assert await parts.records.read(lambda c: c.scalar(count)) == 0


async def test_one_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        held, heard = asyncio.Event(), asyncio.Event()

        async def post(url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
            if url.endswith("slow"):
                await held.wait()
            else:
                heard.set()
            return Reply(200, "")

        parts.webhooks.post = post
        for name in ("slow", "fast"):
            await parts.webhooks.create(
                ANN,
                name,
                f"https://h/{name}",
                ["registered_model.created"],
                description=None,
                secret=None,
                status="ACTIVE",
            )
        await parts.add(EVE, "m", 0)
        await asyncio.wait_for(heard.wait(), 10)
        held.set()
        await parts.webhooks.idle()


async def test_models_in_use_stay_in_the_graph(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.add(EVE, "used", 1)
        await parts.add(EVE, "unused", 1)
        await parts.promotions.move(EVE, "used", "live", 1)
        entities = Entities(parts.records)
        parts.clock.advance(10 * 86_400)
        await Lineage(parts.records, Nowhere(), parts.registry).observe(parts.clock.now())
        await entities.expire(P, parts.clock.now() - 7 * 86_400)
        assert [entity.id for entity in (await entities.list(P)).items] == ["model:used"]

"""Prompts over the registry's books: versions, labels, documents, the hand that rolls back, what the gateway hears."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from triops.kernel.anomaly import Severity
from triops.kernel.change import Change
from triops.kernel.completion import Chat, Message, Part, PromptRef
from triops.kernel.document import Document
from triops.kernel.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound
from triops.kernel.hypothesis import Hypothesis
from triops.kernel.ids import IncidentId, ProjectId
from triops.kernel.incident import Incident, Status
from triops.kernel.prompts.spec import spec_of
from triops.kernel.tenant import Principal, Role
from triops.kernel.version import PROMPT_TAG, PROMPT_TEXT_TAG
from triops.ledger.documents import Documents
from triops.ledger.erase import erase_project
from triops.ledger.versions import tables
from triops.lenses.llmops.prompts.actuator import PromptActuator
from triops.lenses.llmops.prompts.differing import diff
from triops.lenses.llmops.prompts.documents import PromptDocuments, prompt_kind
from triops.lenses.llmops.prompts.filling import chosen, fill, held
from triops.lenses.llmops.prompts.service import Prompts
from triops.lenses.llmops.prompts.snapshot import prompts_snapshot
from triops.lenses.mlops.registry.gates import Gates
from triops.lenses.mlops.registry.origins import ModelOrigin, RunOrigin
from triops.lenses.mlops.registry.promotions import Promotions
from triops.lenses.mlops.registry.service import Registry
from triops.lenses.mlops.registry.telling import Teller
from triops.loop.bus import Bus
from triops.loop.documents import Kinds
from triops.loop.events import ChangeRecorded
from triops.loop.proposals import draft
from triops.loop.runbooks import runbook_kind, runbook_of
from triops.ports.records import Records
from triops.testing.books import open_records
from triops.testing.clock import FakeClock

P, OTHER = ProjectId("default"), ProjectId("other")
EVE = Principal(P, Role.EDITOR, "eve")
STRANGER = Principal(OTHER, Role.EDITOR, "eve")
SHORT = {"messages": [{"role": "system", "content": "Be short with {{shop}}."}]}
LONG = {"messages": [{"role": "system", "content": "Be long with {{shop}}."}], "settings": {"temperature": 0.9}}


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
    bus: Bus
    gates: Documents
    registry: Registry
    prompts: Prompts
    changes: list[Change]

    async def add(self, raw: dict[str, Any], who: Principal = EVE, name: str = "support") -> int:
        return (await self.prompts.add(who, name, spec_of(raw)))[0].version

    async def two(self) -> None:
        """Two versions, production on the first."""
        assert [await self.add(SHORT), await self.add(LONG)] == [1, 2]
        await self.prompts.label(EVE, "support", "production", {1: 100})

    async def apply(self, spec: dict[str, Any], *, again: bool = False) -> None:
        documents = PromptDocuments(self.prompts)
        document = Kinds([prompt_kind()]).validate("Prompt", "support", spec)
        await documents.ready(P, document)
        await documents.applied(EVE, document, again=again)

    async def told(self, project: ProjectId) -> dict[str, Any]:
        """What the gateway hears."""
        return (await self.records.read(lambda c: prompts_snapshot(c, project)))[0]

    async def on(self, label: str = "production") -> dict[int, int]:
        return dict((await self.prompts.get(P, "support")).labels[label])


@asynccontextmanager
async def composed(directory: Path) -> AsyncIterator[Parts]:
    async with open_records(directory) as records:
        bus, clock, documents = Bus(), FakeClock(1_800_000_000.0), Documents(records)
        changes: list[Change] = []

        async def heard(event: ChangeRecorded) -> None:
            changes.append(event.change)

        teller, gates, origins = Teller(records, bus, clock), Gates(documents), Nowhere()
        registry = Registry(records, teller, origins, gates, lambda uri: None)
        promotions = Promotions(records, teller, origins, gates)
        bus.subscribe(ChangeRecorded, heard, name="heard")
        await bus.start()
        try:
            prompts = Prompts(records, registry, promotions, clock)
            yield Parts(records, bus, documents, registry, prompts, changes)
        finally:
            await bus.close()


async def test_versions_are_numbered_kept_and_made_once(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        made = await asyncio.gather(*(parts.prompts.add(EVE, "support", spec_of(SHORT)) for _ in range(5)))
        assert [(version.version, new) for version, new in made].count((1, True)) == 1
        assert {version.version for version, _ in made} == {1}
        assert await parts.add(LONG) == 2
        assert await parts.add(SHORT) == 3  # equal to an older one, not to the newest
        page = await parts.prompts.versions(P, "support", limit=2)
        assert [v.version for v in page.items] == [3, 2]
        assert [v.version for v in (await parts.prompts.versions(P, "support", cursor=page.next)).items] == [1]
        assert (await parts.prompts.version(P, "support", 2)).spec == spec_of(LONG)
        with pytest.raises(NotFound, match="no version 4"):
            await parts.prompts.version(P, "support", 4)
        with pytest.raises(Invalid, match="never changes"):
            await parts.registry.set_version_tag(EVE, "support", "1", PROMPT_TEXT_TAG, "other")
        with pytest.raises(Invalid, match="never changes"):
            await parts.registry.delete_version_tag(EVE, "support", "1", PROMPT_TEXT_TAG)
        await parts.registry.create_model(EVE, "churn", [], "")
        with pytest.raises(AlreadyExists, match="a model's name"):
            await parts.add(SHORT, name="churn")
        with pytest.raises(NotFound):
            await parts.prompts.get(P, "churn")


async def test_a_label_moves_shares_and_goes_back(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.two()
        move = await parts.prompts.label(EVE, "support", "production", {1: 90, 2: 10}, "carefully")
        assert (move.state, move.before, move.after) == ("moved", "1", "1:90,2:10")
        assert (await parts.prompts.version(P, "support", 2)).labels == {"production": 10}
        assert (await parts.prompts.labelled(P, "support")).version == 1  # who knows of no shares gets the most served
        assert (await parts.prompts.labelled(P, "support", pick=0.95)).version == 2
        await parts.prompts.label(EVE, "support", "production", {2: 100})
        assert (await parts.prompts.undo(EVE, "support", "production")).after == "1:90,2:10"
        assert await parts.on() == {1: 90, 2: 10}
        await parts.bus.drain()
        told = [c for c in parts.changes if c.kind == "prompt_label"]
        assert told[1].entity == "prompt:support"
        wanted = {"label": "production", "from": "1", "to": "1:90,2:10", "why": "carefully"}
        assert told[1].details.items() >= wanted.items()
        steps = (await parts.prompts.history(P, "support", 10, None)).items
        assert next((s.before, s.after) for s in steps if s.kind == "promotion") == ("2", "1:90,2:10")
        with pytest.raises(NotFound, match="no version 7"):
            await parts.prompts.label(EVE, "support", "production", {7: 100})
        for latest in ("latest", "Latest", "LATEST"):
            with pytest.raises(Invalid, match="latest"):
                await parts.prompts.label(EVE, "support", latest, {1: 100})
            assert (await parts.prompts.labelled(P, "support", latest)).version == 2
            prompts = held(await parts.told(P))
            assert chosen(prompts, PromptRef("support", label=latest), 0.0)[0] == 2
        with pytest.raises(NotFound, match="no label beta; labels: production"):
            await parts.prompts.labelled(P, "support", "beta")
        await parts.registry.delete_version(EVE, "support", "2")
        assert await parts.on() == {1: 100}  # what is gone has no share


async def test_a_gate_holds_a_label_at_every_door(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.two()
        spec = {"model": "support", "alias": "production", "approval": {"role": "admin"}}
        await parts.gates.put(P, [Document("Gate", "g", spec)])
        assert (await parts.prompts.label(EVE, "support", "production", {2: 100})).state == "waiting"
        with pytest.raises(Conflict, match="gate g"):
            await parts.prompts.label(EVE, "support", "production", {1: 50, 2: 50})
        with pytest.raises(Conflict, match="waits for approval"):
            await parts.apply({**LONG, "labels": {"production": 2}})
        with pytest.raises(Forbidden):
            await parts.prompts.delete(EVE, "support")
        assert await parts.on() == {1: 100}


async def test_applying_a_document_makes_versions_and_moves_labels_once(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.apply({**SHORT, "labels": {"production": 1}})
        await parts.apply({**LONG, "labels": {"production": {"1": 90, "2": 10}}})
        await parts.apply({**LONG, "labels": {"production": {"1": 90, "2": 10}}})
        assert (await parts.prompts.get(P, "support")).versions == 2
        assert await parts.on() == {1: 90, 2: 10}
        await parts.apply({**SHORT, "labels": {"production": 1}})  # version 1 says just that: no other is made
        assert (await parts.prompts.get(P, "support")).versions == 2
        assert await parts.on() == {1: 100}
        await parts.prompts.label(EVE, "support", "production", {2: 100})
        await parts.apply({**SHORT, "labels": {"production": 1}}, again=True)
        assert await parts.on() == {2: 100}  # an unchanged document takes nothing back
        for wrong, field in (
            ({**LONG, "labels": {"production": 9}}, "spec.labels.production"),
            ({**SHORT, "labels": {"production": {"1": 50}}}, "spec.labels.production"),
            ({**SHORT, "labels": {"latest": 1}}, "spec.labels.latest"),
            ({**SHORT, "labels": {"LATEST": 1}}, "spec.labels.LATEST"),
            ({"text": "{% if %}", "engine": "jinja2"}, "spec.text"),
        ):
            with pytest.raises(Invalid) as caught:
                await parts.apply(wrong)
            assert caught.value.details["field"] == field
        assert (await parts.prompts.get(P, "support")).versions == 2


def incident(blamed: Change) -> Incident:
    cause = Hypothesis(1, blamed.entity, blamed.id, 0.9, "the prompt")
    at = blamed.at
    return Incident(IncidentId("inc"), "slow", Status.OPEN, Severity.WARNING, at, at, at, hypotheses=(cause,))


RUNBOOK = {
    "title": "Put {{entity.name}}'s {{change.details.label}} back",
    "when": {"change_kinds": ["prompt_label"]},
    "effect": {
        "actuator": "prompt",
        "spec": {
            "prompt": "{{entity.name}}",
            "label": "{{change.details.label}}",
            "version": "{{change.details.from}}",
        },
    },
    "undo": {
        "actuator": "prompt",
        "spec": {"prompt": "{{entity.name}}", "label": "{{change.details.label}}", "version": "{{change.details.to}}"},
    },
}


async def test_a_rollback_is_an_action_with_an_undo(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        hand = PromptActuator(parts.prompts)
        await parts.two()
        await parts.prompts.label(EVE, "support", "production", {1: 90, 2: 10})
        await parts.prompts.label(EVE, "support", "production", {2: 100})
        await parts.bus.drain()
        blamed = parts.changes[-1]
        runbook = runbook_of(Kinds([runbook_kind({"prompt"})]).validate("Runbook", "back", RUNBOOK))
        drafts = draft(incident(blamed), blamed, [], [runbook], {"prompt": hand}, 0.0)
        assert drafts.refused == ()
        action = drafts.actions[0]
        assert action.dry_run == "prompt support: label production → versions 1:90,2:10"
        assert action.undo is not None
        spec = {"model": "support", "alias": "production", "approval": {"role": "admin"}}
        await parts.gates.put(P, [Document("Gate", "g", spec)])  # going back to what was live needs nobody
        assert (await hand.run(P, action.effect.spec)).ok
        assert await parts.on() == {1: 90, 2: 10}
        assert (await hand.run(P, action.effect.spec)).text.endswith("already")
        assert not (await hand.run(OTHER, action.effect.spec)).ok
        assert (await hand.run(P, action.undo.spec)).ok
        assert await parts.on() == {2: 100}
        await parts.bus.drain()
        assert [c.remedy for c in parts.changes if c.kind == "prompt_label"][-3:] == [False, True, True]
        good = action.effect.spec
        for wrong in ({}, {**good, "version": ""}, {**good, "version": "1:2"}, {**good, "x": 1}):
            with pytest.raises(Invalid):
                hand.check(wrong)


async def test_projects_keep_their_prompts_apart(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.two()
        assert await parts.add(LONG, STRANGER) == 1
        await parts.prompts.label(STRANGER, "support", "production", {1: 100})
        await parts.prompts.comment(STRANGER, "support", 1, "theirs")
        assert (await parts.prompts.comments(P, "support", None, 10, None)).items == []
        assert (await parts.prompts.labelled(P, "support")).spec == spec_of(SHORT)
        assert (await parts.prompts.labelled(OTHER, "support")).spec == spec_of(LONG)
        assert (await parts.told(OTHER))["support"]["versions"].keys() == {"1"}
        await erase_project(parts.records, OTHER)
        assert await parts.told(OTHER) == {}
        assert (await parts.told(P))["support"]["versions"].keys() == {"1", "2"}
        assert await parts.prompts.list(OTHER) == await parts.prompts.list(ProjectId("none"))


async def test_the_gateway_is_told_of_labels_shares_and_the_newest(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.two()
        await parts.prompts.label(EVE, "support", "trial", {1: 90, 2: 10})
        for n in range(25):
            await parts.add({"text": f"{n}"})
        told = (await parts.told(P))["support"]
        assert told["labels"] == {"production": 1, "trial": 1, "latest": 27}
        assert told["shares"] == {"trial": {"1": 90, "2": 10}}
        assert sorted(map(int, told["versions"])) == [1, 2, *range(8, 28)]
        assert told["versions"]["2"]["settings"] == {"temperature": 0.9}
        await parts.bus.drain()
        before = len(parts.changes)
        await parts.registry.set_version_tag(EVE, "support", "1", "_mlflow_prompt_model_config", '{"temperature": 1}')
        await parts.bus.drain()
        assert [c.entity for c in parts.changes[before:]] == ["prompt:support"]  # whereby the gateway is told anew
        assert (await parts.prompts.version(P, "support", 1)).spec.settings == {"temperature": 1}


async def test_the_gateway_is_told_of_all_prompts_and_which_are_left_out(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        here = [{"project": P, "name": f"p{n:04}"} for n in range(1_100)]
        dated = [{**one, "created_ms": 1, "updated_ms": 1} for one in here]
        bare = dict.fromkeys(("user", "stage", "source", "storage", "run", "run_link", "model_id"), "")
        more = {"version": 1, "status": "READY", "status_message": ""}

        def many(connection: Connection) -> None:
            connection.execute(insert(tables.registered_models), [{**one, "last_version": 1} for one in dated])
            connection.execute(
                insert(tables.registered_model_tags), [{**one, "key": PROMPT_TAG, "value": "true"} for one in here]
            )
            connection.execute(insert(tables.model_versions), [{**one, **bare, **more} for one in dated])

        await parts.records.write(many)
        await parts.two()
        told = await parts.told(P)
        assert (len(told), told["p1099"]["versions"].keys(), len(told["support"]["versions"])) == (1_101, {"1"}, 2)
        told, left_out = await parts.records.read(lambda c: prompts_snapshot(c, P, prompts=2))
        assert list(told) == ["support", "p0000"]  # what changed last first
        assert left_out == "1101 prompts; the 2 that changed last are served"
        told, left_out = await parts.records.read(lambda c: prompts_snapshot(c, P, characters=30))
        assert told["support"]["versions"].keys() == {"1"}  # with a label, so before all others
        assert left_out == "texts of prompts over 0 MB together: not all versions are served"


async def test_the_gateway_is_told_whole_prompts_and_says_what_cannot_be_made(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.add({"text": "Be {{mood}}."}, name="parts/tone")
        await parts.prompts.label(EVE, "parts/tone", "production", {1: 100})
        await parts.add({"text": "Help. @@@langfusePrompt:name=parts/tone|label=production@@@"}, name="whole")
        await parts.add({"text": "@@@langfusePrompt:name=nobody|version=1@@@"}, name="broken")
        prompts = held(await parts.told(P))
        chat = Chat((Message("user", (Part("text", "hi"),)),))
        made, version, _ = fill(prompts, PromptRef("whole", 1, variables={"mood": "kind"}), chat, 0.0)
        assert (made.messages[0].parts[0].text, version) == ("Help. Be kind.", 1)
        with pytest.raises(Invalid, match=r"broken is made of nobody \(1\), which is not there"):
            fill(prompts, PromptRef("broken", 1), chat, 0.0)


async def test_comments_and_differences(tmp_path: Path) -> None:
    async with composed(tmp_path) as parts:
        await parts.two()
        for n in range(3):
            await parts.prompts.comment(EVE, "support", 1 + n % 2, f"c{n}")
        page = await parts.prompts.comments(P, "support", None, 2, None)
        assert [c.text for c in page.items] == ["c2", "c1"]
        assert [c.text for c in (await parts.prompts.comments(P, "support", None, 2, page.next)).items] == ["c0"]
        assert [c.text for c in (await parts.prompts.comments(P, "support", 2, 9, None)).items] == ["c1"]
        with pytest.raises(Invalid):
            await parts.prompts.comment(EVE, "support", 1, " ")
        with pytest.raises(NotFound):
            await parts.prompts.comment(EVE, "support", 9, "x")
        found = diff(spec_of(SHORT), spec_of({**LONG, "model": "fast"}))
        assert found.texts[0].where == "messages[0]"
        assert "-system: Be short with {{shop}}." in found.texts[0].lines
        assert {f.where: (f.before, f.after) for f in found.fields} == {
            "model": ("", "fast"),
            "settings.temperature": (None, 0.9),
        }

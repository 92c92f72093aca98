"""Prompts, composed: one set of them, kept by the registry of models, read and changed by every door."""

from dataclasses import dataclass

from starlette.routing import Route

from triops.edges.langfuse.access import basic
from triops.edges.langfuse.prompts import PromptCalls
from triops.kernel.tenant import Principal
from triops.lenses.llmops.prompts.actuator import PromptActuator
from triops.lenses.llmops.prompts.documents import PromptDocuments
from triops.lenses.llmops.prompts.service import Prompts
from triops.lenses.mlops.permissions import Level, Permissions
from triops.lenses.mlops.registry.parts import RegistryParts
from triops.ports.clock import Clock
from triops.ports.records import Records
from triops.web.access import Authenticate
from triops.web.body import Bodies


@dataclass(frozen=True, slots=True)
class PromptParts:
    prompts: Prompts
    documents: PromptDocuments
    actuator: PromptActuator
    routes: list[Route]


def compose_prompts(
    records: Records,
    registry: RegistryParts,
    clock: Clock,
    bodies: Bodies,
    authenticate: Authenticate,
    permissions: Permissions,
) -> PromptParts:
    prompts = Prompts(records, registry.models, registry.promotions, clock)

    async def permitted(who: Principal, name: str, write: bool) -> None:
        await permissions.check(who, "model", [name], Level.EDIT if write else Level.READ)

    async def readable(who: Principal, names: set[str]) -> set[str]:
        return set(await permissions.readable(who, "model", names))

    return PromptParts(
        prompts,
        PromptDocuments(prompts),
        PromptActuator(prompts),
        PromptCalls(prompts, bodies, basic(authenticate), permitted, readable).routes(),
    )

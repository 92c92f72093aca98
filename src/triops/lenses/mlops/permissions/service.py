"""Asks the law of access for things that calls name by id. Without a document of the kind `Access` it costs nothing."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from triops.kernel.errors import Forbidden
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Principal, Role
from triops.ledger.documents import Documents
from triops.ledger.runs.experiments import DEFAULT_ID
from triops.lenses.mlops.permissions.model import Level, Rule, Thing, refusal, rules_of

# ids → the ids of the experiments they belong to (or names of experiments); what is not known is left out
Resolve = Callable[[ProjectId, Collection[str]], Awaitable[Mapping[str, str]]]
ResolveMany = Callable[[ProjectId, Collection[str]], Awaitable[Mapping[str, Collection[str]]]]
_DEFAULT = str(DEFAULT_ID)  # the experiment of what names none


@dataclass(frozen=True, slots=True)
class Names:
    """How ids are told: each answers a mapping of those ids that exist."""

    experiment_names: Resolve  # experiment id → name
    of_runs: Resolve  # run id → experiment id
    of_models: Resolve  # logged model id → experiment id
    of_traces: Resolve  # trace id → experiment id
    of_datasets: ResolveMany  # evaluation data set id → ids of the experiments it belongs to

    async def of_things(
        self,
        project: ProjectId,
        *,
        runs: Collection[str] = (),
        models: Collection[str] = (),
        traces: Collection[str] = (),
        datasets: Collection[str] = (),
    ) -> set[str]:
        """The experiments that they belong to."""
        found: set[str] = set()
        for given, resolve in ((runs, self.of_runs), (models, self.of_models), (traces, self.of_traces)):
            if given:
                found |= set((await resolve(project, given)).values())
        if datasets:
            found.update(*(await self.of_datasets(project, datasets)).values())
        return found


@dataclass
class Permissions:
    documents: Documents
    names: Names
    _known: dict[ProjectId, tuple[int, tuple[Rule, ...]]] = field(default_factory=dict)

    async def rules(self, principal: Principal) -> tuple[Rule, ...]:
        """Those that bind `principal`: none for an admin."""
        if principal.role is Role.ADMIN:
            return ()
        project = principal.project
        version = self.documents.version(project)
        known = self._known.get(project)
        if known is None or known[0] != version:
            known = self._known[project] = version, rules_of(await self.documents.list(project, "Access"))
        return known[1]

    async def check(self, principal: Principal, thing: Thing, names: Iterable[str], level: Level) -> None:
        """Raises: Forbidden."""
        rules = await self.rules(principal)
        for name in names if rules else ():
            rule = refusal(rules, principal, thing, name, level)
            if rule is not None:
                raise Forbidden(
                    f"Permission denied: the key '{principal.name}' may not {level.name.lower()} {thing} '{name}' "
                    f"(the document Access {rule.name} says who may)."
                )

    async def check_ids(
        self,
        principal: Principal,
        level: Level,
        *,
        experiments: Collection[str] = (),
        runs: Collection[str] = (),
        models: Collection[str] = (),
        traces: Collection[str] = (),
    ) -> None:
        """The same for experiments, and for what belongs to one, by id. What does not exist is left to the call itself.
        Raises: Forbidden."""
        if not await self.rules(principal):
            return
        project = principal.project
        ids = {id or _DEFAULT for id in experiments}
        ids |= await self.names.of_things(project, runs=runs, models=models, traces=traces)
        if ids:
            names = await self.names.experiment_names(project, ids)
            await self.check(principal, "experiment", names.values(), level)

    async def readable_experiments(self, principal: Principal, ids: Collection[str]) -> list[str]:
        """Those of the experiments `ids` that may be looked at. One that does not exist is left to the call."""
        if not await self.rules(principal):
            return list(ids)
        names = await self.names.experiment_names(principal.project, {id or _DEFAULT for id in ids})
        readable = await self.readable(principal, "experiment", set(names.values()))
        return [id for id in ids if names.get(id or _DEFAULT) in (None, *readable)]

    async def readable(self, principal: Principal, thing: Thing, names: Collection[str]) -> set[str]:
        """Those of `names` that may be looked at."""
        rules = await self.rules(principal)
        if not rules:
            return set(names)
        return {name for name in names if refusal(rules, principal, thing, name, Level.READ) is None}

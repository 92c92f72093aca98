"""Moving aliases: gated, approved, told, undone. A promotion is never nobody's: who, when, why and what it replaced
are in the model's history, on the time line and in the audit trail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from triops.kernel.errors import Conflict, Forbidden, Invalid
from triops.kernel.ids import ProjectId, sortable_id
from triops.kernel.page import Page
from triops.kernel.prompts.sharing import Share, main_version, share_from, share_text
from triops.kernel.tenant import Principal, Role
from triops.kernel.version import Approval, ModelVersion, Step, is_prompt
from triops.ledger.audit import AuditEntry, record_audit
from triops.ledger.prompts.shares import point_label, share_at
from triops.ledger.versions import approvals, history, models, versions
from triops.lenses.mlops.registry import names
from triops.lenses.mlops.registry.gates import Decision, Facts, Gate, Gates, compared_aliases, decide, holds
from triops.lenses.mlops.registry.origins import Origins
from triops.lenses.mlops.registry.telling import Teller, Telling
from triops.ports.records import Records

_WHY = 2_000


@dataclass(frozen=True, slots=True)
class Move:
    """What became of a wish to move an alias. `state`: moved, waiting (then `approval`), refused (then `reasons`).
    `was` and `now`: of a label that shares its traffic among versions, as history has it (`1:90,2:10`), else "".
    """

    state: str
    alias: str
    before: int | None
    after: int | None
    approval: Approval | None = None
    reasons: Sequence[str] = ()
    was: str = ""
    now: str = ""


class Promotions:
    def __init__(self, records: Records, teller: Teller, origins: Origins, gates: Gates) -> None:
        self._records = records
        self._teller = teller
        self._origins = origins
        self._gates = gates

    async def move(
        self,
        who: Principal,
        name: str,
        alias: str,
        version: int | str | None,
        why: str = "",
        *,
        remedy: bool = False,
    ) -> Move:
        """`version` None removes the alias. `remedy`: an action of the loop moves it, as the Change says.

        Raises: Invalid, NotFound; Conflict when a gated alias moves meanwhile."""
        names.model_name(name)
        number = None
        if version is None:
            names.alias_name(alias)
        else:
            names.settable_alias(alias)
            number = names.version_number(version)
        names.bounded("why", why, _WHY)
        before = await self._records.read(lambda c: _alias_for(c, who.project, name, alias, number))
        decision = Decision("allow")
        guards = (await self._gates.of(who.project)).guarding(name, alias)
        if guards and before != number:
            decision = await self._decided(who.project, guards, name, number, who.role)

        def write(telling: Telling) -> Move:
            now_on = _alias_for(telling.connection, who.project, name, alias, number)
            if guards and now_on != before:  # a gate judged a move from where it is no longer
                raise Conflict(f"{name}@{alias} moved meanwhile, to {now_on or 'nothing'}: ask again")
            if decision.state == "allow":
                share = {number: 100} if number is not None else {}
                return _apply(telling, name, alias, share, who.name, why, remedy=remedy)
            target = f"{name}@{alias}"
            told = {"from": now_on, "to": number, "checks": [check.text for check in decision.checks]}
            if decision.state == "refuse":
                _audit(telling, who.name, "promotion.ask", target, "refused", told)
                return Move("refused", alias, now_on, number, None, decision.reasons)
            asked, new = approvals.ask(
                telling.connection, who.project, _request(telling, who, name, alias, now_on, number, why, decision)
            )
            if new:
                _audit(telling, who.name, "promotion.ask", target, "waiting", {**told, "approval": asked.id})
            return Move("waiting", alias, now_on, number, asked)

        return await self._teller.write(who.project, write)

    async def share(
        self,
        who: Principal,
        name: str,
        alias: str,
        share: Share,
        why: str = "",
        *,
        remedy: bool = False,
    ) -> Move:
        """A prompt's label for several versions, by their part of its traffic. A gate judges one version for a label,
        so that a guarded one stays whole. Raises: Invalid, NotFound, Conflict (a gate guards it)."""
        names.model_name(name)
        names.settable_alias(alias)
        names.bounded("why", why, _WHY)
        gates = await self._gates.of(who.project)

        def write(telling: Telling) -> Move:
            for number in share:
                versions.need_version(telling.connection, who.project, name, number)
            if not is_prompt(models.model_tags(telling.connection, who.project, name)):
                raise Invalid("only a prompt's label shares its traffic", field="share")
            for gate in gates.guarding(name, alias):
                raise Conflict(f"{name}@{alias} cannot share its traffic: gate {gate.name} judges one version for it")
            return _apply(telling, name, alias, share, who.name, why, remedy=remedy)

        return await self._teller.write(who.project, write)

    async def undo(self, who: Principal, name: str, alias: str, why: str = "", *, remedy: bool = False) -> Move:
        """Back to what the alias was on before it last moved: that has been live, so no gate asks again.

        Raises: Invalid, NotFound (the model, or no move), Conflict (that version is gone)."""
        names.model_name(name)
        names.alias_name(alias)
        names.bounded("why", why, _WHY)

        def write(telling: Telling) -> Move:
            connection = telling.connection
            models.need_model(connection, who.project, name)
            last = history.last_move(connection, who.project, name, alias)
            back = share_from(last.before, "alias") if last.before else {}
            for number in back:
                if versions.find_version(connection, who.project, name, number) is None:
                    raise Conflict(f"{name}@{alias} cannot go back to version {number}: it was deleted")
            move = _apply(telling, name, alias, back, who.name, why or "undone", details={"undo": True}, remedy=remedy)
            fields = {"from": move.was or move.before, "to": move.now or move.after}
            _audit(telling, who.name, "promotion.undo", f"{name}@{alias}", "ok", fields)
            return move

        return await self._teller.write(who.project, write)

    async def decide(self, who: Principal, id: str, *, approve: bool, why: str = "") -> Approval:
        """Approving moves the alias, when what was checked still holds. Raises: NotFound, Forbidden (the role, or one's
        own request), Conflict (decided already, expired, or a check does not pass any more)."""
        names.bounded("why", why, _WHY)
        asked = await self.approval(who.project, id)
        if not holds(who.role, Role(asked.role)):
            raise Forbidden(f"this needs the role {asked.role}")
        if approve and asked.not_self and asked.asked_by == who.name:
            raise Forbidden("whoever asked cannot approve it: the gate wants somebody else")
        if approve and asked.state == "waiting":
            guards = (await self._gates.of(who.project)).guarding(asked.model, asked.alias)
            decision = await self._decided(who.project, guards, asked.model, asked.after, who.role)
            if decision.state == "refuse":
                raise Conflict("a check does not pass any more: " + "; ".join(decision.reasons))

        def write(telling: Telling) -> Approval | None:
            connection = telling.connection
            known = approvals.get_approval(connection, who.project, id)
            if known.state != "waiting":
                raise Conflict(f"this was {known.state} already")
            if known.expires_at <= telling.now:
                approvals.close(connection, who.project, id, "expired", by="", at=telling.now, why="")
                return None
            state = "approved" if approve else "rejected"
            closed = approvals.close(connection, who.project, id, state, by=who.name, at=telling.now, why=why)
            told = {"approval": id, "asked_by": known.asked_by, "from": known.before, "to": known.after, "why": why}
            _audit(telling, who.name, f"promotion.{state}", f"{known.model}@{known.alias}", "ok", told)
            if approve:
                _alias_for(connection, who.project, known.model, known.alias, known.after)
                details = {"approval": id, "approved_by": who.name, "approved_why": why}
                share = {known.after: 100} if known.after is not None else {}
                _apply(telling, known.model, known.alias, share, known.asked_by, known.why, details=details)
            return closed

        closed = await self._teller.write(who.project, write)
        if closed is None:
            raise Conflict("this request has expired: ask again")
        return closed

    async def approval(self, project: ProjectId, id: str) -> Approval:
        """Raises: NotFound."""
        return await self._records.read(lambda c: approvals.get_approval(c, project, id))

    async def approvals(
        self,
        project: ProjectId,
        *,
        model: str = "",
        kind: str = "all",
        state: str = "",
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Approval]:
        """`kind`: model, prompt, or all."""
        return await self._records.read(
            lambda c: approvals.list_approvals(
                c, project, model=model, kind=kind, state=state, limit=limit, cursor=cursor
            )
        )

    async def history(self, project: ProjectId, name: str, limit: int, cursor: str | None) -> Page[Step]:
        names.model_name(name)
        return await self._records.read(lambda c: history.list_steps(c, project, name, limit, cursor))

    async def expire(self, now: float) -> None:
        """A job's tick."""
        await self._records.write(lambda c: approvals.expire(c, now))

    async def _decided(
        self, project: ProjectId, guards: Sequence[Gate], name: str, number: int | None, role: Role
    ) -> Decision:
        if number is None:
            return decide(guards, None, {}, role)

        def read(connection: Connection) -> tuple[ModelVersion, dict[str, ModelVersion | None]]:
            found: dict[str, ModelVersion | None] = {}
            for alias in compared_aliases(guards):
                at = versions.alias_at(connection, project, name, alias)
                found[alias] = versions.find_version(connection, project, name, at) if at is not None else None
            return versions.need_version(connection, project, name, number), found

        candidate, compared = await self._records.read(read)
        others = {alias: await self._facts(project, v) if v is not None else None for alias, v in compared.items()}
        return decide(guards, await self._facts(project, candidate), others, role)

    async def _facts(self, project: ProjectId, version: ModelVersion) -> Facts:
        run = await self._origins.run(project, version.run) if version.run else None
        model = await self._origins.logged_model(project, version.model_id) if version.model_id else None
        metrics = {**(run.metrics if run is not None else {}), **(model.metrics if model is not None else {})}
        return Facts(version.version, metrics, version.tags)


def _alias_for(connection: Connection, project: ProjectId, name: str, alias: str, number: int | None) -> int | None:
    """What the alias is on, once it is sure that it can move. Raises: NotFound."""
    if number is None:
        models.need_model(connection, project, name)
    else:
        versions.need_version(connection, project, name, number)
    return versions.alias_at(connection, project, name, alias)


def _apply(
    telling: Telling,
    name: str,
    alias: str,
    share: Share,
    who: str,
    why: str,
    *,
    details: Mapping[str, Any] | None = None,
    remedy: bool = False,
) -> Move:
    """`share`: what the alias shall stand for; {} removes it."""
    connection, project = telling.connection, telling.project
    was = share_at(connection, project, name, alias)
    point_label(connection, project, name, alias, share)
    prompt = is_prompt(models.model_tags(connection, project, name))
    before = main_version(was) if was else None
    after = main_version(share) if share else None
    if was != share:
        to = f"→ {_said(share)}" if share else "removed"
        label = {"label": alias} if prompt else {}
        telling.step(
            name,
            "promotion",
            f"{name}: {alias} {to}" + (f" (was {_said(was)})" if was else ""),
            prompt=prompt,
            who=who,
            why=why,
            alias=alias,
            before=share_text(was),
            after=share_text(share),
            version=after,
            details={**label, **(details or {})},
            remedy=remedy,
        )
        if prompt:
            told = {"from": share_text(was), "to": share_text(share), "why": why}
            _audit(telling, who, "prompt.label", f"{name}@{alias}", "ok", told)
    noun = "prompt_alias" if prompt else "model_version_alias"
    if after is None:
        telling.event(f"{noun}.deleted", {"name": name, "alias": alias})
    else:
        telling.event(f"{noun}.created", {"name": name, "alias": alias, "version": str(after)})
    return Move("moved", alias, before, after, None, (), *(share_text(s) if len(s) > 1 else "" for s in (was, share)))


def _said(share: Share) -> str:
    if len(share) == 1:
        return f"version {next(iter(share))}"
    return "versions " + ", ".join(f"{version} ({percent} %)" for version, percent in share.items())


def _request(
    telling: Telling,
    who: Principal,
    name: str,
    alias: str,
    before: int | None,
    after: int | None,
    why: str,
    decision: Decision,
) -> Approval:
    return Approval(
        sortable_id("apr", telling.now),
        name,
        alias,
        before,
        after,
        who.name,
        telling.now,
        why,
        decision.role.value,
        decision.not_self,
        telling.now + decision.expires_s,
        "waiting",
        decision.checks,
        prompt=is_prompt(models.model_tags(telling.connection, telling.project, name)),
    )


def _audit(telling: Telling, who: str, verb: str, target: str, outcome: str, details: dict[str, Any]) -> None:
    record_audit(telling.connection, telling.project, AuditEntry(telling.now, who, verb, target, outcome, details))

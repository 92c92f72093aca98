"""Requests to move an alias that is behind a gate, and what became of them."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, exists, func, insert, select, update

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.kernel.version import PROMPT_TAG, Approval, Check
from triops.ledger.codec import to_json
from triops.ledger.paging import AnyRow, after, checked_limit, page_of
from triops.ledger.versions import tables

_A = tables.model_approvals.c
_T = tables.registered_model_tags.c
_OF_PROMPT = exists().where(
    _T.project == _A.project, _T.name == _A.name, _T.key == PROMPT_TAG, func.lower(_T.value) == "true"
)
_ROWS = select(tables.model_approvals, _OF_PROMPT.label("prompt"))


def ask(connection: Connection, project: ProjectId, approval: Approval) -> tuple[Approval, bool]:
    """Answers the one that waits already for the same move, if there is one, and whether this one is new."""
    key = f"{approval.model}\n{approval.alias}\n{approval.after or ''}"
    known = connection.execute(_ROWS.where(_A.project == project, _A.open_key == key)).one_or_none()
    if known is not None and known.expires_at > approval.asked_at:
        return _approval(known), False
    if known is not None:
        _close(connection, project, known.id, "expired", "", approval.asked_at, "")
    row = {
        "project": project,
        "id": approval.id,
        "name": approval.model,
        "alias": approval.alias,
        "before": approval.before,
        "after": approval.after,
        "asked_by": approval.asked_by,
        "asked_at": approval.asked_at,
        "why": approval.why,
        "role": approval.role,
        "not_self": int(approval.not_self),
        "expires_at": approval.expires_at,
        "state": "waiting",
        "checks": orjson.dumps([to_json(check) for check in approval.checks]).decode(),
        "decided_by": "",
        "decided_at": None,
        "decision": "",
        "open_key": key,
    }
    connection.execute(insert(tables.model_approvals), row)
    return approval, True


def get_approval(connection: Connection, project: ProjectId, id: str) -> Approval:
    """Raises: NotFound."""
    row = connection.execute(_ROWS.where(_A.project == project, _A.id == id)).one_or_none()
    if row is None:
        raise NotFound(f"no approval {id}")
    return _approval(row)


def list_approvals(
    connection: Connection, project: ProjectId, *, model: str, kind: str, state: str, limit: int, cursor: str | None
) -> Page[Approval]:
    """Newest first. `kind`: of models, of prompts, or "all". Raises: Invalid limit or cursor."""
    statement = _ROWS.where(_A.project == project)
    if kind != "all":
        statement = statement.where(_OF_PROMPT if kind == "prompt" else ~_OF_PROMPT)
    if model:
        statement = statement.where(_A.name == model)
    if state:
        statement = statement.where(_A.state == state)
    behind = after(cursor, (_A.asked_at, _A.id), (float, str), newest=True)
    if behind is not None:
        statement = statement.where(behind)
    statement = statement.order_by(_A.asked_at.desc(), _A.id.desc()).limit(checked_limit(limit) + 1)
    return page_of(connection.execute(statement).all(), limit, _approval, lambda row: (row.asked_at, row.id))


def close(connection: Connection, project: ProjectId, id: str, state: str, *, by: str, at: float, why: str) -> Approval:
    """Raises: NotFound."""
    _close(connection, project, id, state, by, at, why)
    return get_approval(connection, project, id)


def void(connection: Connection, project: ProjectId, name: str, version: int, at: float) -> None:
    """The version that was asked for is no more."""
    waiting = (_A.project == project, _A.name == name, _A.after == version, _A.state == "waiting")
    values = {"state": "obsolete", "open_key": None, "decided_at": at}
    connection.execute(update(tables.model_approvals).where(*waiting).values(**values))


def expire(connection: Connection, now: float) -> int:
    """Over all projects; answers how many nobody decided in time."""
    late = (_A.state == "waiting", _A.expires_at <= now)
    values: dict[str, Any] = {"state": "expired", "open_key": None, "decided_at": now}
    return connection.execute(update(tables.model_approvals).where(*late).values(**values)).rowcount


def _close(connection: Connection, project: ProjectId, id: str, state: str, by: str, at: float, why: str) -> None:
    values = {"state": state, "decided_by": by, "decided_at": at, "decision": why, "open_key": None}
    here = (_A.project == project, _A.id == id)
    connection.execute(update(tables.model_approvals).where(*here).values(**values))


def _approval(row: AnyRow) -> Approval:
    return Approval(
        row.id,
        row.name,
        row.alias,
        row.before,
        row.after,
        row.asked_by,
        row.asked_at,
        row.why,
        row.role,
        bool(row.not_self),
        row.expires_at,
        row.state,
        _checks(row.checks),
        row.decided_by,
        row.decided_at,
        row.decision,
        bool(row.prompt),
    )


def _checks(text: str) -> Sequence[Check]:
    return [Check(one["name"], one["passed"], one["text"]) for one in orjson.loads(text)]

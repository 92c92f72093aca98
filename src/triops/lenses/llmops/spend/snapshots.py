"""All that the gateway's process must know, in one reading of the books: what `gateway/config.py` parses.

It holds secrets (providers' credentials), goes over the socket to the gateway's process, and nowhere else.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from triops.kernel.document import Document
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import DEFAULT_PROJECT
from triops.ledger.calls.book import position_of
from triops.ledger.calls.credentials import Credentials
from triops.ledger.calls.keys import GatewayKeys, live_secrets
from triops.ledger.calls.windows import Spent, spent
from triops.ledger.documents import Documents, documents_of
from triops.ledger.keys import Keys, live_keys
from triops.lenses.llmops.gateway.config import ProjectConfig, project_config
from triops.lenses.llmops.spend.environment import EnvironmentKeys
from triops.ports.clock import Clock
from triops.ports.records import Records

KINDS = ("Provider", "Route", "Price", "Key", "Budget", "Guard", "Redaction")
_HELD = "held"
_SCOPES = ("key", "team", "application", "route", "project")
_PERIODS = ("day", "month", "total")
Prompts = Callable[[Connection, ProjectId], tuple[Mapping[str, Any], str]]


@dataclass
class Snapshots:
    """`opened`: whether callers without a key may be taken. `prompts` answers a project's prompts in the form of
    the snapshot, and which are left out. `fixed`: what never changes (`local`, `limits`, `record`)."""

    records: Records
    documents: Documents
    keys: Keys
    gateway_keys: GatewayKeys
    credentials: Credentials
    clock: Clock
    opened: Callable[[], Awaitable[bool]]
    prompts: Prompts
    environment: EnvironmentKeys
    fixed: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[ProjectId, str] = field(default_factory=dict)  # why stored credentials do not open
    left_out: Mapping[ProjectId, str] = field(default_factory=dict)  # of prompts, when they were told last

    @property
    def version(self) -> tuple[int, ...]:
        """Differs whenever a snapshot would, but for its prompts."""
        return (
            self.documents.changes,
            self.keys.changes,
            self.gateway_keys.version,
            self.credentials.version,
        )

    async def now(self) -> dict[str, Any]:
        at = self.clock.now()
        told = await self.records.read(lambda c: self._read(c, at))
        return {**told, "open": await self.opened(), **self.fixed}

    async def config(self, project: ProjectId) -> tuple[ProjectConfig, Sequence[str]]:
        """The project's documents as the gateway reads them, for pages: that a credential is there is known, what it is
        is not. And what is wrong with them."""
        documents = await self.documents.list(project)
        held = set(await self.credentials.names(project))
        held |= {
            document.name for document in documents if document.kind == "Provider" and self.environment.read(document)
        }
        plain = [_plain(document) for document in documents if document.kind in KINDS]
        local = bool(self.fixed.get("local", True))
        config = project_config(project, {"documents": plain, "credentials": dict.fromkeys(held, _HELD)}, local=local)
        more = [said for said in (self.problems.get(project), self.left_out.get(project)) if said]
        return config, [*config.problems, *self.environment.problems(documents), *more]

    def _read(self, connection: Connection, at: float) -> dict[str, Any]:
        keys = live_keys(connection, at)
        documents = documents_of(connection, KINDS)
        secrets = live_secrets(connection, at)
        credentials, self.problems = self.credentials.opened(connection)
        position = position_of(connection)
        names = sorted({DEFAULT_PROJECT, *documents, *secrets, *credentials, *(key.project for key in keys.values())})
        prompts = {name: self.prompts(connection, name) for name in names}
        self.left_out = {name: said for name, (_, said) in prompts.items() if said}
        used = [one for name in names for one in spent(connection, name, _windows(name, documents.get(name, ())), at)]
        return {
            "triops_keys": {
                digest: {"project": k.project, "role": k.role.value, "name": k.name, "expires_at": k.expires_at}
                for digest, k in keys.items()
            },
            "projects": {
                name: {
                    "documents": [_plain(document) for document in documents.get(name, ())],
                    "secrets": {
                        digest: {"key": key, "expires_at": expires}
                        for digest, (key, expires) in secrets.get(name, {}).items()
                    },
                    "credentials": {**credentials.get(name, {}), **self._variables(documents.get(name, ()))},
                    "prompts": prompts[name][0],
                }
                for name in names
            },
            "spent": [_used(one) for one in used],
            "applied_seq": position.applied,
            "open_from": position.open_from,
        }

    def _variables(self, documents: Sequence[Document]) -> dict[str, str]:
        read = {d.name: self.environment.read(d) for d in documents if d.kind == "Provider"}
        return {name: key for name, key in read.items() if key}


def _windows(project: ProjectId, documents: Sequence[Document]) -> set[tuple[str, str]]:
    """Scopes and periods. Every scope that documents name, whether it has a budget or not: a budget that is applied
    later must find what was spent before the gateway began. Users, who may be many, only where one is asked for."""
    config = project_config(project, {"documents": [_plain(document) for document in documents]})
    wanted = {(str(b.scope), str(b.per)) for some in config.budgets.values() for b in some}
    return wanted | {(scope, period) for scope in _SCOPES for period in _PERIODS}


def _plain(document: Document) -> dict[str, Any]:
    return {
        "kind": document.kind,
        "name": document.name,
        "spec": document.spec,
        "revision": document.revision,
        "updated_at": document.updated_at,
    }


def _used(one: Spent) -> dict[str, Any]:
    return {
        "project": one.project,
        "scope": one.scope,
        "name": one.name,
        "period": one.period,
        "start": one.start,
        "pico": one.pico,
        "tokens": one.tokens,
        "requests": one.requests,
    }

"""Webhooks as MLflow has them: signed, retried, about models and prompts. What is written is durable with what it
tells of, so that a restart delivers what was on its way.

    X-MLflow-Delivery-Id   the same in every attempt
    X-MLflow-Timestamp     unix seconds of the attempt
    X-MLflow-Signature     v1,<base64 HMAC-SHA256 of "<delivery id>.<timestamp>.<body>">, where there is a secret
"""

import asyncio
import base64
import hashlib
import hmac
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from triops.kernel.errors import Invalid, NotFound, TriopsError, Unavailable
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Principal
from triops.ledger.audit import AuditEntry, record_audit
from triops.ledger.versions import webhooks as book
from triops.ledger.versions.webhooks import Delivery, Webhook
from triops.lenses.mlops.filters import offset_of, page_token
from triops.lenses.mlops.registry.names import bounded
from triops.lenses.mlops.registry.telling import Teller, Telling, WebhooksDue, event_body
from triops.ports.clock import Clock
from triops.ports.records import Records

log = logging.getLogger(__name__)

EVENTS: Final[Mapping[str, Sequence[str]]] = {
    "registered_model": ("created",),
    "model_version": ("created",),
    "model_version_tag": ("deleted", "set"),
    "model_version_alias": ("created", "deleted"),
    "prompt": ("created",),
    "prompt_version": ("created",),
    "prompt_tag": ("deleted", "set"),
    "prompt_version_tag": ("deleted", "set"),
    "prompt_alias": ("created", "deleted"),
    "budget_policy": ("exceeded",),
}
_NAME = re.compile(r"(?=.{1,63}$)[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)
_AT_ONCE = 32  # webhooks that are being served
_ROUND = 50
_FIRST_RETRY_S, _LONGEST_RETRY_S = 1.0, 300.0
_GIVE_UP_S = 86_400.0
_KEPT_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    text: str


# POSTs a body with headers, within a limit of its own. Raises: Unavailable, with why there was no answer.
Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Tried:
    """A webhook's test: `reply`, or why there was none."""

    reply: Reply | None
    fault: str = ""


@dataclass
class Webhooks:
    """`schemes`: of URLs that webhooks may have."""

    records: Records
    teller: Teller
    clock: Clock
    post: Post
    schemes: Sequence[str]
    _serving: dict[tuple[ProjectId, str], "asyncio.Task[None]"] = field(default_factory=dict)

    async def create(
        self,
        who: Principal,
        name: str,
        url: str,
        events: Sequence[str],
        *,
        description: str | None,
        secret: str | None,
        status: str,
    ) -> Webhook:
        """Raises: Invalid, Conflict."""
        now_ms = int(self.clock.now() * 1000)
        webhook = Webhook(str(uuid.uuid4()), name, url, events, status, now_ms, now_ms, description, secret)
        self._check(webhook)

        def write(telling: Telling) -> Webhook:
            book.add_webhook(telling.connection, who.project, webhook)
            _audit(telling, who, "webhook.create", webhook)
            return book.get_webhook(telling.connection, who.project, webhook.id)

        return await self.teller.write(who.project, write)

    async def bring(self, who: Principal, webhook: Webhook) -> bool:
        """One from elsewhere, with its id and times; False where that id is here. Raises: Invalid, Conflict."""
        self._check(webhook)

        def write(telling: Telling) -> bool:
            try:
                book.get_webhook(telling.connection, who.project, webhook.id)
            except NotFound:
                book.add_webhook(telling.connection, who.project, webhook)
                _audit(telling, who, "webhook.create", webhook)
                return True
            return False

        return await self.teller.write(who.project, write)

    async def get(self, project: ProjectId, id: str) -> Webhook:
        """Raises: NotFound."""
        return await self.records.read(lambda c: book.get_webhook(c, project, id))

    async def list(self, project: ProjectId, limit: int, token: str) -> tuple[Sequence[Webhook], str | None]:
        """Raises: Invalid."""
        limit = limit or 100
        if not 1 <= limit <= 1000:
            raise Invalid("max_results must be between 1 and 1000.", field="max_results")
        offset = offset_of(token)
        found = await self.records.read(lambda c: book.list_webhooks(c, project, offset, limit + 1))
        return found[:limit], page_token(offset + limit) if len(found) > limit else None

    async def update(self, who: Principal, id: str, values: Mapping[str, Any]) -> Webhook:
        """`values` by the fields of a Webhook. Raises: Invalid, NotFound."""

        def write(telling: Telling) -> Webhook:
            known = book.get_webhook(telling.connection, who.project, id)
            self._check(replace(known, **values))
            changed = {**values, "updated_ms": telling.now_ms}
            book.change_webhook(telling.connection, who.project, id, changed)
            _audit(telling, who, "webhook.update", known)
            return book.get_webhook(telling.connection, who.project, id)

        return await self.teller.write(who.project, write)

    async def delete(self, who: Principal, id: str) -> None:
        """Raises: NotFound."""

        def write(telling: Telling) -> None:
            known = book.get_webhook(telling.connection, who.project, id)
            book.delete_webhook(telling.connection, who.project, id)
            _audit(telling, who, "webhook.delete", known)

        await self.teller.write(who.project, write)

    async def test(self, project: ProjectId, id: str, event: str | None) -> Tried:
        """Send an example now, once. Raises: NotFound."""
        webhook = await self.get(project, id)
        chosen = event or webhook.events[0]
        body = event_body(chosen, example(chosen), self.clock.now())
        try:
            return Tried(await self._send(webhook, str(uuid.uuid4()), body))
        except (Unavailable, Invalid) as error:
            return Tried(None, error.message)

    async def on_due(self, event: WebhooksDue) -> None:
        """Subscribed to the bus."""
        await self.tick(event.at)

    async def tick(self, now: float) -> None:
        """A job's: each webhook that something is due for is served by itself, so that a slow one holds up no other."""
        for key in await self.records.read(lambda c: book.due(c, now, 2 * _AT_ONCE)):
            if key not in self._serving and len(self._serving) < _AT_ONCE:
                task = asyncio.create_task(self._serve(*key), name=f"webhook:{key[1]}")
                self._serving[key] = task
                task.add_done_callback(lambda _, key=key: self._serving.pop(key, None))  # type: ignore[misc]

    async def idle(self) -> None:
        """Until nobody is being served."""
        await asyncio.gather(*self._serving.values())

    async def forget(self, now: float) -> None:
        """A job's: deliveries that ended a day ago."""
        await self.records.write(lambda c: book.drop_done(c, now - _KEPT_S))

    async def _serve(self, project: ProjectId, id: str) -> None:
        try:
            while True:
                now = self.clock.now()
                waiting = await self.records.read(lambda c, now=now: book.due_to(c, project, id, now, _ROUND))  # type: ignore[misc]
                if not waiting:
                    return
                webhook = await self.get(project, id)
                for delivery in waiting:
                    if not await self._deliver(webhook, delivery):
                        return
        except NotFound:
            pass  # deleted meanwhile, with what was on its way
        except TriopsError as error:
            log.warning("webhook %s waits: %s", id, error.message)
        except Exception:
            log.exception("webhook %s failed", id)

    async def _deliver(self, webhook: Webhook, delivery: Delivery) -> bool:
        """One attempt, written down; False when the next ones had better wait."""
        try:
            reply = await self._send(webhook, delivery.id, delivery.body)
            fault = "" if reply.status < 400 else f"the receiver answered {reply.status}"
            again = reply.status == 429 or reply.status >= 500
        except (Unavailable, Invalid) as error:
            fault, again = error.message[:500], True
        now = self.clock.now()
        wait = min(_FIRST_RETRY_S * 2.0 ** min(delivery.attempts, 20), _LONGEST_RETRY_S)
        over = not fault or not again or now + wait - delivery.at > _GIVE_UP_S
        if fault and over:
            log.warning("webhook %s: delivery %s is given up: %s", webhook.name, delivery.id, fault)
        await self.records.write(
            lambda c: book.settle(c, delivery.seq, error=fault, due_at=now + wait, done_at=now if over else None)
        )
        return over

    async def _send(self, webhook: Webhook, id: str, body: str) -> Reply:
        check_url(webhook.url, self.schemes)  # what is allowed may have changed since it was given
        raw = body.encode()
        stamp = str(int(self.clock.now()))
        headers = {"Content-Type": "application/json", "X-MLflow-Delivery-Id": id, "X-MLflow-Timestamp": stamp}
        if webhook.secret:
            headers["X-MLflow-Signature"] = signature(webhook.secret, id, stamp, raw)
        return await self.post(webhook.url, raw, headers)

    def _check(self, webhook: Webhook) -> None:
        if not _NAME.fullmatch(webhook.name):
            raise Invalid(
                f"Webhook name {webhook.name[:200]!r} is invalid. It must start and end with a letter or digit, "
                "be less than 63 characters long, and contain only letters, digits, dots (.), "
                "underscores (_), and hyphens (-).",
                field="name",
            )
        check_url(webhook.url, self.schemes)
        if not webhook.events:
            raise Invalid("Webhook events must be a non-empty list of WebhookEvent objects: [].", field="events")
        bounded("description", webhook.description or "", 1000)
        bounded("secret", webhook.secret or "", 1000)


def check_url(url: str, schemes: Sequence[str]) -> None:
    """Raises: Invalid, in MLflow's words. Which addresses a name leads to is seen when it is connected to."""
    if not url.strip():
        raise Invalid(f"Webhook URL cannot be empty or just whitespace: {url!r}", field="url")
    bounded("url", url, 500)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid(f"Invalid webhook URL {url!r}: {error!r}", field="url") from None
    if parts.scheme not in schemes:
        allowed = ", ".join(schemes)
        raise Invalid(f"Invalid webhook URL scheme: {parts.scheme!r}. Allowed schemes are: {allowed}.", field="url")
    if not host:
        raise Invalid(f"Webhook URL must include a hostname: {url!r}", field="url")
    if parts.username is not None or parts.password is not None:
        raise Invalid("Webhook URL must not carry a user or password", field="url")


def event_of(entity: str, action: str) -> str:
    """Raises: Invalid, in MLflow's words, for what never happens."""
    valid = EVENTS.get(entity, ())
    if action not in valid:
        raise Invalid(
            f"Invalid action '{action}' for entity '{entity}'. Valid actions are: {sorted(valid)}", field="events"
        )
    return f"{entity}.{action}"


def signature(secret: str, id: str, stamp: str, body: bytes) -> str:
    """The value of `X-MLflow-Signature`; `stamp` is unix seconds."""
    signed = hmac.new(secret.encode(), f"{id}.{stamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"


def example(event: str) -> dict[str, Any]:
    """What a test sends: the members that the event has, with values that nobody takes for real."""
    if event == "budget_policy.exceeded":
        return {
            "budget_policy_id": "bp-abc123",
            "budget_unit": "USD",
            "budget_amount": 100.0,
            "current_spend": 105.5,
            "duration_unit": "MONTHS",
            "duration_value": 1,
            "target_scope": "ENDPOINT",
            "workspace": "default",
            "target_value": "ep-abc123",
            "window_start": 1704067200000,
        }
    entity, _, action = event.partition(".")
    prompt = entity.startswith("prompt")
    data: dict[str, Any] = {"name": "example_prompt" if prompt else "example_model"}
    if entity in ("model_version", "prompt_version", "model_version_tag", "prompt_version_tag"):
        data["version"] = "1"
    if entity == "model_version":
        data |= {"source": "models:/123", "run_id": "abcd1234abcd5678"}
    if entity == "prompt_version":
        data["template"] = "Hello {{name}}!"
    if entity.endswith("_tag"):
        data |= {"key": "example_key", **({"value": "example_value"} if action == "set" else {})}
    elif entity.endswith("_alias"):
        data |= {"alias": "example_alias", **({"version": "1"} if action == "created" else {})}
    else:
        noun = entity.replace("_", " ")
        data |= {"tags": {"example_key": "example_value"}, "description": f"An example {noun}"}
    return data


def _audit(telling: Telling, who: Principal, verb: str, webhook: Webhook) -> None:
    entry = AuditEntry(telling.now, who.name, verb, webhook.name, details={"id": webhook.id})
    record_audit(telling.connection, telling.project, entry)

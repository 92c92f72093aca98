"""Webhooks, 2.0: create, list, get, update, delete, test. An administrator's: they carry news out of the project."""

from typing import Any

from triops.edges.mlflow.fields import Fields, enum, integer, message, messages, text
from triops.edges.mlflow.router import Call, Endpoint
from triops.kernel.errors import Invalid
from triops.kernel.tenant import Right
from triops.ledger.versions.webhooks import Webhook
from triops.lenses.mlops.registry.webhooks import EVENTS, Webhooks, event_of

JSON = dict[str, Any]
_TEST = "tests/conformance/test_mlflow_webhooks.py"
_ENTITIES = {"ENTITY_UNSPECIFIED": 0, **{entity.upper(): at for at, entity in enumerate(EVENTS, 1)}}
_ACTIONS = {"ACTION_UNSPECIFIED": 0, "CREATED": 1, "UPDATED": 2, "DELETED": 3, "SET": 4, "EXCEEDED": 5}
_EVENT: Fields = {"entity": enum(_ENTITIES), "action": enum(_ACTIONS)}
_STATUS = enum({"ACTIVE": 1, "DISABLED": 2})
_ONE = "2.0/mlflow/webhooks/{webhook_id}"


def webhook_json(webhook: Webhook) -> JSON:
    """Its secret is never shown."""
    shown: JSON = {
        "webhook_id": webhook.id,
        "name": webhook.name,
        "url": webhook.url,
        "events": [_event_json(event) for event in webhook.events],
        "status": webhook.status,
        "creation_timestamp": webhook.created_ms,
        "last_updated_timestamp": webhook.updated_ms,
    }
    return {**shown, "description": webhook.description} if webhook.description else shown


def webhook_endpoints(webhooks: Webhooks) -> list[Endpoint]:
    async def create(call: Call) -> JSON:
        given = call.body
        webhook = await webhooks.create(
            call.principal,
            given["name"],
            given["url"],
            [_event(event) for event in given["events"]],
            description=given["description"] or None,
            secret=given["secret"] or None,
            status=given["status"] or "ACTIVE",
        )
        return {"webhook": webhook_json(webhook)}

    async def listed(call: Call) -> JSON:
        found, token = await webhooks.list(call.project, call.body["max_results"], call.body["page_token"])
        shown: JSON = {"webhooks": [webhook_json(webhook) for webhook in found]} if found else {}
        return {**shown, "next_page_token": token} if token else shown

    async def get(call: Call) -> JSON:
        return {"webhook": webhook_json(await webhooks.get(call.project, call.path["webhook_id"]))}

    async def update(call: Call) -> JSON:
        given, came = call.body, call.given
        values = {name: given[name] for name in ("name", "url", "status") if given[name]}
        values |= {name: given[name] for name in ("description", "secret") if came.get(name) is not None}
        if given["events"]:
            values["events"] = [_event(event) for event in given["events"]]
        return {"webhook": webhook_json(await webhooks.update(call.principal, call.path["webhook_id"], values))}

    async def delete(call: Call) -> JSON:
        await webhooks.delete(call.principal, call.path["webhook_id"])
        return {}

    async def test(call: Call) -> JSON:
        event = _event(call.body["event"]) if call.body["event"] else None
        tried = await webhooks.test(call.project, call.path["webhook_id"], event)
        if tried.reply is None:
            return {"result": {"success": False, "error_message": f"Failed to test webhook: {tried.fault}"}}
        status = tried.reply.status
        return {"result": {"success": status < 400, "response_status": status, "response_body": tried.reply.text}}

    changed: Fields = {
        "name": text(),
        "url": text(),
        "events": messages(_EVENT),
        "description": text(),
        "secret": text(),
        "status": _STATUS,
    }
    created: Fields = {
        **changed,
        "name": text(required=True),
        "url": text(required=True),
        "events": messages(_EVENT, required=True),
    }
    paged: Fields = {"max_results": integer(default=100), "page_token": text()}
    return [
        Endpoint("POST", "2.0/mlflow/webhooks", create, Right.ADMINISTER, created, _TEST),
        Endpoint("GET", "2.0/mlflow/webhooks", listed, Right.ADMINISTER, paged, _TEST),
        Endpoint("GET", _ONE, get, Right.ADMINISTER, {}, _TEST),
        Endpoint("PATCH", _ONE, update, Right.ADMINISTER, changed, _TEST),
        Endpoint("DELETE", _ONE, delete, Right.ADMINISTER, {}, _TEST),
        Endpoint("POST", f"{_ONE}/test", test, Right.ADMINISTER, {"event": message(_EVENT)}, _TEST),
    ]


def _event(given: JSON) -> str:
    entity, action = given["entity"] or "ENTITY_UNSPECIFIED", given["action"] or "ACTION_UNSPECIFIED"
    if "UNSPECIFIED" in entity + action:
        raise Invalid("A webhook event needs an entity and an action.", field="events")
    return event_of(entity.lower(), action.lower())


def _event_json(event: str) -> JSON:
    entity, _, action = event.partition(".")
    return {"entity": entity.upper(), "action": action.upper()}

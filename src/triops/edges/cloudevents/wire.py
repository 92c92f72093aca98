"""CloudEvents 1.0 over HTTP → Changes: binary, structured (JSON) and batch (JSON) mode.

`type` says whether an event is a change and of which kind: by the last of its words (split at anything but letters)
that is one of `KINDS`, so that `com.example.deployment.finished` and `dev.cdevents.service.deployed.0.1.0` are deploys.
`subject` is the entity: `type:name`, or the name of a service; without one it is the last part of `source`.
An event's `source` and `id` together are its identity: sent again, it is recorded once.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

from triops.kernel.change import Change
from triops.kernel.clock import parse_time
from triops.kernel.errors import Invalid, TooLarge, Unsupported
from triops.kernel.ids import ChangeId, EntityId, entity_id, sortable_id
from triops.kernel.limits import Limits

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
MOST_EVENTS = 1000  # of a batch; over it: TooLarge
MOST_DETAILS = 64 << 10  # bytes of JSON; larger data is cut to text
KINDS = {
    word: kind
    for kind, words in {
        "deploy": "deploy deploys deployed deployment deployments release released rollout upgraded upgrade",
        "rollback": "rollback rolledback revert reverted",
        "config": "config configuration configured configmap setting settings flag featureflag",
        "promotion": "promotion promoted promote",
        "prompt_label": "prompt prompts",
        "migration": "migration migrated schema",
        "scale": "scale scaled scaling autoscaling resized",
        "restart": "restart restarted rebooted",
        "index_rebuild": "reindex reindexed rebuild rebuilt",
        "change": "change changed changes modified updated",
    }.items()
    for word in words.split()
}
_ENTITY = re.compile(r"([a-z][a-z0-9_]{0,31}):(?!//)(\S.{0,254})")


@dataclass(frozen=True)
class Event:
    """`change` is None for an event that is none. `key` is its identity."""

    key: str
    change: Change | None


def decode(headers: Mapping[str, str], media: str, body: bytes, now_s: float, limits: Limits) -> list[Event]:
    """`headers` by lower-case name. All events are read before one is used: Raises Invalid naming the first that is
    wrong, TooLarge, Unsupported."""
    if media == BATCH:
        trees = _json(body)
        if not isinstance(trees, list):
            raise Invalid("not a batch of CloudEvents", field="body", expected="a JSON array")
        if len(trees) > MOST_EVENTS:
            raise TooLarge(f"more than {MOST_EVENTS} events in one batch")
        return [_event(tree, f"[{i}].", now_s, limits) for i, tree in enumerate(trees)]
    if media == STRUCTURED:
        return [_event(_json(body), "", now_s, limits)]
    if "ce-specversion" in headers:
        tree: dict[str, Any] = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
        if media.endswith("json") and body:
            tree["data"] = _json(body)
        elif body:
            tree["data"] = body[:MOST_DETAILS].decode("utf-8", "replace")
        return [_event(tree, "ce-", now_s, limits)]
    raise Unsupported(f"not a CloudEvent: neither ce- headers nor content type {STRUCTURED} or {BATCH}")


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"not JSON: {error}", field="body") from None


def _event(tree: Any, path: str, now_s: float, limits: Limits) -> Event:
    if not isinstance(tree, dict):
        raise Invalid("not a CloudEvent", field=path.rstrip("."), expected="an object")
    version = _text(tree, "specversion", path, required=True)
    if version not in ("1.0", "0.3"):
        raise Invalid("not a version that is spoken here", field=f"{path}specversion", got=version, expected="1.0")
    id_ = _text(tree, "id", path, required=True)
    source = _text(tree, "source", path, required=True)
    type_ = _text(tree, "type", path, required=True)
    subject = _text(tree, "subject", path)
    time = _text(tree, "time", path)
    at = parse_time(time, field=f"{path}time") if time else now_s
    if at > now_s + limits.ahead_s:
        raise Invalid(f"more than {limits.ahead_s:.0f} s in the future", field=f"{path}time", got=time)
    kind = kind_of(type_)
    key = f"{source} {id_}"
    if kind is None:
        return Event(key, None)
    data = _data(tree, path)
    fields = data if isinstance(data, dict) else {}
    event = {"id": id_, "source": source, "type": type_}
    details = {**fields, "event": event} if isinstance(data, dict) else {"event": event, "data": data}
    if data is None:
        details = {"event": event}
    try:
        shown = orjson.dumps(details)
    except TypeError:  # it writes fewer levels than it reads
        raise Invalid("nested too deep", field=f"{path}data") from None
    if len(shown) > MOST_DETAILS:
        details = {"event": event, "data": shown[: MOST_DETAILS // 2].decode("utf-8", "ignore")}
    entity = entity_of(subject, source)
    change = Change(
        id=ChangeId(sortable_id("chg", now_s)),
        entity=entity,
        kind=kind,
        title=_first(fields, "title", "message", "summary") or f"{kind} of {entity.partition(':')[2]}",
        at=at,
        author=_first(fields, "author", "actor", "user") or source[:256],
        details=details,
    )
    return Event(key, change)


def _text(tree: Mapping[str, Any], field: str, path: str, required: bool = False) -> str:
    value = tree.get(field)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or not value.strip() or len(value) > 1024:
        raise Invalid("not a CloudEvent", field=f"{path}{field}", got=value, expected="text of 1 to 1024 characters")
    return value.strip()


def _data(tree: Mapping[str, Any], path: str) -> Any:
    raw = tree.get("data_base64")
    if raw is None:
        return tree.get("data")
    try:
        data = b64decode(raw, validate=True)
    except (Base64Error, ValueError, TypeError):
        raise Invalid("not base64", field=f"{path}data_base64", got=raw) from None
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return data[:MOST_DETAILS].decode("utf-8", "replace")


def kind_of(type_: str) -> str | None:
    """The kind of change that a CloudEvents type names, or None."""
    return next((KINDS[word] for word in reversed(re.split(r"[^a-z]+", type_.lower())) if word in KINDS), None)


def entity_of(subject: str, source: str) -> EntityId:
    """See above; a name is at most 255 characters."""
    if found := _ENTITY.fullmatch(subject):
        return entity_id(found[1], found[2])
    name = subject or re.split(r"[/:#?]+", source.rstrip("/"))[-1] or source
    return entity_id("service", name[:255])


def _first(fields: Mapping[str, Any], *names: str) -> str:
    return next((v[:512] for name in names if isinstance(v := fields.get(name), str) and v), "")

"""`Client`: one method a call of the native API. Answers are the API's own JSON objects (`/triops/v1/openapi.json`)."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from triops import __version__

JSON = dict[str, Any]
DEFAULT_URL = "http://127.0.0.1:7333"


class ApiError(Exception):
    """The server answered with an error: `status`, and the API's `kind`, `message` and details."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        self.status = status
        self.kind = str(error.get("kind", "http"))
        self.message = str(error.get("message", f"HTTP {status}"))
        self.details = {k: v for k, v in error.items() if k not in ("kind", "message")}
        super().__init__(self.message)

    def __str__(self) -> str:
        told = ", ".join(f"{k}: {v}" for k, v in self.details.items())
        return f"{self.message} ({told})" if told else self.message


class Unreachable(Exception):
    """Nothing answers at the URL, or something that is no Triops."""


class Client:
    """`url` and `key` default to `TRIOPS_URL` and `TRIOPS_KEY`, then to the local server without a key.

    Every method raises ApiError for an answer that is an error, and Unreachable when there is none.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout_s: float = 30.0,
        http: httpx.Client | None = None,
    ) -> None:
        self.url = (url or os.environ.get("TRIOPS_URL") or DEFAULT_URL).rstrip("/")
        key = key or os.environ.get("TRIOPS_KEY")
        headers = {"User-Agent": f"triops-sdk/{__version__}"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self.headers = headers
        self._http = http or httpx.Client(base_url=self.url, timeout=timeout_s, trust_env=False)
        self._http.headers.update(headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def call(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> Any:
        """Any call of the API: `client.call("GET", "/incidents", status="active")`. Parameters that are None or ""
        are left out."""
        params = {k: v for k, v in query.items() if v not in (None, "")}
        try:
            answer = self._http.request(
                method, f"/triops/v1{path}", params=params, json=body, headers=dict(headers or {})
            )
        except httpx.RequestError as error:
            raise Unreachable(f"no Triops answers at {self.url} ({error}); start one: triops up") from error
        try:
            said = answer.json()
        except ValueError as error:
            if answer.status_code >= 400:
                raise ApiError(answer.status_code, {"message": answer.text[:300]} if answer.text else {}) from error
            raise Unreachable(f"what answers at {self.url} is no Triops: HTTP {answer.status_code}") from error
        if answer.status_code >= 400:
            told = said.get("error") if isinstance(said, dict) else None
            raise ApiError(answer.status_code, told if isinstance(told, dict) else {"message": answer.text[:300]})
        return said

    def pages(self, path: str, key: str = "items", *, most: int = 10_000, **query: Any) -> Iterator[JSON]:
        """Every item of a list, page by page, at most `most`."""
        cursor: str | None = None
        while most > 0:
            page = self.call("GET", path, limit=min(most, 1000), cursor=cursor, **query)
            yield from page[key]
            most -= len(page[key])
            cursor = page["next"]
            if not cursor:
                return

    def healthy(self) -> bool:
        try:
            return bool(self._http.get("/health").status_code == 200)
        except httpx.TransportError:
            return False

    def status(self) -> JSON:
        return dict(self.call("GET", "/status"))

    def start(self) -> JSON:
        return dict(self.call("GET", "/start"))

    def overview(self, **query: Any) -> JSON:
        return dict(self.call("GET", "/overview", **query))

    def incidents(self, **query: Any) -> list[JSON]:
        """Newest first; `status="active"` for those not resolved."""
        return list(self.call("GET", "/incidents", **query)["items"])

    def incident(self, id: str) -> JSON:
        return dict(self.call("GET", f"/incidents/{id}"))

    def move_incident(self, id: str, verb: str, why: str = "") -> JSON:
        """`verb`: acknowledge, mitigate, resolve, reopen."""
        return dict(self.call("POST", f"/incidents/{id}/{verb}", body={"why": why}))

    def comment(self, id: str, text: str) -> JSON:
        return dict(self.call("POST", f"/incidents/{id}/comments", body={"text": text}))

    def assign(self, id: str, assignee: str) -> JSON:
        return dict(self.call("POST", f"/incidents/{id}/assign", body={"assignee": assignee}))

    def actions(self, **query: Any) -> list[JSON]:
        return list(self.call("GET", "/actions", **query)["items"])

    def approve(self, id: str, why: str = "") -> JSON:
        return dict(self.call("POST", f"/actions/{id}/approve", body={"why": why}))

    def dismiss(self, id: str, why: str = "") -> JSON:
        return dict(self.call("POST", f"/actions/{id}/dismiss", body={"why": why}))

    def anomalies(self, **query: Any) -> list[JSON]:
        return list(self.call("GET", "/anomalies", **query)["items"])

    def entities(self, **query: Any) -> list[JSON]:
        return list(self.pages("/entities", **query))

    def relations(self, **query: Any) -> list[JSON]:
        return list(self.pages("/relations", **query))

    def changes(self, **query: Any) -> list[JSON]:
        return list(self.call("GET", "/changes", **query)["items"])

    def record_change(
        self,
        type: str,
        name: str,
        kind: str,
        title: str,
        *,
        at: float | str | None = None,
        author: str = "",
        details: Mapping[str, Any] | None = None,
        idempotency_key: str = "",
    ) -> JSON:
        body = {"entity": {"type": type, "name": name}, "kind": kind, "title": title, "at": at, "author": author}
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return dict(self.call("POST", "/changes", body={**body, "details": dict(details or {})}, headers=headers))

    def series(self, match: str, **query: Any) -> list[JSON]:
        return list(self.call("GET", "/metrics/series", match=match, **query)["series"])

    def logs(self, **query: Any) -> list[JSON]:
        return list(self.call("GET", "/logs", **query)["records"])

    def tail(self, **query: Any) -> Iterator[JSON]:
        """New log records as they come, without end."""
        params = {k: v for k, v in query.items() if v not in (None, "")}
        timeout = httpx.Timeout(10.0, read=60.0)
        try:
            with self._http.stream("GET", "/triops/v1/logs/tail", params=params, timeout=timeout) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise ApiError(answer.status_code, answer.json().get("error", {}))
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        yield json.loads(line[5:])
        except httpx.TransportError as error:
            raise Unreachable(f"the connection to {self.url} ended: {error}") from error

    def traces(self, **query: Any) -> list[JSON]:
        return list(self.call("GET", "/traces", **query)["items"])

    def trace(self, trace_id: str) -> list[JSON]:
        return list(self.pages(f"/traces/{trace_id}", "spans", most=100_000))

    def documents(self, **query: Any) -> list[JSON]:
        return list(self.call("GET", "/documents", **query)["items"])

    def apply(self, documents: Sequence[Mapping[str, Any]], *, dry_run: bool = False) -> list[JSON]:
        body = {"documents": [dict(d) for d in documents], "dry_run": dry_run}
        return list(self.call("POST", "/documents", body=body)["items"])

    def keys(self) -> list[JSON]:
        return list(self.call("GET", "/keys")["items"])

    def create_key(self, name: str, role: str, expires_at: float | None = None) -> JSON:
        return dict(self.call("POST", "/keys", body={"name": name, "role": role, "expires_at": expires_at}))

    def revoke_key(self, id: str) -> JSON:
        return dict(self.call("DELETE", f"/keys/{id}"))

    def spend(self, by: str = "", **query: Any) -> JSON:
        """`by`: dimensions, separated by commas; `start`, `end`, `every`, and a dimension's name to narrow to it."""
        return dict(self.call("GET", "/spend", by=by, **query))

    def forecast(self, by: str = "", **query: Any) -> list[JSON]:
        return list(self.call("GET", "/spend/forecast", by=by, **query)["rows"])

    def budgets(self, **query: Any) -> list[JSON]:
        return list(self.call("GET", "/budgets", **query)["items"])

    def gateway(self) -> JSON:
        return dict(self.call("GET", "/gateway"))

    def gateway_keys(self, **query: Any) -> list[JSON]:
        return list(self.call("GET", "/gateway/keys", **query)["items"])

    def create_gateway_key(self, key: str, expires_at: float | None = None) -> JSON:
        """`key`: the name of a Key document. The answer's `secret` is shown this once."""
        return dict(self.call("POST", "/gateway/keys", body={"key": key, "expires_at": expires_at}))

    def rotate_gateway_key(self, id: str, grace_s: float = 0) -> JSON:
        """A new secret in the place of this one, which is good for `grace_s` more. `secret` is shown this once."""
        return dict(self.call("POST", f"/gateway/keys/{_part(id)}/rotate", body={"grace_s": grace_s}))

    def revoke_gateway_key(self, id: str) -> JSON:
        return dict(self.call("DELETE", f"/gateway/keys/{_part(id)}"))

    def set_credential(self, provider: str, secret: str) -> JSON:
        return dict(self.call("PUT", f"/providers/{_part(provider)}/credential", body={"secret": secret}))

    def delete_credential(self, provider: str) -> JSON:
        return dict(self.call("DELETE", f"/providers/{_part(provider)}/credential"))

    def experiments(self, **query: Any) -> list[JSON]:
        return list(self.pages("/experiments", **query))

    def experiment_id(self, name: str) -> str:
        """Of an experiment by its name; what is an id stays one. Raises: ApiError where there is none."""
        if name.isascii() and name.isdigit():
            return name
        for experiment in self.pages("/experiments", q=name, view="all"):
            if experiment["name"] == name:
                return str(experiment["id"])
        raise ApiError(404, {"kind": "not_found", "message": f"no experiment is named {name}"})

    def runs(self, **query: Any) -> JSON:
        """`experiment` (ids), `filter` and `order_by` in MLflow's language. Answers items and their total."""
        return dict(self.call("GET", "/runs", **query))

    def run(self, id: str) -> JSON:
        return dict(self.call("GET", f"/runs/{id}"))

    def provenance(self, run: str) -> JSON:
        """Code, packages, Python, machine, command, seed and inputs of a run."""
        return dict(self.call("GET", f"/runs/{run}/provenance"))

    def diff_runs(self, runs: Sequence[str]) -> JSON:
        """2 to 10 of them."""
        return dict(self.call("GET", "/runs/diff", run=list(runs)))

    def models(self, **query: Any) -> list[JSON]:
        return list(self.call("GET", "/models", **query)["items"])

    def model(self, name: str) -> JSON:
        return dict(self.call("GET", f"/models/{_part(name)}"))

    def model_versions(self, name: str, **query: Any) -> list[JSON]:
        return list(self.call("GET", f"/models/{_part(name)}/versions", **query)["items"])

    def model_history(self, name: str, **query: Any) -> list[JSON]:
        return list(self.call("GET", f"/models/{_part(name)}/history", **query)["items"])

    def move_alias(self, model: str, alias: str, version: str | int, *, why: str = "") -> JSON:
        """`state` is moved, waiting (for `approval`) or refused (for `reasons`)."""
        path = f"/models/{_part(model)}/aliases/{_part(alias)}"
        return dict(self.call("PUT", path, body={"version": version, "why": why}))

    def undo_alias(self, model: str, alias: str, *, why: str = "") -> JSON:
        path = f"/models/{_part(model)}/aliases/{_part(alias)}/undo"
        return dict(self.call("POST", path, body={"why": why}))

    def approvals(self, **query: Any) -> list[JSON]:
        return list(self.call("GET", "/approvals", **query)["items"])

    def decide_approval(self, id: str, verb: str, why: str = "") -> JSON:
        """`verb`: approve, reject."""
        return dict(self.call("POST", f"/approvals/{id}/{verb}", body={"why": why}))

    def prompts(self, **query: Any) -> list[JSON]:
        return list(self.pages("/prompts", **query))

    def prompt(self, name: str) -> JSON:
        return dict(self.call("GET", f"/prompts/{_part(name)}"))

    def prompt_versions(self, name: str, **query: Any) -> list[JSON]:
        return list(self.call("GET", f"/prompts/{_part(name)}/versions", **query)["items"])

    def prompt_version(self, name: str, version: int | str) -> JSON:
        """By its number, or `latest`."""
        return dict(self.call("GET", f"/prompts/{_part(name)}/versions/{version}"))

    def add_prompt_version(
        self, name: str, spec: Mapping[str, Any], *, note: str = "", labels: Sequence[str] = ()
    ) -> JSON:
        """`spec` as of `kind: Prompt`, without its labels; `created` says whether it was new."""
        body = {**spec, "note": note, "labels": list(labels)}
        return dict(self.call("POST", f"/prompts/{_part(name)}/versions", body=body))

    def prompt_history(self, name: str, **query: Any) -> list[JSON]:
        return list(self.call("GET", f"/prompts/{_part(name)}/history", **query)["items"])

    def prompt_diff(self, name: str, before: int | str, after: int | str) -> JSON:
        query: JSON = {"from": str(before), "to": str(after)}
        return dict(self.call("GET", f"/prompts/{_part(name)}/diff", **query))

    def move_label(
        self,
        prompt: str,
        label: str,
        version: int | None = None,
        *,
        share: Mapping[str, int] | None = None,
        why: str = "",
    ) -> JSON:
        """To a version, or to several by percents; `state` is moved, waiting (for `approval`) or refused."""
        path = f"/prompts/{_part(prompt)}/labels/{_part(label)}"
        return dict(self.call("PUT", path, body={"version": version, "share": share, "why": why}))

    def undo_label(self, prompt: str, label: str, *, why: str = "") -> JSON:
        path = f"/prompts/{_part(prompt)}/labels/{_part(label)}/undo"
        return dict(self.call("POST", path, body={"why": why}))

    def render_prompt(
        self, name: str, variables: Mapping[str, Any], *, version: int | None = None, label: str = ""
    ) -> JSON:
        body = {"version": version, "label": label, "variables": dict(variables)}
        return dict(self.call("POST", f"/prompts/{_part(name)}/render", body=body))


def _part(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")

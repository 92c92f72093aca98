"""MLflow's REST API, asked: answers checked, pages followed."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from triops.sdk.importing.source import SourceError

_NOT_OFFERED = ("FEATURE_DISABLED", "NOT_IMPLEMENTED")  # by a server whose store is a folder
JSON = Mapping[str, Any]


class Api:
    """`http` carries the address and who asks."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.name = str(http.base_url).rstrip("/")

    def close(self) -> None:
        self.http.close()

    def pages(self, method: str, path: str, name: str, given: JSON, missing: Any = ...) -> Iterator[JSON]:
        token = ""
        while True:
            # an older server has no logged models, or no registry
            answer = self.call(method, path, {**given, **({"page_token": token} if token else {})}, missing=missing)
            items = answer.get(name, ())
            try:
                yield from items
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                raise SourceError(f"{self.name}: {path} answered what no tracking server does: {error}") from error
            following = answer.get("next_page_token") or ""
            if not following or following == token:
                return
            token = following

    def call(self, method: str, path: str, given: JSON, *, missing: Any = ..., twin: str = "api") -> Any:
        """`missing`: what counts as the answer where there is no such page, or it is not offered."""
        try:
            if method == "GET":
                answer = self.http.get(f"/{twin}/{path}", params=given)
            else:
                answer = self.http.request(method, f"/{twin}/{path}", json=given)
        except httpx.HTTPError as error:
            raise SourceError(f"{self.name}: {error}") from error
        if missing is not ... and answer.status_code in (404, 405, 501):
            return missing
        try:
            body = answer.json()
        except ValueError:
            body = None
        if missing is not ... and isinstance(body, dict) and body.get("error_code") in _NOT_OFFERED:
            return missing
        if answer.status_code >= 400 or not isinstance(body, dict):
            told = body.get("message", "") if isinstance(body, dict) else answer.text
            raise SourceError(f"{self.name}: {path}: HTTP {answer.status_code} {str(told)[:300]}")
        return body

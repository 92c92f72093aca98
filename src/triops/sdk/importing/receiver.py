"""The Triops that receives an import: its native calls, and its artifact proxy."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from triops.sdk.client import ApiError, Client, Unreachable
from triops.sdk.importing.paths import proxied_path, safe_path
from triops.sdk.importing.source import ArtifactFile, SourceError

JSON = dict[str, Any]
_PATH = "/import/mlflow"
_TIMEOUT_S = 300.0


class Receiver:
    """`key`: of an administrator, where keys are needed."""

    def __init__(self, url: str | None, key: str | None) -> None:
        self._api = Client(url, key, timeout_s=_TIMEOUT_S)
        self.http = httpx.Client(
            base_url=self._api.url, timeout=_TIMEOUT_S, trust_env=False, headers=dict(self._api.headers)
        )

    @property
    def url(self) -> str:
        return self._api.url

    def close(self) -> None:
        self.http.close()
        self._api.close()

    def experiments(self, source: str, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        body = {"source": source, "items": list(items)}
        return list(self._api.call("POST", f"{_PATH}/experiments", body=body)["items"])

    def known(
        self, *, runs: Sequence[str] = (), logged_models: Sequence[str] = (), traces: Sequence[str] = ()
    ) -> set[str]:
        """Of these ids those that are here, whole."""
        body = {"runs": list(runs), "logged_models": list(logged_models), "traces": list(traces)}
        return set(self._api.call("POST", f"{_PATH}/known", body=body)["items"])

    def runs(self, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        return self._send("runs", items)

    def points(self, run: str, points: Mapping[str, Any], *, more: bool) -> None:
        self._api.call("POST", f"{_PATH}/points", body={"run": run, "points": points, "more": more})

    def logged_models(self, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        return self._send("logged-models", items)

    def models(self, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        return self._send("models", items)

    def traces(self, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        return self._send("traces", items)

    def datasets(self, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        return self._send("datasets", items)

    def scorers(self, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        return self._send("scorers", items)

    def webhooks(self, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        return self._send("webhooks", items)

    def digests(self, artifact_uri: str) -> Iterator[tuple[str, tuple[int, str]]]:
        """What is stored under a root: path, and size and SHA-256."""
        for item in self._pages({"artifact_uri": artifact_uri}):
            yield item["path"], (item["size"], item["sha256"])

    def upload(self, artifact_uri: str, file: ArtifactFile, pieces: Iterable[bytes]) -> None:
        """Raises: SourceError where it is refused, Unreachable."""
        root, path = proxied_path(artifact_uri), safe_path(file.path)
        try:
            if root:
                to = f"/api/2.0/mlflow-artifacts/artifacts/{quote(f'{root}/{path}')}"
                answer = self.http.put(to, content=pieces)
            else:
                query = {"artifact_uri": artifact_uri, "path": path}
                answer = self.http.put(f"/triops/v1{_PATH}/files", params=query, content=pieces)
        except httpx.TransportError as error:
            raise Unreachable(f"{self.url}: {error}") from error
        if answer.status_code >= 400:
            raise SourceError(f"{file.path!r} was refused: {_told(answer)}")

    def _send(self, kind: str, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        return list(self._api.call("POST", f"{_PATH}/{kind}", body={"items": list(items)})["items"])

    def _pages(self, body: JSON) -> Iterator[JSON]:
        after = ""
        while True:
            page = self._api.call("POST", f"{_PATH}/artifacts", body={**body, "after": after})
            yield from page["items"]
            after = page["next"]
            if not after:
                return


def _told(answer: httpx.Response) -> str:
    try:
        body = answer.json()
        return str(body.get("message") or body["error"]["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return answer.text[:300]


def refusal(error: Exception) -> str:
    """Words of an error that concerns what was sent, or "" for one that concerns all."""
    return str(error) if isinstance(error, ApiError) and error.status in (400, 404, 409, 413, 422) else ""

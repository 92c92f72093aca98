"""The native API against its own OpenAPI document: no input of any kind makes a 5xx."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from triops.edges.native import native_app
from triops.edges.native.services import Services
from triops.testing.server import RunningTriops


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with RunningTriops(Path(tmp_path_factory.mktemp("native")) / "data") as running:
        yield running


# The document does not depend on what the API is made of, so it is there before a server runs.
schema = schemathesis.openapi.from_dict(native_app(cast(Services, None)).openapi())
ENDLESS = ("/live", "/logs/tail")
URL_BYTES = 60_000  # about what the HTTP parser takes
LOCKS_OUT = ("/keys",)  # a first key made by chance would end the open mode that the other calls need


@schema.exclude(path=list(ENDLESS)).exclude(path=list(LOCKS_OUT), method="POST").parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.timeout(180)
def test_no_input_makes_a_server_error(case: schemathesis.Case, server: RunningTriops) -> None:
    answer = case.call(base_url=f"{server.url}/triops/v1", timeout=20)
    assert answer.status_code < 500, f"{answer.status_code} {answer.text[:500]}"
    if answer.status_code == 400 and len(str(answer.request.url)) > URL_BYTES:
        return  # refused before it is a request
    if answer.status_code >= 400 and answer.status_code not in (405,):
        if answer.text == "Invalid HTTP request received.":
            return  # an address over 64 kB, which the HTTP parser itself refuses
        assert answer.json()["error"]["message"]


def test_every_call_is_documented(server: RunningTriops) -> None:
    document = httpx.get(f"{server.url}/triops/v1/openapi.json").json()
    assert document["openapi"].startswith("3.")
    for path in ("/metrics/series", "/logs", "/traces", "/traces/{trace_id}", "/changes", "/incidents", "/entities"):
        assert path in document["paths"], path
    for path, calls in document["paths"].items():
        assert all(call.get("summary") for call in calls.values()), path

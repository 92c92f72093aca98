"""Webhooks by the unmodified `mlflow` client, delivered to a receiver on loopback: what is sent, signed, retried."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from triops.testing.server import RunningTriops, wait_for

mlflow = pytest.importorskip("mlflow", reason="needs the mlflow client")

from mlflow.entities.webhook import WebhookEvent, WebhookStatus  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

_SECRET = "keep this"


@dataclass
class Inbox:
    """`statuses` are answered in turn, then 200."""

    url: str = ""
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def wait(self, count: int) -> list[dict[str, Any]]:
        wait_for(lambda: len(self.got) >= count, what=f"{count} deliveries")
        return [json.loads(body) for _, _, body in self.got]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    it = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            it.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(it.statuses.pop(0) if it.statuses else 200)
            self.end_headers()
            self.wfile.write(b"heard")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    it.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield it
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with RunningTriops(tmp_path_factory.mktemp("webhooks") / "data") as running:
        yield running


@pytest.fixture
def client(server: RunningTriops) -> Iterator[MlflowClient]:
    it = MlflowClient(server.url, server.url)
    yield it
    for webhook in it.list_webhooks():
        it.delete_webhook(webhook.webhook_id)


def hook(client: MlflowClient, inbox: Inbox, *events: str, **more: Any) -> Any:
    return client.create_webhook("hook", f"{inbox.url}/in", [WebhookEvent.from_str(e) for e in events], **more)


def test_life_of_a_webhook(client: MlflowClient, inbox: Inbox) -> None:
    made = hook(client, inbox, "registered_model.created", "model_version.created", secret=_SECRET, description="d")
    assert (made.name, made.url, made.description, made.status) == ("hook", f"{inbox.url}/in", "d", "ACTIVE")
    assert {str(event) for event in made.events} == {"registered_model.created", "model_version.created"}
    assert made.secret is None
    changed = client.update_webhook(
        made.webhook_id, name="other", events=[WebhookEvent.from_str("prompt.created")], status=WebhookStatus.DISABLED
    )
    assert (changed.name, changed.status, [str(e) for e in changed.events]) == ("other", "DISABLED", ["prompt.created"])
    for number in range(4):
        client.create_webhook(f"hook{number}", inbox.url, [WebhookEvent.from_str("prompt.created")])
    page = client.list_webhooks(max_results=3)
    rest = client.list_webhooks(max_results=3, page_token=page.token)
    assert [w.name for w in [*page, *rest]] == ["hook3", "hook2", "hook1", "hook0", "other"]
    client.delete_webhook(made.webhook_id)
    with pytest.raises(MlflowException, match=f"Webhook with ID {made.webhook_id} not found") as error:
        client.get_webhook(made.webhook_id)
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize(
    ("name", "url", "said"),
    [
        ("-x", "https://example.com", "Webhook name '-x' is invalid"),
        ("a" * 64, "https://example.com", "is invalid. It must start and end with a letter or digit"),
        ("ok", "ftp://example.com", "Invalid webhook URL scheme: 'ftp'"),
        ("ok", "https://", "Webhook URL must include a hostname"),
        ("ok", "https://me:secret@example.com", "must not carry a user or password"),
    ],
)
def test_refusals(client: MlflowClient, name: str, url: str, said: str) -> None:
    with pytest.raises(MlflowException, match=said) as error:
        client.create_webhook(name, url, [WebhookEvent.from_str("prompt.created")])
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"


def test_every_event_of_a_model_is_delivered_and_signed(client: MlflowClient, inbox: Inbox) -> None:
    events = [
        "registered_model.created",
        "model_version.created",
        "model_version_tag.set",
        "model_version_tag.deleted",
        "model_version_alias.created",
        "model_version_alias.deleted",
    ]
    hook(client, inbox, *events, secret=_SECRET)
    client.create_registered_model("told", tags={"a": "b"}, description="d")
    client.create_model_version("told", "s3://bucket/m", tags={"x": "y"}, description="v", await_creation_for=0)
    client.set_model_version_tag("told", "1", "k", "v")
    client.delete_model_version_tag("told", "1", "k")
    client.set_registered_model_alias("told", "live", "1")
    client.delete_registered_model_alias("told", "live")
    told = inbox.wait(6)
    assert [f"{t['entity']}.{t['action']}" for t in told] == events
    assert [t["data"] for t in told] == [
        {"name": "told", "tags": {"a": "b"}, "description": "d"},
        {
            "name": "told",
            "version": "1",
            "source": "s3://bucket/m",
            "run_id": None,
            "tags": {"x": "y"},
            "description": "v",
        },
        {"name": "told", "version": "1", "key": "k", "value": "v"},
        {"name": "told", "version": "1", "key": "k"},
        {"name": "told", "alias": "live", "version": "1"},
        {"name": "told", "alias": "live"},
    ]
    for _, headers, body in inbox.got:
        signed = f"{headers['x-mlflow-delivery-id']}.{headers['x-mlflow-timestamp']}.".encode() + body
        digest = base64.b64encode(hmac.new(_SECRET.encode(), signed, hashlib.sha256).digest()).decode()
        assert headers["x-mlflow-signature"] == f"v1,{digest}"


def test_events_of_prompts(client: MlflowClient, inbox: Inbox, server: RunningTriops) -> None:
    events = ["prompt.created", "prompt_version.created", "prompt_alias.created", "prompt_version_tag.set"]
    hook(client, inbox, *events)
    before = mlflow.get_registry_uri()
    mlflow.set_registry_uri(server.url)
    try:
        mlflow.genai.register_prompt("heard", template="Hi {{name}}", commit_message="c", tags={"t": "1"})
        mlflow.genai.set_prompt_alias("heard", "live", 1)
        mlflow.genai.set_prompt_version_tag("heard", 1, "k", "v")
    finally:
        mlflow.set_registry_uri(before)
    told = inbox.wait(4)
    assert [f"{t['entity']}.{t['action']}" for t in told] == events
    assert (told[1]["data"]["name"], told[1]["data"]["template"]) == ("heard", "Hi {{name}}")
    assert told[2]["data"] == {"name": "heard", "alias": "live", "version": "1"}
    assert "x-mlflow-signature" not in inbox.got[0][1]


def test_a_failing_receiver_is_asked_again_and_the_same_is_sent(client: MlflowClient, inbox: Inbox) -> None:
    inbox.statuses = [500, 429]
    hook(client, inbox, "registered_model.created")
    client.create_registered_model("again")
    bodies = inbox.wait(3)
    assert bodies[0] == bodies[1] == bodies[2]
    assert len({headers["x-mlflow-delivery-id"] for _, headers, _ in inbox.got}) == 1


def test_a_receiver_that_refuses_is_not_asked_again(client: MlflowClient, inbox: Inbox) -> None:
    inbox.statuses = [401]
    hook(client, inbox, "registered_model.created")
    client.create_registered_model("refused")
    client.create_registered_model("taken")
    assert [told["data"]["name"] for told in inbox.wait(2)] == ["refused", "taken"]


def test_a_test_and_a_disabled_webhook(client: MlflowClient, inbox: Inbox) -> None:
    made = hook(client, inbox, "model_version.created", "prompt_alias.created", status=WebhookStatus.DISABLED)
    tried = client.test_webhook(made.webhook_id, WebhookEvent.from_str("prompt_alias.created"))
    assert (tried.success, tried.response_status, tried.response_body) == (True, 200, "heard")
    assert inbox.wait(1)[0]["data"] == {"name": "example_prompt", "alias": "example_alias", "version": "1"}
    inbox.statuses = [404]
    assert client.test_webhook(made.webhook_id).success is False
    nobody = client.update_webhook(made.webhook_id, url="http://127.0.0.1:9/none")
    tried = client.test_webhook(nobody.webhook_id)
    assert (tried.success, tried.response_status) == (False, None)
    assert tried.error_message.startswith("Failed to test webhook: ")


def test_what_was_on_its_way_survives_a_kill(client: MlflowClient, inbox: Inbox, server: RunningTriops) -> None:
    inbox.statuses = [503]
    hook(client, inbox, "registered_model.created")
    client.create_registered_model("durable")
    inbox.wait(1)
    server.kill()
    server.start()
    assert inbox.wait(2)[1]["data"]["name"] == "durable"

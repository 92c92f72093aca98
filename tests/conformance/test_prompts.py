"""One set of prompts behind four doors: our API and SDK, `triops apply`, and the unmodified clients of MLflow and
Langfuse. What one door makes, the others read."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from langfuse import Langfuse
from langfuse._client.resource_manager import LangfuseResourceManager
from langfuse.api import Error as LangfuseError
from langfuse.api import NotFoundError
from typer.testing import CliRunner

from triops.cli.root import app
from triops.kernel.errors import Invalid
from triops.sdk import ApiError, Client, Unreachable
from triops.sdk.prompts import Prompt, PromptCache
from triops.testing.server import RunningTriops, wait_for
from triops.testing.upstream import LoopbackProvider

SUPPORT = {
    "kind": "Prompt",
    "name": "support",
    "spec": {
        "messages": [{"role": "system", "content": "You help customers of {{shop}}."}],
        "model": "fast",
        "settings": {"temperature": 0.2},
        "labels": {"production": 1},
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with RunningTriops(tmp_path_factory.mktemp("prompts") / "data") as running:
        running.client.apply([SUPPORT])
        yield running


@pytest.fixture(scope="module")
def langfuse(server: RunningTriops) -> Iterator[Langfuse]:
    client = Langfuse(public_key="pk-prompts", secret_key="sk-any", base_url=server.url, tracing_enabled=False)
    yield client
    LangfuseResourceManager.reset()  # it keeps one client a public key for the whole process


def test_the_native_api(server: RunningTriops) -> None:
    api = server.client
    api.apply([{**SUPPORT, "name": "native"}])
    made = api.add_prompt_version("native", {"text": "Hi {{name}}"}, note="shorter", labels=["staging"])
    assert (made["version"], made["created"], made["labels"], made["names"]) == (2, True, ["staging"], ["name"])
    assert api.add_prompt_version("native", {"text": "Hi {{name}}"})["created"] is False
    assert api.move_label("native", "production", share={"1": 75, "2": 25})["to"] == "1:75,2:25"
    assert api.prompt("native")["shares"] == {"production": {"1": 75, "2": 25}}
    label = api.call("GET", "/prompts/native/labels/production")
    assert (label["version"], label["share"], len(label["versions"])) == (1, {"1": 75, "2": 25}, 2)
    assert api.undo_label("native", "production")["to"] == "1"
    assert api.render_prompt("native", {"name": "Ada"}, label="latest") == {
        "prompt": "native",
        "version": 2,
        "text": "Hi Ada",
    }
    for latest in ("latest", "LATEST"):
        assert api.call("GET", f"/prompts/native/labels/{latest}")["version"] == 2
        assert api.call("GET", f"/prompts/native/versions/{latest}")["version"] == 2
        with pytest.raises(ApiError, match="latest"):
            api.move_label("native", latest, 1)
        with pytest.raises(ApiError, match="latest"):
            api.add_prompt_version("native", {"text": "new"}, labels=[latest])
    assert {change["where"] for change in api.prompt_diff("native", 1, "latest")["fields"]} >= {"type", "model"}
    assert [step["label"] for step in api.prompt_history("native")][:2] == ["production", "production"]
    assert api.call("POST", "/prompts/native/comments", body={"version": 2, "text": "good"})["who"] == "local"
    assert [c["text"] for c in api.call("GET", "/prompts/native/comments", version=2)["items"]] == ["good"]
    entities = {entity["id"] for entity in api.entities(type="prompt")}
    assert "prompt:native" in entities
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"a": deep}
    for method, path, body, status in (
        ("GET", "/prompts/nope", None, 404),
        ("GET", "/prompts/native/versions/x", None, 400),
        ("GET", "/prompts/native/versions/99999999999", None, 400),
        ("GET", "/prompts/native/labels/nope", None, 404),
        ("PUT", "/prompts/native/labels/production", {}, 400),
        ("PUT", "/prompts/native/labels/production", {"version": 1, "share": {"1": 100}}, 400),
        ("PUT", "/prompts/native/labels/a b", {"version": 1}, 400),
        ("POST", "/prompts/native/versions", {"text": "{% if %}", "engine": "jinja2"}, 400),
        ("POST", "/prompts/native/versions", {"text": "a", "colour": 1}, 400),
        ("POST", "/prompts/a:b/versions", {"text": "a"}, 400),
        ("POST", "/prompts/native/render", {"version": 2, "variables": {}}, 400),
        ("DELETE", "/prompts/native/versions/1", None, 409),
        ("POST", "/prompts/odd/versions", {"text": "a", "labels": ["a b"]}, 400),
        ("POST", "/prompts/odd/versions", {"text": "a", "settings": {"n": 10**30}}, 400),
        ("POST", "/prompts/odd/versions", {"text": "a", "settings": deep}, 400),
        ("POST", "/prompts/odd/versions", {"messages": [{"role": "user", "content": '"' * 90_000}]}, 413),
        ("GET", "/prompts/odd", None, 404),  # nothing of it was kept
    ):
        with pytest.raises(ApiError) as caught:
            api.call(method, path, body=body)
        assert caught.value.status == status, (path, body)
    assert api.call("DELETE", "/prompts/native")["deleted"] is True
    with pytest.raises(ApiError, match="no prompt is named native"):
        api.prompt("native")


def test_langfuse_reads_what_is_applied(langfuse: Langfuse) -> None:
    found = langfuse.get_prompt("support", type="chat", cache_ttl_seconds=0)
    assert (found.version, found.config) == (1, {"model": "fast", "temperature": 0.2})
    assert set(found.labels) == {"production", "latest"}
    assert found.compile(shop="Ada's") == [{"role": "system", "content": "You help customers of Ada's."}]
    with pytest.raises(NotFoundError):
        langfuse.get_prompt("nope", max_retries=0)
    fallback = langfuse.get_prompt("nope", fallback="Hi {{name}}", max_retries=0)
    assert fallback.compile(name="Ada") == "Hi Ada"


def test_langfuse_writes(server: RunningTriops, langfuse: Langfuse) -> None:
    config = {"model": "gpt", "temperature": 0.5, "mine": {"deep": [1]}}
    made = langfuse.create_prompt(
        name="Film critic",
        prompt="As a {{level}} critic, rate {{movie}}.",
        labels=["production"],
        tags=["films"],
        config=config,
        commit_message="first",
    )
    assert (made.version, made.config, made.tags, made.commit_message) == (1, config, ["films"], "first")
    lines: list[Any] = [{"role": "system", "content": "Be {{mood}}"}, {"type": "placeholder", "name": "history"}]
    chat = langfuse.create_prompt(name="Film critic", type="chat", prompt=lines, labels=["staging"])
    assert chat.version == 2
    found = langfuse.get_prompt("Film critic", type="chat", label="staging", cache_ttl_seconds=0)
    said = [{"role": "user", "content": "why?"}]
    assert found.compile(mood="kind", history=said) == [{"role": "system", "content": "Be kind"}, *said]
    assert langfuse.get_prompt("Film critic", version=1, cache_ttl_seconds=0).compile(level="x", movie="y")
    with pytest.raises(LangfuseError, match="latest"):
        langfuse.create_prompt(name="Film critic", type="chat", prompt=lines, labels=["Latest"])
    again = langfuse.create_prompt(name="Film critic", type="chat", prompt=lines)
    assert again.version == 3  # its users count on a new one
    langfuse.update_prompt(name="Film critic", version=2, new_labels=["production", "other"])
    assert langfuse.get_prompt("Film critic", type="chat", cache_ttl_seconds=0).version == 2
    listed = {prompt.name: prompt for prompt in langfuse.api.prompts.list(limit=100).data}
    assert listed["Film critic"].versions == [1, 2, 3]
    assert [prompt.name for prompt in langfuse.api.prompts.list(tag="films").data] == ["Film critic"]
    assert langfuse.api.prompts.list(label="nowhere").data == []
    updated = listed["Film critic"].last_updated_at
    second = timedelta(seconds=1)
    for since, until, there in ((updated, None, True), (updated + second, None, False), (None, updated, False)):
        found = langfuse.api.prompts.list(from_updated_at=since, to_updated_at=until, limit=100).data
        assert ("Film critic" in [prompt.name for prompt in found]) is there
    with pytest.raises(LangfuseError, match="conditions are not read"):
        langfuse.api.prompts.list(filter='[{"type":"number","column":"version","operator":"=","value":1}]')
    native = server.client.prompt_version("Film critic", 2)
    assert native["messages"][1] == {"role": "placeholder", "content": "{{history}}"}
    labels = [c["details"]["label"] for c in server.client.changes(entity="prompt:Film critic", kind="prompt_label")]
    assert sorted(set(labels)) == ["other", "production", "staging"]
    langfuse.api.prompts.delete("Film critic", version=3)
    assert len(server.client.prompt_versions("Film critic")) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"name": "x"}',
        b'{"name": "", "prompt": "a"}',
        b'{"name": "x", "prompt": 3}',
        b'{"name": "x", "type": "chat", "prompt": "a"}',
        b'{"name": "x", "prompt": [{"role": "robot", "content": ""}]}',
        b'{"name": "x", "prompt": "a", "labels": "production"}',
        b'{"name": "x", "prompt": "a", "config": []}',
        b'{"name": "folder//x", "prompt": "a"}',
        b'{"name": "/x", "prompt": "a"}',
        b'{"name": "folder/../x", "prompt": "a"}',
        b'{"name": "x/versions", "prompt": "a"}',
        b'{"name": "x", "prompt": "@@@langfusePrompt:name=nobody|label=production@@@"}',
        b'{"name": "x", "prompt": "@@@langfusePrompt:name=x|version=1@@@"}',
        b'{"name": "x", "prompt": "@@@langfusePrompt:name=support|version=1@@@"}',
        b'{"name": "x", "prompt": "a", "commitMessage": [1]}',
        b'{"name": "x", "prompt": "a", "labels": ["a b"]}',
        b'{"name": "x", "prompt": "\\ud800"}',
    ],
)
def test_what_langfuse_would_not_send_is_refused_and_leaves_nothing(server: RunningTriops, body: bytes) -> None:
    answer = httpx.post(f"{server.url}/api/public/v2/prompts", content=body)
    assert answer.status_code == 400
    assert answer.json()["message"]
    with pytest.raises(ApiError):
        server.client.prompt("x")


def test_langfuse_s_folders(server: RunningTriops, langfuse: Langfuse) -> None:
    name = "care/europe/greeting"
    langfuse.create_prompt(name=name, prompt="Hello {{name}}", labels=["production"])
    assert langfuse.get_prompt(name, cache_ttl_seconds=0).compile(name="Ada") == "Hello Ada"
    langfuse.create_prompt(name=name, prompt="Dear {{name}}", labels=["staging", "versions"])
    langfuse.update_prompt(name=name, version=2, new_labels=["production"])
    assert [prompt.name for prompt in langfuse.api.prompts.list(name=name).data] == [name]
    api = server.client
    assert api.prompt(name)["labels"] == {"production": 2, "staging": 2, "versions": 2}
    assert [one["version"] for one in api.prompt_versions(name)] == [2, 1]
    assert api.call("GET", "/prompts/care%2Feurope%2Fgreeting/labels/versions")["version"] == 2
    assert api.render_prompt(name, {"name": "Ada"})["text"] == "Dear Ada"
    assert PromptCache(server.url, None, folder="").get(name).render(name="Ada") == "Dear Ada"
    assert api.undo_label(name, "production")["to"] == "1"
    langfuse.api.prompts.delete(name)
    with pytest.raises(NotFoundError):
        langfuse.get_prompt(name, cache_ttl_seconds=0, max_retries=0)


def test_folders_in_documents_and_what_mlflow_can_do_with_them(server: RunningTriops, langfuse: Langfuse) -> None:
    api, name = server.client, "team/support"
    document = {"kind": "Prompt", "name": name, "spec": {"text": "Hi {{who}}", "labels": {"production": 1}}}
    assert api.apply([document])[0]["state"] == "created"
    assert api.apply([document])[0]["state"] == "unchanged"
    assert api.render_prompt(name, {"who": "Ada"})["text"] == "Hi Ada"
    assert langfuse.get_prompt(name, cache_ttl_seconds=0).compile(who="Ada") == "Hi Ada"
    for wrong in (
        "team/versions",
        "team/labels/x",
        "/team",
        "team/",
        "team//x",
        "../x",
        "team/..",
        "a" * 60 + "/" + "b" * 60,
    ):
        with pytest.raises(ApiError, match="not a document's name"):
            api.apply([{**document, "name": wrong}])
    with pytest.raises(ApiError, match="not a document's name"):
        api.apply([{"kind": "Policy", "name": "a/b", "spec": {}}])
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri(server.url)
    client = mlflow.MlflowClient()
    assert client.get_prompt_version(name, "1").template == "Hi {{who}}"
    assert client.get_prompt_version_by_alias(name, "production").version == 1
    with pytest.raises(mlflow.exceptions.MlflowException, match="Not a proper prompts:/ URI"):
        mlflow.genai.load_prompt(f"prompts:/{name}@production")
    assert api.call("DELETE", f"/documents/Prompt/{name}")["name"] == name
    assert api.render_prompt(name, {"who": "Ada"})["text"] == "Hi Ada"  # versions stay


def test_langfuse_s_prompts_of_prompts(server: RunningTriops, langfuse: Langfuse) -> None:
    def tag(name: str, which: str = "label=production") -> str:
        return f"@@@langfusePrompt:name={name}|{which}@@@"

    langfuse.create_prompt(name="parts/tone", prompt="Be {{mood}}.", labels=["production"])
    langfuse.create_prompt(name="parts/rules", prompt=f"{tag('parts/tone')} Never lie.", labels=["production"])
    chat: list[Any] = [{"role": "system", "content": f"Help. {tag('parts/rules', 'version=1')} {{{{shop}}}}"}]
    langfuse.create_prompt(name="whole", type="chat", prompt=chat, labels=["production"])

    def said() -> str:
        found = langfuse.get_prompt("whole", type="chat", cache_ttl_seconds=0)
        return str(found.compile(mood="kind", shop="Ada's")[0]["content"])

    assert said() == "Help. Be kind. Never lie. Ada's"
    langfuse.create_prompt(name="parts/tone", prompt="Stay {{mood}}.", labels=["production"])
    assert said() == "Help. Stay kind. Never lie. Ada's"
    known = langfuse.api.prompts.get("whole", resolve=False)
    assert (known.prompt[0].content, known.resolution_graph) == (chat[0]["content"], None)
    graph = langfuse.api.prompts.get("whole").resolution_graph
    assert graph["root"]["name"] == "whole"
    parts = {part["name"]: part["version"] for parts in graph["dependencies"].values() for part in parts}
    assert parts == {"parts/rules": 1, "parts/tone": 2}
    rendered = server.client.render_prompt("whole", {"mood": "kind", "shop": "x"})["messages"][0]["content"]
    assert rendered == "Help. Stay kind. Never lie. x"
    ours = PromptCache(server.url, None, folder="").get("whole").render(mood="calm", shop="x")
    assert ours[0]["content"] == "Help. Stay calm. Never lie. x"
    with pytest.raises(LangfuseError, match="holds itself: parts/tone → parts/rules → parts/tone"):
        langfuse.create_prompt(name="parts/tone", prompt=tag("parts/rules"))
    server.client.apply(
        [{"kind": "Prompt", "name": "loop", "spec": {"text": tag("loop"), "labels": {"production": 1}}}]
    )
    with pytest.raises(LangfuseError, match="holds itself: loop → loop"):
        langfuse.get_prompt("loop", cache_ttl_seconds=0, max_retries=0)


def test_mlflow_reads_and_writes_the_same_prompts(server: RunningTriops, langfuse: Langfuse) -> None:
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri(server.url)
    genai = mlflow.genai
    loaded = genai.load_prompt("prompts:/support@production")
    assert loaded.format(shop="Ada's") == [{"role": "system", "content": "You help customers of Ada's."}]
    assert loaded.model_config == {"model_name": "fast", "temperature": 0.2}
    made = genai.register_prompt(
        "greeting",
        template="Hello {{name}}",
        commit_message="one",
        model_config={"model_name": "small", "max_tokens": 9, "stop_sequences": ["!"]},
    )
    assert made.version == 1
    native = server.client.prompt_version("greeting", 1)
    assert (native["text"], native["model"], native["note"]) == ("Hello {{name}}", "small", "one")
    assert native["settings"] == {"max_tokens": 9, "stop": ["!"]}
    genai.set_prompt_alias("greeting", "production", 1)
    assert langfuse.get_prompt("greeting", cache_ttl_seconds=0).compile(name="Ada") == "Hello Ada"
    jinja = genai.register_prompt("greeting", template="{% if name %}Hi {{ name }}{% endif %}")
    assert server.client.render_prompt("greeting", {"name": "Ada"}, version=jinja.version)["text"] == "Hi Ada"
    server.client.move_label("greeting", "production", 2, why="try")
    assert genai.load_prompt("prompts:/greeting@production", cache_ttl_seconds=0).version == 2
    genai.set_prompt_model_config("greeting", 1, {"temperature": 0.7})
    assert server.client.prompt_version("greeting", 1)["settings"] == {"temperature": 0.7}
    text = {"name": "greeting", "version": "1", "key": "mlflow.prompt.text", "value": "other"}
    answer = httpx.post(f"{server.url}/api/2.0/mlflow/model-versions/set-tag", json=text)
    assert (answer.status_code, "never changes" in answer.json()["message"]) == (400, True)


def test_a_call_of_the_gateway_names_a_prompt(server: RunningTriops, tmp_path: Path) -> None:
    with LoopbackProvider() as provider:
        spec = {"dialect": "openai", "base_url": f"{provider.url}/v1", "allow_private": True}
        route = {"targets": [{"provider": "upstream", "model": "small-1!echo=1"}]}  # it says again what the user said
        lines = [{"role": "system", "content": "Help."}, {"role": "user", "content": "one {{shop}}"}]
        server.client.apply(
            [
                {"kind": "Provider", "name": "upstream", "spec": spec},
                {"kind": "Route", "name": "echo", "spec": route},
                {
                    "kind": "Prompt",
                    "name": "asked",
                    "spec": {"messages": lines, "model": "echo", "labels": {"production": 1}},
                },
            ]
        )
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0)

        def ask(model: str = "prompt:asked", **ref: Any) -> str | None:
            prompt = {"name": "asked", "variables": {"shop": "Ada"}, **ref}
            answer = client.chat.completions.create(model=model, messages=[], extra_body={"prompt": prompt})
            return answer.choices[0].message.content

        def answers(said: str) -> bool:
            try:
                return ask() == said
            except openai.APIStatusError:  # the gateway has not heard of it yet
                return False

        wait_for(lambda: answers("one Ada"))
        server.client.add_prompt_version("asked", {"text": "two {{shop}}", "model": "echo"}, labels=["production"])
        wait_for(lambda: answers("two Ada"))
        assert ask(version=1) == "one Ada"
        assert ask("echo", label="latest") == "two Ada"
        with pytest.raises(openai.NotFoundError, match="no label nope; labels: latest, production"):
            ask(label="nope")
        with pytest.raises(openai.BadRequestError, match="missing variable: shop"):
            ask(variables={})
        wanted = {("asked", 1), ("asked", 2), ("grüße/an dich@100%", 1)}
        server.client.add_prompt_version("grüße/an dich@100%", {"text": "hi"}, labels=["production"])
        filled = cached(server, Line(), tmp_path).get("grüße/an dich@100%")
        said = [{"role": "user", "content": str(filled.render())}]
        client.chat.completions.create(model="echo", messages=said, extra_headers=filled.headers)  # type: ignore[arg-type]
        wait_for(lambda: wanted <= versions_paid_for(server))


def versions_paid_for(server: RunningTriops) -> set[tuple[str, int]]:
    rows = server.client.call("GET", "/spend", by="prompt,prompt_version")["rows"]
    return {(row["prompt"], row["prompt_version"]) for row in rows if row["output_tokens"]}


class Line(httpx.HTTPTransport):
    """A connection that can be cut."""

    cut = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.cut:
            raise httpx.ConnectError("cut", request=request)
        return super().handle_request(request)


def cached(server: RunningTriops, line: Line, folder: Path, key: str = "") -> PromptCache:
    http = httpx.Client(base_url=server.url, transport=line)
    return PromptCache(folder=folder, client=Client(server.url, key or None, http=http))


def test_our_sdk_reads_renders_and_keeps_to_a_session(server: RunningTriops, tmp_path: Path) -> None:
    server.client.apply([{**SUPPORT, "name": "sdk"}])
    cache = cached(server, Line(), tmp_path)
    first = cache.get("sdk", ttl_s=0)
    assert first.render(shop="S") == [{"role": "system", "content": "You help customers of S."}]
    assert (first.version, first.label, first.model, first.settings) == (1, "production", "fast", {"temperature": 0.2})
    assert (first.stale, first.variables, first.headers) == (False, ("shop",), {"x-triops-prompt": "sdk@1"})
    with pytest.raises(Invalid, match="missing variable: shop"):
        first.render()
    server.client.add_prompt_version("sdk", {"text": "v2"})
    server.client.move_label("sdk", "production", share={"1": 50, "2": 50})
    assert cache.get("sdk", ttl_s=0).label == "production"
    got = {session: {cache.get("sdk", session=session).version for _ in range(3)} for session in "abcdef"}
    assert all(len(versions) == 1 for versions in got.values())
    assert set.union(*got.values()) == {1, 2}
    assert asyncio.run(cache.aget("sdk", version=2)).render() == "v2"
    with pytest.raises(ApiError, match="no label beta"):
        cache.get("sdk", label="beta")


def test_our_sdk_serves_the_last_good_version(server: RunningTriops, tmp_path: Path) -> None:
    server.client.apply([{**SUPPORT, "name": "steady"}])
    line = Line()
    cache = cached(server, line, tmp_path)
    assert not cache.get("steady", ttl_s=0).stale
    line.cut = True
    assert cache.get("steady", ttl_s=0).stale
    restarted = cached(server, line, tmp_path)
    got: list[Prompt] = []
    threads = [threading.Thread(target=lambda: got.append(restarted.get("steady"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(prompt.version, prompt.stale) for prompt in got] == [(1, True)] * 8
    with pytest.raises(Unreachable, match="not in the cache"):
        restarted.get("other")
    assert restarted.get("other", fallback="Hi {{x}}").render(x=1) == "Hi 1"
    with pytest.raises(Unreachable):
        cached(server, line, tmp_path, key="another's").get("steady")
    for file in tmp_path.rglob("*.json"):
        assert file.stat().st_mode & 0o077 == 0
        file.write_text(file.read_text()[:40])  # cut off
    with pytest.raises(Unreachable):
        cached(server, line, tmp_path).get("steady")
    line.cut = False
    assert not cached(server, line, tmp_path).get("steady").stale


def test_the_command_line(server: RunningTriops) -> None:
    server.client.apply([{**SUPPORT, "name": "cli"}])
    server.client.add_prompt_version("cli", {"text": "Hi {{name}} {{n}}"})

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["prompts", *arguments, "--url", server.url])
        if done.exception is not None:
            raise done.exception
        return done.output

    assert "production=1" in run("list")
    assert "cli@production is 1:90,2:10 (was 1)" in run("label", "cli", "production", "1:90,2:10", "-m", "try")
    shown = json.loads(run("show", "cli", "--json"))
    assert shown["prompt"]["shares"] == {"production": {"1": 90, "2": 10}}
    assert "production 1 → 1:90,2:10  by local  try" in run("show", "cli")
    assert "Hi Ada 3" in run("render", "cli", "name=Ada", "n=3", "--version", "2")
    with pytest.raises(ApiError, match="missing variable: n"):
        run("render", "cli", "name=Ada", "--version", "2")
    assert "+Hi {{name}} {{n}}" in run("diff", "cli", "1")
    assert "cli@production is 1 (was 1:90,2:10)" in run("undo", "cli", "production")


def test_roles_and_projects(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        admin = Client(server.url, server.client.create_key("root", "admin")["secret"])
        keys = {role: admin.create_key(role, role)["secret"] for role in ("viewer", "editor", "ingest")}
        admin.apply([SUPPORT])
        base = f"{server.url}/api/public/v2/prompts"
        new = {"name": "mine", "prompt": "a"}
        for role, reads, writes in (("viewer", 200, 403), ("editor", 200, 201), ("ingest", 403, 403)):
            auth = ("pk", keys[role])
            assert httpx.get(f"{base}/support", auth=auth).status_code == reads
            assert httpx.post(base, json=new, auth=auth).status_code == writes
        assert httpx.get(f"{base}/support").status_code == 401
        assert httpx.get(f"{base}/support", headers={"Authorization": "Basic !"}).status_code == 401
        with pytest.raises(ApiError) as caught:
            Client(server.url, keys["viewer"]).move_label("support", "production", 1)
        assert caught.value.status == 403
        law = {"models": ["support"], "edit": ["somebody else"]}
        parts = {"text": "Help. @@@langfusePrompt:name=tone|label=production@@@", "labels": {"production": 2}}
        admin.apply([{"kind": "Prompt", "name": "mine", "spec": parts}])
        admin.apply([{"kind": "Prompt", "name": "tone", "spec": {"text": "secret", "labels": {"production": 1}}}])
        admin.apply([{"kind": "Access", "name": "law", "spec": {**law, "models": ["support", "tone"]}}])
        editor = Client(server.url, keys["editor"])
        assert [prompt["name"] for prompt in editor.prompts()] == ["mine"]
        for refused in (
            lambda: editor.prompt("support"),
            lambda: editor.render_prompt("mine", {}),
            lambda: editor.call("GET", "/prompts/mine/labels/production", resolve=True),
            lambda: editor.add_prompt_version("other", {"text": parts["text"]}),
            lambda: editor.move_label("support", "production", 1),
            lambda: editor.apply([{**SUPPORT, "spec": {"text": "mine now"}}]),
        ):
            with pytest.raises(ApiError) as caught:
                refused()
            assert caught.value.status == 403
        for name in ("support", "mine"):
            assert httpx.get(f"{base}/{name}", auth=("pk", keys["editor"])).status_code == 403
        new = {"name": "other", "prompt": parts["text"]}
        assert httpx.post(base, json=new, auth=("pk", keys["editor"])).status_code == 403
        listed = httpx.get(base, auth=("pk", keys["editor"])).json()["data"]
        assert [prompt["name"] for prompt in listed] == ["mine"]

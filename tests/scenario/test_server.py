"""`triops up` as a process: start, stop, security, what it answers on its one port."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from triops.sdk import ApiError, Client
from triops.testing.server import NotInTime, RunningTriops


def test_it_starts_answers_and_stops_cleanly(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        assert httpx.get(server.url + "/health").text == "OK"
        assert httpx.get(server.url + "/version").text == "3.17.2"
        assert "triops_received_rows_total" in httpx.get(server.url + "/metrics").text
        assert httpx.get(server.url + "/").headers["location"] == "/ui"
        assert server.client.status()["auth"] == "open"
        assert server.stop() == 0


def test_an_open_live_stream_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        with httpx.stream("GET", server.url + "/triops/v1/live", timeout=20) as live:
            assert next(live.iter_lines()).startswith(":")
            assert server.process is not None
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(10) == 0


def test_a_taken_port_or_data_folder_is_said_plainly(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        port = server.url.rsplit(":", 1)[1]
        for arguments, told in (
            (["--port", port, "--data", str(tmp_path / "other")], "cannot listen"),
            (["--port", "0", "--data", str(tmp_path / "data")], "data"),
        ):
            run = subprocess.run(
                [sys.executable, "-m", "triops", "up", *arguments], capture_output=True, text=True, timeout=30
            )
            assert run.returncode == 1
            assert told in run.stderr
            assert "Traceback" not in run.stderr


def test_beyond_loopback_needs_an_admin_key(tmp_path: Path) -> None:
    with pytest.raises(NotInTime, match="without an admin key"):
        RunningTriops(tmp_path / "data", "--host", "0.0.0.0").start()
    made = subprocess.run(
        [sys.executable, "-m", "triops", "key", "create", "root", "--data", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    secret = made.stdout.strip()
    server = RunningTriops(tmp_path / "data", "--host", "0.0.0.0", key=secret)
    with server:
        assert server.client.status()["role"] == "admin"
        with pytest.raises(ApiError) as refused:
            Client(server.url).status()
        assert refused.value.status == 401
    assert secret not in server.log.read_text()
    assert secret.encode() not in b"".join(p.read_bytes() for p in (tmp_path / "data").rglob("*") if p.is_file())


def test_roles_may_only_what_they_may(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        with pytest.raises(ApiError, match="first key must be an admin"):
            server.client.create_key("early", "viewer")
        admin = Client(server.url, server.client.create_key("root", "admin")["secret"])
        clients = {r: Client(server.url, admin.create_key(r, r)["secret"]) for r in ("ingest", "viewer", "editor")}
        allowed = {
            "ingest": (False, True, False),
            "viewer": (True, False, False),
            "editor": (True, True, False),
        }
        for role, client in clients.items():
            for may, call in zip(
                allowed[role],
                (client.status, lambda c=client: c.record_change("service", "a", "deploy", "v1"), client.keys),
                strict=True,
            ):
                if may:
                    call()
                else:
                    with pytest.raises(ApiError) as refused:
                        call()
                    assert refused.value.status == 403
        held = admin.keys()
        key = next(k for k in held if k["name"] == "viewer")
        admin.revoke_key(key["id"])
        with pytest.raises(ApiError) as gone:
            clients["viewer"].status()
        assert gone.value.status == 401


def test_an_editor_does_not_take_a_guard_from_a_route(tmp_path: Path) -> None:
    def document(kind: str, name: str, **spec: Any) -> dict[str, Any]:
        return {"kind": kind, "name": name, "spec": spec}

    with RunningTriops(tmp_path / "data") as server:
        admin = Client(server.url, server.client.create_key("root", "admin")["secret"])
        secret = admin.create_key("ed", "editor")["secret"]
        editor, http = Client(server.url, secret), httpx.Client(headers={"Authorization": f"Bearer {secret}"})
        targets = [{"provider": "local", "model": "smollm2"}]
        guard = document("Guard", "careful", secrets={"action": "block"})
        admin.apply([guard, document("Route", "fast", targets=targets, guards=["careful"])])
        loosened = [[guard], [document("Route", "fast", targets=targets)], [document("Route", "fast")]]
        for documents, status in zip(loosened, (403, 403, 400), strict=True):
            with pytest.raises(ApiError) as refused:
                editor.apply(documents)
            assert refused.value.status == status
        for path in ("Guard/careful", "Route/fast"):
            answer = http.delete(f"{server.url}/triops/v1/documents/{path}")
            assert (answer.status_code, "only an admin" in answer.text) == (403, True)
        editor.apply([document("Route", "fast", targets=targets, guards=["careful"], retries=2)])
        editor.apply([document("Route", "mine", targets=targets)])
        assert http.delete(f"{server.url}/triops/v1/documents/Route/mine").status_code == 200


def test_a_web_page_of_another_site_cannot_reach_an_open_server(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        url = server.url + "/triops/v1/status"
        assert httpx.get(url).status_code == 200
        assert httpx.get(url, headers={"Host": "evil.example"}).status_code == 403
        assert httpx.get(url, headers={"Origin": "http://evil.example"}).status_code == 403
        export = server.url + "/v1/traces"
        headers = {"Content-Type": "application/x-protobuf", "Origin": "http://evil.example"}
        assert httpx.post(export, content=b"", headers=headers).status_code == 403


def test_login_gives_a_cookie_that_serves_only_its_site(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        secret = server.client.create_key("root", "admin")["secret"]
        browser = httpx.Client(base_url=server.url)
        assert browser.get("/triops/v1/status").status_code == 401
        assert browser.post("/triops/v1/session", json={"key": "tri_wrong"}).status_code == 401
        answer = browser.post("/triops/v1/session", json={"key": secret})
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "samesite=strict" in answer.headers["set-cookie"].lower()
        assert browser.get("/triops/v1/status").status_code == 200
        assert browser.get("/triops/v1/status", headers={"Origin": "http://evil.example"}).status_code == 403
        browser.delete("/triops/v1/session")
        assert browser.get("/triops/v1/status").status_code == 401


def test_projects_do_not_see_each_other(tmp_path: Path) -> None:
    secrets = {}
    for project in ("default", "other"):
        made = subprocess.run(
            [
                sys.executable,
                "-m",
                "triops",
                "key",
                "create",
                "k",
                "--project",
                project,
                "--data",
                str(tmp_path / "data"),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        secrets[project] = made.stdout.strip()
    with RunningTriops(tmp_path / "data", key=secrets["default"]) as server:
        server.client.record_change("service", "mine", "deploy", "v1")
        other = Client(server.url, secrets["other"])
        assert [c["title"] for c in server.client.changes()] == ["v1"]
        assert other.changes() == []
        assert other.entities() == []


def test_wrong_settings_name_the_key(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "triops", "up", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin", "TRIOPS_SERVER_PORT": "many", "PYTHONPATH": ":".join(sys.path)},
    )
    assert run.returncode == 1
    assert "server.port" in run.stderr


def test_one_curl_records_a_change(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        body = {
            "entity": {"type": "service", "name": "pay"},
            "kind": "deploy",
            "title": "v2",
            "details": {"from": "v1"},
        }
        answer = httpx.post(server.url + "/triops/v1/changes", json=body)
        assert answer.status_code == 201
        assert server.client.changes(entity="service:pay")[0]["id"] == answer.json()["id"]
        bad = httpx.post(server.url + "/triops/v1/changes", json={**body, "entity": {"type": "service"}})
        assert bad.status_code == 400
        assert bad.json()["error"]["field"] == "entity.name"
        future = httpx.post(server.url + "/triops/v1/changes", json={**body, "at": 7e9})
        assert future.json()["error"]["field"] == "at"


def test_every_port_speaks_only_when_asked(tmp_path: Path) -> None:
    """Garbage on the port is refused and harms nobody."""
    with RunningTriops(tmp_path / "data") as server:
        port = int(server.url.rsplit(":", 1)[1])
        for garbage in (
            b"\x00" * 100,
            b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + b"\xff" * 50,
            b"GET / HTTP/9\r\n\r\n",
            b"PRI",
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
                raw.sendall(garbage)
        assert httpx.get(server.url + "/health").text == "OK"


def test_the_command_line_reads_and_writes(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:

        def triops(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "triops", *arguments, "--url", server.url],
                capture_output=True,
                text=True,
                timeout=30,
            )

        assert triops("changes", "add", "service:pay", "deploy", "v7").returncode == 0
        assert json.loads(triops("changes", "--json").stdout)["items"][0]["title"] == "v7"
        for command in (("status",), ("incidents",), ("entities",), ("query", "logs"), ("query", "names"), ("doctor",)):
            done = triops(*command)
            assert done.returncode == 0, done.stderr
            json.loads(triops(*command, "--json").stdout)
        document = tmp_path / "policy.yaml"
        document.write_text("kind: Policy\nname: careful\nspec: {level: ask}\n")
        assert "would be created" in triops("apply", str(document), "--dry-run").stdout
        assert "created" in triops("apply", str(document)).stdout
        assert "unchanged" in triops("apply", str(document)).stdout
        document.write_text("kind: Policy\nname: careful\nspec: {level: shout}\n")
        wrong = triops("apply", str(document))
        assert wrong.returncode == 1
        assert "level" in wrong.stderr
        assert "Traceback" not in wrong.stderr


def test_an_open_tail_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        with httpx.stream("GET", server.url + "/triops/v1/logs/tail", timeout=20) as tail:
            lines = tail.iter_lines()
            assert next(lines).startswith(":")
            assert server.process is not None
            server.process.send_signal(signal.SIGTERM)
            assert not [line for line in lines if line.startswith("data")]  # a whole answer, not one cut off
            assert server.process.wait(10) == 0


def test_beyond_loopback_it_stays_shut_when_the_last_key_is_revoked(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "triops", "key", "create", "root", "--data", str(tmp_path / "data")]
    secret = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    with RunningTriops(tmp_path / "data", "--host", "0.0.0.0", key=secret) as server:
        server.client.revoke_key(server.client.keys()[0]["id"])
        port = server.url.rsplit(":", 1)[1]
        answer = httpx.get(f"http://127.0.0.1:{port}/triops/v1/keys", headers={"host": "localhost"})
        assert answer.status_code == 401


def test_on_loopback_too_it_is_never_open_again(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        made = server.client.create_key("root", "admin")
        admin = Client(server.url, made["secret"])
        admin.revoke_key(made["key"]["id"])
        for client in (admin, Client(server.url)):
            with pytest.raises(ApiError) as refused:
                client.status()
            assert refused.value.status == 401
        server.stop()
    again = subprocess.run(
        [sys.executable, "-m", "triops", "key", "create", "next", "--data", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    with RunningTriops(tmp_path / "data", key=again.stdout.strip()) as server:
        assert server.client.status()["role"] == "admin"

"""The real server behind the proxy: what a guest does, as if there were none."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import PATIENCE, ROOT, Site, Start, maya_settings, node
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

JSON = {"content-type": "application/json"}
FAKE_CARTESIA = """
import { startCartesiaServer } from './tests/fakes/cartesia-server.ts'
const server = await startCartesiaServer()
for (let guest = 0; guest < 10; guest++) server.hears('two martinis please')
console.log(server.baseUrl)
"""


@pytest.fixture(scope="session")
def cartesia() -> Iterator[str]:
    command = [node(), "--input-type=module", "--eval", FAKE_CARTESIA]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


@pytest.fixture(scope="session")
def maya(server: str, tmp_path_factory: pytest.TempPathFactory, cartesia: str) -> Iterator[Site]:
    more = {
        "CARTESIA_API_KEY": "a-key-of-cartesia",
        "CARTESIA_BASE_URL": cartesia,
        "MAYA_HOUSE_PACE_MS": "50",
    }
    site = Site(server, maya_settings(tmp_path_factory.mktemp("maya"), more))
    yield site
    site.close()


def new_session(client: httpx.Client) -> str:
    made = client.post("/api/v1/sessions")
    assert made.status_code == 201
    client.cookies.clear()
    return made.headers["x-session-id"]


def events_of(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Number and data of each event of a stream."""
    number = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            number = value
        if name == "data":
            yield number, json.loads(value)


def metric(client: httpx.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).split()[1])


def test_a_session_comes_with_a_cookie_for_https_only(maya: Site) -> None:
    with maya.client() as client:
        made = client.post("/api/v1/sessions")
    cookie = made.headers["set-cookie"].lower()
    assert "; secure" in cookie
    assert "; httponly" in cookie
    assert made.headers["content-length"] == str(len(made.content))


def test_the_page_of_the_site_may_act_with_its_cookie_and_others_may_not(maya: Site) -> None:
    with maya.client() as client:
        own = {"host": "maya.example", "origin": "https://maya.example"}
        foreign = {"host": "maya.example", "origin": "https://evil.example"}
        assert client.post("/api/v1/sessions", headers=own).status_code == 201
        assert client.post("/api/v1/sessions", headers=foreign).status_code == 403


def test_an_answer_is_streamed_word_by_word(maya: Site) -> None:
    with maya.client() as client:
        headers = JSON | {"x-session-id": new_session(client), "idempotency-key": "one"}
        body = {"user_input": "Two martinis, please."}
        arrivals: list[float] = []
        with client.stream("POST", "/api/v1/chat/stream", json=body, headers=headers) as answer:
            assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            events = []
            for _, event in events_of(answer.iter_lines()):
                events.append(event)
                arrivals.append(time.monotonic())
        assert events[0]["type"] == "session"
        assert events[-1]["type"] == "complete"
        words = [event["content"] for event in events if event["type"] == "text_chunk"]
        assert "".join(words) == events[-1]["content"]
        assert len(words) > 5
        assert arrivals[-1] - arrivals[0] > 0.03


def test_a_stream_that_was_left_goes_on_where_it_was(maya: Site) -> None:
    with maya.client() as client:
        session = new_session(client)
        ask = {"message": "Two martinis, please.", "idempotency_key": "two", "session_id": session}
        seen: list[str] = []
        with client.stream("GET", "/api/v1/chat/stream", params=ask) as answer:
            for number, event in events_of(answer.iter_lines()):
                seen.append(number)
                if event["type"] == "text_chunk":
                    break
        with client.stream(
            "GET", "/api/v1/chat/stream", params=ask, headers={"last-event-id": seen[-1]}
        ) as answer:
            rest = list(events_of(answer.iter_lines()))
        numbers = [int(number.rpartition(":")[2]) for number, event in rest if event["type"] != "session"]
        first = int(seen[-1].rpartition(":")[2]) + 1
        assert numbers == list(range(first, first + len(numbers)))
        assert rest[-1][1]["type"] == "complete"
        ended = client.get("/api/v1/chat/stream", params=ask, headers={"last-event-id": rest[-1][0]})
        assert (ended.status_code, ended.content) == (204, b"")


def test_a_reader_that_leaves_is_counted_no_more(server: str, start: Start, tmp_path: Path) -> None:
    # So slow that the turn does not end meanwhile.
    site = start(server, maya_settings(tmp_path, {"MAYA_HOUSE_PACE_MS": "5000"}))
    with site.client() as client:
        ask = {"message": "Two martinis, please.", "idempotency_key": "3", "session_id": new_session(client)}
        with client.stream("GET", "/api/v1/chat/stream", params=ask) as answer:
            events = events_of(answer.iter_lines())
            next(events)
            assert metric(client, "maya_stream_readers") == 1
        deadline = time.monotonic() + PATIENCE
        while metric(client, "maya_stream_readers") > 0:
            assert time.monotonic() < deadline
        assert metric(client, "maya_turns_running") == 1


def test_curl_sees_the_stream_as_a_browser_would(maya: Site) -> None:
    with maya.client() as client:
        session = new_session(client)
    command = ["curl", "-sSN", f"{maya.url}/api/v1/chat/stream", "-H", "content-type: application/json"]
    command += ["-H", f"x-session-id: {session}", "-d", '{"user_input": "Hello"}']
    said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
    assert [event["type"] for _, event in events_of(iter(said.splitlines()))][-1] == "complete"


def test_problems_of_the_server_pass_as_they_are(maya: Site) -> None:
    with maya.client() as client:
        missing = client.get("/api/v1/nothing")
        assert (missing.status_code, missing.json()["code"]) == (404, "NOT_FOUND")
        assert missing.headers["content-type"].startswith("application/problem+json")
        assert client.put("/api/v1/menu", content=b"x").headers["allow"] == "GET, HEAD"
        headers = {"x-session-id": new_session(client)}
        large = client.post("/api/v1/chat", json={"user_input": "x" * 200_000}, headers=headers)
        assert (large.status_code, large.json()["code"]) == (413, "BODY_TOO_LARGE")
        chunked = client.post(
            "/api/v1/chat", content=(b"x" * 1000 for _ in range(1000)), headers=headers | JSON
        )
        assert (chunked.status_code, chunked.json()["code"]) == (413, "BODY_TOO_LARGE")


def test_head_and_large_answers_are_those_of_the_server(maya: Site) -> None:
    with maya.client() as client:
        got, headed = client.get("/openapi.json"), client.head("/openapi.json")
        assert got.json()["openapi"].startswith("3.1")
        assert len(got.content) > 20_000
        assert headed.headers["content-length"] == str(len(got.content))
        assert headed.content == b""


def test_a_file_that_has_not_changed_is_not_sent_again(maya: Site) -> None:
    with maya.client() as client:
        first = client.get("/docs/static/swagger-ui.css")
        again = client.get("/docs/static/swagger-ui.css", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_a_guest_is_listened_to_over_a_socket(maya: Site) -> None:
    with maya.client() as client:
        session = new_session(client)
        url = f"ws://127.0.0.1:{maya.port}/api/v1/voice/listen?mode=push_to_talk&session_id={session}"
        with connect(url, open_timeout=PATIENCE, proxy=None) as socket:
            assert json.loads(socket.recv(PATIENCE)) == {"type": "ready"}
            for _ in range(10):
                socket.send(b"\x10\x00" * 1600)
            socket.send('{"type": "end"}')
            heard = [json.loads(message) for message in socket]
        assert heard[-1]["text"] == "two martinis please"
        assert socket.close_code == 1000


def test_a_guest_who_breaks_the_rules_of_a_socket_is_told_which(maya: Site) -> None:
    with maya.client() as client:
        session = new_session(client)
    url = f"ws://127.0.0.1:{maya.port}/api/v1/voice/listen?mode=push_to_talk&session_id={session}"
    with connect(url, open_timeout=PATIENCE, proxy=None) as socket:
        socket.send(b"odd")
        assert [
            json.loads(message)["type"] for message in (socket.recv(PATIENCE), socket.recv(PATIENCE))
        ] == [
            "ready",
            "error",
        ]
        with pytest.raises(ConnectionClosed, match="1007"):
            socket.recv(PATIENCE)


def test_a_socket_that_is_refused_says_why(maya: Site) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(
            f"ws://127.0.0.1:{maya.port}/api/v1/voice/listen?mode=push_to_talk&session_id=none", proxy=None
        )
    response = refused.value.response
    assert response.status_code == 404
    assert json.loads(response.body or b"")["code"] == "SESSION_NOT_FOUND"
    assert response.headers["content-type"].startswith("application/problem+json")


def test_a_running_turn_ends_before_the_server_does(server: str, start: Start, tmp_path: Path) -> None:
    site = start(server, maya_settings(tmp_path, {"MAYA_HOUSE_PACE_MS": "5", "MAYA_SHUTDOWN_SECONDS": "10"}))
    with site.client() as client:
        headers = JSON | {"x-session-id": new_session(client)}
        body = {"user_input": "Two martinis, please."}
        with client.stream("POST", "/api/v1/chat/stream", json=body, headers=headers) as answer:
            events = events_of(answer.iter_lines())
            assert next(events)[1]["type"] == "session"
            site.process.send_signal(signal.SIGTERM)
            assert [event["type"] for _, event in events][-1] == "complete"
    site.process.wait(PATIENCE)
    assert '"msg":"closed"' in site.output

"""HTTP through the proxy, before a server that misbehaves."""

from __future__ import annotations

import socket
import subprocess
import threading
import uuid

import httpx
import pytest
from conftest import PATIENCE, Site, Start, raw_settings


def pairs(response: httpx.Response) -> list[tuple[str, str]]:
    return [(name.decode().lower(), value.decode()) for name, value in response.headers.raw]


def request_lines(site: Site, headers: list[tuple[str, str]], target: str = "/echo") -> list[str]:
    """The head of a request as the server behind the proxy got it."""
    with site.client() as client:
        return client.get(target, headers=headers).text.split("\r\n")


def exchange(site: Site, data: bytes) -> bytes:
    """All that comes back for raw bytes until the server closes."""
    with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as connection:
        connection.sendall(data)
        whole = b""
        while piece := connection.recv(65536):
            whole += piece
    return whole


class TestHeads:
    def test_repeated_headers_of_an_answer_survive_in_their_order(self, raw: Site) -> None:
        with raw.client() as client:
            answered = [pair for pair in pairs(client.get("/repeated")) if pair[0] in ("set-cookie", "x-odd")]
        assert answered == [("set-cookie", "a=1"), ("x-odd", ""), ("set-cookie", "b=2; Path=/")]

    def test_repeated_headers_of_a_request_survive_in_their_order(self, raw: Site) -> None:
        lines = request_lines(raw, [("x-a", "1"), ("x-b", "2"), ("x-a", "3")])
        assert [line for line in lines if line.startswith(("x-a", "x-b"))] == ["x-a: 1", "x-b: 2", "x-a: 3"]

    def test_bytes_beyond_ascii_pass_in_header_values(self, raw: Site) -> None:
        answer = exchange(
            raw, b"GET /echo HTTP/1.1\r\nhost: x\r\nx-name: J\xfcrgen\r\nconnection: close\r\n\r\n"
        )
        assert b"x-name: J\xfcrgen\r\n" in answer

    def test_what_is_between_two_hops_stays_there_in_requests(self, raw: Site) -> None:
        hop = [
            ("connection", "keep-alive, x-hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("keep-alive", "timeout=1"),
        ]
        hop += [("proxy-authorization", "Basic x"), ("proxy-connection", "keep-alive"), ("x-end", "1")]
        lines = [line.split(":")[0].lower() for line in request_lines(raw, hop)]
        assert "x-end" in lines
        assert not {"connection", "x-hop", "te", "keep-alive", "proxy-authorization", "proxy-connection"} & {
            *lines
        }

    def test_what_is_between_two_hops_stays_there_in_answers(self, raw: Site) -> None:
        with raw.client() as client:
            names = {name for name, _ in pairs(client.get("/hop"))}
        assert "x-end" in names
        assert not {"x-hop", "te", "keep-alive", "proxy-authenticate", "upgrade"} & names

    def test_the_server_is_told_who_asks_and_how_and_for_which_host(self, raw: Site) -> None:
        claims = [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-proto", "gopher"),
            ("forwarded", "for=6.6.6.6"),
        ]
        claims += [("x-forwarded-host", "evil.example"), ("x-real-ip", "6.6.6.6"), ("x-forwarded-port", "1")]
        claims += [("x-request-id", "of-somebody-else")]
        lines = request_lines(raw, [*claims, ("host", "maya.example")])
        said = [
            line
            for line in lines
            if line.lower().startswith(("x-forwarded", "forwarded", "x-real", "x-request", "host"))
        ]
        assert sorted(said) == [
            "host: maya.example",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: maya.example",
            "x-forwarded-proto: https",
        ]

    def test_targets_are_not_touched(self, raw: Site) -> None:
        target = "/echo?a=%20b&c=%2F+d&&e"
        assert request_lines(raw, [], target)[0] == f"GET {target} HTTP/1.1"
        answer = exchange(raw, b"GET //echo/..%2Fx HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 502")  # The raw server knows no such path and hangs up.

    def test_huge_headers_are_refused_and_large_ones_pass(self, raw: Site) -> None:
        with raw.client() as client:
            assert len(client.get("/huge-head?lines=60").headers) > 60
            refused = client.get("/huge-head?lines=70")
        assert (refused.status_code, refused.json()["code"]) == (502, "INTERNAL")

    def test_a_head_that_never_ends_is_given_up(self, raw: Site) -> None:
        with raw.client() as client:
            assert client.get("/huge-head?lines=100000").status_code == 502
            assert client.get("/endless-hints").status_code == 502


class TestAnswersWithoutBody:
    def test_head_tells_the_length_of_what_it_does_not_send(self, raw: Site) -> None:
        with raw.client() as client:
            for _ in range(2):
                answer = client.head("/head")
                assert answer.headers["content-length"] == "1234"
                assert answer.headers["x-final"] == "1"

    def test_no_content_has_no_body_and_no_length(self, raw: Site) -> None:
        with raw.client() as client:
            answer = client.get("/empty")
            assert (answer.status_code, answer.content, answer.headers["x-final"]) == (204, b"", "1")
            assert "content-length" not in answer.headers
            assert client.get("/empty").status_code == 204

    def test_not_modified_has_no_body_whatever_length_it_names(self, raw: Site) -> None:
        with raw.client() as client:
            answer = client.get("/unchanged")
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"x"')
            assert client.get("/repeated").text == "ok"

    def test_interim_answers_are_not_taken_for_the_answer(self, raw: Site) -> None:
        with raw.client() as client:
            answer = client.get("/hints")
        assert (answer.status_code, answer.text, answer.headers["x-final"]) == (200, "ok", "1")
        assert "link" not in answer.headers

    def test_a_body_after_the_answer_to_head_is_nobodys(self, raw: Site) -> None:
        with raw.client() as client:
            for _ in range(3):
                answer = client.head("/repeated")
                assert (answer.status_code, answer.content) == (200, b"")
                assert client.get("/repeated").text == "ok"


class TestBodies:
    @pytest.mark.parametrize("size", [0, 1, 65536, 5_000_000])
    def test_bodies_of_known_length_arrive_whole(self, raw: Site, size: int) -> None:
        with raw.client() as client:
            assert client.post("/measure", content=b"x" * size).text == str(size)

    def test_bodies_of_unknown_length_arrive_whole(self, raw: Site) -> None:
        with raw.client() as client:
            assert client.post("/measure", content=(b"y" * 1000 for _ in range(1000))).text == "1000000"

    def test_a_length_is_passed_on_and_no_chunks_are_made_of_it(self, raw: Site) -> None:
        with raw.client() as client:
            head = client.post("/echo", content=b"x" * 200_000).text.lower()
        assert "content-length: 200000\r\n" in head
        assert "transfer-encoding" not in head

    def test_a_post_without_a_body_says_so(self, raw: Site) -> None:
        with raw.client() as client:
            assert "content-length: 0\r\n" in client.post("/echo").text.lower()

    def test_large_bodies_by_curl_wait_for_no_permission(self, raw: Site) -> None:
        command = ["curl", "-sS", "-H", "expect: 100-continue", "--data-binary", "@-", f"{raw.url}/measure"]
        done = subprocess.run(
            command, input=b"z" * 3_000_000, capture_output=True, timeout=PATIENCE, check=True
        )
        assert done.stdout == b"3000000"

    def test_what_is_compressed_stays_so(self, raw: Site) -> None:
        with raw.client() as client, client.stream("GET", "/zipped") as answer:
            assert answer.headers["content-encoding"] == "gzip"
            assert b"".join(answer.iter_raw()) == b"\x1f\x8b\x08\x00"

    def test_bytes_that_come_one_by_one_make_an_answer(self, raw: Site) -> None:
        with raw.client() as client:
            answer = client.get("/drip")
        assert (answer.headers["x-slow"], answer.text) == ("yes", "slow")

    def test_an_answer_may_end_with_its_connection(self, raw: Site) -> None:
        with raw.client() as client:
            assert client.get("/until-end").text == "until the end"
            assert client.get("/old").text == "old"

    def test_trailers_are_no_headers_and_no_body(self, raw: Site) -> None:
        with raw.client() as client:
            answer = client.get("/trailer")
        assert answer.text == "ok"
        assert "x-sum" not in answer.headers


class TestStreams:
    def test_each_event_arrives_before_the_next_is_made(self, raw: Site) -> None:
        name = uuid.uuid4().hex
        with raw.client() as client, client.stream("GET", f"/steps?id={name}") as answer:
            pieces = answer.iter_raw()
            for number in range(3):
                client.get(f"/step?id={name}&number={number}")
                assert next(pieces) == b"data: %d\n\n" % number
            assert list(pieces) == []

    def test_a_client_that_leaves_a_stream_leaves_the_server_at_once(self, raw: Site) -> None:
        name = uuid.uuid4().hex
        with raw.client() as client, client.stream("GET", f"/hold?id={name}") as answer:
            assert next(answer.iter_raw()) == b"ok"
        assert raw.event(f"left-{name}") == f"left-{name}"

    def test_a_client_that_leaves_before_there_is_an_answer_leaves_the_server_at_once(
        self, raw: Site
    ) -> None:
        name = uuid.uuid4().hex
        with socket.create_connection(("127.0.0.1", raw.port), PATIENCE) as connection:
            connection.sendall(b"GET /hold?silent=1&id=%s HTTP/1.1\r\nhost: x\r\n\r\n" % name.encode())
            assert raw.event(f"held-{name}") == f"held-{name}"
        assert raw.event(f"left-{name}") == f"left-{name}"

    def test_a_client_that_leaves_in_its_body_leaves_the_server_at_once(self, raw: Site) -> None:
        name = uuid.uuid4().hex
        head = (
            b"POST /hold?silent=1&id=%s HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nx" % name.encode()
        )
        with socket.create_connection(("127.0.0.1", raw.port), PATIENCE) as connection:
            connection.sendall(head)
            assert raw.event(f"held-{name}") == f"held-{name}"
        assert raw.event(f"left-{name}") == f"left-{name}"

    def test_a_client_that_does_not_read_holds_the_server_up(self, raw: Site) -> None:
        name = uuid.uuid4().hex
        with raw.client() as client, client.stream("GET", f"/flood?id={name}") as answer:
            blocked = raw.event(f"blocked-{name}")
            assert blocked, "the proxy took all of it"
            assert int(blocked.rsplit("-", 1)[1]) < 24
            assert sum(len(piece) for piece in answer.iter_raw()) == 64 * 1024 * 1024

    def test_a_server_that_does_not_read_holds_the_client_up(self, raw: Site) -> None:
        name = uuid.uuid4().hex
        size = 64 * 1024 * 1024
        head = b"POST /lazy-reader?id=%s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n" % (
            name.encode(),
            size,
        )
        with socket.create_connection(("127.0.0.1", raw.port), PATIENCE) as connection:
            connection.settimeout(0.5)
            sent = 0
            with pytest.raises(TimeoutError):
                connection.sendall(head + b"connection: close\r\n\r\n")
                while sent < size:
                    sent += connection.send(b"x" * 65536)
            assert sent < size // 2
            with raw.client() as client:
                client.get(f"/step?id={name}&number=0")
            connection.settimeout(PATIENCE)
            connection.sendall(b"x" * (size - sent))
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        assert answer.endswith(str(size).encode())

    def test_an_answer_before_the_end_of_the_body_arrives(self, raw: Site) -> None:
        with raw.client() as client:
            answer = client.post("/refuse-early", content=b"x" * 200_000)
        assert (answer.status_code, answer.text) == (413, "too much")


class TestBrokenAnswers:
    @pytest.mark.parametrize("path", ["/cut-body", "/cut-chunks"])
    def test_an_answer_that_is_cut_off_never_looks_whole(self, raw: Site, path: str) -> None:
        with raw.client() as client, pytest.raises(httpx.RemoteProtocolError):
            client.get(path)

    def test_an_answer_that_is_cut_off_in_its_head_is_a_problem(self, raw: Site) -> None:
        with raw.client() as client:
            answer = client.get("/cut-head")
        assert (answer.status_code, answer.headers["retry-after"]) == (502, "1")
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert answer.json() == {
            "type": "about:blank",
            "title": "Bad Gateway",
            "status": 502,
            "detail": "The server broke off before it had answered. Try again in a moment.",
            "code": "INTERRUPTED",
        }

    @pytest.mark.parametrize("path", ["/garbage", "/no-status", "/switch", "/two-lengths", "/both-lengths"])
    def test_what_is_no_answer_is_a_problem(self, raw: Site, path: str) -> None:
        with raw.client() as client:
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (502, "INTERNAL")
            assert client.get("/repeated").text == "ok"

    def test_what_follows_an_answer_is_nobodys(self, raw: Site) -> None:
        with raw.client() as client:
            for _ in range(3):
                assert client.get("/too-long").text == "hello"
                assert client.get("/repeated").text == "ok"

    def test_a_problem_after_head_has_no_body(self, raw: Site) -> None:
        with raw.client() as client:
            answer = client.head("/cut-head")
            assert (answer.status_code, answer.content) == (502, b"")
            assert client.get("/repeated").text == "ok"


class TestConnections:
    def test_one_that_was_idle_is_used_again(self, raw: Site) -> None:
        with raw.client() as client:
            numbers = {client.get("/echo").headers["x-connection"] for _ in range(5)}
        assert len(numbers) == 1

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
    def test_one_that_has_died_costs_no_repeatable_request(self, raw: Site, method: str) -> None:
        with raw.client() as client:
            assert client.get("/close-next").text == "kept"
            assert client.request(method, "/echo").status_code == 200

    def test_one_that_has_died_costs_no_post_that_has_a_key(self, raw: Site) -> None:
        with raw.client() as client:
            assert client.get("/close-next").text == "kept"
            answer = client.post("/echo", content=b"once", headers={"idempotency-key": "k"})
        assert answer.text.endswith("once")

    def test_a_post_goes_where_no_other_request_was_before(self, raw: Site) -> None:
        with raw.client() as client:
            assert client.get("/close-next").text == "kept"
            before = client.get("/events?count=stale").text
            numbers = [client.post("/echo", content=b"x").headers["x-connection"] for _ in range(3)]
            assert client.get("/events?count=stale").text == before
        assert len(set(numbers)) == 3

    def test_a_post_that_gets_no_answer_is_not_sent_again(self, raw: Site) -> None:
        name = uuid.uuid4().hex
        with raw.client() as client:
            assert client.post(f"/fail?id={name}", content=b"x").json()["code"] == "INTERRUPTED"
            assert client.get(f"/events?count=asked-{name}").text == "1"

    def test_many_at_once_get_each_their_own_answer(self, raw: Site) -> None:
        found: list[bool] = []

        def ask(number: int) -> None:
            with raw.client() as client:
                for turn in range(10):
                    wanted = f"{number}-{turn}"
                    found.append(
                        client.post("/echo", content=wanted.encode()).text.endswith(f"\r\n\r\n{wanted}")
                    )

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert found == [True] * 100


def test_more_requests_than_there_is_room_for_are_refused(server: str, start: Start) -> None:
    site = start(server, raw_settings(requests_max=2))
    with site.client() as client, client.stream("GET", "/hold?id=a"), client.stream("GET", "/hold?id=b"):
        refused = client.get("/echo")
        assert (refused.status_code, refused.json()["code"]) == (503, "OVERLOADED")
        assert refused.headers["retry-after"] == "1"

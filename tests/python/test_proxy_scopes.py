"""What ASGI servers may say differently, Modal's among them: the application is called without a server."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from conftest import HERE, PATIENCE

from asgi_proxy import create_app
from asgi_proxy.asgi import App, Refusal
from asgi_proxy.heads import answer_headers, framing_of, request_head

Message = dict[str, Any]


def scope_of(**more: Any) -> Message:
    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "headers": [(b"host", b"x")]}
    return scope | more


def head_of(**more: Any) -> list[str]:
    return request_head(scope_of(**more), None, []).decode("latin-1").split("\r\n")


class TestRequestHeads:
    def test_a_path_without_its_raw_form_is_escaped_again(self) -> None:
        scope = scope_of(path="/ä b?%", query_string=b"q=1")
        del scope["raw_path"]
        assert request_head(scope, None, []).startswith(b"GET /%C3%A4%20b%3F%25?q=1 HTTP/1.1\r\n")

    @pytest.mark.parametrize(
        "scope",
        [
            {"raw_path": b"/a b"},
            {"raw_path": b"/a\r\nx: y"},
            {"query_string": b"a\nb"},
            {"method": "GET /x"},
            {"headers": [(b"x", b"y\r\nhost: evil")]},
            {"headers": [(b"x\r\ny", b"z")]},
            {"headers": [(b"x", b"\0")]},
        ],
    )
    def test_what_would_be_read_as_something_else_is_refused(self, scope: Message) -> None:
        with pytest.raises(Refusal) as refused:
            head_of(**scope)
        assert refused.value.status == 400

    @pytest.mark.parametrize(
        ("client", "said"),
        [
            (("203.0.113.9", 1), "x-forwarded-for: 203.0.113.9"),
            (["2001:db8::1", 1], "x-forwarded-for: 2001:db8::1"),
            (None, None),
            (("", 0), None),
            (("1.2.3.4, 5.6.7.8", 0), None),
        ],
    )
    def test_only_an_address_is_told_as_one(self, client: Any, said: str | None) -> None:
        lines = [line for line in head_of(client=client) if line.startswith("x-forwarded-for")]
        assert lines == ([said] if said else [])

    def test_without_a_host_it_is_where_the_site_is(self) -> None:
        assert "host: 10.0.0.1:80" in head_of(headers=[], server=("10.0.0.1", 80))
        assert "host: localhost" in head_of(headers=[], server=None)

    def test_a_header_cannot_be_called_a_matter_of_one_hop_to_hide_our_own(self) -> None:
        headers = [(b"host", b"x"), (b"connection", b"host, x-forwarded-for, x-forwarded-proto")]
        lines = head_of(headers=headers, client=("203.0.113.9", 1), scheme="wss")
        assert {"host: x", "x-forwarded-for: 203.0.113.9", "x-forwarded-proto: https"} <= {*lines}


class TestFraming:
    @pytest.mark.parametrize(
        ("method", "headers", "first", "more", "said"),
        [
            ("GET", [], b"", False, None),
            ("POST", [], b"", False, b"content-length: 0"),
            ("POST", [], b"abc", False, b"content-length: 3"),
            ("POST", [], b"abc", True, b"transfer-encoding: chunked"),
            ("GET", [(b"content-length", b"9")], b"", True, b"content-length: 9"),
            ("POST", [(b"content-length", b"9"), (b"content-length", b"9")], b"", True, b"content-length: 9"),
            (
                "POST",
                [(b"transfer-encoding", b"chunked"), (b"content-length", b"9")],
                b"",
                True,
                b"transfer-encoding: chunked",
            ),
        ],
    )
    def test_the_end_of_a_body_is_announced_as_it_is(
        self, method: str, headers: list[tuple[bytes, bytes]], first: bytes, more: bool, said: bytes | None
    ) -> None:
        assert framing_of(scope_of(method=method, headers=headers), first, more).header == said

    @pytest.mark.parametrize("lengths", [[b"1", b"2"], [b"-1"], [b"x"], [b"1,1"], [b"9" * 30]])
    def test_lengths_that_are_none_are_refused(self, lengths: list[bytes]) -> None:
        with pytest.raises(Refusal):
            framing_of(scope_of(headers=[(b"content-length", length) for length in lengths]), b"", False)


def test_not_modified_loses_its_length_and_head_keeps_it() -> None:
    headers = [(b"content-length", b"5"), (b"etag", b"x")]
    assert answer_headers(304, headers) == [(b"etag", b"x")]
    assert answer_headers(200, headers) == headers


class Guest:
    """Calls the application as a server would."""

    def __init__(self, app: App, scope: Message, *messages: Message) -> None:
        self.said: list[Message] = []
        self.says: asyncio.Queue[Message] = asyncio.Queue()
        self._heard = asyncio.Event()
        for message in messages:
            self.says.put_nowait(message)
        self.task = asyncio.ensure_future(app(scope, self.says.get, self._send))

    async def _send(self, message: Any) -> None:
        self.said.append(message)
        self._heard.set()

    async def hear(self, kind: str) -> Message:
        while not any(message["type"] == kind for message in self.said):
            self._heard.clear()
            await self._heard.wait()
        return next(message for message in self.said if message["type"] == kind)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.said)


def with_app(test: Callable[[App], Awaitable[None]], mode: str = "") -> None:
    """Runs it with a lifespan around it."""

    async def run() -> None:
        command = [sys.executable, str(HERE / "raw_upstream.py"), *([mode] if mode else [])]
        app = create_app(command, grace=2.0, requests_max=50)
        life = Guest(app, {"type": "lifespan", "state": {}}, {"type": "lifespan.startup"})
        await life.hear("lifespan.startup.complete")
        try:
            await test(app)
        finally:
            life.says.put_nowait({"type": "lifespan.shutdown"})
            await life.hear("lifespan.shutdown.complete")

    async def run_in_time() -> None:
        async with asyncio.timeout(PATIENCE):
            await run()

    asyncio.run(run_in_time())


def test_a_body_that_is_shorter_or_longer_than_announced_is_refused() -> None:
    async def test(app: App) -> None:
        for body in (b"four", b"too long"):
            headers = [(b"host", b"x"), (b"content-length", b"5")]
            first = {"type": "http.request", "body": body[:2], "more_body": True}
            rest = {"type": "http.request", "body": body[2:], "more_body": False}
            guest = Guest(app, scope_of(method="POST", raw_path=b"/measure", headers=headers), first, rest)
            await guest.task
            assert guest.said[0]["status"] == 400

    with_app(test)


def test_a_request_that_is_cancelled_leaves_nothing_behind() -> None:
    async def test(app: App) -> None:
        for _ in range(60):
            guest = Guest(app, scope_of(raw_path=b"/hold?id=x"), {"type": "http.request"})
            await guest.hear("http.response.body")
            guest.task.cancel()
            await asyncio.wait([guest.task])
        guest = Guest(app, scope_of(raw_path=b"/repeated"), {"type": "http.request"})
        await guest.task
        assert guest.body == b"ok"

    with_app(test)


def test_a_guest_who_leaves_ends_the_request() -> None:
    async def test(app: App) -> None:
        guest = Guest(app, scope_of(raw_path=b"/hold?id=x"), {"type": "http.request"})
        await guest.hear("http.response.body")
        guest.says.put_nowait({"type": "http.disconnect"})
        await guest.task

    with_app(test)


def test_a_guest_whose_send_fails_has_left() -> None:
    async def test(app: App) -> None:
        async def fail(message: Any) -> None:
            raise OSError("gone")

        says: asyncio.Queue[Any] = asyncio.Queue()
        says.put_nowait({"type": "http.request"})
        await app(scope_of(raw_path=b"/flood?id=x"), says.get, fail)

    with_app(test)


def socket_scope(target: bytes) -> Message:
    headers = [(b"host", b"x"), (b"upgrade", b"websocket"), (b"sec-websocket-key", b"a client's own")]
    return {"type": "websocket", "path": "/", "raw_path": target, "headers": headers, "scheme": "ws"}


def test_a_platform_that_cannot_tell_a_status_closes_the_socket_with_a_code() -> None:
    async def test(app: App) -> None:
        for path, code in ((b"/refused", 1008), (b"/livez", 1008)):
            guest = Guest(app, socket_scope(path), {"type": "websocket.connect"})
            await guest.task
            assert [message["type"] for message in guest.said] == ["websocket.close"]
            assert guest.said[0]["code"] == code

    with_app(test, "sockets")


def test_a_disconnect_without_a_code_is_a_guest_who_is_gone() -> None:
    async def test(app: App) -> None:
        guest = Guest(app, socket_scope(b"/socket/echo?id=gone"), {"type": "websocket.connect"})
        await guest.hear("websocket.accept")
        guest.says.put_nowait({"type": "websocket.disconnect"})
        await guest.task
        told = Guest(app, scope_of(raw_path=b"/events?wait=socket-ended-gone"), {"type": "http.request"})
        await told.task
        assert told.body == b"socket-ended-gone-1006-"

    with_app(test, "sockets")


def test_a_guest_who_leaves_before_the_socket_is_open_leaves_the_server() -> None:
    async def test(app: App) -> None:
        connect, leave = {"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006}
        guest = Guest(app, socket_scope(b"/hold?silent=1&id=early"), connect)
        held = Guest(app, scope_of(raw_path=b"/events?wait=held-early"), {"type": "http.request"})
        await held.task
        guest.says.put_nowait(leave)
        await guest.task
        left = Guest(app, scope_of(raw_path=b"/events?wait=left-early"), {"type": "http.request"})
        await left.task
        assert (guest.said, left.body) == ([], b"left-early")

    with_app(test)


def test_a_lifespan_that_is_cancelled_ends_the_server() -> None:
    async def run() -> None:
        app = create_app([sys.executable, str(HERE / "raw_upstream.py")], grace=2.0)
        life = Guest(app, {"type": "lifespan"}, {"type": "lifespan.startup"})
        await life.hear("lifespan.startup.complete")
        asked = Guest(app, scope_of(raw_path=b"/pid"), {"type": "http.request"})
        await asked.task
        pid = int(asked.body)
        life.task.cancel()
        await asyncio.wait([life.task], timeout=PATIENCE)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    asyncio.run(run())


def test_a_loss_while_nobody_asks_is_told_and_nothing_hangs() -> None:
    async def run() -> None:
        told = asyncio.Event()
        app = create_app([sys.executable, str(HERE / "raw_upstream.py")], on_upstream_lost=told.set)
        asked = Guest(app, scope_of(raw_path=b"/pid"), {"type": "http.request"})
        await asked.task
        os.kill(int(asked.body), signal.SIGKILL)
        async with asyncio.timeout(PATIENCE):
            await told.wait()

    asyncio.run(run())

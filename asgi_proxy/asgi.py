"""The types of ASGI, and what the proxy answers in the server's place."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Refusal(Exception):
    """A problem (RFC 9457) in the shape of the server's own, with codes that the server has, too."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        title = HTTPStatus(status).phrase
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
        self.body = json.dumps(problem).encode()
        self.headers: Headers = [
            (b"content-type", b"application/problem+json; charset=utf-8"),
            (b"content-length", b"%d" % len(self.body)),
            (b"cache-control", b"no-store"),
        ]
        if status in (502, 503):
            self.headers.append((b"retry-after", b"1"))


def bad_request(detail: str) -> Refusal:
    return Refusal(400, "BAD_REQUEST", detail)


def bad_answer(detail: str) -> Refusal:
    return Refusal(502, "INTERNAL", detail)


def cut_off() -> Refusal:
    return Refusal(502, "INTERRUPTED", "The server broke off before it had answered. Try again in a moment.")


def overloaded(detail: str) -> Refusal:
    return Refusal(503, "OVERLOADED", detail)


def gone() -> Refusal:
    return Refusal(503, "DRAINING", "This server is closing. Please try again in a moment.")


def say(text: str) -> None:
    """To the operator. A log that nobody takes is no reason to fail."""
    with contextlib.suppress(OSError, ValueError):
        print(f"asgi_proxy: {text}", file=sys.stderr, flush=True)

"""What the heads of requests and answers say on the other side of the proxy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote

from .asgi import Headers, Scope, bad_request

HOP_BY_HOP = frozenset(
    [
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    ]
)
# What the parties of a WebSocket agree on is agreed on twice: the frames are not passed on as they are.
HANDSHAKE = frozenset(
    [
        b"sec-websocket-accept",
        b"sec-websocket-extensions",
        b"sec-websocket-key",
        b"sec-websocket-protocol",
        b"sec-websocket-version",
    ]
)
# What the proxy says itself; what the server would believe because it trusts the proxy; and `Expect`, which is between
# the client and the ASGI server.
CLAIMS = frozenset([b"forwarded", b"x-real-ip", b"x-request-id"])
OWN = HOP_BY_HOP | HANDSHAKE | CLAIMS | {b"content-length", b"expect", b"host"}

FRAMING = frozenset({b"content-length", b"transfer-encoding"})
METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
ADDRESS = re.compile(r"[0-9A-Fa-f:.]+")
SCHEMES = {"ws": "http", "wss": "https"}


class Framing(NamedTuple):
    """How a request's body ends: after so many bytes, by a last chunk, or there is none."""

    length: int | None
    is_chunked: bool

    @property
    def header(self) -> bytes | None:
        if self.is_chunked:
            return b"transfer-encoding: chunked"
        return None if self.length is None else b"content-length: %d" % self.length


def framing_of(scope: Scope, first: bytes, more: bool) -> Framing:
    """By what the client announced; where it announced nothing (as in HTTP/2), by what came first."""
    announced = {pair for pair in scope["headers"] if pair[0] in FRAMING}
    if announced and all(name == b"content-length" for name, _ in announced):
        (length,) = {value.strip() for _, value in announced} if len(announced) == 1 else (b"",)
        if not length.isdigit() or len(length) > 18:
            raise bad_request("The content length is no number.")
        return Framing(int(length), is_chunked=False)
    if more:
        return Framing(None, is_chunked=True)
    if first or scope["method"] in METHODS_WITH_BODY:
        return Framing(len(first), is_chunked=False)
    return Framing(None, is_chunked=False)


def request_head(scope: Scope, scheme: str | None, extra: Iterable[bytes | None]) -> bytes:
    """Everything up to the body. `extra` are lines that only this hop needs."""
    dropped = with_tokens(OWN, scope["headers"])
    host = b""
    lines = [b"%s %s HTTP/1.1" % (scope.get("method", "GET").encode("ascii"), target_of(scope))]
    for name, value in scope["headers"]:
        if name not in dropped and not name.startswith(b"x-forwarded-"):
            lines.append(name + b": " + value)
        elif name == b"host":
            host = host or value
    host = host or host_of(scope)
    said = scheme or scope.get("scheme", "http")
    proto = SCHEMES.get(said, said).encode("ascii")
    lines[1:1] = [b"host: " + host, b"x-forwarded-host: " + host, b"x-forwarded-proto: " + proto]
    client = (scope.get("client") or ("", 0))[0]
    if ADDRESS.fullmatch(client):
        lines.append(b"x-forwarded-for: " + client.encode("ascii"))
    lines += [line for line in extra if line is not None]
    head = b"\r\n".join(lines)
    breaks = len(lines) - 1
    # The ASGI server has checked this; but what followed a break that it let pass would be a new request.
    if (
        head.count(b"\r") != breaks
        or head.count(b"\n") != breaks
        or b"\0" in head
        or lines[0].count(b" ") != 2
    ):
        raise bad_request("This is not readable as HTTP.")
    return head + b"\r\n\r\n"


def target_of(scope: Scope) -> bytes:
    path = scope.get("raw_path") or quote(scope["path"], safe="/!$&'()*+,;=:@~").encode("ascii")
    query = scope.get("query_string")
    return b"%s?%s" % (path or b"/", query) if query else path or b"/"


def host_of(scope: Scope) -> bytes:
    host, port = scope.get("server") or ("localhost", None)
    return (host if port is None else f"{host}:{port}").encode("latin-1")


def answer_headers(status: int, headers: Headers) -> Headers:
    """Raw pairs in their order: a name may come several times, as Set-Cookie does."""
    dropped = with_tokens(HOP_BY_HOP, headers)
    # A 304 may tell the length of what it does not have, but ASGI servers would wait for that.
    if status in (204, 304):
        dropped |= {b"content-length"}
    return [pair for pair in headers if pair[0] not in dropped]


def with_tokens(names: frozenset[bytes], headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    """The names, and those which `Connection` makes a matter of one hop."""
    values = [value for name, value in headers if name == b"connection"]
    tokens = {token.strip().lower() for value in values for token in value.split(b",")}
    return names if tokens <= names else names | tokens

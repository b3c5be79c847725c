"""What the heads of requests and answers say on the other side of the proxy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
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
# What the proxy says itself; and `Expect`, which is between the client and the ASGI server.
OWN = HOP_BY_HOP | HANDSHAKE | {b"content-length", b"expect", b"forwarded", b"x-real-ip"}

METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
ADDRESS = re.compile(r"[0-9A-Fa-f:.]+")
SCHEMES = {"ws": b"http", "wss": b"https"}


@dataclass(frozen=True)
class Framing:
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
    lengths = {value.strip() for name, value in scope["headers"] if name == b"content-length"}
    is_chunked = any(name == b"transfer-encoding" for name, _ in scope["headers"])
    if lengths and not is_chunked:
        (length,) = lengths if len(lengths) == 1 else (b"",)
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
    dropped = OWN | tokens_of(scope["headers"], b"connection")
    method = scope.get("method", "GET").encode("ascii")
    lines = [b"%s %s HTTP/1.1" % (method, target_of(scope))]
    host = b""
    for name, value in scope["headers"]:
        if name == b"host":
            host = host or value
        elif name not in dropped and not name.startswith(b"x-forwarded-"):
            lines.append(b"%s: %s" % (name, value))
    host = host or host_of(scope)
    proto = (scheme or scope.get("scheme", "http")).encode("ascii")
    lines[1:1] = [b"host: " + host]
    lines += [b"x-forwarded-host: " + host, b"x-forwarded-proto: " + SCHEMES.get(proto.decode(), proto)]
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
    dropped = HOP_BY_HOP | tokens_of(headers, b"connection")
    # A 304 may tell the length of what it does not have, but ASGI servers would wait for that.
    if status in (204, 304):
        dropped |= {b"content-length"}
    return [pair for pair in headers if pair[0] not in dropped]


def tokens_of(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> set[bytes]:
    values = (value for name, value in headers if name == wanted)
    return {token.strip().lower() for value in values for token in value.split(b",")}

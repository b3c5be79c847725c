"""A server that misbehaves on purpose, byte by byte. The path says how; `/events` tells what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

PATIENCE = 10.0
MEGABYTE = 1024 * 1024


class Exchange:
    """One request on one connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes, number: int
    ) -> None:
        self.reader, self.writer, self.head, self.number = reader, writer, head, number
        self.method, self.target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        self.path = urlsplit(self.target).path
        self.query = {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}

    async def body(self) -> bytes:
        head = self.head.lower()
        if b"transfer-encoding: chunked" in head:
            return await self._chunks()
        _, found, rest = head.partition(b"content-length: ")
        return await self.reader.readexactly(int(rest.split(b"\r\n")[0])) if found else b""

    async def _chunks(self) -> bytes:
        whole = b""
        while size := int(await self.reader.readline(), 16):
            whole += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return whole

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes, *headers: bytes, status: bytes = b"200 OK") -> None:
        lines = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers]
        await self.send(b"\r\n".join(lines) + b"\r\n\r\n" + body)


class Events:
    """What happened, for tests that wait for it."""

    def __init__(self) -> None:
        self._seen: list[str] = []
        self._changed = asyncio.Condition()

    async def add(self, name: str) -> None:
        async with self._changed:
            self._seen.append(name)
            self._changed.notify_all()

    async def wait(self, name: str) -> str:
        """The last one that begins so; empty when none comes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE), self._changed:
                await self._changed.wait_for(lambda: any(seen.startswith(name) for seen in self._seen))
        return next((seen for seen in reversed(self._seen) if seen.startswith(name)), "")

    def count(self, name: str) -> int:
        return sum(seen.startswith(name) for seen in self._seen)


events = Events()
# Keeps alive what only the event loop knows.
connections = 0
stale: set[asyncio.StreamWriter] = set()
# Plain bytes that need no thought.
CANNED: dict[str, bytes] = {
    "/repeated": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-Odd: \r\nSet-Cookie: b=2; Path=/\r\ncontent-length: 2\r\n\r\nok",
    "/hop": b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTE: gzip\r\n"
    b"Proxy-Authenticate: Basic\r\nX-End: 1\r\nUpgrade: h2c\r\ncontent-length: 2\r\n\r\nok",
    "/cut-body": b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this",
    "/cut-chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nonly\r\n5\r\n th",
    "/cut-head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "/until-end": b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nuntil the end",
    "/too-long": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad",
    "/two-lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    "/both-lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "/garbage": b"\x00\x01 this is no HTTP at all\r\n\r\n",
    "/no-status": b"HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n",
    "/switch": b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x02hi",
    "/hints": b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nx-final: 1\r\ncontent-length: 2\r\n\r\nok",
    "/empty": b"HTTP/1.1 204 No Content\r\nx-final: 1\r\n\r\n",
    "/unchanged": b'HTTP/1.1 304 Not Modified\r\netag: "x"\r\ncontent-length: 1234\r\n\r\n',
    "/trailer": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n",
    "/zipped": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00",
    "/old": b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold",
}
LAST = {"/cut-body", "/cut-chunks", "/cut-head", "/until-end", "/old"}


async def livez(it: Exchange) -> None:
    await it.answer(b"alive", b"connection: close")


async def tell_events(it: Exchange) -> None:
    if "count" in it.query:
        await it.answer(str(events.count(it.query["count"])).encode())
    else:
        await it.answer((await events.wait(it.query["wait"])).encode())


async def echo(it: Exchange) -> None:
    """The request as it came, byte for byte, and its body."""
    body = await it.body()
    await it.answer(it.head + body, b"x-connection: %d" % it.number)


async def measure(it: Exchange) -> None:
    body = await it.body()
    await it.answer(str(len(body)).encode())


async def head_only(it: Exchange) -> None:
    await it.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\nx-final: 1\r\n\r\n")


async def drip(it: Exchange) -> None:
    """Each byte in a packet of its own."""
    for byte in b"HTTP/1.1 200 OK\r\nx-slow: yes\r\ntransfer-encoding: chunked\r\n\r\n4\r\nslow\r\n0\r\n\r\n":
        await it.send(bytes([byte]))
        await asyncio.sleep(0.001)


async def huge_head(it: Exchange) -> None:
    with contextlib.suppress(OSError):
        await it.send(b"HTTP/1.1 200 OK\r\n")
        for number in range(int(it.query["lines"])):
            await it.send(b"x-%d: %s\r\n" % (number, b"y" * 1000))
        await it.send(b"content-length: 2\r\n\r\nok")


async def endless_hints(it: Exchange) -> None:
    with contextlib.suppress(OSError):
        while True:
            await it.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n" * 100)


async def steps(it: Exchange) -> None:
    """A stream in which each piece waits until a request has asked for it."""
    await it.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    for number in range(3):
        await events.wait(f"step-{it.query['id']}-{number}")
        piece = b"data: %d\n\n" % number
        await it.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    await it.send(b"0\r\n\r\n")


async def step(it: Exchange) -> None:
    await events.add(f"step-{it.query['id']}-{it.query['number']}")
    await it.answer(b"")


async def hold(it: Exchange) -> None:
    """Streams one piece, or not even a head, and waits for the client to leave."""
    if "silent" not in it.query:
        await it.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n"
        )
    await events.add(f"held-{it.query['id']}")
    with contextlib.suppress(OSError):
        while await it.reader.read(65536):
            pass
    await events.add(f"left-{it.query['id']}")


async def flood(it: Exchange) -> None:
    """Writes as long as somebody takes it, and tells how much that was."""
    piece = b"x" * 65536
    written = 0
    await it.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (64 * MEGABYTE))
    while written < 64 * MEGABYTE:
        it.writer.write(piece)
        try:
            async with asyncio.timeout(0.5):
                await it.writer.drain()
        except TimeoutError:
            await events.add(f"blocked-{it.query['id']}-{written // MEGABYTE}")
            await it.writer.drain()
        written += len(piece)
    await events.add(f"written-{it.query['id']}")


async def lazy_reader(it: Exchange) -> None:
    """Reads no body before it is told to."""
    await events.add(f"waiting-{it.query['id']}")
    await events.wait(f"step-{it.query['id']}-0")
    body = await it.body()
    await it.answer(str(len(body)).encode())


async def refuse_early(it: Exchange) -> None:
    """Answers before the body is there, and never reads it."""
    await it.answer(b"too much", b"connection: close", status=b"413 Content Too Large")
    with contextlib.suppress(OSError):
        await it.reader.read(-1)


async def close_next(it: Exchange) -> None:
    """Keeps the connection, and closes it on its next request without a word."""
    stale.add(it.writer)
    await it.answer(b"kept")


async def half_of_next(it: Exchange) -> None:
    await it.send(b"HTTP/1.1 ")


async def fail_next(it: Exchange) -> None:
    await it.body()
    await events.add(f"asked-{it.query['id']}")


async def die(it: Exchange) -> None:
    if "after" in it.query:
        await it.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbye!\r\n")
        await it.reader.read(1)
    print("these are my last words", flush=True)
    os._exit(3)


async def tell_pid(it: Exchange) -> None:
    await it.answer(str(os.getpid()).encode())


async def chatter(it: Exchange) -> None:
    """Says more than pipes hold, from a thread as a logger would, and answers meanwhile."""
    line = "chatter " * 12

    def say() -> None:
        for _ in range(int(it.query["bytes"]) // len(line)):
            print(line)
        print(f"the end of {it.query['id']}", flush=True)

    threading.Thread(target=say, daemon=True).start()
    await it.answer(b"")


async def stop_listening(it: Exchange) -> None:
    listeners[0].close()
    await it.answer(b"closed", b"connection: close")


async def bad_socket(it: Exchange) -> None:
    await it.send(
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-accept: bm90IHRoZSByaWdodCBvbmU=\r\n\r\n"
    )


Route = Callable[[Exchange], Awaitable[None]]
ROUTES: dict[str, tuple[Route, bool]] = {
    "/livez": (livez, False),
    "/events": (tell_events, True),
    "/echo": (echo, True),
    "/measure": (measure, True),
    "/head": (head_only, True),
    "/drip": (drip, True),
    "/huge-head": (huge_head, True),
    "/endless-hints": (endless_hints, False),
    "/steps": (steps, True),
    "/step": (step, True),
    "/hold": (hold, False),
    "/flood": (flood, True),
    "/lazy-reader": (lazy_reader, True),
    "/refuse-early": (refuse_early, False),
    "/close-next": (close_next, True),
    "/half": (half_of_next, False),
    "/fail": (fail_next, False),
    "/die": (die, False),
    "/chatter": (chatter, True),
    "/pid": (tell_pid, True),
    "/stop-listening": (stop_listening, False),
    "/bad-socket": (bad_socket, False),
}
listeners: list[asyncio.Server] = []


async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    global connections
    connections += 1
    number = connections
    try:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while await answer_next(reader, writer, number):
                pass
    finally:
        # Also where a path is unknown: asyncio itself would close it only when the collector comes by.
        stale.discard(writer)
        writer.close()


async def answer_next(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
    """One request; whether the connection goes on."""
    it = Exchange(reader, writer, await reader.readuntil(b"\r\n\r\n"), number)
    if writer in stale:
        await events.add("stale")
        return False
    if it.path in CANNED:
        await it.send(CANNED[it.path])
        return it.path not in LAST
    route, goes_on = ROUTES[it.path]
    await route(it)
    return goes_on


async def socket_route(socket: ServerConnection) -> None:
    """WebSockets that do behave: what is hostile there is in the messages."""
    assert socket.request is not None
    target = urlsplit(socket.request.path)
    query = {name: values[0] for name, values in parse_qs(target.query).items()}
    match target.path:
        case "/socket/echo":
            with contextlib.suppress(ConnectionClosed):
                async for message in socket:
                    await socket.send(message)
            await socket.wait_closed()
            await events.add(f"socket-ended-{query.get('id', '')}-{socket.close_code}-{socket.close_reason}")
        case "/socket/close":
            await socket.close(int(query["code"]), query.get("reason", ""))
        case "/socket/bare-close":
            async with socket.send_context():
                socket.protocol.send_close()
            await socket.wait_closed()
        case "/socket/cut":
            await socket.send("last")
            socket.transport.abort()
        case "/socket/large":
            with contextlib.suppress(Exception):
                await socket.send("x" * int(query["size"]))
                await socket.wait_closed()
        case "/socket/parts":
            await socket.send(["one ", "two ", "three"])
            await socket.wait_closed()
        case "/socket/flood":
            await flood_socket(socket, query["id"])
        case "/socket/greet":
            await socket.send(f"{socket.subprotocol} {socket.request.headers.get('x-forwarded-proto')}")
            await socket.wait_closed()


async def flood_socket(socket: ServerConnection, name: str) -> None:
    for number in range(1024):
        try:
            async with asyncio.timeout(0.5):
                await socket.send(b"x" * 65536)
        except TimeoutError:
            await events.add(f"blocked-{name}-{number // 16}")
            break
    await socket.wait_closed()


async def main() -> None:
    port = int(os.environ["PORT"])
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    if mode == "never-ready":
        await asyncio.Event().wait()
    if mode == "deaf":
        # As a server that hangs: it hears SIGTERM and does nothing.
        signal.signal(signal.SIGTERM, lambda *_: print("not yet", flush=True))
    if mode == "late":
        await asyncio.sleep(0.3)
    if mode == "sockets":
        options: dict[str, Any] = {
            "process_request": answer_plain,
            "select_subprotocol": choose,
            "max_size": None,
        }
        options["open_timeout"] = 3 * PATIENCE
        async with serve(socket_route, "127.0.0.1", port, **options):
            await asyncio.Event().wait()
    listeners.append(await asyncio.start_server(on_connection, "127.0.0.1", port))
    print("raw upstream is there", flush=True)
    print("and says so on stderr", file=sys.stderr, flush=True)
    await asyncio.Event().wait()


def choose(socket: ServerConnection, offered: Sequence[str]) -> str | None:
    return next((name for name in offered if name in ("b", "c")), None)


async def answer_plain(socket: ServerConnection, request: Request) -> Response | None:
    target = urlsplit(request.path)
    if target.path == "/livez":
        return socket.respond(200, "alive")
    if target.path == "/events":
        return socket.respond(200, await events.wait(parse_qs(target.query)["wait"][0]))
    if target.path == "/refused":
        refusal = socket.respond(409, '{"code": "NO"}')
        refusal.headers["x-why"] = "because"
        return refusal
    return None


if __name__ == "__main__":
    asyncio.run(main())

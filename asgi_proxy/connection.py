"""Connections to the server, and those of them that wait for their next request."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
from collections.abc import Callable
from typing import cast

import httptools

from .asgi import Headers, Refusal, bad_answer, cut_off, say
from .wire import Wire

HEAD_BYTES_MAX = 64 * 1024
# Of an answer that the client has not taken. The server is not read any more until it does.
HELD_BYTES_MAX = 64 * 1024
CONNECT_SECONDS_MAX = 5.0
IDLE_MAX = 64
READ_BYTES_MAX = 64 * 1024
# Far below the 75 s after which the server closes an idle connection.
IDLE_SECONDS_MAX = 30.0


class Connection(Wire):
    """One connection, for one exchange after the other. `begin` starts one, `end` or `abort` ends it.

    What comes is read into one buffer for all connections and parsed at once.
    """

    transport: asyncio.Transport
    status: int
    headers: Headers
    has_begun: bool  # The answer's head is here.
    is_complete: bool  # So is all of its body.
    is_silent: bool  # Nothing at all came yet.
    after_upgrade: bytes
    # Called by the parser for every piece of the body, so it is a list's own method and none in Python.
    on_body: Callable[[bytes], None]

    def __init__(self, buffer: memoryview) -> None:
        super().__init__(buffer)
        self.is_lost = False
        self.idle_since = 0.0
        self._parser: httptools.HttpResponseParser | None = None

    def begin(self, request: bytes, *, is_head: bool) -> None:
        self.status = 0
        self.headers = []
        self.has_begun = False
        self.is_complete = False
        self.is_silent = True
        self.after_upgrade = b""
        self._is_head = is_head
        self._is_reusable = False
        self._held: list[bytes] = []
        # As they came, with the head and with what is around the pieces of the body.
        self._held_bytes = 0
        self._is_paused = False
        self._error: Refusal | None = None
        self.on_body = self._held.append
        # One parser for each answer: what a bad one leaves in it does not reach the next.
        self._parser = httptools.HttpResponseParser(self)
        self.transport.write(request)

    async def wait_for_head(self) -> None:
        """Raises a `Refusal` where no head comes."""
        while not self.has_begun:
            await self._wait_for_more()

    async def read(self) -> bytes:
        """All of the body that is here, else the next that comes; nothing at its end."""
        while not self._held:
            if self.is_complete:
                return b""
            await self._wait_for_more()
        body = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        if self._is_paused:
            self._is_paused = False
            self.transport.resume_reading()
        return body

    @property
    def is_read(self) -> bool:
        return self.is_complete and not self._held

    async def write(self, data: bytes) -> None:
        """Returns when the server has taken most of it, or will take no more."""
        self.transport.write(data)
        await self._wait_for_room()

    def end(self) -> bool:
        """Ends the exchange and says whether another one may follow."""
        self._parser = None
        return self.is_complete and self._is_reusable and not self.transport.is_closing()

    def abort(self, error: Refusal | None = None) -> None:
        if not self.is_complete and self._error is None:
            self._error = error or cut_off()
        self.transport.abort()
        self._wake()

    async def _wait_for_more(self) -> None:
        if self._error is not None:
            raise self._error
        await self._wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def buffer_updated(self, size: int) -> None:
        if self._parser is None:
            # Nobody asked for it.
            self.transport.abort()
            return
        self.is_silent = False
        self._held_bytes += size
        data = self.buffer[:size]
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.after_upgrade = bytes(data[upgrade.args[0] :])
            self.transport.pause_reading()
        except httptools.HttpParserError as error:
            say(f"the server's answer is not readable: {error.__context__ or error}")
            self.abort(bad_answer("The server's answer is not readable as HTTP."))
        if self._is_head and self._held:
            # What follows the answer to HEAD is nobody's.
            self._held.clear()
            self.transport.abort()
        if self._held_bytes > HELD_BYTES_MAX:
            self._hold_up()
        self._wake()

    def _hold_up(self) -> None:
        head_bytes = self._held_bytes
        if self.has_begun:
            head_bytes = sum(len(name) + len(value) for name, value in self.headers)
        if head_bytes > HEAD_BYTES_MAX:
            self.has_begun = self.is_complete = False
            self.abort(bad_answer("The server's answer has larger headers than are passed on."))
        elif not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        self.resume_writing()
        if self._parser is None or self.is_complete:
            return
        if error is not None:
            self._read_rest()
        is_end = self.has_begun and self._ends_with_connection and error is None
        if is_end and self._error is None:
            self.is_complete = True
        elif not self.is_complete:
            self._error = self._error or cut_off()
        self._wake()

    @property
    def _ends_with_connection(self) -> bool:
        """Whether the head says nothing else about where the body ends."""
        return not any(
            name == b"content-length" or name == b"transfer-encoding" and value.lower().endswith(b"chunked")
            for name, value in self.headers
        )

    def _read_rest(self) -> None:
        """Writing fails when a server answers without reading the body and closes. Its answer is here."""
        handle = self.transport.get_extra_info("socket").fileno()
        with contextlib.suppress(OSError):
            while self._error is None and not self.is_complete and (size := os.readv(handle, [self.buffer])):
                self.buffer_updated(size)

    # What follows is called by the parser; what is raised here comes out of `feed_data`.

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise ValueError("something follows the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        # A trailer is passed over: ASGI servers take none without being asked.
        if not self.has_begun:
            self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        self.status = self._parser.get_status_code()
        if 100 <= self.status < 200 and self.status != 101:
            self.headers = []
            return
        if not 101 <= self.status <= 599:
            raise ValueError(f"{self.status} is no status")
        self.has_begun = True
        self._is_reusable = self.status != 101 and self._parser.should_keep_alive()
        # The parser now waits for a body. Only this side knows that none comes.
        self.is_complete = self._is_head

    def on_message_complete(self) -> None:
        self.is_complete = self.has_begun


class Pool:
    """Makes connections and keeps some, the last used first. The dead ones go when they are met."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._buffer = memoryview(bytearray(READ_BYTES_MAX))
        self._idle: collections.deque[Connection] = collections.deque()

    def idle(self) -> Connection | None:
        """One that has served before. The server may close it in this very moment."""
        while self._idle:
            connection = self._idle.pop()
            is_fresh = connection.idle_since + IDLE_SECONDS_MAX > asyncio.get_running_loop().time()
            if is_fresh and not connection.transport.is_closing():
                return connection
            connection.transport.abort()
        return None

    async def connect(self) -> Connection:
        """Raises `OSError` where nobody listens (`TimeoutError` is one)."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            _, connection = await loop.create_connection(
                lambda: Connection(self._buffer), self._host, self._port
            )
        return connection

    def give_back(self, connection: Connection) -> None:
        """At the end of an exchange; one that cannot have another is closed."""
        if not connection.end() or len(self._idle) >= IDLE_MAX:
            connection.transport.abort()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().transport.abort()

"""One request over HTTP and its answer."""

from __future__ import annotations

import asyncio

from .asgi import Receive, Refusal, Scope, Send, bad_answer, bad_request
from .connection import Connection
from .heads import Framing, answer_headers, framing_of, request_head
from .server import Server

# RFC 9110, section 9.2.2: done twice, they have done what they do once.
REPEATABLE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})

# After so long a client whose body is here is listened to, in case it leaves. Most answers but streams are
# there sooner, and a task that waits for nothing costs a tenth of a whole request.
LISTEN_AFTER_SECONDS = 0.02


class BrokenOff(Exception):
    """An answer ended too soon. Raised into the ASGI server, which then breaks it off for the client, too."""


class Exchange:
    """Passes a request to the server and the answer back, each as fast as the other side takes it.

    Invariant: whoever leaves first, the other side is told at once; and a connection is used again only when
    both the request and its answer went over it as a whole.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, scheme: str | None) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._scheme = scheme
        self._connection: Connection | None = None
        self._listening: asyncio.Task[None] | None = None
        self._framing = Framing(None, is_chunked=False)
        self._sent = 0
        self._is_sending = False
        self._is_left = False
        self._is_answered = False
        self._is_early = False

    async def run(self, server: Server) -> None:
        """Raises a `Refusal` where the server gives no answer."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        self._framing = framing = framing_of(self._scope, body, more)
        head = request_head(self._scope, self._scheme, [framing.header])
        # Some ASGI servers say that the body has ended in a message of its own.
        self._is_sending = more and framing.length != len(body)
        request = head + self._framed(body)
        # May be closed by the server in this moment, so only for what can be sent again.
        connection = server.pool.idle() if self._is_repeatable else None
        is_used = connection is not None
        self._connection = connection = connection or await server.connect()
        connection.begin(request, is_head=self._is_head)
        later = asyncio.get_running_loop().call_later(
            0.0 if self._is_sending else LISTEN_AFTER_SECONDS, self._start_listening
        )
        try:
            try:
                await connection.wait_for_head()
            except Refusal:
                if not (is_used and connection.is_silent) or self._is_left:
                    raise
                await self._repeat(server, request)
            await self._answer(self._connection)
        except OSError:
            # What `send` may raise when the client has left.
            self._leave()
        finally:
            later.cancel()
            if self._listening is not None:
                self._listening.cancel()
            self._release(server)

    async def refuse(self, refusal: Refusal) -> None:
        """Answers in the server's place, if there is still somebody to answer."""
        if self._is_left:
            return
        if self._is_answered:
            raise BrokenOff("The server broke off its answer.") from refusal
        await self._send(
            {"type": "http.response.start", "status": refusal.status, "headers": refusal.headers}
        )
        await self._send({"type": "http.response.body", "body": b"" if self._is_head else refusal.body})

    @property
    def _is_head(self) -> bool:
        return bool(self._scope["method"] == "HEAD")

    @property
    def _is_repeatable(self) -> bool:
        """Whether it does no harm twice: by its method, or by a key by which the server knows it again."""
        if self._is_sending:
            return False
        if self._scope["method"] in REPEATABLE_METHODS:
            return True
        return b"idempotency-key" in [name for name, _ in self._scope["headers"]]

    async def _repeat(self, server: Server, request: bytes) -> None:
        self._connection = connection = await server.connect()
        connection.begin(request, is_head=self._is_head)
        if self._is_left:
            connection.abort()
        await connection.wait_for_head()

    async def _answer(self, connection: Connection) -> None:
        if connection.status == 101:
            raise bad_answer("The server has answered with a protocol that nobody asked for.")
        headers = answer_headers(connection.status, connection.headers)
        self._is_answered = True
        # Whether a server that answers so early reads the rest is not to be relied on.
        self._is_early = self._is_sending
        await self._send({"type": "http.response.start", "status": connection.status, "headers": headers})
        more = True
        while more:
            body = await connection.read()
            more = not connection.is_read
            await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def _start_listening(self) -> None:
        assert self._connection is not None
        self._listening = asyncio.create_task(self._listen(self._connection))

    async def _listen(self, connection: Connection) -> None:
        """Passes on the rest of the body, then waits for the client to leave. It may do that at any time."""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._leave()
                return
            if not self._is_sending:
                continue
            self._is_sending = message.get("more_body", False)
            try:
                data = self._framed(message.get("body", b""))
            except Refusal as refusal:
                self._is_sending = True
                connection.abort(refusal)
                return
            if not connection.is_lost:
                await connection.write(data)

    def _framed(self, body: bytes) -> bytes:
        """Raises a `Refusal` where the body is not as long as announced: the rest would be a new request."""
        self._sent += len(body)
        if self._framing.is_chunked:
            chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
            return chunk if self._is_sending else chunk + b"0\r\n\r\n"
        length = self._framing.length or 0
        if self._sent > length or not self._is_sending and self._sent < length:
            raise bad_request("The body is not as long as its head says.")
        return body

    def _leave(self) -> None:
        self._is_left = True
        if self._connection is not None:
            self._connection.abort()

    def _release(self, server: Server) -> None:
        connection = self._connection
        if connection is None:
            return
        if connection.is_read and not self._is_sending and not self._is_early:
            server.pool.give_back(connection)
        else:
            connection.abort()

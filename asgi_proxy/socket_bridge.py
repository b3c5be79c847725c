"""One WebSocket: the client's, which is ASGI messages, and the server's, which is frames."""

from __future__ import annotations

import asyncio
import base64
import collections
import hashlib
import os
from typing import Any, cast

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, OPEN, Protocol

from .asgi import Headers, Receive, Refusal, Scope, Send, bad_answer
from .connection import Connection
from .heads import HANDSHAKE, answer_headers, request_head
from .server import Server
from .wire import Wire

# Modal's own limit.
MESSAGE_BYTES_MAX = 2 * 1024 * 1024
# Of messages that the client has not taken. The server is not read any more until it does.
HELD_BYTES_MAX = 64 * 1024
# How long the server may take to answer that its socket is closed.
CLOSE_SECONDS_MAX = 2.0

NORMAL, NO_CODE, LOST, NOT_UTF8, POLICY, TOO_LARGE, FAILED, LATER = (
    1000,
    1005,
    1006,
    1007,
    1008,
    1009,
    1011,
    1013,
)
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


class SocketBridge:
    """Passes messages both ways, and how the socket ends: by which side, with which code and reason."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, scheme: str | None) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._scheme = scheme
        self._connection: Connection | None = None
        self._socket: ServerSocket | None = None
        self._is_left = False

    async def run(self, server: Server) -> None:
        """Raises a `Refusal` where the server gives no answer."""
        # `websocket.connect`, which says nothing.
        await self._receive()
        key = base64.b64encode(os.urandom(16))
        head = request_head(self._scope, self._scheme, self._handshake(key))
        self._connection = connection = await server.connect()
        connection.begin(head, is_head=False)
        listening = asyncio.create_task(self._listen(connection))
        try:
            await connection.wait_for_head()
            if connection.status == 101:
                await self._open(connection, key)
            else:
                await self._pass_refusal(connection)
        except OSError:
            # What `send` may raise when the client has left.
            self._leave(connection, LOST, "")
        finally:
            listening.cancel()
            if self._socket is not None:
                await self._socket.wait_for_end()
            connection.transport.abort()

    async def refuse(self, refusal: Refusal) -> None:
        """Answers in the server's place, if there is still somebody to answer."""
        if self._is_left or self._socket is not None:
            return
        await self._start_refusal(refusal.status, refusal.headers)
        await self._continue_refusal(refusal.body, more=False)

    def _handshake(self, key: bytes) -> list[bytes]:
        lines = [
            b"connection: Upgrade",
            b"upgrade: websocket",
            b"sec-websocket-version: 13",
            b"sec-websocket-key: " + key,
        ]
        if self._offered:
            lines.append(b"sec-websocket-protocol: " + ", ".join(self._offered).encode("latin-1"))
        return lines

    @property
    def _offered(self) -> list[str]:
        return list(self._scope.get("subprotocols") or [])

    async def _open(self, connection: Connection, key: bytes) -> None:
        subprotocol = self._agreed(connection.headers, key)
        self._socket = socket = ServerSocket(connection)
        headers = [pair for pair in answer_headers(101, connection.headers) if pair[0] not in HANDSHAKE]
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": headers})
        while (message := await socket.read()) is not None:
            kind = "text" if isinstance(message, str) else "bytes"
            await self._send({"type": "websocket.send", kind: message})
        if not self._is_left:
            code, reason = socket.ending
            await self._send({"type": "websocket.close", "code": code, "reason": reason})

    def _agreed(self, headers: Headers, key: bytes) -> str | None:
        """The subprotocol. Raises a `Refusal` where the server has not agreed to what it was asked."""
        answer = dict(headers)
        accepted = base64.b64encode(hashlib.sha1(key + GUID).digest())
        subprotocol = answer.get(b"sec-websocket-protocol", b"").decode("latin-1") or None
        is_offered = subprotocol is None or subprotocol in self._offered
        has_extensions = b"sec-websocket-extensions" in answer
        if answer.get(b"sec-websocket-accept") != accepted or not is_offered or has_extensions:
            raise bad_answer("The server has not agreed to the WebSocket that it was asked for.")
        return subprotocol

    async def _listen(self, connection: Connection) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                # Without a code nobody has closed it: the client is just gone.
                self._leave(connection, message.get("code") or LOST, message.get("reason") or "")
                return
            if self._socket is not None:
                await self._socket.send(message)

    def _leave(self, connection: Connection, code: int, reason: str) -> None:
        self._is_left = True
        if self._socket is None:
            connection.abort()
        elif code == LOST:
            self._socket.abort()
        else:
            self._socket.end(code, reason)

    async def _pass_refusal(self, connection: Connection) -> None:
        """What the server says instead of opening a socket: it has a status, headers and a problem."""
        await self._start_refusal(connection.status, answer_headers(connection.status, connection.headers))
        more = True
        while more:
            body = await connection.read()
            more = not connection.is_read
            await self._continue_refusal(body, more=more)

    async def _start_refusal(self, status: int, headers: Headers) -> None:
        if self._can_say_status:
            await self._send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        else:
            code = LATER if status == 429 or status >= 500 else POLICY
            await self._send({"type": "websocket.close", "code": code, "reason": f"HTTP status {status}"})

    async def _continue_refusal(self, body: bytes, *, more: bool) -> None:
        if self._can_say_status:
            await self._send({"type": "websocket.http.response.body", "body": body, "more_body": more})

    @property
    def _can_say_status(self) -> bool:
        return "websocket.http.response" in (self._scope.get("extensions") or {})


class ServerSocket(Wire):
    """The server's side. It takes the connection over after the handshake. No extension is ever agreed on."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.buffer)
        self.ending: tuple[int, str] = (FAILED, "The server is gone.")
        self._frames = Protocol(CLIENT, state=OPEN, max_size=MESSAGE_BYTES_MAX)
        self._parts: list[bytes] = []
        self._is_text = False
        self._messages: collections.deque[str | bytes] = collections.deque()
        self._held_bytes = 0
        self._is_over = False
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._transport = connection.transport
        if connection.is_lost:
            self.connection_lost(None)
            return
        self._transport.set_protocol(self)
        self._take_data(connection.after_upgrade)
        self._transport.resume_reading()

    async def read(self) -> str | bytes | None:
        """The next message; None at the end, of which `ending` tells."""
        while not self._messages:
            if self._is_over:
                return None
            await self._wait()
        message = self._messages.popleft()
        self._held_bytes -= len(message)
        if self._held_bytes <= HELD_BYTES_MAX and not self._lost.done():
            self._transport.resume_reading()
        return message

    async def send(self, message: Any) -> None:
        """Returns when the server has taken most of it, or will take no more."""
        if self._is_over or self._frames.state is not OPEN:
            return
        text, data = message.get("text"), message.get("bytes")
        payload = cast(bytes, data) if text is None else text.encode()
        if len(payload) > MESSAGE_BYTES_MAX:
            self._fail(TOO_LARGE, f"A message may have up to {MESSAGE_BYTES_MAX} bytes.")
            return
        if text is None:
            self._frames.send_binary(payload)
        else:
            self._frames.send_text(payload)
        self._flush()
        await self._wait_for_room()

    def end(self, code: int, reason: str) -> None:
        """Closes it the way the client did."""
        if self._frames.state is OPEN:
            try:
                self._frames.send_close(None if code == NO_CODE else code, "" if code == NO_CODE else reason)
            except ProtocolError:
                # Not all that an ASGI server calls a code may be sent.
                self._frames.send_close()
        self._flush()
        self._finish()

    def abort(self) -> None:
        self._transport.abort()
        self._finish()

    async def wait_for_end(self) -> None:
        """The server closes the connection (RFC 6455, section 7.1.1), if it does so in time."""
        if self._frames.state is OPEN:
            return
        if not self._lost.done():
            self._transport.resume_reading()
        await asyncio.wait([self._lost], timeout=CLOSE_SECONDS_MAX)

    def _fail(self, code: int, reason: str) -> None:
        """Ends both sides."""
        self.ending = (code, reason)
        self.end(code, reason)

    def _finish(self) -> None:
        self._is_over = True
        self._wake()

    def _flush(self) -> None:
        for data in self._frames.data_to_send():
            if data and not self._lost.done():
                self._transport.write(data)

    def buffer_updated(self, size: int) -> None:
        self._take_data(bytes(self.buffer[:size]))

    def _take_data(self, data: bytes) -> None:
        self._frames.receive_data(data)
        for frame in self._frames.events_received():
            if not self._is_over:
                self._take(cast(Frame, frame))
        self._flush()
        if self._frames.parser_exc is not None and not self._is_over:
            sent = self._frames.close_sent
            self.ending = (FAILED if sent is None else sent.code, "The server's frames cannot be passed on.")
            self._finish()
        if self._held_bytes > HELD_BYTES_MAX:
            self._transport.pause_reading()
        self._wake()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            received = self._frames.close_rcvd
            assert received is not None
            # ASGI has no way to close without a code.
            code = NORMAL if received.code == NO_CODE else received.code
            self.ending = (code, received.reason)
            self._finish()
            return
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if frame.fin:
            whole = b"".join(self._parts)
            self._parts.clear()
            self._hold(whole)

    def _hold(self, whole: bytes) -> None:
        try:
            message = whole.decode() if self._is_text else whole
        except UnicodeDecodeError:
            self._fail(NOT_UTF8, "The server has sent what is no text.")
            return
        self._messages.append(message)
        self._held_bytes += len(message)

    def connection_lost(self, error: Exception | None) -> None:
        self.resume_writing()
        if not self._lost.done():
            self._lost.set_result(None)
        self._finish()

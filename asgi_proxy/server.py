"""The server behind the proxy: starting, there, or gone."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Callable
from typing import Any

from .asgi import Refusal, gone, overloaded, say
from .child import HOST, Child
from .connection import Connection, Pool

PROBE_SECONDS_MAX = 2.0
PROBE_PAUSE_SECONDS = 0.01


class StartError(Exception):
    """The server did not become ready."""


class Server:
    """Starts the child once and knows whether it can be asked. A lost one stays lost."""

    def __init__(
        self,
        child: Child,
        *,
        ready_path: str,
        start_timeout: float,
        on_lost: Callable[[], Any] | None,
    ) -> None:
        self.pool = Pool(HOST, child.port)
        self._child = child
        self._ready_path = ready_path
        self._start_timeout = start_timeout
        self._on_lost = on_lost
        self._starting: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._is_ready = False
        self._is_lost = False
        self._is_closing = False

    async def start(self) -> None:
        """Returns when the server answers; every caller waits for the same start. Raises `StartError`."""
        if self._is_ready:
            return
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        # The others still want what one of them does not wait for any more.
        await asyncio.shield(self._starting)

    async def wait_until_ready(self) -> None:
        """Raises a `Refusal` when the server does not come or is gone."""
        if not self._is_ready and not self._is_lost:
            try:
                await self.start()
            except StartError:
                raise overloaded("This server could not start. Please try again in a moment.") from None
        if self._is_lost:
            raise gone()

    async def connect(self) -> Connection:
        """A new connection. Raises a `Refusal` where there can be none."""
        try:
            return await self.pool.connect()
        except ConnectionRefusedError:
            # It may run for a while, with what it has begun; but it takes nothing new, and never will again.
            self._lose("The server takes no connections any more.")
            raise gone() from None
        except OSError as error:
            say(f"no connection to the server: {error!r}")
            raise overloaded("This server is too busy. Please try again in a moment.") from None

    async def close(self) -> None:
        self._is_closing = True
        self.pool.close()
        await self._child.stop()

    async def _start(self) -> None:
        try:
            exited = self._child.start()
            await self._probe(exited)
        except (OSError, StartError) as error:
            self._lose(f"The server does not start: {error}.")
            await self._child.stop()
            raise StartError(str(error)) from error
        self._is_ready = True
        # What is here now stays. Looked at in each full collection, it costs a tenth of all requests.
        gc.freeze()
        exited.add_done_callback(lambda code: self._lose(f"The server has ended with {code.result()}."))

    async def _probe(self, exited: asyncio.Future[int]) -> None:
        try:
            async with asyncio.timeout(self._start_timeout):
                while not await self._is_alive():
                    if exited.done():
                        raise StartError(f"it ended with {exited.result()}")
                    await asyncio.sleep(PROBE_PAUSE_SECONDS)
        except TimeoutError:
            raise StartError(f"it was not ready within {self._start_timeout:g} s") from None

    async def _is_alive(self) -> bool:
        try:
            connection = await self.pool.connect()
        except OSError:
            return False
        request = f"GET {self._ready_path} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n"
        try:
            async with asyncio.timeout(PROBE_SECONDS_MAX):
                connection.begin(request.encode("ascii"), is_head=False)
                await connection.wait_for_head()
                return connection.status == 200
        except (TimeoutError, Refusal):
            return False
        finally:
            connection.abort()

    def _lose(self, reason: str) -> None:
        if self._is_lost or self._is_closing:
            return
        self._is_lost = True
        say(f"{reason} Its last lines:{self._child.tail or ' none'}")
        self.pool.close()
        if self._on_lost is not None:
            self._telling = asyncio.create_task(self._tell(self._on_lost))

    async def _tell(self, on_lost: Callable[[], Any]) -> None:
        try:
            result = on_lost()
            if inspect.isawaitable(result):
                await result
        except Exception as error:  # noqa: BLE001 - Whatever it raises is no reason to raise here.
            say(f"on_upstream_lost failed: {error!r}")

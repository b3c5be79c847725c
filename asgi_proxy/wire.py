"""What the two ways to speak over a connection have in common: requests and answers, and frames."""

from __future__ import annotations

import asyncio


class Wire(asyncio.BufferedProtocol):
    """Reads into a buffer that is there already; one task may wait for what comes, one for room to write.

    A transport that makes a new object for each read makes one of 256 KiB, which costs more than all else
    that is done with a small piece of a stream.
    """

    def __init__(self, buffer: memoryview) -> None:
        self.buffer = buffer
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    async def _wait_for_room(self) -> None:
        """Returns when the server has taken most of what was written, or will take no more."""
        if self._drained is not None:
            await self._drained

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

"""The server's process: started once, watched, and never left behind."""

from __future__ import annotations

import asyncio
import atexit
import collections
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO

from .asgi import say

HOST = "127.0.0.1"
LINE_BYTES_MAX = 64 * 1024
TAIL_LINES_MAX = 20
# How long output is waited for that the process has left in its pipes.
REST_SECONDS_MAX = 1.0


class Child:
    """One process in a session of its own, which listens where it is told and trusts what we say of who asks.

    Its output goes to ours line by line. Invariant: when it has ended, so has its whole process group.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        cwd: str | None,
        port: int | None,
        grace: float,
    ) -> None:
        self.port = port or free_port()
        self._command = list(command)
        self._env = {**env, "HOST": HOST, "PORT": str(self.port), "MAYA_TRUSTED_PROXIES": HOST}
        self._cwd = cwd
        self._grace = grace
        self._process: subprocess.Popen[bytes] | None = None
        self._exited: asyncio.Future[int] | None = None
        self._tail: collections.deque[str] = collections.deque(maxlen=TAIL_LINES_MAX)

    @property
    def tail(self) -> str:
        """The last lines that it said, for a message."""
        return "".join(f"\n  {line}" for line in self._tail)

    def start(self) -> asyncio.Future[int]:
        """Resolves with the exit code. Threads read and wait: a full log never holds up the event loop."""
        loop = asyncio.get_running_loop()
        self._exited = loop.create_future()
        self._process = process = subprocess.Popen(
            [*tied_to_us(), *self._command],
            env=self._env,
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        atexit.register(self._kill)
        relays = [
            threading.Thread(target=self._relay, args=pipe, daemon=True)
            for pipe in ((process.stdout, "stdout"), (process.stderr, "stderr"))
        ]
        for relay in relays:
            relay.start()
        threading.Thread(target=self._watch, args=(process, relays, loop), daemon=True).start()
        return self._exited

    async def stop(self) -> None:
        """Asks it to end, gives it its grace, then ends it."""
        process, exited = self._process, self._exited
        if process is None or exited is None:
            return
        process.terminate()
        try:
            await asyncio.wait([exited], timeout=self._grace)
        finally:
            if not exited.done():
                say(f"the server has not ended within {self._grace:g} s and is killed")
                process.kill()
        await exited

    def _kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            kill_group(self._process.pid)

    def _relay(self, pipe: IO[bytes], name: str) -> None:
        for line in iter(lambda: pipe.readline(LINE_BYTES_MAX), b""):
            text = line.decode(errors="replace")
            self._tail.append(text.rstrip("\n"))
            # Whatever becomes of our own output: a server whose pipe is not read stands still.
            with contextlib.suppress(OSError, ValueError):
                out = getattr(sys, name)
                out.write(text)
                out.flush()
        pipe.close()

    def _watch(
        self,
        process: subprocess.Popen[bytes],
        relays: Sequence[threading.Thread],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        # Until it is reaped no other process can have its number, so the group that is killed is its own.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        kill_group(process.pid)
        code = process.wait()
        atexit.unregister(self._kill)
        for relay in relays:
            relay.join(REST_SECONDS_MAX)
        # With the loop closed nobody wants to know.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._resolve, code)

    def _resolve(self, code: int) -> None:
        if self._exited is not None and not self._exited.done():
            self._exited.set_result(code)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def tied_to_us() -> list[str]:
    """What makes the kernel kill the command when the thread that starts it ends, which is the event loop's.

    So it goes with us also when we are killed and can do nothing any more. Debian has this program in every
    image; it becomes the command. Doing the same between fork and exec would run Python where locks of other
    threads are taken.
    """
    setpriv = shutil.which("setpriv")
    return [] if setpriv is None else [setpriv, "--pdeathsig", "KILL", "--"]

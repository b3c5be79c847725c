"""Real ASGI servers in processes of their own, with the proxy in them and a server behind it."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PATIENCE = 30.0
sys.path.insert(0, str(ROOT))
ASGI_SERVERS = {
    "uvicorn": [
        "-m",
        "uvicorn",
        "proxy_app:app",
        "--port",
        "0",
        "--no-access-log",
        "--no-proxy-headers",
        "--timeout-graceful-shutdown",
        "1",
    ],
    "hypercorn": [
        "-m",
        "hypercorn",
        "proxy_app:app",
        "--bind",
        "127.0.0.1:0",
        "--workers",
        "0",
        "--graceful-timeout",
        "1",
    ],
}


class Site:
    """One ASGI server with the proxy in it."""

    def __init__(self, server: str, settings: dict[str, Any], *arguments: str) -> None:
        env = {**os.environ, "PROXY_SETTINGS": json.dumps(settings), "PYTHONUNBUFFERED": "1"}
        self.name = server
        self.lines: list[str] = []
        self._new: queue.Queue[str | None] = queue.Queue()
        self._may_read = threading.Event()
        self._may_read.set()
        self.process = subprocess.Popen(
            [sys.executable, *ASGI_SERVERS[server], *arguments],
            cwd=HERE,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._may_read.wait(PATIENCE)
            self._new.put(line.rstrip("\n"))
        self._new.put(None)

    def pause_reading(self) -> None:
        self._may_read.clear()

    def resume_reading(self) -> None:
        self._may_read.set()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first line of its output that matches, said already or still to come."""
        deadline = time.monotonic() + PATIENCE
        seen = 0
        while True:
            for line in self.lines[seen:]:
                if match := re.search(pattern, line):
                    return match
            seen = len(self.lines)
            if not self._take(max(0.0, deadline - time.monotonic())):
                raise AssertionError(f"no {pattern!r} in:\n" + "\n".join(self.lines))

    def _take(self, seconds: float) -> bool:
        """Whether there was another line, in time and before the end."""
        try:
            line = self._new.get(timeout=seconds)
        except queue.Empty:
            return False
        if line is None:
            self._new.put(None)
            return False
        self.lines.append(line)
        return True

    @property
    def output(self) -> str:
        """All of it, when the process has ended."""
        while self._take(PATIENCE):
            pass
        return "\n".join(self.lines)

    @property
    def port(self) -> int:
        return int(self.wait_for(r"[Rr]unning on http://127\.0\.0\.1:(\d+)")[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False)

    def event(self, name: str) -> str:
        """What the raw upstream saw, waited for; empty when it did not come."""
        with self.client() as client:
            return client.get("/events", params={"wait": name}).text

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def raw_settings(mode: str = "", **more: Any) -> dict[str, Any]:
    command = [sys.executable, str(HERE / "raw_upstream.py"), *([mode] if mode else [])]
    return {"command": command, "env": {"PYTHONUNBUFFERED": "1"}, "grace": 5.0, **more}


Start = Callable[..., Site]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts sites that a test has for itself."""
    sites: list[Site] = []

    def start_site(server: str, settings: dict[str, Any], *arguments: str) -> Site:
        site = Site(server, settings, *arguments)
        sites.append(site)
        return site

    yield start_site
    for site in sites:
        site.close()


@pytest.fixture(scope="session", params=list(ASGI_SERVERS))
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def raw(server: str) -> Iterator[Site]:
    """A site before the server that misbehaves. Shared: no request to it may harm another."""
    site = Site(server, raw_settings(scheme="https"))
    yield site
    site.close()


@pytest.fixture(scope="session")
def sockets(server: str) -> Iterator[Site]:
    site = Site(server, raw_settings("sockets", scheme="wss"))
    yield site
    site.close()


def maya_settings(directory: Path, more: dict[str, str]) -> dict[str, Any]:
    """The real server, with its data in a directory of its own and nobody to slow it down."""
    env = {
        "MAYA_STORE_URL": "memory:",
        "MAYA_SESSION_RATE_LIMIT": "0",
        "MAYA_BURST_LIMIT": "0",
        "MAYA_APP_RATE_LIMIT": "0",
        "MAYA_EVENT_LOOP_DELAY_MS": "0",
        "MAYA_SHUTDOWN_SECONDS": "1",
        # As in the image: every start but the first takes half as long.
        "NODE_COMPILE_CACHE": str(ROOT / ".cache" / "compile"),
        **more,
    }
    command = [node(), str(ROOT / "src" / "main.ts")]
    return {"command": command, "env": env, "cwd": str(directory), "scheme": "https"}


def node() -> str:
    return str(ROOT / "node_modules" / ".bin" / "node")

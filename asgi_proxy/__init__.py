"""An ASGI application that starts a server as its child and passes everything on to it: HTTP and WebSockets.

Modal runs ASGI applications, and this server is Node. Answers are parsed by httptools and frames by
websockets, on plain asyncio transports: a client library for HTTP costs more than twice as much, and a stream
of events is nothing but this work. The server listens on loopback TCP and not on a Unix socket, because only
a peer with an address can be a trusted proxy, and without trust there are no Secure cookies and no addresses
of guests.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .asgi import App
from .child import Child
from .proxy import Proxy
from .server import Server

__all__ = ["create_app"]


def create_app(
    command: Sequence[str],
    env: Mapping[str, str] | None = None,
    *,
    cwd: str | None = None,
    port: int | None = None,
    ready_path: str = "/livez",
    start_timeout: float = 60.0,
    grace: float = 28.0,
    scheme: str | None = None,
    requests_max: int = 1000,
    on_upstream_lost: Callable[[], Any] | None = None,
) -> App:
    """Makes the application. Nothing runs before its lifespan or, without one, its first request begins.

    `env` is added to this process's own environment. Without a `port` the server gets a free one. It is
    waited for until `ready_path` answers 200, for `start_timeout` seconds at most; at the end it has `grace`
    seconds from SIGTERM to SIGKILL. `scheme` is what guests use where the platform ends TLS without saying so
    in the scope. `on_upstream_lost`, a function or a coroutine function, is called once when the server is
    gone for good.
    """
    child = Child(command, {**os.environ, **(env or {})}, cwd=cwd, port=port, grace=grace)
    server = Server(child, ready_path=ready_path, start_timeout=start_timeout, on_lost=on_upstream_lost)
    return Proxy(server, scheme=scheme, requests_max=requests_max)

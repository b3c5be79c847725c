"""The ASGI application: its lifespan, and who passes on which kind of request."""

from __future__ import annotations

from .asgi import Receive, Refusal, Scope, Send, overloaded
from .exchange import Exchange
from .server import Server, StartError
from .socket_bridge import SocketBridge


class Proxy:
    """Passes on what comes, as long as there is room and the server is there."""

    def __init__(self, server: Server, *, scheme: str | None, requests_max: int) -> None:
        self._server = server
        self._scheme = scheme
        self._requests_max = requests_max
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "lifespan":
                await self._live(receive, send)
            case "http":
                await self._pass_on(Exchange(scope, receive, send, scheme=self._scheme))
            case "websocket":
                await self._pass_on(SocketBridge(scope, receive, send, scheme=self._scheme))
            case unknown:
                raise ValueError(f"the proxy knows nothing of {unknown}")

    async def _pass_on(self, exchange: Exchange | SocketBridge) -> None:
        self._requests += 1
        try:
            if self._requests > self._requests_max:
                raise overloaded("This server has as many requests as it can take. Try again in a moment.")
            await self._server.wait_until_ready()
            await exchange.run(self._server)
        except Refusal as refusal:
            await exchange.refuse(refusal)
        finally:
            self._requests -= 1

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._server.start()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        except StartError as error:
            await send({"type": "lifespan.startup.failed", "message": f"The server does not start: {error}"})
            return
        finally:
            await self._server.close()
        await send({"type": "lifespan.shutdown.complete"})

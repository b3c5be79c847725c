"""The proxy that one finds in most answers to the question: Starlette's streaming response around httpx."""

import contextlib

import httpx
from proxy_serving import UPSTREAM_URL, serve
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse
from starlette.routing import Route

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}

client: httpx.AsyncClient


@contextlib.asynccontextmanager
async def live(app):
    global client
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=256)
    async with httpx.AsyncClient(base_url=UPSTREAM_URL, limits=limits, timeout=None) as client:
        yield


async def pass_on(request):
    headers = [pair for pair in request.headers.items() if pair[0] not in HOP_BY_HOP]
    headers.append(("x-forwarded-for", request.client.host))
    target = request.url.path + ("?" + request.url.query if request.url.query else "")
    asked = client.build_request(request.method, target, headers=headers, content=await request.body())
    answer = await client.send(asked, stream=True)
    headers = {name: value for name, value in answer.headers.items() if name not in HOP_BY_HOP}
    return StreamingResponse(
        answer.aiter_raw(), answer.status_code, headers, background=BackgroundTask(answer.aclose)
    )


app = Starlette(routes=[Route("/{path:path}", pass_on, methods=["GET", "POST"])], lifespan=live)

if __name__ == "__main__":
    serve(app)

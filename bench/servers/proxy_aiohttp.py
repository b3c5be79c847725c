"""A plain ASGI application that passes requests on with aiohttp."""

import aiohttp
from proxy_serving import UPSTREAM_URL, serve

HOP_BY_HOP = {b"connection", b"keep-alive", b"transfer-encoding", b"te", b"trailer", b"upgrade"}

client: aiohttp.ClientSession


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await live(receive, send)
    elif scope["type"] == "http":
        await pass_on(scope, receive, send)


async def live(receive, send):
    global client
    await receive()
    client = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await client.close()
    await send({"type": "lifespan.shutdown.complete"})


async def pass_on(scope, receive, send):
    target = scope["raw_path"].decode() + (
        "?" + scope["query_string"].decode() if scope["query_string"] else ""
    )
    headers = [(name.decode(), value.decode()) for name, value in scope["headers"] if name not in HOP_BY_HOP]
    headers.append(("x-forwarded-for", scope["client"][0]))
    body = await read_body(receive)
    async with client.request(
        scope["method"], UPSTREAM_URL + target, headers=headers, data=body or None, allow_redirects=False
    ) as answer:
        headers = [pair for pair in answer.raw_headers if pair[0].lower() not in HOP_BY_HOP]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        async for data in answer.content.iter_any():
            await send({"type": "http.response.body", "body": data, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def read_body(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


if __name__ == "__main__":
    serve(app)

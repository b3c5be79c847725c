"""No proxy: what the ASGI server itself costs, with one answer that is always the same for each path."""

import urllib.request

from proxy_serving import UPSTREAM_URL, serve

TURN = "/api/v1/chat/stream"
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


def learn(path, body):
    request = urllib.request.Request(UPSTREAM_URL + path, body)
    with urllib.request.urlopen(request) as answer:
        headers = [
            (name.lower().encode(), value.encode())
            for name, value in answer.getheaders()
            if name.lower() not in HOP_BY_HOP
        ]
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        return start, {"type": "http.response.body", "body": answer.read()}


ANSWERS = {"/api/v1/menu": learn("/api/v1/menu", None), TURN: learn(TURN, b'{"user_input":"60 none"}')}


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await receive()
    for message in ANSWERS[scope["path"]]:
        await send(message)


if __name__ == "__main__":
    serve(app)

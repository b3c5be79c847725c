"""A plain ASGI application on uvicorn (uvloop, httptools) that asks the model through aiohttp."""

import json
import os

import aiohttp
import uvicorn

MODEL = "gemini-3.5-flash-lite"
MODEL_CALLS_MAX = 8
URL = f"{os.environ['GEMINI_BASE_URL']}/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
INSTRUCTIONS = "You are Maya, a bartender. Be brief."
BAR_TOOL = {
    "name": "add_to_order",
    "description": "Put drinks of one kind on the tab. Only when the guest orders them now.",
    "parametersJsonSchema": {
        "type": "object",
        "properties": {"item_name": {"type": "string"}, "quantity": {"type": "integer"}},
        "required": ["item_name", "quantity"],
    },
}
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]

client: aiohttp.ClientSession


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await live(receive, send)
    elif scope["type"] == "http":
        await run_turn(json.loads(await read_body(receive))["user_input"], send)


async def live(receive, send):
    global client
    await receive()
    # As many connections as there are turns, and answers of any length, as the others allow.
    connector = aiohttp.TCPConnector(limit=0)
    client = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await client.close()
    await send({"type": "lifespan.shutdown.complete"})


async def read_body(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


async def run_turn(user_input, send):
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    contents = [{"role": "user", "parts": [{"text": user_input}]}]
    for _ in range(MODEL_CALLS_MAX):
        parts = await read_reply(contents, send)
        results = [result_of(part["functionCall"]) for part in parts if "functionCall" in part]
        if not results:
            break
        contents += [{"role": "model", "parts": parts}, {"role": "user", "parts": results}]
    await write_event(send, {"type": "complete"})
    await send({"type": "http.response.body", "body": b""})


def result_of(call):
    output = {"ok": True, "added": call["args"]}
    return {"functionResponse": {"id": call["id"], "name": call["name"], "response": {"output": output}}}


async def read_reply(contents, send):
    parts = []
    body = {
        "contents": contents,
        "systemInstruction": {"parts": [{"text": INSTRUCTIONS}]},
        "tools": [{"functionDeclarations": [BAR_TOOL]}],
    }
    async with client.post(URL, json=body, headers={"x-goog-api-key": "bench"}) as response:
        response.raise_for_status()
        async for line in response.content:
            if not line.startswith(b"data:"):
                continue
            for candidate in json.loads(line[5:]).get("candidates", [])[:1]:
                for part in candidate.get("content", {}).get("parts", []):
                    parts.append(part)
                    if part.get("text"):
                        await write_event(send, {"type": "text_chunk", "content": part["text"]})
    return parts


async def write_event(send, data):
    text = json.dumps(data, separators=(",", ":"))
    await send({"type": "http.response.body", "body": f"data: {text}\n\n".encode(), "more_body": True})


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        backlog=4096,
        access_log=False,
        log_level="warning",
    )

"""Runs the ASGI applications of the bench of proxies, all in the same way."""

import os

import uvicorn

UPSTREAM_URL = os.environ["UPSTREAM_URL"]


def serve(app):
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        loop=os.environ["EVENT_LOOP"],
        http="httptools",
        lifespan="on",
        backlog=4096,
        access_log=False,
        log_level="warning",
    )

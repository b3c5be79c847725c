"""The app of deploy.py as the real client makes it, and its web function run here with the real server."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import modal
import pytest
from deploy_support import NODE_FOLDER, ROOT, run

import deploy

SECONDS = 30


def test_importing_needs_no_account_and_works_with_any_settings(tmp_path: Path) -> None:
    script = (
        "import deploy; print(deploy.app.name, type(deploy.web).__name__, deploy.plan.settings.memory_mb)"
    )
    for settings, printed in [
        ({}, "mayamcp Function 4096"),
        ({"MODAL_MEMORY_MB": "x"}, "mayamcp Function 4096"),
    ]:
        made = run(sys.executable, "-c", script, cwd=tmp_path, PYTHONPATH=str(ROOT), **settings)
        assert (made.returncode, made.stdout.strip(), made.stderr) == (0, printed, "")


def test_importing_needs_nothing_but_modal(tmp_path: Path) -> None:
    absent = "import sys; sys.modules.update(httptools=None, websockets=None)"
    script = f"{absent}; import deploy; print(deploy.app.name)"
    made = run(sys.executable, "-c", script, cwd=tmp_path, PYTHONPATH=str(ROOT), MAYA_APP_NAME="green")
    assert (made.returncode, made.stdout.strip()) == (0, "green")


def test_the_web_function_is_modals_and_has_no_arguments() -> None:
    assert isinstance(deploy.web, modal.Function)
    assert isinstance(deploy.app, modal.App)


def test_the_web_function_runs_here_with_the_real_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", f"{NODE_FOLDER}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MAYA_STORE_URL", f"sqlite:{tmp_path}/maya.db")
    monkeypatch.setenv("MAYA_LLM_PROVIDER", "house")
    app = deploy.web.local()

    async def visit() -> None:
        async with lifespan(app):
            (server,) = children()
            command = Path(f"/proc/{server}/cmdline").read_bytes().split(b"\0")
            assert b"--max-old-space-size=%d" % deploy.plan.heap_mb in command
            assert os.readlink(f"/proc/{server}/cwd") == str(ROOT)
            assert (await get(app, "/livez"))[0] == 200
            metrics = (await get(app, "/metrics"))[1].decode()
            assert f"maya_config_memory_mb {deploy.plan.settings.memory_mb}" in metrics
        assert children() == []

    asyncio.run(asyncio.wait_for(visit(), SECONDS))


def test_a_server_that_does_not_start_is_given_up_before_modal_kills_the_container(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho waiting for nothing\nexec sleep 60\n")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    hasty = replace(deploy.plan, settings=replace(deploy.plan.settings, startup_seconds=6))
    monkeypatch.setattr(deploy, "plan", hasty)
    app = deploy.web.local()

    async def start() -> dict[str, Any]:
        to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        await to_app.put({"type": "lifespan.startup"})
        await app({"type": "lifespan", "state": {}}, to_app.get, from_app.put)
        return await from_app.get()

    answer = asyncio.run(asyncio.wait_for(start(), SECONDS))
    assert answer["type"] == "lifespan.startup.failed"
    assert "not ready within 1 s" in answer["message"]


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Runs an ASGI application's start before what is inside, and its end after it."""
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    running = asyncio.create_task(app({"type": "lifespan", "state": {}}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert await from_app.get() == {"type": "lifespan.startup.complete"}
    try:
        yield
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        assert await from_app.get() == {"type": "lifespan.shutdown.complete"}
        await running


async def get(app: Any, path: str) -> tuple[int, bytes]:
    messages: list[dict[str, Any]] = []
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    await incoming.put({"type": "http.request", "body": b"", "more_body": False})

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 4711),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, incoming.get, send)
    return messages[0]["status"], b"".join(message.get("body", b"") for message in messages)


def children() -> list[int]:
    """The processes that this one has started and that still run. A zombie has no command any more."""
    found = [
        int(pid) for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()
    ]
    return [pid for pid in found if b"main.ts" in Path(f"/proc/{pid}/cmdline").read_bytes()]

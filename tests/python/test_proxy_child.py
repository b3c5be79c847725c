"""The server as the proxy's child: how it starts, what is said of its end, that it never stays behind."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
import uuid
from pathlib import Path

import httpx
import pytest
from conftest import HERE, PATIENCE, Site, Start, raw_settings


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def child_of(site: Site) -> int:
    assert site.port
    (pid,) = children(site.process.pid)
    return pid


class Watched:
    """A process that is nobody's child here."""

    def __init__(self, pid: int) -> None:
        self._handle = os.pidfd_open(pid)

    def is_gone(self, seconds: float = PATIENCE) -> bool:
        gone, _, _ = select.select([self._handle], [], [], seconds)
        return bool(gone)


class TestStart:
    def test_the_site_is_there_when_the_server_is(self, server: str, start: Start) -> None:
        site = start(server, raw_settings("late"))
        with site.client() as client:
            assert client.get("/repeated").text == "ok"

    def test_what_the_server_says_is_passed_on_line_by_line(self, server: str, start: Start) -> None:
        site = start(server, raw_settings())
        site.wait_for("^raw upstream is there$")
        site.wait_for("^and says so on stderr$")

    @pytest.mark.parametrize(
        ("command", "seconds", "reason"),
        [
            (["/there/is/no/such/program"], PATIENCE, "not start"),
            ([sys.executable, "-c", "print('I cannot'); raise SystemExit(78)"], PATIENCE, "ended with 78"),
            ([sys.executable, str(HERE / "raw_upstream.py"), "never-ready"], 0.3, "not ready within 0.3 s"),
        ],
    )
    def test_a_server_that_does_not_come_ends_the_site(
        self, server: str, start: Start, command: list[str], seconds: float, reason: str
    ) -> None:
        site = start(server, raw_settings(start_timeout=seconds) | {"command": command})
        site.wait_for(reason)
        site.wait_for("the hook was called")
        assert site.process.wait(PATIENCE) != 0
        assert "I cannot" in site.output or "-c" not in command

    def test_without_a_lifespan_the_first_requests_start_it_and_wait(self, start: Start) -> None:
        site = start("uvicorn", raw_settings("late"), "--lifespan", "off")
        found: list[str] = []

        def ask() -> None:
            with site.client() as client:
                found.append(client.get("/repeated").text)

        assert site.port
        assert children(site.process.pid) == []
        threads = [threading.Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert found == ["ok"] * 5
        assert len(children(site.process.pid)) == 1

    def test_a_request_does_not_wait_longer_than_the_start_may_take(self, start: Start) -> None:
        site = start("uvicorn", raw_settings("never-ready", start_timeout=0.3), "--lifespan", "off")
        with site.client() as client:
            first, second = client.get("/echo"), client.get("/echo")
        assert (first.status_code, first.json()["code"], first.headers["retry-after"]) == (
            503,
            "OVERLOADED",
            "1",
        )
        assert (second.status_code, second.json()["code"]) == (503, "DRAINING")
        site.wait_for("the hook was called")


class TestLoss:
    def test_requests_are_refused_the_last_lines_told_and_the_hook_called(
        self, server: str, start: Start
    ) -> None:
        site = start(server, raw_settings())
        with site.client() as client:
            lost = client.get("/die")
            assert (lost.status_code, lost.json()["code"], lost.headers["retry-after"]) == (
                502,
                "INTERRUPTED",
                "1",
            )
            site.wait_for("the hook was called")
            for _ in range(2):
                refused = client.get("/echo")
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
                assert refused.headers["content-type"].startswith("application/problem+json")
                assert refused.json() == {
                    "type": "about:blank",
                    "title": "Service Unavailable",
                    "status": 503,
                    "detail": "This server is closing. Please try again in a moment.",
                    "code": "DRAINING",
                }
        site.wait_for("The server has ended with 3. Its last lines:")
        site.wait_for("^  these are my last words$")
        site.close()
        assert site.output.count("the hook was called") == 1

    def test_a_stream_is_cut_off_at_once(self, server: str, start: Start) -> None:
        site = start(server, raw_settings())
        with site.client() as client, client.stream("GET", "/hold?id=x") as answer:
            pieces = answer.iter_raw()
            assert next(pieces) == b"ok"
            os.kill(child_of(site), signal.SIGKILL)
            with pytest.raises(httpx.RemoteProtocolError):
                next(pieces)
        site.wait_for("The server has ended with -9")

    def test_a_server_that_takes_no_connections_is_lost_though_it_runs(
        self, server: str, start: Start
    ) -> None:
        site = start(server, raw_settings())
        with site.client() as client:
            assert client.get("/stop-listening").text == "closed"
            refused = client.post("/echo", content=b"x")
        assert (refused.status_code, refused.json()["code"]) == (503, "DRAINING")
        site.wait_for("The server takes no connections any more.")
        site.wait_for("the hook was called")


class TestEnd:
    def test_the_server_is_asked_to_end_and_ends(self, server: str, start: Start) -> None:
        site = start(server, raw_settings())
        child = Watched(child_of(site))
        site.process.send_signal(signal.SIGTERM)
        site.process.wait(PATIENCE)
        assert child.is_gone()
        assert "is killed" not in site.output
        assert "the hook was called" not in site.output

    def test_a_server_that_does_not_listen_to_that_is_killed_after_its_grace(
        self, server: str, start: Start
    ) -> None:
        site = start(server, raw_settings("deaf", grace=0.5))
        child = Watched(child_of(site))
        began = time.monotonic()
        site.process.send_signal(signal.SIGTERM)
        site.process.wait(PATIENCE)
        assert time.monotonic() - began >= 0.5
        assert child.is_gone()
        assert "not yet" in site.output
        assert "has not ended within 0.5 s and is killed" in site.output

    def test_it_does_not_outlive_a_site_that_is_killed(self, server: str, start: Start) -> None:
        site = start(server, raw_settings("deaf"))
        child = Watched(child_of(site))
        site.process.kill()
        assert child.is_gone()

    def test_without_a_lifespan_it_ends_with_the_site(self, start: Start) -> None:
        site = start("uvicorn", raw_settings("deaf"), "--lifespan", "off")
        with site.client() as client:
            client.get("/repeated")
        child = Watched(child_of(site))
        site.process.send_signal(signal.SIGTERM)
        assert child.is_gone()

    def test_what_it_has_started_ends_with_it(self, server: str, start: Start, tmp_path: Path) -> None:
        note = tmp_path / "pid"
        raw = f"'{sys.executable}' '{HERE / 'raw_upstream.py'}'"
        script = f"sleep 1000 & echo $! > '{note}'; exec {raw}"
        site = start(server, raw_settings() | {"command": ["sh", "-c", script]})
        assert site.port
        grandchild = Watched(int(note.read_text()))
        with site.client() as client:
            client.get("/die")
        assert grandchild.is_gone()


def test_a_log_that_nobody_reads_holds_up_no_request(start: Start) -> None:
    site = start("uvicorn", raw_settings() | {"command": [sys.executable, str(HERE / "raw_upstream.py")]})
    url = site.url
    name = uuid.uuid4().hex
    site.pause_reading()
    with httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as client:
        # More than all pipes on the way hold.
        client.get(f"/chatter?id={name}&bytes=300000")
        assert client.get("/repeated").text == "ok"
    site.resume_reading()
    site.wait_for(f"the end of {name}")

"""WebSockets through the proxy."""

from __future__ import annotations

import socket
import uuid
from typing import Any
from urllib.parse import quote

import pytest
from conftest import PATIENCE, Site, Start, raw_settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

MEGABYTE = 1024 * 1024


def open_socket(site: Site, target: str, **options: Any) -> ClientConnection:
    url = f"ws://127.0.0.1:{site.port}{target}"
    opened: ClientConnection = connect(url, open_timeout=PATIENCE, max_size=None, proxy=None, **options)
    return opened


def ending_of(client: ClientConnection) -> tuple[int, str]:
    """How the other side closes it, when all that came before is read."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            client.recv(PATIENCE)
    received = closed.value.rcvd
    return (received.code, received.reason) if received else (1006, "")


def test_messages_pass_both_ways_as_what_they_are(sockets: Site) -> None:
    with open_socket(sockets, "/socket/echo") as client:
        for message in ("text: \N{HEAVY BLACK HEART}", b"\x00\xff bytes", "", b""):
            client.send(message)
            assert client.recv(PATIENCE) == message


def test_a_message_in_parts_arrives_as_one(sockets: Site) -> None:
    with open_socket(sockets, "/socket/parts") as client:
        assert client.recv(PATIENCE) == "one two three"


@pytest.mark.parametrize("size", [65536, 2 * MEGABYTE])
def test_messages_up_to_the_limit_pass_both_ways(sockets: Site, size: int) -> None:
    with open_socket(sockets, "/socket/echo") as client:
        client.send("x" * size)
        assert client.recv(PATIENCE) == "x" * size


def test_a_larger_message_of_a_client_closes_both_sides(sockets: Site) -> None:
    name = uuid.uuid4().hex
    with open_socket(sockets, f"/socket/echo?id={name}") as client:
        client.send(b"x" * (2 * MEGABYTE + 1))
        assert ending_of(client)[0] == 1009
    assert sockets.event(f"socket-ended-{name}").startswith(f"socket-ended-{name}-1009")


def test_a_larger_message_of_the_server_closes_the_socket(sockets: Site) -> None:
    with open_socket(sockets, f"/socket/large?size={2 * MEGABYTE + 1}") as client:
        assert ending_of(client)[0] == 1009


def test_the_server_chooses_a_subprotocol(sockets: Site) -> None:
    with open_socket(sockets, "/socket/greet", subprotocols=["a", "b", "c"]) as client:
        assert client.subprotocol == "b"
        assert client.recv(PATIENCE) == "b https"


def test_no_extension_reaches_the_server(sockets: Site) -> None:
    with open_socket(sockets, "/socket/echo", compression="deflate") as client:
        client.send("plain " * 1000)
        assert client.recv(PATIENCE) == "plain " * 1000


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, ""), (1001, "going"), (4002, "This session is over."), (3000, "é")]
)
def test_code_and_reason_of_the_server_reach_the_client(sockets: Site, code: int, reason: str) -> None:
    with open_socket(sockets, f"/socket/close?code={code}&reason={quote(reason)}") as client:
        assert ending_of(client) == (code, reason)


def test_a_server_that_closes_without_a_code_closes_normally(sockets: Site) -> None:
    with open_socket(sockets, "/socket/bare-close") as client:
        assert ending_of(client) == (1000, "")


def test_a_server_that_is_cut_off_closes_the_client_with_all_that_it_said(sockets: Site) -> None:
    with open_socket(sockets, "/socket/cut") as client:
        assert client.recv(PATIENCE) == "last"
        assert ending_of(client)[0] == 1011


def test_code_and_reason_of_the_client_reach_the_server(sockets: Site) -> None:
    name = uuid.uuid4().hex
    with open_socket(sockets, f"/socket/echo?id={name}") as client:
        client.close(4321, "enough")
    ended = sockets.event(f"socket-ended-{name}")
    if sockets.name == "hypercorn":
        # It tells the application of no code but 1006, so the server sees a client that is gone.
        assert ended == f"socket-ended-{name}-1006-"
    else:
        assert ended == f"socket-ended-{name}-4321-enough"


def test_a_client_that_is_cut_off_ends_the_servers_socket_at_once(sockets: Site) -> None:
    name = uuid.uuid4().hex
    client = open_socket(sockets, f"/socket/echo?id={name}")
    client.socket.shutdown(socket.SHUT_RDWR)
    assert sockets.event(f"socket-ended-{name}").startswith(f"socket-ended-{name}-100")


def test_a_client_that_does_not_read_holds_the_server_up(sockets: Site) -> None:
    name = uuid.uuid4().hex
    with open_socket(sockets, f"/socket/flood?id={name}", max_queue=1, compression=None) as client:
        blocked = sockets.event(f"blocked-{name}")
        assert blocked, "the proxy took all of it"
        assert int(blocked.rsplit("-", 1)[1]) < 32
        assert client.recv(PATIENCE) == b"x" * 65536
        client.socket.shutdown(socket.SHUT_RDWR)


def test_a_refusal_of_the_server_is_told_as_it_is(sockets: Site) -> None:
    with pytest.raises(InvalidStatus) as refused:
        open_socket(sockets, "/refused")
    response = refused.value.response
    assert (response.status_code, response.headers["x-why"]) == (409, "because")
    assert response.body == b'{"code": "NO"}'


@pytest.mark.parametrize("path", ["/bad-socket", "/switch", "/garbage"])
def test_an_answer_that_opens_no_socket_is_a_problem(raw: Site, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        open_socket(raw, path)
    assert refused.value.response.status_code == 502
    assert b'"code": "INTERNAL"' in (refused.value.response.body or b"")


def test_a_socket_that_the_server_hangs_up_on_is_a_problem(raw: Site) -> None:
    with pytest.raises(InvalidStatus) as refused:
        open_socket(raw, "/cut-head")
    assert refused.value.response.status_code == 502
    assert refused.value.response.headers["retry-after"] == "1"


def test_bytes_that_are_no_frames_close_the_socket(sockets: Site) -> None:
    name = uuid.uuid4().hex
    with open_socket(sockets, f"/socket/echo?id={name}") as client:
        # A text that is no UTF-8. ASGI servers refuse it themselves; what counts is that both sides end.
        client.socket.sendall(Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True))
        assert ending_of(client)[0] in (1006, 1007)
    assert sockets.event(f"socket-ended-{name}")


def test_sockets_end_when_the_server_is_told_to_stop(server: str, start: Start) -> None:
    site = start(server, raw_settings("sockets"))
    with open_socket(site, "/socket/echo") as client:
        client.send("there")
        assert client.recv(PATIENCE) == "there"
        site.process.terminate()
        ending_of(client)
        assert site.process.wait(PATIENCE) is not None

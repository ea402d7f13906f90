"""What needs a connection that does not come about in time; how soon that is differs between the Pythons."""

import socket

import pytest

from painlessmesh import link
from painlessmesh.mesh import Mesh


async def test_a_host_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "DIAL_TIMEOUT", 0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        links = link.Links(Mesh(1), lambda: 0)
        assert await links.dial("127.0.0.1", server.getsockname()[1]) == "no answer from 127.0.0.1"
    assert links.mesh.links == []

"""The HTTP client against servers of every kind: each a real socket that says exactly the bytes of the test."""

import asyncio
import ssl
import subprocess
import time

import pytest

from gateway import http
from gateway.http import Connection, HttpError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Server:
    """Answers each request with the next of `answers`: bytes, or a coroutine function (reader, writer)."""

    def __init__(self, answers, tls=None):
        self.answers = list(answers)
        self.heads = []
        self.bodies = []
        self.connections = 0
        self.open = 0
        self.tls = tls

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]
        scheme = "https" if self.tls else "http"
        self.connection = Connection(f"{scheme}://127.0.0.1:{self.port}")
        return self

    async def __aexit__(self, *_):
        self.connection.drop()
        self.server.close()
        self.server.close_clients()

    async def _serve(self, reader, writer):
        self.connections += 1
        self.open += 1
        try:
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head.decode())
                length = [line for line in head.lower().split(b"\r\n") if b"content-length" in line]
                size = int(length[0].split(b":")[1]) if length else 0
                self.bodies.append(await reader.readexactly(size))
                answer = self.answers.pop(0)
                if callable(answer):
                    await answer(reader, writer)
                else:
                    writer.write(answer)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def get(self, into=None, seconds=2, **changes):
        return await self.connection.request(
            "GET", "/api/x", [("X-A", "1")], into=into, seconds=seconds, **changes
        )


async def close(_reader, writer):
    writer.close()


def drip(content, gap):
    async def answer(_reader, writer):
        for byte in content:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(gap)

    return answer


async def test_a_request_says_what_http_wants():
    async with Server([OK]) as server:
        answer = await server.get()
        assert (answer.status, bytes(answer.body)) == (200, b"hello")
        lines = server.heads[0].split("\r\n")
        assert lines[0] == "GET /api/x HTTP/1.1"
        assert f"Host: 127.0.0.1:{server.port}" in lines
        assert "X-A: 1" in lines


async def test_a_body_is_sent_with_its_length():
    async with Server([OK]) as server:
        await server.connection.request("POST", "/api/x", [], b'{"a": 1}')
        assert "Content-Length: 8\r\n" in server.heads[0]
        assert server.bodies == [b'{"a": 1}']


async def test_many_requests_take_one_connection():
    async with Server([OK] * 5) as server:
        for _ in range(5):
            await server.get()
        assert server.connections == server.connection.made == 1


async def test_an_answer_goes_into_the_callers_buffer():
    async with Server([OK]) as server:
        buffer = bytearray(8)
        answer = await server.get(into=memoryview(buffer))
        assert buffer == b"hello\0\0\0"
        assert bytes(answer.body) == b"hello"


@pytest.mark.parametrize(
    ("size", "borrowed"), [(512, False), (513, True), (600, True), (601, False)]
)
async def test_a_larger_body_lies_where_there_is_room_for_it(size, borrowed):
    room = bytearray(600)
    content = b"x" * size
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    async with Server([head + content]) as server:
        server.connection.room = lambda _length: room
        assert (await server.get()).body == content
        assert (b"x" in room) is borrowed


async def test_an_answer_in_single_bytes_is_read():
    async with Server([drip(OK, 0)]) as server:
        assert bytes((await server.get()).body) == b"hello"


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;name=value\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"
)


@pytest.mark.parametrize("buffered", [False, True])
async def test_chunks_are_put_together(buffered):
    async with Server([CHUNKED, OK]) as server:
        into = memoryview(bytearray(5)) if buffered else None
        assert bytes((await server.get(into=into)).body) == b"hello"
        assert bytes((await server.get()).body) == b"hello"
        assert server.connections == 1


async def test_a_kept_connection_that_has_gone_is_worth_another_try():
    async with Server([OK, close, OK]) as server:
        await server.get()
        with pytest.raises(HttpError) as caught:
            await server.get()
        assert caught.value.stale
        assert bytes((await server.get()).body) == b"hello"
        assert server.connections == 2


async def test_a_new_connection_that_closes_is_not():
    async with Server([close]) as server:
        with pytest.raises(HttpError) as caught:
            await server.get()
        assert not caught.value.stale


async def test_a_connection_that_the_server_wants_closed_is_not_used_again():
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with Server([closing, OK]) as server:
        await server.get()
        await server.get()
        assert server.connection.made == 2


async def test_nobody_listens():
    async with Server([]) as server:
        server.server.close()
        with pytest.raises(HttpError):
            await server.get()


GARBAGE = {
    "not http": b"220 mail.example ESMTP\r\n\r\n",
    "no status": b"HTTP/1.1\r\n\r\n",
    "status in words": b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\nhello",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    "length in words": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
    "signed length": b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    "a chunk without a size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    "a chunk longer than it says": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    "binary": bytes(range(256)) * 20,
    "bytes that are no text": b"HTTP/1.1 200 OK\r\n\xff\xfe: \xff\r\nContent-Length: 0\r\n\r\n",
}
ENDLESS = {
    "an endless status line": b"HTTP/1.1 200 " + b"O" * 5000,
    "an endless header": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 5000,
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000,
    "a long answer": b"HTTP/1.1 200 OK\r\nContent-Length: 16385\r\n\r\n",
    "a very long length": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "long chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4001\r\n" + bytes(9),
    "many chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + (b"1000\r\n" + bytes(4096) + b"\r\n") * 5,
    "an endless chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 5000,
}


@pytest.mark.parametrize("answer", [*GARBAGE.values(), *ENDLESS.values()], ids=[*GARBAGE, *ENDLESS])
async def test_a_bad_answer_is_refused_and_the_connection_dropped(answer):
    async with Server([answer, OK]) as server:
        with pytest.raises(HttpError) as caught:
            await server.get(seconds=1)
        assert not caught.value.stale
        assert "did not answer" not in str(caught.value), "it should be refused before the deadline"
        assert bytes((await server.get()).body) == b"hello"
        assert server.connection.made == 2


async def test_an_answer_longer_than_the_buffer_is_refused():
    async with Server([OK]) as server:
        buffer = bytearray(4)
        with pytest.raises(HttpError, match="too long"):
            await server.get(into=memoryview(buffer))
        assert buffer == bytes(4)


@pytest.mark.parametrize("cut", range(1, len(OK)))
async def test_an_answer_that_ends_early_is_an_error(cut):
    async def answer(_reader, writer):
        writer.write(OK[:cut])
        writer.close()

    async with Server([answer]) as server:
        with pytest.raises(HttpError):
            await server.get()


@pytest.mark.parametrize(
    "content", [b"", OK[:10], OK[:-1]], ids=["silent", "in the head", "in the body"]
)
async def test_a_server_that_stops_talking_is_left_at_the_deadline(content):
    async def answer(_reader, writer):
        writer.write(content)
        await asyncio.sleep(5)

    async with Server([answer]) as server:
        began = time.monotonic()
        with pytest.raises(HttpError, match="did not answer"):
            await server.get(seconds=0.2)
        assert time.monotonic() - began < 1


async def test_a_server_that_drips_cannot_outlive_the_deadline():
    async with Server([drip(OK, 0.05)]) as server:
        began = time.monotonic()
        with pytest.raises(HttpError, match="did not answer"):
            await server.get(seconds=0.3)
        assert time.monotonic() - began < 1


async def test_bytes_after_the_answer_end_the_connection():
    async with Server([OK + b"HTTP/1.1 200 OK\r\n\r\n", OK]) as server:
        await server.get()
        await server.get()
        assert server.connection.made == 2


async def test_a_cancelled_request_closes_its_connection():
    async def answer(_reader, _writer):
        await asyncio.sleep(5)

    async with Server([answer, OK]) as server:
        request = asyncio.create_task(server.get(seconds=5))
        await asyncio.sleep(0.05)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert bytes((await server.get()).body) == b"hello"
        assert server.connection.made == 2


async def test_https_is_verified(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    certificate(tmp_path, "other")
    certificate(tmp_path, "own")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "own.pem", tmp_path / "own.key")
    (tmp_path / "ca.der").write_bytes((tmp_path / "own.der").read_bytes())
    async with Server([OK], tls) as server:
        assert bytes((await server.get()).body) == b"hello"
    (tmp_path / "ca.der").write_bytes((tmp_path / "other.der").read_bytes())
    async with Server([OK], tls) as server:
        with pytest.raises(HttpError, match=r"(?i)verif"):
            await server.get()


def certificate(folder, name):
    """Self-signed, for 127.0.0.1, by the system's openssl."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]
        + ["-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"],
        check=True,
        capture_output=True,
    )
    pem = (folder / f"{name}.pem").read_text()
    (folder / f"{name}.der").write_bytes(ssl.PEM_cert_to_DER_cert(pem))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://ha.local:8123", (False, "ha.local", 8123, "")),
        ("http://192.168.1.2", (False, "192.168.1.2", 80, "")),
        ("https://ha.example/", (True, "ha.example", 443, "")),
        ("https://ha.example:8443/behind/proxy/", (True, "ha.example", 8443, "/behind/proxy")),
    ],
)
def test_addresses_of_home_assistant(url, found):
    assert http.place(url) == found


@pytest.mark.parametrize("url", ["ha.local:8123", "ftp://ha.local", "http://", ""])
def test_what_is_no_address_is_said_to_be_none(url):
    with pytest.raises(ValueError, match="address of Home Assistant"):
        http.place(url)

"""HTTP/1.1 over one kept connection: requests go out, bounded answers come in.

Nothing of Home Assistant or of signatures here. Every answer is hostile until somebody else has
checked it: head and body are capped, one deadline covers the whole exchange, and whatever goes wrong
drops the connection, so that the next request starts on a clean one.
"""

import asyncio

HEAD_LIMIT = 4096  # bytes of status line and headers, and of the lines between chunks
READ_SIZE = 512  # most heads fit in one read, and 512 bytes are always to be had from a heap
BODY_LIMIT = 16384
HEEDED = ("connection", "content-length", "transfer-encoding")
SMALL = 512  # bytes of a body that are worth no buffer of somebody else's


class HttpError(Exception):
    """The exchange failed, with a sentence. `stale`: a kept connection turned out to be closed
    before a byte of the answer came, which is worth one more try at once."""

    def __init__(self, sentence: str, stale: bool = False) -> None:
        super().__init__(sentence)
        self.stale = stale


class Answer:
    """Status, headers (names in lower case) and body (a view of the caller's buffer, if given)."""

    def __init__(self, status: int, headers: dict) -> None:
        self.status = status
        self.headers = headers
        self.body = memoryview(b"")


class Connection:
    """One server, one connection at a time. `made` counts the connections opened so far.

    An answer has the headers that this file needs, and those named in `heeded`, in lower case.
    """

    def __init__(self, url: str, heeded: tuple = ()) -> None:
        self.secure, self.host, self.port, self.prefix = place(url)
        self.made = 0
        self.room = None  # called with a length for a buffer that a larger body may lie in until the next request
        self._reader = self._writer = self._context = None
        self._heeded = HEEDED + heeded
        self._pending = b""  # read
        self._used = 0  # bytes of it
        self._answering = False

    async def request(
        self,
        method: str,
        target: str,
        headers: list,
        body: bytes = b"",
        into: object = None,
        limit: int = BODY_LIMIT,
        seconds: float = 10,
    ) -> Answer:
        """Send it and read the answer. `headers` are (name, value); `into` takes the body when
        given, else at most `limit` bytes are allocated. Raises HttpError; never tries twice."""
        reused = self._writer is not None
        self._answering = False
        try:
            answer = await asyncio.wait_for(
                self._exchange(method, target, headers, body, into, limit), seconds
            )
        except asyncio.TimeoutError:
            self.drop()
            raise HttpError("{} did not answer in {} s".format(self.host, seconds))
        except (OSError, ValueError, EOFError) as error:
            self.drop()
            stale = reused and not self._answering
            raise HttpError("{}: {}".format(self.host, str(error) or "closed"), stale)
        except BaseException:  # cancelled: an answer may still come, and nobody will read it
            self.drop()
            raise
        more = len(self._pending) > self._used
        if more or answer.headers.get("connection", "").lower() == "close":
            self.drop()
        return answer

    def drop(self) -> None:
        """Close the connection now, if there is one."""
        writer = self._writer
        self._reader = self._writer = None
        self._pending = b""
        self._used = 0
        if writer is not None:
            writer.close()
            # MicroPython closes in wait_closed() alone, which cannot be awaited when cancelled.
            stream = getattr(writer, "s", None)
            if stream is not None:
                stream.close()

    # ---- one exchange

    async def _exchange(
        self, method: str, target: str, headers: list, body: bytes, into: object, limit: int
    ) -> Answer:
        if self._writer is None:
            await self._connect()
        lines = ["{} {}{} HTTP/1.1".format(method, self.prefix, target), "Host: " + self._host()]
        lines += ["{}: {}".format(name, value) for name, value in headers]
        if body or method == "POST":
            lines += ["Content-Type: application/json", "Content-Length: {}".format(len(body))]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        if body:
            self._writer.write(body)
        await self._writer.drain()
        answer = await self._head()
        if answer.headers.get("transfer-encoding", "").lower() == "chunked":
            answer.body = await self._chunks(into, limit)
        elif answer.status != 204:
            answer.body = await self._sized(answer.headers.get("content-length"), into, limit)
        return answer

    async def _connect(self) -> None:
        if self.secure and self._context is None:
            from gateway.tls import verifying_context

            self._context = verifying_context()
        self.made += 1
        tls = {"ssl": self._context, "server_hostname": self.host} if self.secure else {}
        self._reader, self._writer = await asyncio.open_connection(self.host, self.port, **tls)
        try:
            # Without TCP_NODELAY each exchange over lwIP waits for a delayed acknowledgement.
            self._writer.s.setsockopt(6, 1, 1)  # pyright: ignore[reportAttributeAccessIssue]
        except (AttributeError, OSError):
            pass  # CPython sets it by itself; a TLS stream has no such call

    def _host(self) -> str:
        usual = 443 if self.secure else 80
        return self.host if self.port == usual else "{}:{}".format(self.host, self.port)

    async def _head(self) -> Answer:
        line = await self._line(HEAD_LIMIT)
        left = HEAD_LIMIT - len(line)
        words = line.split(b" ")
        if len(words) < 2 or not line.startswith(b"HTTP/1.") or len(words[1]) != 3:
            raise ValueError("this is not an HTTP server")
        headers = {}
        while True:
            line = await self._line(left)
            left -= len(line) + 2
            if not line:
                return Answer(number(words[1]), headers)
            name, _, value = line.partition(b":")
            name = name.decode().lower()
            if name in self._heeded:
                headers[name] = value.decode().strip()

    async def _line(self, limit: int) -> bytes:
        while True:
            end = self._pending.find(b"\r\n", self._used)
            if (end if end >= 0 else len(self._pending)) - self._used > limit:
                raise ValueError("the head of the answer is too long")
            if end >= 0:
                line = self._pending[self._used : end]
                self._used = end + 2
                return line
            self._pending = self._pending[self._used :] + await self._read()
            self._used = 0

    async def _read(self) -> bytes:
        chunk = await self._reader.read(READ_SIZE)
        if not chunk:
            raise EOFError
        self._answering = True
        return chunk

    # ---- bodies

    async def _sized(self, length: str | None, into: object, limit: int) -> memoryview:
        if length is None:
            raise ValueError("the answer does not say how long it is")
        size = number(length.encode())
        if size > (limit if into is None else len(into)):
            raise ValueError("the answer is too long")
        if into is None and size > SMALL and self.room is not None:
            into = self.room(size)
        if into is None or size > len(into):
            into = bytearray(size)
        body = memoryview(into)[:size]
        await self._fill(body)
        return body

    async def _chunks(self, into: object, limit: int) -> memoryview:
        body = bytearray() if into is None else None
        room = limit if into is None else len(into)
        filled = 0
        while True:
            line = (await self._line(HEAD_LIMIT)).split(b";")[0].strip()
            size = number(line, b"0123456789abcdefABCDEF")
            if size > room - filled:
                raise ValueError("the answer is too long")
            if size == 0:
                break
            if body is not None:
                body.extend(bytes(size))
            view = memoryview(into if body is None else body)[filled : filled + size]
            await self._fill(view)
            del view  # a bytearray cannot grow while somebody looks at it
            filled += size
            if await self._line(2):
                raise ValueError("a chunk is longer than it says")
        while await self._line(HEAD_LIMIT):
            pass  # trailers
        return memoryview(into if body is None else body)[:filled]

    async def _fill(self, view: memoryview) -> None:
        done = min(len(view), len(self._pending) - self._used)
        view[:done] = self._pending[self._used : self._used + done]
        self._used += done
        if self._used == len(self._pending):
            self._pending = b""
            self._used = 0
        readinto = getattr(self._reader, "readinto", None)  # CPython's reader has none
        while done < len(view):
            if readinto is None:
                chunk = await self._reader.read(len(view) - done)
                count = len(chunk)
                view[done : done + count] = chunk
            else:
                count = await readinto(view[done:])
            if count == 0:
                raise EOFError
            done += count or 0  # None: TLS had nothing whole yet


def number(text: bytes, digits: bytes = b"0123456789") -> int:
    """A length as HTTP writes it: digits alone, no sign and no space. Raises ValueError."""
    if not 0 < len(text) <= 8 or not all([digit in digits for digit in text]):
        raise ValueError("the answer is not HTTP")
    return int(text, 10 if len(digits) == 10 else 16)


def place(url: str) -> tuple:
    """(secure, host, port, path before /api) of an http:// or https:// address."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("http", "https") or not rest:
        raise ValueError("The address of Home Assistant must start with http:// or https://.")
    authority, _, path = rest.partition("/")
    host, _, port = authority.partition(":")
    path = path.strip("/")
    usual = 443 if scheme == "https" else 80
    return scheme == "https", host, int(port) if port else usual, "/" + path if path else ""

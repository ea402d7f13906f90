"""A session with Home Assistant: signs what goes out, believes only what is signed.

docs/gateway-api.md §3 binds. How one is opened is `opening`, what may be asked is `home_assistant`; when to ask, and how long
to wait after a failure, is `poller`.
"""

import binascii
import hashlib
import json

from device import forget
from gateway.http import Answer, Connection, HttpError
from painlessmesh.mac import equal, hexmac

BASE = "/api/mesh_ota/v1/gateway/"
SIGNATURE = "x-mesh-signature"
HEEDED = ("content-range", SIGNATURE)  # headers of an answer, beside those of HTTP itself
UNAUTHORIZED = 401
CPYTHON = hasattr(
    json, "JSONDecoder"
)  # its parser takes no views; MicroPython's does, and a copy less


class Later(Exception):
    """Nothing was said and nothing changed; a sentence says why. `refused`: Home Assistant, or
    somebody in its place, has answered and did not accept us."""

    def __init__(self, sentence: str, refused: bool = False) -> None:
        super().__init__(sentence)
        self.refused = refused


class Session:
    """After an opening (`opened` counts them) Home Assistant has to be told everything again."""

    def __init__(
        self, connection: Connection, gateway_id: int, gateway_key: bytes, random: object
    ) -> None:
        self.opened = 0
        self.wait = 0  # seconds that a long poll may last, as Home Assistant said
        self._connection = connection
        self._gateway_id = str(gateway_id)
        self._gateway_key = gateway_key
        self._random = random
        self._session = ""
        self._key = b""
        self._counter = 0

    async def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        ask_range: str = "",
        into: object = None,
        seconds: float = 10,
    ) -> Answer:
        """One signed exchange below gateway/. Raises Later; an answer may be a signed error."""
        if not self._session:
            await self._open()
        try:
            answer = await self._exchange(method, path, body, ask_range, into, seconds)
        except HttpError as error:
            if not error.stale:
                raise Later(str(error))
            answer = await self._again(method, path, body, ask_range, into, seconds)
        return answer

    @property
    def standing(self) -> bool:
        """Whether the next call needs no opening before it."""
        return bool(self._session)

    def drop(self) -> None:
        """Give up the connection, not the session."""
        self._connection.drop()

    async def _again(self, *wanted: object) -> Answer:
        try:
            return await self._exchange(*wanted)
        except HttpError as error:
            raise Later(str(error))

    async def _exchange(
        self, method: str, path: str, body: bytes, ask_range: str, into: object, seconds: float
    ) -> Answer:
        self._counter += 1
        counter = str(self._counter)
        target = BASE + path
        headers = [
            ("X-Mesh-Session", self._session),
            ("X-Mesh-Counter", counter),
            (
                "X-Mesh-Signature",
                hexmac(self._key, request_text(counter, method, target, ask_range, body)),
            ),
        ]
        if ask_range:
            headers.append(("Range", ask_range))
        answer = await self._connection.request(
            method, target, headers, body, into, seconds=seconds
        )
        if answer.status == UNAUTHORIZED:
            self._session = ""
            raise Later("Home Assistant has closed the session", True)
        believe(self._connection, self._key, counter, answer)
        return answer

    async def _open(self) -> None:
        try:
            from gateway.opening import opened
        finally:
            forget(("gateway.opening",))  # a session lasts for days
        self._session, self._key, self.wait = await opened(
            self._connection, self._gateway_id, self._gateway_key, self._random
        )
        self._counter = 0
        self.opened += 1


def believe(connection: Connection, key: bytes, counter: str, answer: Answer) -> None:
    """Raises Later unless Home Assistant signed this answer to this very request."""
    text = "response\n{}\n{}\n{}\n{}".format(
        counter,
        answer.status,
        answer.headers.get("content-range", ""),
        digest(answer.body),
    )
    signature = answer.headers.get(SIGNATURE, "")
    if not equal(signature, hexmac(key, text)):
        connection.drop()  # whatever is at the other end, this is not our conversation
        # An error of nobody's: Home Assistant starts or stops, and is soon there again.
        is_error = not signature and answer.status >= 400
        sentence = "an answer with status {} was not signed".format(answer.status)
        raise Later(sentence, not is_error)


def request_text(counter: str, method: str, target: str, ask_range: str, body: bytes) -> str:
    return "\n".join(("request", counter, method, target, ask_range, digest(body)))


def digest(body: bytes) -> str:
    return binascii.hexlify(hashlib.sha256(body).digest()).decode()


def parsed(body: memoryview) -> dict:
    """The JSON object in a body; an empty one for whatever else it is."""
    try:
        # MicroPython parses a view as it stands, which spares a copy of the whole list.
        found = json.loads(str(body, "utf-8") if CPYTHON else body)  # pyright: ignore[reportArgumentType]
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
        return {}
    return found if isinstance(found, dict) else {}

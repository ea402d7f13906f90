"""A gateway as `docs/gateway-api.md` describes one, written from that page alone.

It speaks real HTTP to a running Home Assistant and signs and checks by itself, so that a mistake in
the product's own signing code cannot hide behind the same mistake here. Nothing of
`custom_components` is imported.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import Any, Protocol

ROOT = "/api/mesh_ota/v1/gateway/"
PART_SIZE = 1024
BLOCK_SIZE = 4096
EMPTY_STATUS: dict[str, Any] = {
    "protocol": 1,
    "type": "pir",
    "name": "hall",
    "hardware": "ESP32-MPY",
    "chip": "esp32",
    "kind": "app-bundle",
    "version": "1.0.0",
    "proof": "cd" * 32,
    "slot": "a",
    "boot": 7,
    "reset": "power_on",
    "nonce": "aabbccddeeff0011",
    "heard": 3,
    "phase": "idle",
    "heap": 81234,
    "flash": 1843200,
    "rssi": -61,
    "up": 3605,
    "mpy": "1.26.1",
    "signing": False,
}
"""A node's status (docs/mesh-protocol.md §5.2) to be varied with `status()`."""


class HttpClient(Protocol):
    """The part of aiohttp's clients that a gateway needs (`TestClient` has it)."""

    def request(self, method: str, path: str, **kwargs: Any) -> Any:
        """Send one request; the result is an async context manager of the response."""
        ...


def setup_key(key: bytes) -> str:
    """The 32 raw bytes as the serial console shows them: groups of four, then the check."""
    check = base64.b32encode(hashlib.sha256(key).digest())[:1]
    text = (base64.b32encode(key).rstrip(b"=") + check).decode()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def status(**changes: Any) -> dict[str, Any]:
    """The body of a node's `status` with some keys changed; None leaves a key out."""
    body = {**EMPTY_STATUS, **changes}
    return {name: value for name, value in body.items() if value is not None}


def sign(key: bytes, *lines: str) -> str:
    """Lower-case hex HMAC-SHA256 over the lines joined by newline."""
    return hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Answer:
    """What came back: `signed` is True when the signature was there and right."""

    status: int
    headers: dict[str, str]
    body: bytes
    signed: bool

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class GatewayClient:
    """One gateway with its key: `open()` first, then each call takes the next counter."""

    def __init__(self, http: HttpClient, gateway_id: str, key: bytes) -> None:
        self.http = http
        self.gateway_id = gateway_id
        self.key = key
        self.session = ""
        self.session_key = b""
        self.counter = 0
        self.revision = 0

    async def open(self) -> Answer:
        """POST gateway/session; keeps the session when it was granted with a right signature."""
        nonce = secrets.token_hex(16)
        body = json.dumps({"protocol": 1, "client_nonce": nonce}).encode()
        target = ROOT + "session"
        digest = hashlib.sha256(body).hexdigest()
        headers = {
            "X-Mesh-Gateway": self.gateway_id,
            "X-Mesh-Signature": sign(
                self.key, "request", nonce, "POST", target, "", digest, self.gateway_id
            ),
        }
        answer = await self._send("POST", target, headers, body, self.key, nonce)
        if answer.status == 200 and answer.signed:
            granted = answer.json
            self.session, self.counter = granted["session"], 0
            text = f"mesh-ota session 1\n{nonce}\n{granted['server_nonce']}"
            self.session_key = hmac.new(self.key, text.encode(), hashlib.sha256).digest()
        return answer

    async def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | bytes | None = None,
        *,
        byte_range: str = "",
        counter: int | None = None,
    ) -> Answer:
        """One signed request below `gateway/`; `counter` overrides the next number, to replay."""
        self.counter = self.counter + 1 if counter is None else counter
        content = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        target = ROOT + path
        digest = hashlib.sha256(content).hexdigest()
        number = str(self.counter)
        headers = {
            "X-Mesh-Session": self.session,
            "X-Mesh-Counter": number,
            "X-Mesh-Signature": sign(
                self.session_key, "request", number, method, target, byte_range, digest
            ),
        }
        if byte_range:
            headers["Range"] = byte_range
        return await self._send(method, target, headers, content, self.session_key, number)

    async def report(
        self,
        *,
        nodes: list[dict[str, Any]] | None = None,
        progress: list[dict[str, Any]] | None = None,
        tree: list[list[str]] | None = None,
        **gateway: Any,
    ) -> Answer:
        """POST gateway/report; the other keyword arguments change keys of `gateway`."""
        own = {
            "type": "gateway",
            "version": "0.1.0",
            "proof": "ef" * 32,
            "boot": 4,
            "heap": 61000,
            "flash": 1500000,
            "up": 3600,
            "reset": "power_on",
            "chip": "esp32",
            "mpy": "1.26.1",
            "slot": "a",
            "highest_revision": self.revision,
        }
        own.update(gateway)
        body: dict[str, Any] = {"gateway": own, "nodes": nodes or [], "progress": progress or []}
        if tree is not None:
            body["tree"] = tree
        answer = await self.call("POST", "report", body)
        if answer.status == 200:
            self.revision = max(self.revision, answer.json["revision"])
        return answer

    async def report_node(self, node_id: str, heard: int = 0, **changes: Any) -> Answer:
        """A report of one node's status."""
        return await self.report(
            nodes=[{"node_id": node_id, "heard": heard, "status": status(**changes)}]
        )

    async def report_progress(
        self, job: dict[str, Any], node_id: str, state: str, **more: Any
    ) -> Answer:
        """A report of one node's progress in a job of the pending list."""
        attempts = {target["node_id"]: target["attempt"] for target in job["targets"]}
        row = {
            "id": job["id"],
            "token": job["token"],
            "node_id": node_id,
            "attempt": attempts[node_id],
            "status": state,
            **more,
        }
        return await self.report(progress=[row])

    async def pending(self, wait: int | None = None, have: int | None = None) -> Answer:
        """GET gateway/ota/updates/pending, with the query keys that are given."""
        query = [
            f"{name}={value}"
            for name, value in (("wait", wait), ("have", have))
            if value is not None
        ]
        path = "ota/updates/pending" + ("?" + "&".join(query) if query else "")
        answer = await self.call("GET", path)
        if answer.status == 200:
            self.revision = max(self.revision, answer.json["revision"])
        return answer

    async def block(
        self, firmware_id: int, start: int, end: int, encoding: str | None = None
    ) -> Answer:
        """Bytes start..end (inclusive, as in the header) of an image, or of what it is encoded as."""
        path = f"firmware/{firmware_id}/download" + (f"?encoding={encoding}" if encoding else "")
        return await self.call("GET", path, byte_range=f"bytes={start}-{end}")

    async def _send(
        self,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes,
        key: bytes,
        counter: str,
    ) -> Answer:
        async with self.http.request(
            method, target, headers=headers, data=body or None
        ) as response:
            content = await response.read()
            expected = sign(
                key,
                "response",
                counter,
                str(response.status),
                response.headers.get("Content-Range", ""),
                hashlib.sha256(content).hexdigest(),
            )
            signature = response.headers.get("X-Mesh-Signature", "")
            return Answer(
                status=response.status,
                headers=dict(response.headers),
                body=content,
                signed=hmac.compare_digest(signature, expected),
            )

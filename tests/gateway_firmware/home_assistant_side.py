"""Home Assistant as docs/gateway-api.md describes it, written from that page alone: real HTTP, every check.

Neither the product's Home Assistant side nor its signing code is used, so that one mistake cannot hide behind the same
mistake at the other end. A test sets `jobs` with `set_jobs`, looks at what was reported, and may break things.
"""

import asyncio
import hashlib
import hmac
import json
import secrets

from aiohttp import web

ROOT = "/api/mesh_ota/v1/gateway/"
REFUSED = {"message": "Not accepted."}


def sign(key, *lines):
    return hmac.new(key, "\n".join(lines).encode(), "sha256").hexdigest()


def digest(body):
    return hashlib.sha256(body).hexdigest()


def job(image, targets, **changes):
    """A job of the pending list; `targets` are (node id, attempt)."""
    found = {
        "id": 3,
        "token": "4f1d2c3b5a697887",
        "firmware_id": 2,
        "kind": "app-bundle",
        "runtime": "micropython",
        "role": "pir",
        "hardware": "ESP32-MPY",
        "version": "1.1.0",
        "md5": hashlib.md5(image).hexdigest(),
        "sha256": digest(image),
        "proof": digest(b"proof" + image),
        "size": len(image),
        "num_parts": (len(image) + 1023) // 1024,
        "force": False,
        "mode": "single",
        "targets": [{"node_id": str(n), "attempt": attempt} for n, attempt in targets],
        "counter": 0,
        "sig": "",
    }
    return found | changes


class Session:
    def __init__(self, key):
        self.key = key
        self.counter = 0


class HomeAssistantSide:
    def __init__(self, key, gateway_id):
        self.key = key
        self.gateway_id = str(gateway_id)
        self.accepts = True  # False: this gateway's key is not known (yet)
        self.pairing = False  # True: its dialog hears openings, and no entry is there yet
        self.wait = 50
        self.jobs = []
        self.images = {}  # firmware id, or (firmware id, "deflate"): bytes
        self.revision = 11
        self.dropped = []  # what the next reports answer as dropped
        self.reports = []  # (seconds, body)
        self.requests = []  # (method, target, range, counter)
        self.refused = 0  # 401 given out
        self.peers = set()  # one per TCP connection
        self.spoil = (
            None  # spoil(target, status, headers, body) -> the same, changed, after signing
        )
        self.sessions = {}
        self.port = 0
        self._changed = asyncio.Event()
        self._runner = None

    # ---- what a test does

    async def start(self):
        """Listen, on the same port each time."""
        app = web.Application(client_max_size=1 << 20)
        app.router.add_route("*", "/{rest:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self):
        """Gone, as after a crash: sessions are forgotten, connections cut."""
        self._changed.set()
        await self._runner.cleanup()
        self.sessions.clear()

    def set_jobs(self, *jobs):
        self.jobs = list(jobs)
        self.revision += 1
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def bytes_served(self):
        """Bytes of images given out, by the ranges that were asked for."""
        spans = [span for method, target, span, _ in self.requests if span]
        return sum(
            int(span.split("-")[1]) + 1 - int(span.split("=")[1].split("-")[0]) for span in spans
        )

    def told(self, node_id, key="progress"):
        """Everything ever reported of a node, in order."""
        return [
            entry
            for _, body in self.reports
            for entry in body.get(key, [])
            if entry["node_id"] == str(node_id)
        ]

    # ---- what the gateway meets

    async def _answer(self, request):
        body = await request.read()
        self.peers.add(request.transport.get_extra_info("peername"))
        target = request.raw_path
        if target == ROOT + "session":
            return self._open(request, target, body)
        session = self._session(request, target, body)
        if session is None:
            self.refused += 1
            return web.json_response(REFUSED, status=401)
        counter = request.headers["X-Mesh-Counter"]
        span = request.headers.get("Range", "")
        self.requests.append((request.method, target, span, int(counter)))
        status, answer, content_range = await self._call(request, target[len(ROOT) :], span, body)
        return self._signed(session.key, counter, target, status, answer, content_range)

    def _open(self, request, target, body):
        opening = json.loads(body)
        nonce = opening["client_nonce"]
        wanted = sign(self.key, "request", nonce, "POST", target, "", digest(body), self.gateway_id)
        given = request.headers.get("X-Mesh-Signature", "")
        known = request.headers.get("X-Mesh-Gateway") == self.gateway_id
        if not (self.accepts and known and hmac.compare_digest(wanted, given)):
            self.refused += 1
            return web.json_response(REFUSED, status=401)
        assert opening["protocol"] == 1
        session, server_nonce = secrets.token_hex(8), secrets.token_hex(16)
        text = f"mesh-ota session 1\n{nonce}\n{server_nonce}"
        self.sessions[session] = Session(hmac.new(self.key, text.encode(), "sha256").digest())
        answer = {
            "session": session,
            "server_nonce": server_nonce,
            "poll_interval": 60,
            "wait": self.wait,
        }
        return self._signed(self.key, nonce, target, 200, answer, "")

    def _session(self, request, target, body):
        session = self.sessions.get(request.headers.get("X-Mesh-Session", ""))
        counter = request.headers.get("X-Mesh-Counter", "")
        if self.pairing or session is None or not counter.isdigit():
            return None
        span = request.headers.get("Range", "")
        wanted = sign(session.key, "request", counter, request.method, target, span, digest(body))
        if not hmac.compare_digest(wanted, request.headers.get("X-Mesh-Signature", "")):
            return None
        if int(counter) <= session.counter:
            return None
        session.counter = int(counter)
        return session

    async def _call(self, request, path, span, body):
        assert len(body) <= 16384
        if path == "report":
            return self._report(json.loads(body))
        if path.startswith("ota/updates/pending?"):
            return await self._pending(request.query)
        if path.startswith("firmware/"):
            encoding = request.query.get("encoding", "")
            assert path.endswith("/download" + (encoding and "?encoding=" + encoding))
            return self._download(int(path.split("/")[1]), span, encoding)
        return 404, {"message": "There is no such call."}, ""

    def _report(self, report):
        assert len(report.get("nodes", [])) <= 4
        assert len(report.get("progress", [])) <= 8
        self.reports.append((asyncio.get_running_loop().time(), report))
        dropped, self.dropped = self.dropped, []
        return 200, {"revision": self.revision, "dropped": dropped}, ""

    async def _pending(self, query):
        wait = int(query["wait"])
        assert 0 <= wait <= 50
        if query.get("have") == str(self.revision):
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                pass
        return 200, {"revision": self.revision, "jobs": self.jobs}, ""

    def _download(self, firmware_id, span, encoding=""):
        image = self.images.get((firmware_id, encoding) if encoding else firmware_id)
        if image is None or not any(found["firmware_id"] == firmware_id for found in self.jobs):
            return 404, {"message": "No job of this gateway needs that image."}, ""
        first, last = (int(number) for number in span.removeprefix("bytes=").split("-"))
        if first % 4096 or not 0 < last + 1 - first <= 262144 or first >= len(image):
            return 416, {"message": "That range does not exist."}, ""
        last = min(last, len(image) - 1)
        return 206, image[first : last + 1], f"bytes {first}-{last}/{len(image)}"

    def _signed(self, key, counter, target, status, answer, content_range):
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        signature = sign(key, "response", counter, str(status), content_range, digest(body))
        headers = {"X-Mesh-Signature": signature}
        if content_range:
            headers["Content-Range"] = content_range
        if self.spoil is not None:
            status, headers, body = self.spoil(target, status, headers, body)
        return web.Response(status=status, headers=headers, body=body)

"""What a gateway may ask and say (docs/gateway-api.md §3 to §6). Each view takes a request apart and asks the hub."""

import asyncio
import json
import re
from typing import Any

from aiohttp import web

from homeassistant.util import dt as dt_util

from .const import (
    API,
    BLOCK_SIZE,
    NODE_ID_PATTERN,
    OPENING_BODY_MAX,
    POLL_INTERVAL,
    RANGE_MAX,
    WAIT_MAX,
)
from .discovery import async_offer_stranger
from .gateway_door import (
    Answer,
    GatewayView,
    Later,
    Refusal,
    behind_the_door,
    json_object,
    not_accepted,
    read_signed,
    signed_answer,
)
from .jobs.job import Job
from .jobs.reports import Verdict, read_progress
from .report import take_report

_NUMBER = r"[0-9]{1,10}"
_RANGE = re.compile(r"bytes=([0-9]{1,10})-([0-9]{1,10})")


class SessionView(GatewayView):
    """`POST gateway/session`: the opening."""

    url = f"{API}gateway/session"
    name = "api:mesh_ota:gateway:session"

    async def post(self, request: web.Request) -> web.Response:
        """Open a session for whoever signs with a known gateway's key."""
        signed = await read_signed(request, OPENING_BODY_MAX)
        gateway_id = request.headers.get("X-Mesh-Gateway", "")
        said = _opening(signed.body) if signed else None
        if signed is None or said is None or not re.fullmatch(NODE_ID_PATTERN, gateway_id):
            return not_accepted()
        nonce = said.get("client_nonce")
        accepted = self.hub.sessions.open(gateway_id, nonce, signed, dt_util.utcnow())
        if accepted is None or accepted.opened is None:
            if gateway_id not in self.hub.gateways and said.get("protocol") == 1:
                async_offer_stranger(self.hub.hass, gateway_id, request.remote)
            return not_accepted()
        if said.get("protocol") != 1:
            return signed_answer(accepted, 400, {"message": "Protocol 1 is spoken here."}, "")
        granted = {
            "session": accepted.opened.id,
            "server_nonce": accepted.server_nonce,
            "poll_interval": POLL_INTERVAL,
            "wait": WAIT_MAX,
        }
        return signed_answer(accepted, 200, granted, "")


def _opening(body: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(body)
    except ValueError, RecursionError:
        return None
    return said if isinstance(said, dict) else None


class PendingView(GatewayView):
    """`GET gateway/ota/updates/pending`: the wanted state, held open until it differs."""

    url = f"{API}gateway/ota/updates/pending"
    name = "api:mesh_ota:gateway:pending"

    @behind_the_door
    async def get(self, request: web.Request, gateway_id: str, _body: bytes) -> Answer:
        """Answer at once, or when the list changes."""
        wait, have = _number(request, "wait", 0), _number(request, "have", -1)
        if wait > WAIT_MAX:
            raise Refusal(400, f"wait is at most {WAIT_MAX} s.")
        state = self.hub.gateways[gateway_id]
        await self._until_it_differs(gateway_id, have, wait)
        if self.hub.gateways.get(gateway_id) is not state:
            # Its entry was reloaded and its nodes not heard since: an empty list would end all that it is doing.
            raise Later
        handout = await self.hub.outlet.async_settled_handout(gateway_id)
        answer = {"revision": handout.revision, "jobs": handout.jobs}
        return 200, answer | ({"keys": handout.keys} if handout.keys else {}), ""

    async def _until_it_differs(self, gateway_id: str, have: int, wait: int) -> None:
        try:
            async with asyncio.timeout(wait):
                while self._holds(gateway_id, have):
                    await self.hub.outlet.wakeup(gateway_id).wait()
        except TimeoutError:
            pass

    def _holds(self, gateway_id: str, have: int) -> bool:
        there = gateway_id in self.hub.gateways and not self.hub.stopping
        return there and self.hub.outlet.handout(gateway_id).revision == have


def _number(request: web.Request, name: str, absent: int) -> int:
    text = request.query.get(name)
    if text is None:
        return absent
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise Refusal(400, f"{name} is not a number.")
    return int(text)


class DownloadView(GatewayView):
    """`GET gateway/firmware/{id}/download`: blocks of an image that one of its jobs needs."""

    url = f"{API}gateway/firmware/{{firmware_id:{_NUMBER}}}/download"
    name = "api:mesh_ota:gateway:download"

    @behind_the_door
    async def get(
        self, request: web.Request, gateway_id: str, _body: bytes, firmware_id: str
    ) -> Answer:
        """Return one range of whole blocks."""
        number, library = int(firmware_id), self.hub.library
        if not self.hub.engine.needs(number, gateway_id):
            raise Refusal(404, "No job of this gateway needs that image.")
        deflated = _wants_deflated(request)
        row = library.get(number)
        size = library.deflated.size(row.sha256) if deflated else row.size_bytes
        if not size:
            raise Refusal(404, "That image is not there deflated.")
        start, end = _range(request.headers.get("Range", ""), size)
        block = await library.async_read_range(number, start, end, deflated)
        return 206, block, f"bytes {start}-{end - 1}/{size}"


def _wants_deflated(request: web.Request) -> bool:
    encoding = request.query.get("encoding")
    if encoding not in (None, "deflate"):
        raise Refusal(400, "The only encoding is deflate.")
    return encoding is not None


def _range(header: str, size: int) -> tuple[int, int]:
    """Return start and end (exclusive) of a range, clipped to the image. Raises Refusal 416."""
    asked = _RANGE.fullmatch(header)
    if asked is None:
        raise Refusal(416, "Ask for one range of bytes.")
    start, end = int(asked[1]), int(asked[2]) + 1
    if start % BLOCK_SIZE or not 0 < end - start <= RANGE_MAX or start >= size:
        raise Refusal(
            416, f"A range starts at a multiple of {BLOCK_SIZE} and holds up to {RANGE_MAX} bytes."
        )
    return start, min(end, size)


class ReportView(GatewayView):
    """`POST gateway/report`: the mesh as the gateway sees it."""

    url = f"{API}gateway/report"
    name = "api:mesh_ota:gateway:report"

    @behind_the_door
    async def post(self, _request: web.Request, gateway_id: str, body: bytes) -> Answer:
        """Take a report, and say what the gateway should drop."""
        dropped = take_report(self.hub, gateway_id, json_object(body), dt_util.utcnow())
        handout = await self.hub.outlet.async_settled_handout(gateway_id)
        return 200, {"revision": handout.revision, "dropped": dropped}, ""


class _JobView(GatewayView):
    """One job, named by id and token."""

    def _job(self, gateway_id: str, job_id: str, said: dict[str, Any]) -> Job:
        token = said.get("token")
        if not isinstance(token, str):
            raise Refusal(400, "The token is missing.")
        job = self.hub.engine.job_of(gateway_id, int(job_id), token)
        if job is None:
            raise Refusal(410, "This job and token are not known.")
        return job

    async def _state(self, gateway_id: str, status: str) -> Answer:
        self.hub.outlet.publish()
        handout = await self.hub.outlet.async_settled_handout(gateway_id)
        return 200, {"status": status, "revision": handout.revision}, ""


class StepView(_JobView):
    """`POST gateway/ota/updates/{id}/start`, `/complete` and `/fail`."""

    url = f"{API}gateway/ota/updates/{{job_id:{_NUMBER}}}/{{step:start|complete|fail}}"
    name = "api:mesh_ota:gateway:step"

    @behind_the_door
    async def post(
        self, _request: web.Request, gateway_id: str, body: bytes, job_id: str, step: str
    ) -> Answer:
        """Take one of the mission's reports about a whole job."""
        said = json_object(body)
        job, now = self._job(gateway_id, job_id, said), dt_util.utcnow()
        if step == "start" and not self.hub.engine.start(job, now):
            raise Refusal(409, f"The job is {job.status}.")
        if step == "complete" and not all(row.final for row in job.nodes.values()):
            raise Refusal(409, "Not every node has ended.")
        if step == "fail" and not self.hub.engine.fail(
            gateway_id, job, said.get("error_message"), now
        ):
            raise Refusal(409, f"The job is {job.status}.")
        return await self._state(gateway_id, job.status)


class ProgressView(_JobView):
    """`POST gateway/ota/updates/{id}/node/{node_id}/progress`: one node's progress."""

    url = f"{API}gateway/ota/updates/{{job_id:{_NUMBER}}}/node/{{node_id:{_NUMBER}}}/progress"
    name = "api:mesh_ota:gateway:progress"

    @behind_the_door
    async def post(
        self, _request: web.Request, gateway_id: str, body: bytes, job_id: str, node_id: str
    ) -> Answer:
        """Take it if it leads forward; say where the row is now."""
        entry = json_object(body) | {"id": int(job_id), "node_id": node_id}
        job = self._job(gateway_id, job_id, entry)
        if node_id not in job.nodes:
            raise Refusal(404, "The job has no such node.")
        said = read_progress(entry)
        if said is None:
            raise Refusal(400, "The progress is malformed.")
        if self.hub.engine.progress(gateway_id, said, dt_util.utcnow()) is Verdict.GONE:
            raise Refusal(410, "This job has ended.")
        return await self._state(gateway_id, job.nodes[node_id].status)


GATEWAY_VIEWS = (SessionView, PendingView, DownloadView, ReportView, StepView, ProgressView)

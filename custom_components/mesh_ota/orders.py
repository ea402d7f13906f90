"""What a user asks of the hub: jobs made, done again, held and ended, and firmware signed for them.

Each order is taken by the engine, signed where signing is on, written down and handed out before it is answered. All
raise MeshOtaError.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from homeassistant.util import dt as dt_util

from .const import MICROPYTHON
from .errors import Conflict, InvalidRequest, MeshOtaError, NotFound, Unfit, sentence
from .firmware.record import Firmware
from .jobs.creation import DEFAULT
from .jobs.engine import JobEngine
from .jobs.flight_plan import FlightPlan
from .jobs.job import Job
from .jobs.rollout import Rollout
from .library import FirmwareLibrary
from .nodes import GatewayState, Node
from .outlet import Change, Outlet
from .signer import Signer
from .signing import Signature


class Orders:
    """The part of the hub that takes them."""

    sentences: dict[str, str]
    """Every error and reason in English, for the HTTP API's own messages."""
    texts: dict[str, str]
    """The same in the language of this Home Assistant."""
    engine: JobEngine
    library: FirmwareLibrary
    outlet: Outlet
    signer: Signer

    def sentence(self, error: MeshOtaError) -> str:
        """Return an error in English, for the HTTP API."""
        return sentence(self.sentences, error)

    def translated(self, error: MeshOtaError) -> str:
        """Return an error in the language of this Home Assistant."""
        return sentence(self.texts, error)

    def worded(self, reason: str, gaps: Mapping[str, str | int]) -> str | None:
        """Return the sentence of a reason code in that language; None for a code that is somebody else's."""
        text = self.texts.get(reason)
        for name, value in gaps.items():
            text = text and text.replace("{" + name + "}", str(value))
        return text and text.strip()

    def node(self, node_id: str) -> Node | None:
        """Return a node, or a gateway by its own id."""
        return self.engine.nodes.nodes.get(node_id)

    @property
    def gateways(self) -> dict[str, GatewayState]:
        """The gateways that are set up and loaded, by node id."""
        return self.engine.nodes.gateways

    def latest_firmware(self, node: Node) -> Firmware | None:
        """Return the newest firmware that the node could run."""
        return self.library.newest_for(node)

    async def async_create_job(
        self,
        firmware_id: int,
        *,
        node_ids: Sequence[str] | None = None,
        node_type: str | None = None,
        force: bool = False,
        sign_downgrade: bool = False,
        actor: str | None = None,
        rollout: Rollout = DEFAULT,
    ) -> Job:
        """Make a job; without a target it is for the firmware's type. A downgrade is signed for one node alone."""
        firmware = self._whole(self.library.get(firmware_id))
        await self._async_signed()
        signature = self.signer.signature_of(firmware_id)
        if sign_downgrade:
            if node_ids is None or len(node_ids) != 1:
                raise InvalidRequest("downgrade_of_one_node")
            signature = await self.signer.async_sign_downgrade(firmware, node_ids[0])
        job = self.engine.create(
            firmware,
            dt_util.utcnow(),
            node_ids=node_ids,
            node_type=node_type,
            force=force,
            actor=actor,
            rollout=rollout,
        )
        return await self._async_kept(job, signature)

    async def async_plan_job(
        self,
        firmware_id: int,
        *,
        node_ids: Sequence[str] | None = None,
        node_type: str | None = None,
        force: bool = False,
        rollout: Rollout = DEFAULT,
    ) -> dict[str, Any]:
        """Return what a job with these words would do (docs/gateway-api.md §7); nothing is made."""
        firmware = self._whole(self.library.get(firmware_id))
        if node_type is not None and node_type != firmware.node_type:
            raise Unfit("firmware_for_type", firmware_type=firmware.node_type, node_type=node_type)
        signature = self.signer.signature_of(firmware_id)
        plan = FlightPlan(self.engine.ledger, self.engine.nodes, self.engine.stages).draw(
            firmware,
            dt_util.utcnow(),
            node_ids=node_ids,
            force=force,
            rollout=rollout,
            signed=self.signer.enabled,
            counter=signature.counter if signature else None,
        )
        for leg in plan["nodes"]:
            refusal = leg.pop("refusal")
            leg["message"] = self.translated(refusal) if refusal else self._note(leg)
        return plan

    def _note(self, leg: dict[str, Any]) -> str | None:
        node, reason = self.node(leg["node_id"]), leg["reason"]
        if reason is None or node is None:
            return None
        since = self.engine.ledger.clock(node.last_heard) if node.last_heard else "?"
        return self.worded(reason, {"since": since})

    async def async_retry_job(self, job_id: int, actor: str | None = None) -> Job:
        """Make a new job for what failed in one that has ended."""
        if (old := self.engine.ledger.jobs.get(job_id)) is None:
            raise NotFound("unknown_job", job=job_id)
        firmware = self._whole(self.library.get(old.firmware_id))
        await self._async_signed()
        job = self.engine.retry(job_id, firmware, dt_util.utcnow(), actor)
        return await self._async_kept(job, self.signer.signature_of(firmware.id))

    async def async_go_back(self, node_ids: Sequence[str], actor: str | None = None) -> list[Job]:
        """Bring nodes back to what lies in their other slots, without a transfer, each through the same trial.

        If one of them cannot, no job is made.
        """
        nodes = [self._known(node_id) for node_id in dict.fromkeys(node_ids)]
        if not nodes:
            raise InvalidRequest("no_target")
        for node in nodes:
            if not node.can_go_back:
                raise Conflict("nothing_to_go_back_to", node=node.node_id)
        now = dt_util.utcnow()
        return [await self._async_kept(self.engine.go_back(node, now, actor)) for node in nodes]

    def _known(self, node_id: str) -> Node:
        if (node := self.node(node_id)) is None:
            raise NotFound("unknown_node", node=node_id)
        return node

    async def async_install(
        self, node_id: str, version: str | None, actor: str | None = None
    ) -> Job:
        """Install on one node; returns the open job if there is one already, joins one made within 2 s."""
        node = self._known(node_id)
        newest, found = self.latest_firmware(node), self.engine.row_for(node_id)
        if found is not None:
            # What is shown as the latest is what is on its way, or the newest in the library.
            shown = found[1].to_version if found[1].started or newest is None else newest.version
            if (version or shown) == found[1].to_version:
                return found[0]
        fitting = self.library.fitting(node)
        firmware = next((each for each in fitting if each.version == version), None)
        if version is None:
            firmware = newest
        if firmware is None:
            raise NotFound("no_such_version", node=node_id, version=version or "-")
        await self._async_signed()
        job = self.engine.install(self._whole(firmware), node, dt_util.utcnow(), actor)
        return await self._async_kept(job, self.signer.signature_of(firmware.id))

    async def async_cancel_job(self, job_id: int, actor: str | None = None) -> Job:
        """Cancel a job; nodes that restart already run on to their outcome."""
        return await self._async_kept(self.engine.cancel(job_id, dt_util.utcnow(), actor))

    async def async_pause_job(self, job_id: int, actor: str | None = None) -> Job:
        """Pause a job."""
        return await self._async_kept(self.engine.pause(job_id, dt_util.utcnow(), actor))

    async def async_resume_job(self, job_id: int, actor: str | None = None) -> Job:
        """Go on with a paused job."""
        job = await self._async_kept(self.engine.resume(job_id, dt_util.utcnow(), actor))
        if all(other.waiting_for != "user" for other in self.engine.ledger.open_jobs):
            self.outlet.notify(Change("old_backup_settled", ""))
        return job

    def _whole(self, firmware: Firmware) -> Firmware:
        if firmware.id in self.library.damaged:
            raise Conflict("firmware_damaged", firmware=firmware.id)
        return firmware

    # Signed firmware

    async def async_turn_signing(self, on: bool) -> None:
        """Sign firmware from now on, or no longer."""
        await self.signer.async_turn(on, self.library.list())

    async def async_rotate_signing_key(self) -> None:
        """Draw the next key; nodes get it from their gateways, signed by the present one."""
        await self._async_signed()
        await self.signer.async_rotate(self.library.list())

    async def _async_signed(self) -> None:
        await self.signer.async_sign(self.library.list())

    def _signing_changed(self) -> None:
        """Open jobs carry what the present key has signed; a downgrade keeps its own until it is made anew."""
        for job in self.engine.ledger.open_jobs:
            if job.floor is None and job.mode != "flip":
                self._sign_job(job, self.signer.signature_of(job.firmware_id))
                self.engine.ledger.changed(job)
        self.outlet.publish(gateways=list(self.gateways))
        self.outlet.notify(Change("signing", ""))

    def _sign_job(self, job: Job, signature: Signature | None) -> None:
        if signature is None:
            job.counter, job.sig, job.floor = 0, "", None
        else:
            job.counter, job.sig, job.floor = signature.counter, signature.sig, signature.floor

    async def _async_kept(self, job: Job, signature: Signature | None = None) -> Job:
        if signature is not None:
            self._sign_job(job, signature)
        if job.runtime != MICROPYTHON:
            # What naming a C++ node says of it, its type and chip, is the user's word as much as the job is.
            self.outlet.nodes_store.touch()
            await self.outlet.nodes_store.async_settle()
        self.outlet.publish()
        await self.outlet.jobs_store.async_settle()
        return job

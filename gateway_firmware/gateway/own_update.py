"""A job that names this gateway itself: its image is received, checked and committed as a node does it.

Loaded only while there is such a job. Checking and unpacking is done by `own_install` in a boot of its
own; the job goes on in the boot after that, by what is written on flash. The signature is checked before
the first part, and nothing is armed unless Home Assistant lists the job at that moment.
"""

import asyncio

from device import forget
from device.flash_files import FlashFiles
from device.image import HARDWARE, ImageError
from gateway.delivery import DOWNLOADING, FAILED, OFFERED, RESTARTING, VERIFYING, Delivery, Job
from gateway.own_install import LONGEST, ORDER, RESULT

PARTS_PER_BEAT = 4  # one block
TELL_SECONDS = 2  # for the last report to leave before the restart

KIND = "A gateway takes app-bundles only: MicroPython itself goes onto it by cable."
ROLE = "The image is for {} on {}, this is a gateway on {}."
REFUSED_BEFORE = "This firmware failed its trial here before; force takes it again."


class OwnUpdate:
    """`who` is what own_slot.facts found, `files` the flash, `close()` ends the links."""

    def __init__(
        self, board: object, config: dict, who: dict, files: object, close: object
    ) -> None:
        self._board = board
        self._config = config
        self._who = who
        self._files = files
        self._close = close
        self._tag = None  # of the delivery that the rest is about
        self._incoming = None
        self._image = {}
        self._signed = None
        self._leaving = None  # the task that restarts the board, once there is one

    def tick(self, delivery: Delivery, blocks: object, now: int) -> None:
        """What comes next. Called with each beat, while a list that names us is fresh."""
        try:
            if self._leaving is not None or delivery.state in (FAILED, RESTARTING):
                return
            if delivery.tag != self._tag:
                self._tag, self._incoming = delivery.tag, None
                self._look(delivery, now)
            elif delivery.state in (OFFERED, DOWNLOADING):
                self._receive(delivery, blocks, now)
        except ImageError as error:
            delivery.fail(error.code, error.reason, now)
        except OSError as error:
            delivery.fail("flash", "Writing the image failed: {}.".format(error), now)

    def _look(self, delivery: Delivery, now: int) -> None:
        """This attempt is new to us, or an earlier boot has brought it so far."""
        result = self._files.read_object(RESULT, LONGEST) or {}
        if (self._who.get("last") or {}).get("tag") == delivery.tag:
            delivery.restarting(self._who["boot"] - 1, now)  # its trial has begun, or is over
        elif result.get("tag") != delivery.tag:
            self._begin(delivery, now)
        elif "proof" in result:
            delivery.move(VERIFYING, now, delivery.job.offer.parts)
            self._commit(delivery, result, now)
        else:
            raise ImageError(result.get("code", "bundle"), result.get("reason", ""))

    def _begin(self, delivery: Delivery, now: int) -> None:
        job = delivery.job
        delivery.move(OFFERED, now)
        if job.flip:
            self._order({"flip": job.proof}, delivery, now)
            return
        self._image = announced(job)
        self._signed = self._check(self._image)
        from device.incoming import Incoming

        self._incoming = Incoming(files=self._files)
        other = "b" if self._who["slot"] == "a" else "a"
        self._incoming.begin(self._image, self._files.free()[0] + self._files.space_of(other))

    def _check(self, image: dict) -> dict | None:
        """What confirming the image makes of the floor. Raises ImageError when it is not for us."""
        if image["kind"] != "app-bundle":
            raise ImageError("kind", KIND)
        if image["role"] != "gateway" or image["hardware"] != HARDWARE:
            raise ImageError("role", ROLE.format(image["role"], image["hardware"], HARDWARE))
        from device.slot_state import SlotState

        state, signed = SlotState(self._files), None
        if state.is_refused(image["md5"]) and not image["forced"]:
            raise ImageError("refused", REFUSED_BEFORE)
        if "signing_key" in self._config:
            from device.signing import Signing

            own = self._board.node_id
            signed = Signing(self._files, self._config["signing_key"], state, own).check(image)
        forget(("device.slot_state", "device.slot_reading", "device.signing", "device.signature"))
        return signed

    def _receive(self, delivery: Delivery, blocks: object, now: int) -> None:
        incoming, job = self._incoming, delivery.job
        for _ in range(PARTS_PER_BEAT):
            if incoming.complete:
                break
            part = blocks.part(job.source, job.carried, incoming.wanted)
            if part is None:
                break
            incoming.write(incoming.wanted, part)
        delivery.move(DOWNLOADING, now, incoming.wanted)
        if incoming.complete:
            incoming.close()
            self._order({"image": self._image, "signed": self._signed}, delivery, now)

    def _order(self, order: dict, delivery: Delivery, now: int) -> None:
        order["tag"] = delivery.tag
        self._files.replace_object(ORDER, order)
        delivery.move(VERIFYING, now, delivery.job.offer.parts)
        self._leave()

    def _commit(self, delivery: Delivery, result: dict, now: int) -> None:
        from device import slot_trial
        from device.slot_state import SlotState, other_than

        state = SlotState(self._files)
        other = other_than(self._who["slot"])
        if state.record(other).get("proof") != result["proof"]:
            raise ImageError("flash", "The other slot holds something else by now.")
        slot_trial.arm(state, other, result["proof"], delivery.tag, result.get("signed"))
        state.save()
        forget(("device.slot_state", "device.slot_reading", "device.slot_trial"))
        delivery.restarting(self._who["boot"], now)
        self._leave()

    def _leave(self) -> None:
        self._leaving = asyncio.create_task(self._restart())

    async def _restart(self) -> None:
        await asyncio.sleep(TELL_SECONDS)
        await self._close()
        self._board.reset()


def of(gateway: object) -> OwnUpdate:
    """The update of this gateway.gateway.Gateway itself."""
    files = FlashFiles(gateway.root)
    return OwnUpdate(gateway.board, gateway.config, gateway.who, files, gateway.links.close)


def announced(job: Job) -> dict:
    """The job in the words of an announcement, which checks and records are written in."""
    image = dict(job.signed_keys())
    image["role"], image["hardware"] = job.offer.role, job.offer.hardware
    image["md5"], image["noPart"] = job.md5, job.offer.parts
    image["forced"] = job.offer.forced
    return image

"""An update on its way through this node: announcement, parts, check, commit, restart.

The receiver of the protocol asks for parts, `Incoming` keeps them, `Slots` checks and unpacks; here
is what they have to do with each other and with the gateway's commands. The other slot alone is
written. Nothing happens on the word of somebody without the mesh key, unless the board's own
configuration accepts level 0. Slow steps run in `run`, a buffer at a time.
"""

import asyncio
import gc
import sys

from device import LOADING, SERVING, collect_every, forget
from device.image import HARDWARE, ImageError
from painlessmesh.protocol import flag, text

IDLE, DOWNLOADING, VERIFYING, READY = "idle", "downloading", "verifying", "ready"
RESTARTING, TRIAL = "restarting", "trial"

# (phase, what happens) -> next phase; whatever is not here is ignored in that phase.
MOVES = {
    (IDLE, "begin"): DOWNLOADING,
    (DOWNLOADING, "complete"): VERIFYING,
    (DOWNLOADING, "gave up"): IDLE,
    (DOWNLOADING, "fault"): IDLE,
    (DOWNLOADING, "cancel"): IDLE,
    (VERIFYING, "whole"): READY,
    (VERIFYING, "fault"): IDLE,
    (VERIFYING, "cancel"): IDLE,
    (READY, "cancel"): IDLE,
    (READY, "restart"): RESTARTING,
    (IDLE, "restart"): RESTARTING,
    (DOWNLOADING, "restart"): RESTARTING,
    (TRIAL, "confirmed"): IDLE,
    (TRIAL, "restart"): RESTARTING,
}
BUSY = (DOWNLOADING, VERIFYING, READY)

NOBODYS_TAG = "0"  # tag of a trial that no gateway named
NO_MEMORY = "There was too little memory to take the image."
NO_SUCH_KIND = "This node knows no image of that kind."
TAG_LETTERS = "0123456789abcdef-"


class Updater:
    def __init__(self, slots: object, takers: dict, receive: object, config: dict) -> None:
        """`slots` are those of what runs; `takers` says for each kind of image which slots and
        which `Incoming` take it, or why none does (`device.firmware_slots`). `receive()` makes a
        painlessmesh Receiver, and loads its code; both are gone again when an image is checked."""
        self.phase = TRIAL if slots.in_trial else IDLE
        self.md5 = None  # of the image that is on its way, None when there is none
        self.parts = 0  # of that image
        self.error = None  # {md5, code, reason} of the last image that was not taken
        self.on_change = None  # called with nothing when phase or error are others
        self.on_repeat = None  # called with nothing when somebody should hear the same once more
        self.on_restart = None  # called with nothing when the board is to be restarted
        self.send = None  # called with the pairs of a package
        self.need = None  # called with the body of a level 1 `need`
        self.signing = None  # device.signing.Signing where this board wants signed firmware
        self._signed = None  # what confirming the image on its way makes of the floor
        self._slots = slots
        self._takers = takers
        self.images = not isinstance(takers.get("esp-image", ""), str)  # whether it takes them
        self._target, self._incoming = takers[slots.kind]  # of the image on its way
        self._receive = receive
        self._receiver = None  # while an image is on its way
        self._node_type = config["node_type"]
        self._accept_level_0 = config["accept_level_0"] and "signing_key" not in config
        self._by_itself = False  # level 0: nobody will say `commit`
        self._work = asyncio.Event()

    @property
    def part(self) -> int:
        """The next part wanted."""
        return self._incoming.wanted if self.phase == DOWNLOADING else self.parts

    def flash_free(self) -> int:
        """Bytes that a new image may take."""
        return self._target.room()

    # ---- what the mesh says

    def announced(self, package: dict, genuine: bool, now: int) -> None:
        """An announcement; `genuine` when its mac is good for this node in this boot."""
        if not genuine and not self._accept_level_0:
            return
        md5 = text(package, "md5", 32)
        if not genuine or package.get("kind") == "esp-image":
            package["ahead"] = 0  # nobody understands a need, or a partition is written in order
        if self.phase in BUSY:
            # One image at a time: a second announcement must not throw away what has arrived.
            if md5 == self.md5:
                self._again(package, now)
            return
        if self.phase != IDLE:
            return
        refusal = self._refusal(package, md5)
        if refusal is None:
            try:
                self._begin(package, md5, genuine, now)
            except MemoryError:
                self.md5 = md5
                self._stop("space", NO_MEMORY)
        elif genuine:
            self._fault(md5, *refusal)

    def _refusal(self, package: dict, md5: str) -> tuple | None:
        """(code, reason) why the announced image is not for this node."""
        role, hardware = text(package, "role", 30), text(package, "hardware", 10)
        taker = self._takers.get(package.get("kind", self._slots.kind), NO_SUCH_KIND)
        if role != self._node_type:
            return "role", f"The image is for {role}, this is {self._node_type}."
        if hardware != HARDWARE:
            return "hardware", f"The image is for {hardware}, this is {HARDWARE}."
        if isinstance(taker, str):
            return "kind", taker
        if self._slots.is_refused(md5) and not flag(package, "forced"):
            return "refused", "This firmware failed its trial here before; force takes it again."
        return None

    def _begin(self, package: dict, md5: str, genuine: bool, now: int) -> None:
        if md5 == self._slots.md5() and not flag(package, "forced"):
            self.on_repeat()  # it runs already: the status says so
            return
        if self.signing is not None:
            try:
                self._signed = self.signing.check(package)
            except ImageError as error:
                self._fault(md5, error.code, error.reason)
                return
        self._receiver = self._receive()
        if not self._receiver.announce(package, now):
            self._forget_receiver()
            return
        self.error = None
        self.md5 = md5
        self._by_itself = not genuine
        self._target, self._incoming = self._takers[package.get("kind", self._slots.kind)]
        try:
            first = self._incoming.begin(package, self._target.room())
        except ImageError as error:
            self._stop(error.code, error.reason)
            return
        self.parts = self._incoming.parts
        self._move("begin")
        self._take(self._receiver.start(first, now))

    def _again(self, package: dict, now: int) -> None:
        if self.phase == DOWNLOADING:
            self._take(self._receiver.announce(package, now))
        else:
            self.on_repeat()

    def received(self, package: dict, now: int) -> None:
        """A DATA package."""
        if self.phase == DOWNLOADING:
            self._take(self._receiver.data(package, now))

    def tick(self, now: int) -> None:
        if self.phase == DOWNLOADING:
            self._take(self._receiver.tick(now))

    def _take(self, events: list) -> None:
        """What the receiver wants done, in its order."""
        try:
            for event in events:
                if event[0] == "request":
                    self.send(event[1])
                elif event[0] == "need":
                    self.need(event[1])
                elif event[0] == "part":
                    self._incoming.write(event[1], memoryview(event[2]))
                elif event[0] == "complete":
                    self._forget_receiver()
                    self._work.set()
                    self._move("complete")
                elif event[0] == "gave_up":
                    self._incoming.close()  # what has arrived stays
                    self._forget_receiver()
                    self.md5 = None
                    self._move("gave up")
        except ImageError as error:
            self._stop(error.code, error.reason)
        except MemoryError:
            self._stop("space", NO_MEMORY)

    # ---- what the gateway commands

    def command(self, go: dict) -> None:
        """The body of a genuine `go`."""
        order = go.get("do")
        try:
            if order == "commit":
                self._commit(go)
            elif order == "cancel":
                self._cancel(go.get("md5"))
            elif order == "restart":
                self.restart()
            elif order == "flip" and self.phase == IDLE and is_tag(go.get("tag")):
                self._slots.flip(go["tag"], text(go, "proof", 64))
                self.error = None
                self.md5, self.parts = text(go, "md5", 32) or None, 0
                self.restart()
            elif order == "key" and self.signing is not None:
                self.signing.replace(go)
                self.on_change()
        except ImageError as error:
            self._fault(text(go, "md5", 32), error.code, error.reason)
        except OSError as error:
            reason = f"The order could not be written down: {error}."
            self._fault(text(go, "md5", 32), "flash", reason)

    def _commit(self, go: dict) -> None:
        if self.phase == READY and go.get("md5") == self.md5 and is_tag(go.get("tag")):
            self._target.commit(go["tag"], self._signed)
            self.restart()

    def _cancel(self, md5: object) -> None:
        if self.phase in BUSY and md5 == self.md5:
            self._forget_receiver()
            self._incoming.discard()
            self.md5 = None
            self._move("cancel")
        elif self.phase == IDLE and md5 == self._incoming.announced.get("md5"):
            self._incoming.discard()  # what a transfer that gave up had left

    def restart(self) -> None:
        if self._move("restart"):
            self.on_restart()

    # ---- the slow part

    async def run(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            if self.phase == VERIFYING:
                await self._verify()

    async def _verify(self) -> None:
        await asyncio.sleep(0)  # until nobody holds the receiver any more
        gc.collect()
        collect_every(LOADING)
        steps = self._target.installing(self._incoming, self._node_type)
        try:
            for _ in steps:
                if self.phase != VERIFYING:
                    steps.close()  # cancelled
                    return
                await asyncio.sleep(0)  # the mesh wants its answers within 5 s
        except ImageError as error:
            self._stop(error.code, error.reason)
            return
        except MemoryError as error:
            print(error)
            self._check_in_a_fresh_heap()
            return
        finally:
            collect_every(SERVING)
        if self._move("whole") and self._by_itself:
            self.command({"do": "commit", "md5": self.md5, "tag": NOBODYS_TAG})

    def _check_in_a_fresh_heap(self) -> None:
        """What has arrived stays, and is checked after a restart, when nothing lies in the way yet; but only once."""
        try:
            once = self._incoming.once_more()
        except OSError:
            once = False
        if not once:
            self._stop("space", "There was too little memory to check the image.")
            return
        self.md5 = None
        self._move("fault")
        self.restart()

    def _forget_receiver(self) -> None:
        """6 KB of heap, which checking an image needs for itself."""
        if self._receiver is not None:
            self._receiver = None
            forget(("device.early_parts",))
            sys.modules.pop("painlessmesh.ota_receiver", None)
            # Its package would load it again if it were asked whether it has it.
            sys.modules["painlessmesh"].__dict__.pop("ota_receiver", None)

    # ---- phases

    def confirmed(self) -> None:
        """The trial has ended well."""
        self._move("confirmed")

    def _stop(self, code: str, reason: str) -> None:
        """The image on its way is not taken; nothing of it stays."""
        md5 = self.md5
        self._forget_receiver()
        try:
            self._incoming.discard()
        except OSError:
            pass  # the next image removes it
        self.md5 = None
        self.error = {"md5": md5, "code": code, "reason": reason}
        if not self._move("fault"):
            self.on_change()  # refused before it began

    def _fault(self, md5: str, code: str, reason: str) -> None:
        error = {"md5": md5, "code": code, "reason": reason}
        known, self.error = self.error, error
        if known == error:
            self.on_repeat()
        else:
            self.on_change()

    def _move(self, happening: str) -> bool:
        phase = MOVES.get((self.phase, happening))
        if phase is None:
            return False
        self.phase = phase
        self.on_change()
        return True


def is_tag(tag: object) -> bool:
    return isinstance(tag, str) and 0 < len(tag) <= 24 and all([c in TAG_LETTERS for c in tag])

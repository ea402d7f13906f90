"""The parts of the gateway, and who tells whom.

Root of the mesh on its own access point, guest of the home network, client of Home Assistant. Whatever
any task raises ends the program; the loader writes the reason down and restarts the board.
"""

import asyncio
import binascii

from device import forget
from device.board import Board
from gateway.blocks import Blocks
from gateway.contact import Contact
from gateway.delivery import FAILED, MOST_TARGETS, RESTARTING, Delivery
from gateway.distributor import Distributor
from gateway.home_assistant import HomeAssistant
from gateway.http import Connection
from gateway.poller import Poller
from gateway.reporter import Reporter
from gateway.revision import HighestRevision
from gateway.serving import Serving
from gateway.session import HEEDED, Session
from painlessmesh.link import Links
from painlessmesh.mesh import Mesh

SECOND = 1_000_000
BEAT_SECONDS = 0.1
WATCHDOG_MS = 30_000
FEED_US = 5_000_000  # a beat that has not come for so long gets no food
ROUTER_LOOK_SECONDS = 5
# What own_update loads; all together, for they have to agree on what an ImageError is.
OF_UPDATE = (
    "gateway.own_update",
    "gateway.own_install",
    "device.incoming",
    "device.early_parts",
    "device.flash_files",
    "device.image",
    "device.signature",
    "device.signing",
    "device.slot_reading",
    "device.slot_state",
    "device.slot_trial",
    "device.arrival",
)
# Times in a boot, with pauses of 1, 2, 4, 8 and 16 s: other transfers may end meanwhile.
SHORT_MOST = 5
NO_MEMORY = "There was too little memory to take the image."
ROUTER_PAUSE_LONGEST = 60  # our own access point goes deaf while the radio looks for the router


class Gateway:
    """`config` is checked by device.config, `keys` are gateway.keys.Keys, `who` is what
    own_slot.facts found; the radio is on. `root` is where the flash is, "" on a board."""

    def __init__(
        self, board: Board, config: dict, keys: object, who: dict, blocks: Blocks, root: str = ""
    ) -> None:
        self.board = board
        self.config = config
        self.who = who
        self.root = root
        self._blocks = blocks
        self.updating = None  # own_update.OwnUpdate, once a job names this gateway
        self._own = None  # the delivery to this gateway that the next step is for
        self._short = 0  # times that there was too little memory for one
        self._own_after = 0  # when to try again then
        self.mesh = Mesh(board.node_id)
        self.mesh.root = True
        self.mesh.on_error = lambda error: print("mesh:", type(error).__name__, error)
        self.links = Links(self.mesh, board.now_us, board.may_join)
        self.revision = HighestRevision(root)
        self._reset_cause = board.reset_cause()
        self._started = self._beaten = board.now_us()

        nonce = binascii.hexlify(board.random(8)).decode()
        self.contact = Contact(self.mesh, keys.mesh, nonce)
        self.distributor = self.enable_ota_distribution()
        self.connection = Connection(config["home_assistant"]["url"], HEEDED)
        self.connection.room = blocks.claim
        session = Session(self.connection, board.node_id, keys.gateway, board.random)
        self.reporter = Reporter(
            self.mesh, self.contact, self.distributor, self.facts, blocks.claim
        )
        home_assistant = HomeAssistant(session)
        home_assistant.on_keys = self._take_keys
        self.poller = Poller(home_assistant, blocks, self.distributor, self.reporter, board.now_us)
        self.poller.on_revision = self.revision.saw
        self.contact.on_news = self.poller.wake
        self.distributor.on_news = self.poller.wake
        self.distributor.on_want = self.poller.wake
        self.distributor.on_own = self._note_own
        self.mesh.on_changed_connections(self.poller.wake)

    def enable_ota_distribution(self) -> Distributor:
        """What gives images to the nodes of this mesh; `poller.check_for_ota_updates` says which."""
        return Distributor(self.mesh, self.contact, Serving(self.mesh, self._blocks))

    def facts(self) -> dict:
        """The gateway object of a report."""
        board = self.board
        facts = dict(self.who)
        del facts["in_trial"], facts["parked"]
        facts["heap"] = board.heap_free()
        facts["flash"] = board.flash_free()
        facts["up"] = (board.now_us() - self._started) // 1_000_000
        facts["reset"] = self._reset_cause
        facts["chip"] = board.chip
        facts["mpy"] = board.mpy_version()
        facts["highest_revision"] = self.revision.value
        facts["max_targets"] = MOST_TARGETS  # by which it also knows that we heed `commit`
        rssi = board.rssi()
        if rssi is not None:
            facts["rssi"] = rssi
        return facts

    async def run(self) -> None:
        mesh = self.config["mesh"]
        await self.links.listen(*self.board.start_access_point(mesh))
        running = [
            self.links.run(),
            self._talk(),
            self._stay_on_router(),
            self._beat(),
            self._feed(),
        ]
        if self.who["in_trial"] or self.who["parked"]:
            from gateway import own_trial

            running.append(own_trial.of(self))
        await asyncio.gather(*running)

    # ---- this gateway as one of those that are updated

    def _note_own(self, delivery: Delivery, _now: int) -> None:
        """For the beat: where a list has just come in, it and what reads it lie in the memory that this needs."""
        self._own = delivery

    def _update_ourselves(self, delivery: Delivery, now: int) -> None:
        if delivery.state in (FAILED, RESTARTING):
            self._let_go_of_update()
            return
        if now < self._own_after:
            return
        try:
            if self.updating is None:
                from gateway import own_update

                self.updating = own_update.of(self)
            self.updating.tick(delivery, self._blocks, now)
        except MemoryError as error:
            print("own update:", error)
            self.updating = None
            forget(OF_UPDATE)  # what has arrived is on flash, and goes on from there
            self._own_after = now + (SECOND << self._short)
            self._short += 1
            if self._short > SHORT_MOST:
                delivery.fail("space", NO_MEMORY, now)

    def _let_go_of_update(self) -> None:
        """Nothing is left to do, but the job stays listed for a while: its code would lie in the way."""
        if self.updating is not None:
            self.updating = None
            forget(OF_UPDATE)

    def _take_keys(self, changes: list) -> None:
        """Changes of the signing key: the nodes' matter, and ours where we carry it too."""
        self.contact.take_keys(changes)
        if any([change["from"] == self.who.get("key") for change in changes]):
            from gateway import own_key

            own_key.take(self, changes)

    # ---- what runs

    async def _talk(self) -> None:
        while not self.board.router_alive():
            await asyncio.sleep(BEAT_SECONDS)
        await self.poller.run()

    async def _stay_on_router(self) -> None:
        """The mesh goes on without the home network; Home Assistant hears of it later."""
        pause = ROUTER_LOOK_SECONDS
        while True:
            if self.board.router_alive() or await self._join_router():
                pause = ROUTER_LOOK_SECONDS
            else:
                pause = min(2 * pause, ROUTER_PAUSE_LONGEST)
            await asyncio.sleep(pause)

    async def _join_router(self) -> bool:
        joined = await self.board.join_router(self.config["router"])
        print("home network:", "joined" if joined else "not reached")
        if joined:
            self.poller.start_anew()  # the connection stood on an address that is no longer ours
        return joined

    async def _beat(self) -> None:
        while True:
            now = self.board.now_us()
            self.contact.tick(now)
            self._own = None
            self.distributor.tick(now)
            if self._own is not None:
                self._update_ourselves(self._own, now)
            self.revision.tick(now)
            self._beaten = now
            await asyncio.sleep(BEAT_SECONDS)

    async def _feed(self) -> None:
        """The one place that feeds the watchdog, as long as the beat goes on."""
        self.board.watchdog(WATCHDOG_MS)
        while True:
            if self.board.now_us() - self._beaten < FEED_US:
                self.board.feed()
            await asyncio.sleep(1)

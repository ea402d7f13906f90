"""A mesh node, from power-on to restart: the parts, and who tells whom.

The loader calls `main` from the slot that runs. It returns never: whatever any task raises ends it,
and the loader writes the reason down and restarts the board.
"""

import asyncio
import binascii

from device import SERVING, collect_every, forget
from device.board import Board
from node import status
from node.gateway_contact import GatewayContact
from node.shared_state import SharedState
from node.station import Station
from node.updater import Updater
from painlessmesh import Links, Mesh, NodeSide

WATCHDOG_MS = 30000
BEAT_SECONDS = 0.2
FEED_SECONDS = 1
FEED_US = 5 * 1000000  # a loop that has not come round for so long gets no food
FLUSH_SECONDS = 0.5  # for the last status to leave before the sockets close
ONLY_AT_START = (  # 11 KB of heap, used once
    "device.config",
    "device.firmware_slots",
    "device.manifest",
    "device.proof",
    "device.slot_reading",
)
ONLY_IN_TRIAL = ("node.trying", "device.trial", "device.slot_trial")


class Node:
    def __init__(self, board: object, config: dict, root: str = "") -> None:
        self.board = board
        self.config = config
        self.slots, takers = slots_of(board, root)
        self.mesh = Mesh(board.node_id)
        self.links = Links(self.mesh, board.now_us, board.may_join)
        self.station = Station(board, self.mesh, self.links, config["mesh"])
        self._identity = status.Identity(board, config, self.slots)
        forget(ONLY_AT_START)
        # The radio first: before it is on, an ESP32's random numbers are not random.
        self._listen_at = board.start_access_point(config["mesh"])
        nonce = binascii.hexlify(board.random(8)).decode()
        self._side = NodeSide(binascii.unhexlify(config["mesh_key"]), board.node_id, nonce)
        receive = lambda: self.enable_ota_receive(config["node_type"])  # noqa: E731
        self.updater = Updater(self.slots, takers, receive, config)
        if "signing_key" in config:
            from node.signed_only import SignedOnly  # most boards never need it

            self.updater.signing = SignedOnly(
                self.slots.files, config["signing_key"], self.slots, board.node_id
            )
        self.contact = GatewayContact(self._side, self.mesh, self._compose)
        self.state = SharedState(self.mesh, config["name"], self._vitals)
        self.state.role = config["node_type"]
        self.role = role_of(config["node_type"])(board, config, self.state)
        self._trying = None
        if self.slots.in_trial:
            from node.trying import Trying  # most boots never need it

            self._trying = Trying(self.slots, self.updater, self.role, board.now_us())
        self._restart = asyncio.Event()
        self._beaten = board.now_us()
        self.join_parts()

    def join_parts(self) -> None:
        mesh, updater, contact = self.mesh, self.updater, self.contact
        mesh.on_package(10, self._announced)
        mesh.on_package(12, lambda package, _link, now: updater.received(package, now))
        mesh.on_receive(self.state.receive)
        mesh.on_new_connection(self.state.joined)
        updater.send = mesh.send
        updater.need = contact.need
        updater.on_change = lambda: contact.report(self.board.now_us())
        updater.on_repeat = lambda: contact.answer(self.board.now_us())
        updater.on_restart = self._restart.set
        contact.on_go = updater.command
        contact.on_hello = self._greeted
        if hasattr(self.role, "on_long_press"):
            from node.push_button import way_back

            self.role.on_long_press = way_back(self.slots, updater)

    def enable_ota_receive(self, role: str) -> object:
        """What takes the parts of an image for that role, as long as one is on its way."""
        from painlessmesh.ota_receiver import Receiver

        return Receiver(self.board.node_id, role, self.board.hardware)

    def _compose(self) -> str:
        return status.body(self._identity, self._side, self.updater)

    def _vitals(self) -> tuple:
        return self._identity.seconds_up(), self.board.heap_free(), self._identity.version

    def _announced(self, package: dict, _link: object, now: int) -> None:
        self.updater.announced(package, self._side.check_announcement(package), now)

    def _greeted(self) -> None:
        """The gateway is there and has answered."""
        self.state.gateway = self._side.gateway
        if self._trying is not None:
            self._trying.heard_gateway()
        elif self.updater.phase == "idle" and self.slots.rearm():
            self.updater.restart()  # the trial that had no gateway gets another chance

    # ---- what runs

    async def run(self) -> None:
        await self.links.listen(*self._listen_at)
        await asyncio.gather(
            self.links.run(),
            self.station.run(),
            self.updater.run(),
            self.role.run(),
            self._beat(),
            self._feed(),
            self._end(),
        )

    async def _beat(self) -> None:
        while True:
            self.beat(self.board.now_us())
            await asyncio.sleep(BEAT_SECONDS)

    def beat(self, now: int) -> None:
        """Everything that is due by now."""
        self.state.tick(now)
        self.contact.tick(now)
        self.updater.tick(now)
        if self._trying is not None:
            self._trying.tick(now, bool(self.mesh.get_node_list()))
            if self._trying.over:
                self._trying = None
                forget(ONLY_IN_TRIAL)
        self._beaten = now

    async def _feed(self) -> None:
        """The one place that feeds the watchdog, as long as the beat goes on."""
        self.board.watchdog(WATCHDOG_MS)
        while True:
            if self.board.now_us() - self._beaten < FEED_US:
                self.board.feed()
            await asyncio.sleep(FEED_SECONDS)

    async def _end(self) -> None:
        """Restart when asked to. Sockets first: a neighbour that sees no FIN refuses us for 70 s."""
        await self._restart.wait()
        await asyncio.sleep(FLUSH_SECONDS)
        await self.links.close()
        self.board.reset()


def role_of(node_type: str) -> type:
    """The class Role of roles/<type>.py."""
    return __import__("roles." + node_type, None, None, ("Role",)).Role


def slots_of(board: object, root: str) -> tuple:
    from device import firmware_slots

    return firmware_slots.opened(board, root)


def read_config() -> dict:
    from device import config

    return config.load()


def main() -> None:
    node = Node(Board(), read_config())
    del Node.__init__, Node.join_parts  # 2 KB of heap: there will be no second one
    collect_every(SERVING)
    asyncio.run(node.run())

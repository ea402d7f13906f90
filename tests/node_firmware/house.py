"""A gateway and a node in one process, joined link to link, on a clock that the test moves.

The node is the shipped `node.app.Node` on a real folder, booted by the shipped boot choice; the
gateway end is the gateway's shipped contact with its nodes and the protocol's sender. Only the board is made up, and the wire:
frames go from one mesh's link to the other's.
"""

import asyncio
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

from device import boot_choice
from device.flash_files import FlashFiles
from device.slot_state import SlotState
from device.slots import Slots
from gateway.contact import Contact
from node.app import Node
from painlessmesh.mesh import Mesh
from painlessmesh.ota_sender import Offer, Sender

S = 1_000_000
STEP = 50_000
KEY = bytes(range(32))
GATEWAY, NODE = 1111111111, 2222222222
NONCE = "9f86d081884c7d65"


def bundle(version, files=None, node_type="watcher", micropython="1.24.0"):
    """An app-bundle as bytes, and its proof."""
    files = files or {
        "node/app.py": b"# " + version.encode() + bytes(3000),
        "roles/watcher.py": b"",
    }
    manifest = json.dumps(
        {
            "format": 1,
            "node_type": node_type,
            "version": version,
            "hardware": "ESP32-MPY",
            "micropython": micropython,
            "files": {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)},
        }
    ).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in [("manifest.json", manifest), *sorted(files.items())]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue(), hashlib.sha256(manifest).hexdigest()


class Board:
    """What an ESP32 would be, without radio and pins."""

    hardware = "ESP32-MPY"
    chip = "esp32"
    node_id = NODE

    def __init__(self, house):
        self.house = house
        self.drawn = 0
        self.resets = 0

    def now_us(self):
        return self.house.now

    def random(self, length):
        return hashlib.sha256(b"%d" % self.house.boots).digest()[:length]

    def heap_free(self):
        return 81234

    def rssi(self):
        return -61

    def mpy_version(self):
        return "1.26.1"

    def reset_cause(self):
        return self.house.cause

    def start_access_point(self, _mesh):
        return "127.0.0.1", 0

    def may_join(self, _local, _peer):
        return True

    def reset(self):
        self.resets += 1

    def partitions(self):
        return self.house.partitions


class House:
    def __init__(self, root, node_type="watcher", **config):
        self.root = str(root)
        self.now = 5 * S
        self.boots = 0
        self.cause = "power_on"
        self.partitions = None  # of a board with two of them
        self.config = {
            "node_type": node_type,
            "name": "hall",
            "zone": "",
            "mesh": {},
            "mesh_key": KEY.hex(),
            "accept_level_0": False,
            "pins": {},
            "sensor": {"kind": "dht11", "interval": 10},
        } | config
        self.statuses = []
        self.heard = []  # every package 71 that reached the gateway
        self.lost = lambda _pairs: False  # parts that the air swallows
        self.requests = []
        self.frames_to_node = []
        self.ahead = 0  # parts that the gateway sends out of order
        self.mute = False  # a gateway that never says hello
        self.image = b""
        self.node = None
        self.wire = None
        self.tasks = []
        self.power_gateway()
        self.fill_slot("a", "1.0.0")

    # ---- the node

    def fill_slot(self, slot, version):
        """As scripts/deploy does: files by cable, then adopted."""
        image, self.proof_of_first = bundle(version, node_type=self.config["node_type"])
        with tarfile.open(fileobj=io.BytesIO(image)) as archive:
            archive.extractall(f"{self.root}/{slot}", filter="data")
        Slots(self.root).adopt(slot)

    def files(self, folder):
        return sorted(path.name for path in Path(self.root, folder).iterdir())

    def write(self, name, content):
        Path(self.root, name).write_bytes(content)

    def remove(self, name):
        Path(self.root, name).unlink()

    def flip_last_byte(self, name):
        path = Path(self.root, name)
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    def boot(self, cause="hard"):
        """Power on or restart, and join the gateway's mesh."""
        self.unplug()
        for task in self.tasks:
            task.cancel()
        self.boots += 1
        self.cause = cause
        self.statuses.clear()
        self._lose_what_is_not_closed()
        boot_choice.pick(SlotState(FlashFiles(self.root)), cause)
        self.node = Node(Board(self), self.config, self.root)
        self.tasks = [asyncio.create_task(self.node.updater.run())]
        self.plug()
        return self.node

    def _lose_what_is_not_closed(self):
        """As littlefs does; here an old node's buffer would still be written when it is forgotten."""
        file = self.node and self.node.updater._incoming._file
        if file:
            size = Path(file.name).stat().st_size
            file.close()
            os.truncate(file.name, size)

    def plug(self):
        if self.gateway is not None:
            self.wire = (
                (self.gateway, self.gateway.link_up(self.now, False)),
                (self.node.mesh, self.node.mesh.link_up(self.now, True)),
            )

    def unplug(self):
        if self.wire:
            for mesh, link in self.wire:
                mesh.link_down(link, self.now)
        self.wire = None

    # ---- the gateway

    def power_gateway(self, nonce=NONCE):
        self.gateway = Mesh(GATEWAY)
        self.gateway.root = True
        self.contact = Contact(self.gateway, KEY, nonce)
        self.contact.on_status = lambda _node, status, _now: self.statuses.append(status)
        self.sender = Sender(GATEWAY)
        self.contact.on_need = self.sender.on_need
        self.gateway.on_package(71, self._level_1)
        self.gateway.on_package(11, self._asked)

    @property
    def side(self):
        return self.contact.node(NODE)

    def met(self):
        """Whether node and gateway know each other."""
        return bool(self.statuses and self.node._side.gateway)

    def _level_1(self, package, _link, now):
        self.heard.append(package)

    def _asked(self, package, _link, now):
        self.requests.append(package["partNo"])
        self._serve(self.sender.on_request(package, now))

    def _serve(self, request):
        if request is None:
            return
        start = request.part * 1024
        payload = self.image[start : start + request.offer.part_length(request.part)]
        pairs = self.sender.data_package(request, payload)
        if not self.lost(dict(pairs)):
            self.gateway.send(pairs)

    def offer(self, image, version="1.1.0", forced=False, carried=None, **changes):
        """Announce an image to the node, signed, as the gateway does; `carried` is the same one deflated."""
        self.image = image if carried is None else carried
        role = changes.get("role", self.config["node_type"])
        hardware = changes.get("hardware", "ESP32-MPY")
        offer = Offer(role, hardware, hashlib.md5(image).hexdigest(), len(self.image), forced)
        self.sender.offer(offer)
        self.sender.add_target(offer, NODE, ahead=self.ahead)
        extra = {
            "size": len(image),
            "sha256": hashlib.sha256(image).hexdigest(),
            "kind": "app-bundle",
            "version": version,
        } | ({} if carried is None else {"deflate": len(carried)})
        extra |= changes
        known = self.sender.announcement(NODE)
        keys = ("size", "sha256", "kind", "version", "deflate", "counter", "floor", "sig")
        pairs = known + tuple((key, extra[key]) for key in keys if key in extra)
        self.announcement = self.side.sign(pairs)
        self.gateway.send(self.announcement)
        return offer.md5

    def go(self, **body):
        self.gateway.send(self.side.build("go", json.dumps(body)))

    # ---- time

    def pump(self):
        """Carry what waits on either end: a step later it is there."""
        if self.wire is None:
            return
        (here, here_link), (there, there_link) = self.wire
        moving = [(here, here_link, frame) for frame in _waiting(there_link)]
        moving += [(there, there_link, frame) for frame in _waiting(here_link)]
        for mesh, link, frame in moving:
            if mesh is not self.gateway:
                self.frames_to_node.append(frame)
            mesh.receive(link, frame, self.now)

    def play(self, *frames):
        """A member of the mesh sends these frames to the node, through the link to the gateway."""
        for frame in frames:
            self.node.mesh.receive(self.wire[1][1], frame, self.now)

    async def run(self, seconds, until=None):
        """Let that much time pass; stops early when `until()` holds. Answers whether it did."""
        end = self.now + int(seconds * S)
        while self.now < end:
            self.now += STEP
            if self.gateway is not None:
                self.gateway.tick(self.now)
                if not self.mute:
                    self.contact.tick(self.now)
                self._push()
            self.node.mesh.tick(self.now)
            self.node.beat(self.now)
            self.pump()
            await asyncio.sleep(0)
            for task in self.tasks:
                if task.done():
                    task.result()  # what ended it is the reason, not that time went by
            if until is not None and until():
                return True
        return until is None

    def _push(self):
        request = self.sender.due(self.now)
        while request is not None:
            self._serve(request)
            request = self.sender.due(self.now)

    async def until_phase(self, phase, seconds=30):
        """Until the gateway has heard that phase."""
        return await self.run(seconds, lambda: self.statuses and self.status["phase"] == phase)

    async def update(self, image, tag="4f1d-1", seconds=10, **offered):
        """Offer, transfer, commit, restart."""
        md5 = self.offer(image, **offered)
        assert await self.until_phase("ready", seconds), self.status
        self.go(do="commit", md5=md5, tag=tag)
        assert await self.until_phase("restarting")
        assert self.node._restart.is_set()
        self.boot()
        return md5

    def restarting(self):
        """Whether the node has asked for a restart."""
        return self.node._restart.is_set()

    @property
    def phase(self):
        return self.node.updater.phase

    @property
    def status(self):
        return self.statuses[-1]


def _waiting(link):
    frames = []
    frame = link.next_frame()
    while frame is not None:
        frames.append(bytes(frame))  # the next one may be made in the same buffer
        frame = link.next_frame()
    return frames

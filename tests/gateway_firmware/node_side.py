"""Nodes for the gateway to serve: the protocol's own receiver and level 1, and as much of a node as an update needs.

They live on a Mesh and are told the time, so that they run on a virtual clock and on a real one.
"""

import hashlib
import json

from painlessmesh.level1_node import NodeSide
from painlessmesh.ota_receiver import Receiver


class Taker:
    """What our nodes and C++ nodes have in common: they ask for parts and put them together."""

    def __init__(self, mesh, role, hardware):
        self.mesh = mesh
        self.role = role
        self.receiver = Receiver(mesh.node_id, role, hardware)
        self.image = bytearray()
        self.images = []  # every image that arrived whole
        self.parts = []  # every part that was handed out
        mesh.on_package(10, self.announced)
        mesh.on_package(
            12, lambda package, _link, now: self.take(self.receiver.data(package, now), now)
        )

    def tick(self, now):
        self.take(self.receiver.tick(now), now)

    def take(self, events, now):
        for event in events:
            if event[0] == "request":
                self.mesh.send(event[1])
            elif event[0] == "begin":
                self.image = bytearray()
                self.begin(event[1])
                self.take(self.receiver.start(0, now), now)
            elif event[0] == "need":
                self.need(event[1])
            elif event[0] == "part":
                self.parts.append(event[1])
                start = event[1] * 1024
                self.image.extend(bytes(max(0, start + len(event[2]) - len(self.image))))
                self.image[start : start + len(event[2])] = event[2]
            elif event[0] == "complete":
                self.complete(bytes(self.image), now)

    def begin(self, package):
        pass


class StockNode(Taker):
    """An unmodified C++ node: takes what is announced for its role, says nothing of itself."""

    def __init__(self, mesh, role="dht", hardware="ESP32"):
        self.announcements = []
        super().__init__(mesh, role, hardware)

    def announced(self, package, _link, now):
        self.announcements.append(package)
        self.take(self.receiver.announce(package, now), now)

    def complete(self, image, _now):
        self.images.append(image)
        self.receiver.installed = hashlib.md5(image).hexdigest()


class OurNode(Taker):
    """A node that knows the mesh key, takes one image, restarts into it, and proves it."""

    def __init__(self, mesh, key, role="pir", proof="cd" * 32):
        self.key = key
        self.boot = 7
        self.proof = proof
        self.next_proof = None
        self.phase = "idle"
        self.md5 = None
        self.error = None
        self.last = None
        self.commits = []  # every tag
        self.cancelled = []  # every md5
        self.announcements = []  # genuine ones
        self.refuses = None  # (code, sentence): what it says to every image
        self.obeys = True  # False: a commit is not heard
        self.extra = {}
        self.start()
        super().__init__(mesh, role, "ESP32-MPY")
        mesh.on_package(71, self.level_1)

    def start(self):
        self.nonce = hashlib.sha256(b"%d %d" % (id(self), self.boot)).hexdigest()[:16]
        self.side = None

    def side_now(self):
        if self.side is None:
            self.side = NodeSide(self.key, self.mesh.node_id, self.nonce)
        return self.side

    def level_1(self, package, _link, now):
        side = self.side_now()
        body = side.check(package)
        if body is None:
            asker = side.asked_by(package, now)
            if asker is not None:
                self.say(asker)
        elif package["op"] == "go":
            self.command(json.loads(body))
        elif self.phase == "trial":
            self.phase = "idle"
            self.last["outcome"] = "confirmed"
            self.say()

    def command(self, go):
        if go["do"] == "cancel" and go["md5"] == self.md5:
            self.cancelled.append(self.md5)
            self.receiver = Receiver(self.mesh.node_id, self.role, "ESP32-MPY")
            self.phase, self.md5 = "idle", None
            self.say()
        elif (
            go["do"] == "commit" and go["md5"] == self.md5 and self.phase == "ready" and self.obeys
        ):
            self.commits.append(go["tag"])
            self.last = {
                "tag": go["tag"],
                "proof": self.next_proof,
                "outcome": "trial",
                "reason": "",
            }
            self.phase = "restarting"
            self.say()

    def restart(self):
        """Up again; what was committed is on trial. The test rejoins it."""
        self.boot += 1
        self.start()
        self.receiver = Receiver(self.mesh.node_id, self.role, "ESP32-MPY")
        if self.phase == "restarting":
            self.proof, self.phase = self.next_proof, "trial"
        else:
            self.phase = "idle"
        self.md5 = None

    def announced(self, package, _link, now):
        if not self.side_now().check_announcement(package):
            return
        self.announcements.append(package)
        if self.refuses is not None:
            self.error = {"md5": package["md5"], "code": self.refuses[0], "reason": self.refuses[1]}
            self.say()
        elif self.phase in ("idle", "downloading"):
            self.take(self.receiver.announce(package, now), now)
        else:
            self.say()

    def begin(self, package):
        self.error = None
        self.phase, self.md5 = "downloading", package["md5"]
        self.say()

    def complete(self, image, _now):
        self.phase = "verifying"
        self.say()
        if hashlib.md5(image).hexdigest() != self.md5:
            self.error = {
                "md5": self.md5,
                "code": "md5",
                "reason": "What arrived is another image.",
            }
            self.phase, self.md5 = "idle", None
        else:
            self.images.append(image)
            self.next_proof = hashlib.sha256(b"proof" + image).hexdigest()
            self.phase = "ready"
        self.say()

    def status(self):
        found = {
            "protocol": 1,
            "type": self.role,
            "name": "hall",
            "hardware": "ESP32-MPY",
            "version": "1.0.0",
            "proof": self.proof,
            "boot": self.boot,
            "nonce": self.nonce,
            "heard": self.side_now().heard,
            "phase": self.phase,
            "heap": 81234,
        } | self.extra
        if self.md5:
            found |= {"md5": self.md5, "part": self.receiver.part, "parts": self.receiver.parts}
        for name in ("last", "error"):
            if getattr(self, name):
                found[name] = getattr(self, name)
        return found

    def need(self, body):
        pairs = self.side_now().build("need", body)
        if pairs is not None:
            self.mesh.send(pairs)

    def say(self, to=None):
        pairs = self.side_now().build(
            "status", json.dumps(self.status(), separators=(",", ":")), to
        )
        if pairs is not None:
            self.mesh.send(pairs)

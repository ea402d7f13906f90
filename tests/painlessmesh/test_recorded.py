"""Recorded sessions of real C++ nodes, with our code in the place of each of them. Runs on both Pythons.

What the application of the recorded node did by itself (a message, an offer) is done here at the time when it did it.
"""

import binascii

from painlessmesh.buffer import FrameBuffer
from painlessmesh.mesh import Mesh
from painlessmesh.ota import Offer, Receiver, Sender
from painlessmesh.protocol import decode
from tests.painlessmesh.mesh_net import take_all
from tests.painlessmesh.transfer import md5_of

FOLDER = __file__.replace("\\", "/").rsplit("/", 2)[0] + "/recorded/mesh/"
S, R1, R2, R3 = 1111111111, 2222222222, 3333333333, 4000000000
MD5 = "e0ccfdbafdd6de45dd1c93de26f389fe"
SECOND = 1_000_000
PAIRS = ("v155_5k", "v150aj6_5k", "alteriom_5k", "alteriom_5k_forced_compressed")
LARGE = (("alteriom_200k_1024", 1024), ("alteriom_200k_4096", 4096))
LARGE_MD5 = "f56eef9d0492b8241928ae2cbdbcb9a8"

# The proxies of the chain had a clock each.
SHIFT = {"chain3_bcast_R1-S": -51_500, "chain3_bcast_R3-R2": 4_000}


def read(name):
    with open(FOLDER + name, "rb") as file:
        return file.read()


def frames_of(name, direction):
    return FrameBuffer().feed(read(name + "." + direction + ".bin"))


def chunks_of(name, direction):
    """(microseconds, bytes) of each read."""
    stream = read(name + "." + direction + ".bin")
    found = []
    start = 0
    for line in str(read(name + ".chunks"), "utf-8").split("\n"):
        words = line.split()
        if len(words) == 3 and words[1] == direction and words[2].isdigit():
            seconds, fraction = words[0].split(".")
            now = int(seconds) * SECOND + int(fraction) + SHIFT.get(name, 0)
            found.append((now, stream[start : start + int(words[2])]))
            start += int(words[2])
    assert start == len(stream)
    return found


class Session:
    """One link of the node that we replace."""

    def __init__(self, name, dialled):
        self.name = name
        self.dialled = dialled
        self.ours, self.theirs = ("c2s", "s2c") if dialled else ("s2c", "c2s")
        self.opened_at = chunks_of(name, "c2s")[0][0] - (100 if dialled else 200)
        self.link = None
        self.sent = []

    def expected(self):
        return [decode(frame) for frame in frames_of(self.name, self.ours)]


class Replay:
    """Feeds what a recorded node received, with its segmentation, and keeps what our node says."""

    def __init__(
        self, node_id, sessions, root=False, role="sensor", broadcast=False, content=None, part=1024
    ):
        self.mesh = Mesh(node_id)
        self.mesh.root = root
        self.sessions = sessions
        self.image = {}
        self.complete = False
        self.sender = Sender(node_id)
        self.content = content or read("fw5k.bin")
        self.offer = Offer("sensor", "ESP32", md5_of(self.content), len(self.content), False, part)
        self.offer.broadcast = broadcast
        self.receiver = Receiver(node_id, role, "ESP32")
        self.receiver.root = root
        self.receiver.part_size = part
        self.mesh.on_package(
            10, lambda package, link, now: self.take(self.receiver.announce(package, now, 0))
        )
        self.mesh.on_package(
            12, lambda package, link, now: self.take(self.receiver.data(package, now))
        )
        self.mesh.on_package(11, self.serve)

    def take(self, events):
        for event in events:
            if event[0] == "request":
                self.mesh.send(event[1])
            elif event[0] == "part":
                self.image[event[1]] = event[2]
            elif event[0] == "complete":
                self.complete = True

    def serve(self, package, link, now):
        request = self.sender.on_request(package, now)
        start = request.part * self.offer.part_size
        payload = memoryview(self.content)[start : start + self.offer.part_length(request.part)]
        self.mesh.link_to(request.node_id).queue(bytes(self.sender.data_frame(request, payload)))

    def happenings(self):
        """(time, order, what to do) of everything that happened to the recorded node or was done by its application."""
        found = []
        for session in self.sessions:
            found.append((session.opened_at, 0, session, None))
            for now, chunk in chunks_of(session.name, session.theirs):
                found.append((now, 1, session, chunk))
            buffer = FrameBuffer()
            for now, chunk in chunks_of(session.name, session.ours):
                said = [decode(frame) for frame in buffer.feed(chunk)]
                found += [
                    (now, 2, session, package) for package in said if self.is_own_deed(package)
                ]
        found.sort(key=lambda happening: happening[:2])
        return found

    def is_own_deed(self, package):
        question = package["type"] == 3 and package["msg"]["type"] == 1
        return package["from"] == self.mesh.node_id and (package["type"] in (8, 9, 10) or question)

    def run(self):
        now = 0
        done = []
        for when, kind, session, content in self.happenings():
            while now + 100_000 < when:
                now += 100_000
                self.mesh.tick(now)
                self.collect()
            now = when
            self.mesh.tick(now)
            self.collect()
            if kind == 0:
                session.link = self.mesh.link_up(now, session.dialled)
            elif kind == 1:
                self.mesh.receive(session.link, content, now)
            elif content not in done:
                done.append(content)
                self.act(content)
            self.collect()
        assert not [session.link.closing for session in self.sessions if session.link.closing]
        return self

    def collect(self):
        for session in self.sessions:
            if session.link:
                session.sent += take_all(session.link)

    def act(self, package):
        if package["type"] == 8:
            self.mesh.send_broadcast(package["msg"])
        elif package["type"] == 9:
            self.mesh.send_single(package["dest"], package["msg"])
        elif package["type"] == 10:
            self.sender.offer(self.offer)
            self.sender.add_target(self.offer, R1, True, 1)
            self.mesh.send(self.sender.broadcast_announcement(self.offer))
        else:
            msg = (("type", 1), ("t0", package["msg"]["t0"]))
            self.mesh.send(
                (("type", 3), ("dest", package["dest"]), ("from", package["from"]), ("msg", msg))
            )


def comparable(packages):
    """Types 5, 6 and 8 to 12, without what our sender leaves out on purpose: forced and compressed to everybody,
    forced in DATA, and no word of broadcasted in the announcements of old nodes."""
    kept = []
    for original in packages:
        package = dict(original)
        if package["type"] in (10, 12):
            package.pop("forced", None)
        if package["type"] == 10:
            package.pop("compressed", None)
            package.pop("broadcasted", None)
        if package["type"] in (5, 6, 8, 9, 10, 11, 12):
            kept.append(package)
    return kept


def time_shapes(packages):
    """(type, msg.type, keys of msg) of types 3 and 4, repeats collapsed."""
    shapes = []
    for package in packages:
        if package["type"] in (3, 4):
            shape = (package["type"], package["msg"]["type"], sorted(package["msg"]))
            if shape not in shapes:
                shapes.append(shape)
    return shapes


def check(session, extra=None):
    ours = [decode(frame[:-1]) for frame in session.sent]
    recorded = session.expected()
    got = [package for package in comparable(ours) if not (extra and extra(package))]
    assert got == comparable(recorded)
    for shape in time_shapes(ours):
        assert shape in time_shapes(recorded)
    assert time_shapes(ours) or not time_shapes(recorded)


def test_as_the_accepting_side_we_say_what_the_real_senders_said():
    for name in PAIRS + ("v142_5k_stalls",):
        session = Session(name, False)
        Replay(S, [session]).run()
        check(session)


def test_as_the_dialling_side_we_say_what_the_real_receivers_said():
    for name in PAIRS:
        session = Session(name, True)
        replay = Replay(R1, [session]).run()
        check(session)
        assert replay.complete
        assert b"".join([replay.image[part] for part in range(5)]) == read("fw5k.bin")


def large_image(name):
    """The image of 200 KiB, as the recorded sender sent it."""
    parts = [package for package in map(decode, frames_of(name, "s2c")) if package["type"] == 12]
    return b"".join([binascii.a2b_base64(package["data"]) for package in parts])


def test_200_kib_go_out_part_by_part_as_the_real_sender_sent_them():
    for name, part in LARGE:
        content = large_image(name)
        assert md5_of(content) == LARGE_MD5
        session = Session(name, False)
        Replay(S, [session], content=content, part=part).run()
        check(session)


def test_200_kib_are_asked_for_part_by_part_as_the_real_receiver_asked():
    for name, part in LARGE:
        session = Session(name, True)
        replay = Replay(R1, [session], part=part).run()
        check(session)
        content = b"".join([replay.image[number] for number in range(204800 // part)])
        assert replay.complete and md5_of(content) == LARGE_MD5


def test_where_a_node_of_1_4_2_stalls_ours_goes_on_asking():
    session = Session("v142_5k_stalls", True)
    replay = Replay(R1, [session]).run()
    check(session, lambda package: package["type"] == 11 and package["partNo"] >= 2)
    assert sorted(replay.image) == [0, 1]


def test_the_end_of_the_chain_that_gives_the_image():
    session = Session("chain3_bcast_R1-S", False)
    Replay(S, [session], broadcast=True).run()
    check(session)


def test_the_root_in_the_chain_asks_for_all_and_passes_on():
    uplink, below = Session("chain3_bcast_R1-S", True), Session("chain3_bcast_R2-R1", False)
    replay = Replay(R1, [uplink, below], root=True).run()
    check(uplink)
    check(below)
    assert replay.complete


def test_the_listener_in_the_chain_asks_nobody_and_passes_on():
    uplink, below = Session("chain3_bcast_R2-R1", True), Session("chain3_bcast_R3-R2", False)
    replay = Replay(R2, [uplink, below]).run()
    check(uplink)
    check(below)
    assert replay.complete and len(replay.image) == 5


def test_the_end_of_the_chain_with_another_role_takes_nothing():
    session = Session("chain3_bcast_R3-R2", True)
    replay = Replay(R3, [session], role="other").run()
    check(session)
    assert replay.image == {}


def test_the_keys_of_what_we_send_are_in_the_recorded_order():
    """Dicts have no order on MicroPython, so the bytes are compared: cut before the first number of their own clocks."""
    session = Session("v155_5k", True)
    Replay(R1, [session]).run()
    recorded = [frame for frame in frames_of("v155_5k", "c2s") if b'"type":4' not in frame]
    ours = [frame[:-1] for frame in session.sent if b'"type":4' not in frame]
    assert ours == recorded
    session = Session("v155_5k", False)
    Replay(S, [session]).run()
    recorded = [frame for frame in frames_of("v155_5k", "s2c") if b'"type":4' not in frame]
    ours = [frame[:-1] for frame in session.sent if b'"type":4' not in frame]
    assert ours == recorded

"""A board as far as its flash goes: what boots, what is installed, what a power cut leaves.

Runs on both Pythons. The application is played by the test; the slots, the arriving image and the
choice at boot are the shipped ones.
"""

from device import boot_choice
from device.incoming import Incoming
from device.slot_state import SlotState
from device.slots import Slots
from tests.device import made_bundles as made
from tests.device.ram_flash import Flash

OLD = made.bundle(version="1.0.0")
NEW = made.bundle(version="1.1.0")


class BoardInMemory:
    """Boots as boot.py does; `slots` is then what the application of that boot has."""

    def __init__(self, flash=None):
        self.flash = flash or Flash()
        self.slots = None
        self.now = 1000  # seconds

    def boot(self, cause="soft", after=600):
        """Restart, so many seconds after the last one; answers the version that runs."""
        self.now += after
        state = SlotState(self.flash.files())
        self.chosen = boot_choice.pick(state, cause, now=self.now)
        self.slots = Slots(files=self.flash.files())
        assert self.slots.running == self.chosen
        return self.version()

    def version(self):
        return (self.slots.manifest() or {}).get("version")

    def crash(self, reason="ValueError: no", imported=True, ran=60, settings=False):
        """The application raised; answers the seconds that the loader waits."""
        state = SlotState(self.flash.files())
        return boot_choice.note_crash(state, reason, imported, ran, settings)

    def receive(self, content, **changes):
        """Let an image arrive and be unpacked; answers its proof."""
        incoming = Incoming(files=self.slots.files)
        made.arrive(incoming, content, **changes)
        return self.slots.install(incoming, "pir", made.MICROPYTHON)

    def update(self, content, tag="tag-1", **changes):
        """Everything up to the restart."""
        self.receive(content, **changes)
        self.slots.commit(tag)


def in_service(flash=None):
    """A board that was filled by cable and runs OLD."""
    board = BoardInMemory(flash)
    files = board.flash.files()
    fill(files, "a", OLD)
    Slots(files=files).adopt("a", made.md5(OLD))
    assert board.boot("power_on") == "1.0.0"
    return board


def updated(flash=None):
    """A board that runs NEW, confirmed, and has OLD in the other slot."""
    board = in_service(flash)
    board.update(NEW)
    assert board.boot() == "1.1.0"
    assert board.slots.confirm()
    return board


def fill(files, slot, content):
    """Unpack a bundle into a slot, with nothing checked and nothing recorded."""
    files.make_folder(slot)
    at = 0
    while content[at]:
        name = content[at : at + 100].split(b"\x00")[0].decode()
        size = int(content[at + 124 : at + 135], 8)
        folder = slot
        for step in name.split("/")[:-1]:
            folder += "/" + step
            if not files.is_folder(folder):
                files.make_folder(folder)
        with files.open(slot + "/" + name, "wb") as file:
            file.write(content[at + 512 : at + 512 + size])
        at += 512 + size + -size % 512


def in_trial():
    """A board that has taken NEW over OLD and boots it for the first time."""
    board = in_service()
    board.update(NEW)
    assert board.boot() == "1.1.0"
    return board


def outcome(board):
    return board.slots.last["outcome"]

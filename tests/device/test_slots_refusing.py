"""Two slots: images that are never installed, and why. Runs on both Pythons."""

from device.incoming import Incoming
from device.slots import Slots
from tests.device import boards, made_bundles as made
from tests.device.boards import NEW, OLD
from tests.device.ram_flash import Flash


def refused(board, content, **changes):
    before = dict(board.flash.contents)
    code, reason = made.refusal(board.receive, content, **changes)
    assert len(reason) <= 120, reason
    assert board.flash.contents == before, "nothing may change"
    return code


def test_what_did_not_arrive_as_announced_is_refused():
    board = boards.updated()
    assert refused(board, NEW, md5="0" * 32) == "md5"
    assert refused(board, NEW, sha256="0" * 64) == "sha256"


def test_a_bundle_for_somebody_else_is_refused():
    board = boards.updated()
    assert refused(board, made.bundle(node_type="led")) == "role"
    assert refused(board, made.bundle(hardware="ESP32")) == "hardware"
    assert refused(board, made.bundle(micropython="1.27")) == "micropython"
    assert refused(board, made.bundle(version="1.1.0"), version="1.2.0") == "bundle"


def test_a_hostile_archive_costs_nothing():
    board = boards.updated()
    evil = made.archive(
        [
            made.member("manifest.json", made.manifest({"../boot.py": b"x"})),
            made.member("../boot.py", b"x"),
        ]
    )
    assert refused(board, evil) == "bundle"
    assert refused(board, b"not a tar at all" * 100) == "bundle"
    assert board.slots.other_image == {"proof": made.proof(OLD), "version": "1.0.0"}


def test_an_image_that_is_not_all_there_is_not_installed():
    board = boards.in_service()
    incoming = Incoming(files=board.slots.files)
    incoming.begin(made.announcement(NEW))
    assert made.refusal(board.slots.install, incoming, "pir")[0] == "size"


def test_a_bundle_too_large_for_the_slot_is_refused_and_the_next_one_works():
    board = boards.in_service()
    files = {"node/big.bin": b"x" * 50000}
    for number in range(150):
        files["n/{:03d}".format(number)] = b"small"  # each takes a block of its own
    large = made.bundle(files)
    board.flash.capacity = 700000
    assert refused(board, large) == "space"
    board.update(NEW)
    assert board.boot() == "1.1.0"


def test_a_flash_that_fills_up_while_unpacking_is_told_and_cleared():
    board = boards.in_service()
    incoming = Incoming(files=board.slots.files)
    made.arrive(incoming, NEW)
    honest = board.slots.files.free
    board.slots.files.free = lambda: (1000000, 4096)
    used = sum([(len(kept) + 4095) // 4096 * 4096 for kept in board.flash.contents.values()])
    board.flash.capacity = used + 4096
    assert honest()[0] == 4096

    def full(content):
        raise OSError(28)

    opened = board.slots.files.open

    def open_full(name, mode):
        file = opened(name, mode)
        if name == "b/node/app.py" and mode == "wb":
            file.write = full
        return file

    board.slots.files.open = open_full
    assert made.refusal(board.slots.install, incoming, "pir", made.MICROPYTHON)[0] == "space"
    assert [name for name in board.flash.contents if name[:2] in ("b/", "in")] == []
    assert board.boot() == "1.0.0"


def test_nothing_can_be_committed_that_was_not_installed():
    board = boards.in_service()
    assert made.refusal(board.slots.commit, "tag")[0] == "bundle"


def test_a_slot_that_does_not_fit_its_manifest_is_not_adopted():
    flash = Flash()
    files = flash.files()
    boards.fill(files, "a", OLD)
    flash.contents["a/node/app.py"] += b"x"
    assert made.refusal(Slots(files=files).adopt, "a")[0] == "bundle"


def test_room_counts_what_the_other_slot_would_give_back():
    board = boards.updated()
    free = board.slots.files.free()[0]
    assert board.slots.room() == free + board.slots.files.space_of("a") > free

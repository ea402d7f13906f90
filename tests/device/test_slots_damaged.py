"""Two slots: what boots when files or the state are damaged. Runs on both Pythons."""

from tests.device import boards, made_bundles as made
from tests.device.boards import NEW, OLD

# ---- damage


def test_one_flipped_byte_changes_the_proof_and_names_the_file():
    for name in ("node/app.py", "device/__init__.py"):
        board = boards.updated()
        content = bytearray(board.flash.contents["b/" + name])
        content[0] ^= 1
        board.flash.contents["b/" + name] = bytes(content)
        board.boot()
        assert board.slots.running == "b"
        assert board.slots.damaged == name
        assert board.slots.proof() not in (made.proof(NEW), made.proof(OLD))
        assert board.slots.md5() == ""


def test_different_damage_gives_different_proofs():
    proofs = []
    for change in (b"x", b"y", None):
        board = boards.updated()
        board.flash.contents["b/node/app.py"] = change
        if change is None:
            del board.flash.contents["b/node/app.py"]
        board.boot()
        proofs.append(board.slots.proof())
    assert proofs[0] != proofs[1] != proofs[2] != proofs[0]


def test_a_changed_manifest_that_still_reads_well_is_damage():
    board = boards.updated()
    raw = board.flash.contents["b/manifest.json"]
    board.flash.contents["b/manifest.json"] = raw.replace(b"1.1.0", b"9.1.0")
    assert board.boot() == "9.1.0"
    assert board.slots.damaged == "manifest.json"
    assert board.slots.proof() != made.proof(NEW)


def test_a_file_beside_the_listed_ones_is_damage():
    board = boards.updated()
    board.flash.contents["b/node/app.mpy"] = b""
    board.boot()
    assert board.slots.damaged == "node/app.mpy"


def test_a_damaged_new_slot_is_not_tried():
    board = boards.in_service()
    board.update(NEW)
    board.flash.contents["b/node/app.py"] += b"x"
    assert board.boot() == "1.0.0"
    assert boards.outcome(board) == "refused"
    assert "node/app.py" in board.slots.last["reason"]
    assert not board.slots.is_refused(made.proof(NEW)), "it is not the image's fault"


def test_a_slot_without_a_manifest_gives_way_to_a_whole_one():
    for manifest in (None, b"", b"{", b"x" * 20000):
        board = boards.updated()
        del board.flash.contents["b/manifest.json"]
        if manifest is not None:
            board.flash.contents["b/manifest.json"] = manifest
        assert board.boot() == "1.0.0"
        assert board.slots.active == "a"


def test_it_does_not_give_way_to_one_that_is_damaged_or_was_never_confirmed():
    board = boards.updated()
    del board.flash.contents["b/manifest.json"]
    board.flash.contents["a/node/app.py"] += b"x"
    assert board.boot() is None
    assert board.slots.running == "b"
    board = boards.in_service()
    board.receive(NEW)
    del board.flash.contents["a/manifest.json"]
    board.boot()
    assert board.slots.running == "a"


# ---- a lost state


def test_a_lost_or_broken_state_boots_what_was_confirmed_last():
    for content in (None, b"", b"{", b"[]", b'{"active":"c"}', b"\x00" * 40, b"[" * 4000):
        board = boards.updated()
        before = board.slots.boot
        del board.flash.contents["slots.json"]
        if content is not None:
            board.flash.contents["slots.json"] = content
        assert board.boot() == "1.1.0", content
        assert board.slots.boot > before + 1000, "it must still grow"


def test_a_lost_state_does_not_boot_what_was_never_confirmed():
    board = boards.in_service()
    board.receive(NEW)
    del board.flash.contents["slots.json"]
    assert board.boot() == "1.0.0"


def test_a_lost_state_and_lost_records_still_boot_something():
    board = boards.in_service()
    for name in ("slots.json", "record-a.json"):
        del board.flash.contents[name]
    assert board.boot() == "1.0.0"


def test_a_trial_with_nonsense_in_it_is_forgotten():
    for old, new in ((b'"armed"', b'"later"'), (b'"boots": 0', b'"boots": "0"'), (b'"b"', b'"c"')):
        board = boards.in_service()
        board.update(NEW)
        stored = board.flash.contents["slots.json"]
        assert old in stored
        board.flash.contents["slots.json"] = stored.replace(old, new)
        assert board.boot() == "1.0.0"

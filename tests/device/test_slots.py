"""Two slots, the trial between them, and what each boot runs. Runs on both Pythons."""

import sys

from device.incoming import Incoming
from device.slots import Slots
from tests.device import boards, made_bundles as made
from tests.device.boards import NEW, OLD
from tests.device.ram_flash import Flash


def in_trial():
    board = boards.in_service()
    board.update(NEW)
    assert board.boot() == "1.1.0"
    return board


def outcome(board):
    return board.slots.last["outcome"]


# ---- the way of a good image


def test_an_update_is_tried_confirmed_and_stays():
    board = in_trial()
    assert board.slots.in_trial
    assert board.slots.last == {
        "tag": "tag-1",
        "proof": made.proof(NEW),
        "outcome": "trial",
        "reason": "",
    }
    assert board.slots.confirm()
    assert outcome(board) == "confirmed"
    for cause in ("soft", "power_on", "watchdog", "hard"):
        assert board.boot(cause) == "1.1.0"
        assert not board.slots.in_trial
        assert outcome(board) == "confirmed"


def test_the_proof_is_the_hash_of_the_manifest():
    board = boards.updated()
    assert board.slots.proof() == made.proof(NEW)
    assert board.slots.proof("a") == made.proof(OLD)
    assert board.slots.damaged is None


def test_the_boot_number_grows_with_each_boot():
    board = boards.in_service()
    numbers = []
    for _ in range(3):
        board.boot()
        numbers.append(board.slots.boot)
    assert numbers == [2, 3, 4]


def test_nothing_of_the_arrived_image_stays_after_the_commit():
    board = boards.in_service()
    board.update(NEW)
    assert [name for name in board.flash.contents if name.startswith("incoming/")] == []


def test_before_the_commit_a_restart_runs_the_old_firmware():
    board = boards.in_service()
    assert board.receive(NEW) == made.proof(NEW)
    assert board.boot() == "1.0.0"
    assert board.slots.last is None


def test_the_slots_take_turns():
    board = boards.updated()
    third = made.bundle(version="1.2.0")
    board.update(third, "tag-2")
    assert board.boot() == "1.2.0"
    board.slots.confirm()
    assert board.slots.active == "a"
    assert board.slots.other_image == {"proof": made.proof(NEW), "version": "1.1.0"}


def test_the_same_image_by_force_is_tried_again():
    board = boards.updated()
    board.update(NEW, "tag-2", forced=True)
    assert board.boot() == "1.1.0"
    assert board.slots.in_trial
    assert board.slots.confirm()
    assert board.slots.last["tag"] == "tag-2"


def test_the_md5_of_what_runs_is_known():
    board = boards.updated()
    assert board.slots.md5() == made.md5(NEW)
    assert board.slots.md5("a") == made.md5(OLD)


# ---- images that fail


def test_an_exception_in_the_trial_brings_the_old_firmware_back():
    board = in_trial()
    assert board.crash("ValueError: no such pin (roles/pir.py:12)") == 0
    assert board.boot() == "1.0.0"
    assert outcome(board) == "refused"
    assert board.slots.last["reason"] == "ValueError: no such pin (roles/pir.py:12)"


def test_a_failed_self_test_brings_the_old_firmware_back():
    board = in_trial()
    board.slots.refuse("The self-test failed: no PIR.")
    assert board.boot() == "1.0.0"
    assert outcome(board) == "refused"


def test_a_watchdog_reset_in_the_trial_brings_the_old_firmware_back():
    board = in_trial()
    assert board.boot("watchdog") == "1.0.0"
    assert outcome(board) == "refused"
    assert "watchdog" in board.slots.last["reason"]


def test_a_refused_image_is_known_by_proof_and_by_md5():
    board = in_trial()
    board.slots.refuse("no")
    board.boot()
    assert board.slots.is_refused(made.proof(NEW))
    assert board.slots.is_refused(made.md5(NEW))
    assert not board.slots.is_refused(made.proof(OLD))
    assert not board.slots.is_refused("")


def test_a_refused_image_is_not_installed_again_unless_forced():
    board = in_trial()
    board.slots.refuse("no")
    board.boot()
    assert made.refusal(board.receive, NEW)[0] == "refused"
    board.update(NEW, "tag-2", forced=True)
    assert board.boot() == "1.1.0"
    board.slots.confirm()
    assert not board.slots.is_refused(made.proof(NEW))


def test_only_the_last_eight_refused_images_are_remembered():
    board = boards.in_service()
    proofs = []
    for number in range(10):
        content = made.bundle(version="2.{}".format(number))
        proofs.append(made.proof(content))
        board.update(content, "tag")
        board.boot()
        board.slots.refuse("no")
        board.boot()
    assert [board.slots.is_refused(proof) for proof in proofs] == [False] * 2 + [True] * 8


def test_power_cuts_in_the_trial_start_it_again_three_times():
    board = in_trial()
    for _ in range(3):
        assert board.boot("power_on") == "1.1.0"
        assert outcome(board) == "trial"
    assert board.boot("power_on") == "1.0.0"
    assert outcome(board) == "refused"
    assert board.slots.is_refused(made.proof(NEW))


def test_a_good_image_survives_two_power_cuts_in_its_trial():
    board = in_trial()
    board.boot("power_on")
    board.boot("power_on")
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.1.0"


def test_without_a_mesh_the_old_firmware_waits_and_arms_it_again():
    board = in_trial()
    board.slots.retry("No mesh was joined within 120 s.")
    assert board.boot() == "1.0.0"
    assert outcome(board) == "retry"
    assert board.boot() == "1.0.0"
    assert board.slots.waits_for_retry
    assert board.slots.rearm()
    assert board.boot() == "1.1.0"
    assert board.slots.in_trial
    assert board.slots.last["tag"] == "tag-1"
    assert board.slots.confirm()


def test_it_is_armed_again_three_times_and_then_refused():
    board = in_trial()
    for _ in range(3):
        board.slots.retry("No mesh.")
        assert board.boot() == "1.0.0"
        assert board.slots.rearm()
        assert board.boot() == "1.1.0"
    board.slots.retry("No mesh.")
    assert board.boot() == "1.0.0"
    assert outcome(board) == "refused"
    assert board.slots.last["reason"] == "4 trials: No mesh."
    assert not board.slots.rearm()


def test_a_new_image_takes_the_place_of_one_that_waits():
    board = in_trial()
    board.slots.retry("No mesh.")
    board.boot()
    third = made.bundle(version="1.2.0")
    board.update(third, "tag-2")
    assert board.boot() == "1.2.0"
    assert board.slots.last["tag"] == "tag-2"


def test_during_a_trial_no_image_is_installed_over_the_old_firmware():
    board = in_trial()
    assert made.refusal(board.receive, OLD)[0] == "flash"
    assert board.boot("watchdog") == "1.0.0"


def test_a_boot_that_could_not_be_written_down_decides_no_trial():
    """The loader runs the old slot then, and the state file still speaks of the trial before."""
    board = in_trial()
    sys.path.insert(0, "a")
    try:
        slots = Slots(files=board.flash.files())
        assert slots.running == "a"
        assert not slots.in_trial
        assert not slots.confirm()
    finally:
        sys.path.pop(0)


def test_only_a_running_trial_can_be_decided():
    board = boards.updated()
    assert not board.slots.confirm()
    board.slots.refuse("no")
    board.slots.retry("no")
    assert outcome(board) == "confirmed"
    assert board.boot() == "1.1.0"


# ---- going back


def test_the_other_slot_is_flipped_to_through_a_trial():
    board = boards.updated()
    board.slots.flip("tag-9", made.proof(OLD))
    assert board.boot() == "1.0.0"
    assert board.slots.in_trial
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.0.0"
    assert board.slots.other_image == {"proof": made.proof(NEW), "version": "1.1.0"}


def test_a_flip_that_fails_ends_where_it_began():
    board = boards.updated()
    board.slots.flip("tag-9", made.proof(OLD))
    assert board.boot() == "1.0.0"
    assert board.boot("watchdog") == "1.1.0"
    assert board.slots.other_image is None
    assert made.refusal(board.slots.flip, "tag-10", made.proof(OLD))[0] == "refused"


def test_a_flip_wants_the_very_firmware_that_was_confirmed():
    board = boards.updated()
    assert made.refusal(board.slots.flip, "tag-9", made.proof(NEW))[0] == "bundle"
    board = boards.in_service()
    board.receive(NEW)
    assert made.refusal(board.slots.flip, "tag-9", made.proof(NEW))[0] == "bundle"


def test_a_damaged_slot_is_not_flipped_to():
    board = boards.updated()
    board.flash.contents["a/node/app.py"] += b"x"
    assert made.refusal(board.slots.flip, "tag-9", made.proof(OLD))[0] == "bundle"


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
    assert outcome(board) == "refused"
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


def test_a_confirmed_slot_gives_way_only_after_three_failed_imports():
    board = boards.updated()
    for _ in range(2):
        board.crash(imported=False)
        assert board.boot() == "1.1.0"
    board.crash(imported=False)
    assert board.boot() == "1.0.0"


def test_a_confirmed_slot_that_crashes_never_gives_way():
    board = boards.updated()
    delays = []
    for _ in range(8):
        delays.append(board.crash())
        assert board.boot("watchdog") == "1.1.0"
    assert delays == [2, 4, 8, 16, 32, 60, 60, 60]
    assert board.crash(steady=True) == 1


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


# ---- images that are not taken


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

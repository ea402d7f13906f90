"""An esp-image on its way into the other partition, its trial, and the way back. Runs on both Pythons."""

from device.partitions import ABORTED, NEW as NOTED_NEW, PENDING, UNDEFINED, VALID
from simulator.hardware.flash_chip import Partition
from tests.device import image_boards as boards, made_images as made
from tests.device.image_boards import NEW, OLD
from tests.device.made_bundles import md5, refusal, sha256


def test_a_good_image_runs_its_trial_and_stays():
    board = boards.in_service()
    board.update(NEW, "tag-7")
    assert board.boot() == "1.1.0"
    assert board.slots.in_trial
    assert board.slots.last == {
        "tag": "tag-7",
        "proof": sha256(NEW),
        "outcome": "trial",
        "reason": "",
    }
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.1.0"
    assert not board.slots.in_trial
    assert board.slots.last["outcome"] == "confirmed"
    assert board.slots.kind == "esp-image"


def test_the_proof_is_the_sha256_of_the_image_over_its_length():
    board = boards.updated()
    assert board.slots.proof() == sha256(NEW)
    assert board.slots.md5() == md5(NEW)
    assert board.slots.damaged is None
    assert board.slots.other_image == {"proof": sha256(OLD), "version": "1.0.0"}


def test_one_flipped_bit_of_the_running_image_is_another_proof():
    board = boards.updated()
    board.flash.partitions["ota_1"][5000] ^= 1
    board._load("soft")
    assert board.slots.proof() not in (sha256(NEW), sha256(OLD))
    assert board.slots.damaged == "image"


def test_the_boot_number_grows_over_both_partitions():
    board = boards.in_service()
    seen = board.slots.boot
    board.update(NEW)
    for version in ("1.1.0", "1.1.0"):
        assert board.boot() == version
        assert board.slots.boot > seen
        seen = board.slots.boot
        board.slots.confirm()


def test_the_states_of_the_bootloader_are_read_from_its_notes():
    board = boards.in_service()
    assert board.partitions().state(board.partitions().running) == UNDEFINED
    board.update(NEW)
    board.partitions().switch()
    assert board.partitions().state(board.partitions().other) == NOTED_NEW
    board.chip.boot()
    assert board.partitions().state(board.partitions().running) == PENDING
    board.chip.boot()
    assert board.partitions().state(board.partitions().other) == ABORTED
    board.boot()
    board.slots.confirm()
    assert board.partitions().state(board.partitions().running) == VALID


def test_a_note_with_a_wrong_checksum_is_none():
    board = boards.updated()
    board.flash.partitions["otadata"][28] ^= 1
    assert board.partitions().state(board.partitions().running) == UNDEFINED


def test_a_record_of_an_image_that_was_committed_is_not_resumed_into_the_other_partition():
    board = boards.in_service()
    board.receive(NEW)
    left = board.flash.contents["incoming/record.json"]
    board.slots.commit("t")
    board.flash.contents["incoming/record.json"] = left
    assert board.boot() == "1.1.0"
    board.slots.confirm()
    assert board.incoming.begin(made.announcement(NEW, forced=True)) == 0


def test_parts_are_written_with_each_block_erased_once_and_no_buffer():
    board = boards.in_service()
    board.incoming.begin(made.announcement(NEW))
    before = board.flash.operations
    board.incoming.write(0, memoryview(NEW)[:1024])
    board.incoming.write(1, memoryview(NEW)[1024:2048])
    assert board.flash.operations - before == 3
    assert bytes(board.flash.partitions["ota_1"][:2048]) == NEW[:2048]
    assert bytes(board.flash.partitions["ota_1"][2048:4096]) == b"\xff" * 2048


def test_a_transfer_goes_on_after_a_restart():
    big = made.image("1.1.0", size=60000)
    boards.VERSIONS[sha256(big)] = "1.1.0"
    board = boards.in_service()
    board.incoming.begin(made.announcement(big))
    for part in range(58):
        board.incoming.write(part, memoryview(big)[part * 1024 : (part + 1) * 1024])
    board.incoming.close()
    board.boot("power_on")
    assert made.arrive(board.incoming, big) == 56
    board.slots.install(board.incoming, "pir")
    board.slots.commit("t")
    assert board.boot() == "1.1.0"


def test_progress_is_written_down_every_64_parts():
    board = boards.in_service()
    board.flash.partitions["ota_1"] = bytearray(b"\xff" * 0x40000)
    board.chip.table = tuple(
        [row[:4] + (0x40000,) if row[0] == "ota_1" else row for row in board.chip.table]
    )
    board.boot()
    big = made.image("1.1.0", size=200000)
    board.incoming.begin(made.announcement(big))
    for part in range(150):
        board.incoming.write(part, memoryview(big)[part * 1024 : (part + 1) * 1024])
    board.boot("power_on")
    assert board.incoming.begin(made.announcement(big)) == 128


def test_another_image_starts_from_its_first_part():
    board = boards.in_service()
    board.incoming.begin(made.announcement(NEW))
    for part in range(8):
        board.incoming.write(part, memoryview(NEW)[part * 1024 : (part + 1) * 1024])
    board.incoming.close()
    assert board.incoming.begin(made.announcement(made.image("1.2.0"), version="1.2.0")) == 0


def test_what_the_other_partition_held_is_forgotten_before_its_first_block_goes():
    board = boards.updated()
    assert board.slots.other_image
    board.incoming.begin(made.announcement(made.image("1.2.0"), version="1.2.0"))
    assert board.slots.other_image is None


def changed(content, at, bit=1):
    return content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]


def refused(content, **changes):
    """(code, reason) for an image that arrives as announced; the next good update must work."""
    board = boards.in_service()

    def take():
        board.receive(content, **changes)

    code, reason = refusal(take)
    assert len(reason) > 10
    assert refusal(board.slots.commit, "t")[0] == "bundle"
    assert board.boot() == "1.0.0"
    board.update(NEW)
    assert board.boot() == "1.1.0"
    return code


def test_wrong_bytes_of_every_kind_are_refused_and_the_next_good_update_works():
    good = made.announcement(NEW)
    as_announced = {"md5": good["md5"], "sha256": good["sha256"]}
    cases = (
        ("md5", changed(NEW, 9000), as_announced),
        ("sha256", changed(NEW, 9000), {"sha256": good["sha256"]}),
        ("md5", NEW, {"md5": "0" * 32}),
        ("sha256", NEW, {"sha256": "0" * 64}),
        ("image", changed(NEW, 9000), {}),
        ("image", made.with_digest_of_nothing(NEW), {}),
        ("image", NEW[:20000], {}),
        ("image", NEW + bytes(16), {}),
        ("image", NEW + b"\xff" * 4096, {}),
        ("image", b"\x7fELF" + NEW[4:], {}),
        ("image", made.image(digest_flag=0), {}),
        ("image", made.combined(NEW)[:65000], {}),
        ("hardware", made.image(chip=9), {}),
        ("role", made.image(mark=b"mesh-ota-image:led:1.1.0;"), {}),
        ("role", made.image(mark=b"nothing"), {}),
        ("role", NEW, {"version": "9.9.9"}),
        ("space", made.image(size=70000), {}),
        ("size", NEW, {"size": 5}),
        ("kind", NEW, {"kind": "app-bundle"}),
    )
    for code, content, changes in cases:
        assert (refused(content, **changes), changes) == (code, changes)


def test_a_file_for_the_cable_is_called_by_its_name():
    board = boards.in_service()
    code, reason = refusal(board.receive, made.combined(NEW)[:65000])
    assert code == "image"
    assert "cable" in reason


def test_an_image_for_another_chip_is_refused_with_its_first_part():
    board = boards.in_service()
    wrong = made.image(chip=5)
    board.incoming.begin(made.announcement(wrong))
    code, reason = refusal(board.incoming.write, 0, memoryview(wrong)[:1024])
    assert (code, reason) == ("hardware", "The image is for esp32c3, this is esp32.")


def test_an_image_larger_than_the_partition_is_refused_before_its_first_part():
    board = boards.in_service()
    content = made.image(size=70000)
    code, reason = refusal(board.incoming.begin, made.announcement(content))
    assert code == "space"
    assert "65536" in reason


def test_the_mark_is_found_wherever_it_lies():
    for size in range(2000, 6200, 97):
        board = boards.in_service()
        board.receive(made.image(size=size))


def test_a_plain_announcement_has_fewer_words_and_is_taken_too():
    board = boards.in_service()
    board.update(NEW, sha256=None, size=None, version=None)
    assert board.boot() == "1.1.0"


def test_a_failed_self_test_goes_back_and_the_image_is_refused():
    board = boards.in_service()
    board.update(NEW)
    board.boot()
    board.slots.refuse("The self-test failed.")
    assert board.boot() == "1.0.0"
    assert board.slots.last["outcome"] == "refused"
    assert board.slots.is_refused(md5(NEW))
    assert board.boot("power_on") == "1.0.0"
    assert refusal(board.receive, NEW)[0] == "refused"
    board.update(NEW, forced=True)
    assert board.boot() == "1.1.0"


def test_an_exception_and_a_watchdog_reset_refuse_the_image():
    board = boards.in_service()
    board.update(NEW)
    board.boot()
    board.crash("ValueError: no (roles/pir.py:12)")
    assert board.boot() == "1.0.0"
    assert board.slots.last["reason"] == "ValueError: no (roles/pir.py:12)"
    assert board.slots.is_refused(sha256(NEW))

    board = boards.in_service()
    board.update(NEW)
    board.boot()
    assert board.boot("watchdog") == "1.0.0"
    assert board.slots.last["outcome"] == "refused"
    assert "watchdog" in board.slots.last["reason"]


def test_a_good_image_whose_power_is_cut_twice_in_its_trial_still_stays():
    board = boards.in_service()
    board.update(NEW)
    assert board.boot() == "1.1.0"
    for _ in range(2):
        assert board.boot("power_on") == "1.1.0"
        assert board.slots.in_trial
    assert "Try 3 of 4" in board.slots.last["reason"]
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.1.0"


def test_three_times_an_aborted_partition_is_set_again_and_then_no_more():
    board = boards.in_service()
    board.update(NEW)
    for _ in range(4):
        assert board.boot("power_on") == "1.1.0"
    assert board.boot("power_on") == "1.0.0"
    assert board.slots.last["outcome"] == "refused"
    assert board.slots.is_refused(sha256(NEW))
    assert board.boot("power_on") == "1.0.0"


def test_an_image_that_dies_before_any_code_of_ours_is_tried_four_times():
    board = boards.in_service()
    board.update(NEW)
    booted = board.chip.boot

    def boot():
        """The bootloader, and a chip that panics as soon as the new image runs."""
        while booted() == "ota_1":
            board.died += 1
        return board.chip.running

    board.died = 0
    board.chip.boot = boot
    assert board.boot() == "1.0.0"
    assert board.died == 4
    assert board.slots.last["outcome"] == "refused"
    assert board.slots.is_refused(sha256(NEW))


def test_without_a_gateway_the_old_image_waits_and_tries_again_three_times():
    board = boards.in_service()
    board.update(NEW)
    for _ in range(3):
        assert board.boot() == "1.1.0"
        board.slots.retry("The gateway did not answer within 120 s.")
        assert board.boot() == "1.0.0"
        assert board.slots.waits_for_retry
        assert board.boot("power_on") == "1.0.0"
        assert board.slots.rearm()
    assert board.boot() == "1.1.0"
    board.slots.retry("The gateway did not answer within 120 s.")
    assert board.boot() == "1.0.0"
    assert board.slots.last["outcome"] == "refused"


def test_a_flip_goes_back_without_a_transfer_and_through_a_trial():
    board = boards.updated()
    board.slots.flip("tag-9", sha256(OLD))
    assert board.boot() == "1.0.0"
    assert board.slots.in_trial
    assert board.slots.other_image == {"proof": sha256(NEW), "version": "1.1.0"}
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.0.0"
    board.slots.flip("tag-10", sha256(NEW))
    assert board.boot() == "1.1.0"


def test_a_flip_to_a_damaged_image_is_refused():
    board = boards.updated()
    board.flash.partitions["ota_0"][6000] ^= 1
    assert refusal(board.slots.flip, "tag-9", sha256(OLD))[0] == "image"
    assert refusal(board.slots.flip, "tag-9", "0" * 64)[0] == "bundle"
    assert board.boot() == "1.1.0"


def test_an_image_that_went_bad_before_its_trial_is_not_booted():
    board = boards.in_service()
    board.update(NEW)
    board.flash.partitions["ota_1"][5000] ^= 1
    assert board.boot() == "1.0.0"
    assert board.slots.last["outcome"] == "refused"
    assert "VALIDATE_FAILED" in board.slots.last["reason"]


def test_a_lost_state_file_in_the_trial_does_not_lose_the_trial():
    board = boards.in_service()
    board.update(NEW)
    board.boot()
    board.flash.files().remove("slots.json")
    board._load("soft")
    assert board.slots.in_trial
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.1.0"


def test_the_other_partition_can_be_taken_by_hand_as_the_docs_say():
    with open("docs/hardware.md") as page:
        typed = page.read().split("```python\n")[2].split("```")[0]
    assert "Partition(Partition.RUNNING).get_next_update().set_boot()" in typed
    board = boards.updated()
    Partition(board.chip, board.chip.running).get_next_update().set_boot()
    assert board.boot() == "1.0.0"
    assert board.slots.in_trial
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.0.0"


def test_the_boot_number_grows_even_when_the_state_file_was_lost():
    board = boards.in_service()
    before = board.slots.boot
    board.flash.files().remove("slots.json")
    assert board.boot("power_on") == "1.0.0"
    assert board.slots.boot > before + 60000


def test_a_trial_of_an_image_ends_where_the_second_partition_has_gone():
    from device import boot_choice
    from device.slot_state import SlotState

    board = boards.in_service()
    board.update(NEW)
    state = SlotState(board.flash.files())
    boot_choice.pick(state, "power_on")
    assert state.trial is None


def test_a_bootloader_that_knows_no_trials_is_told_to_go_back():
    board = boards.in_service(old_bootloader=True)
    board.update(NEW)
    assert board.boot() == "1.1.0"
    board.slots.refuse("The self-test failed.")
    assert board.boot() == "1.0.0"
    assert board.slots.last["outcome"] == "refused"

    board.update(NEW, forced=True)
    assert board.boot() == "1.1.0"
    assert board.boot("watchdog") == "1.0.0"
    assert "watchdog" in board.slots.last["reason"]

    board.update(NEW, forced=True)
    assert board.boot() == "1.1.0"
    assert board.boot("power_on") == "1.1.0"
    assert board.slots.confirm()
    assert board.boot("power_on") == "1.1.0"


def test_an_image_stays_where_the_one_before_is_damaged_and_cannot_be_gone_back_to():
    """With a bootloader that keeps on with what it was told once."""
    board = boards.in_service(old_bootloader=True)
    board.update(NEW)
    for _ in range(3):
        assert board.boot("power_on") == "1.1.0"
    board.flash.partitions["ota_0"][5000] ^= 1
    assert board.boot("power_on") == "1.1.0"
    assert board.slots.last["outcome"] == "refused"
    assert board.boot("power_on") == "1.1.0"


def test_an_image_that_ends_or_hangs_at_each_start_gives_way_to_the_one_before():
    def crashed(board):
        board.crash("ValueError: no", ran=3)
        return board.boot()

    def hung(board):
        return board.boot("watchdog", after=40)

    for start, reason in ((crashed, "ValueError: no"), (hung, "The watchdog reset the node.")):
        board = boards.updated()
        starts = 1
        while start(board) == "1.1.0":
            starts += 1
        assert starts in (10, 11), starts
        assert board.slots.in_trial and board.version == "1.0.0"
        assert board.slots.last["reason"] == "10 failed starts: " + reason
        assert board.slots.is_refused(sha256(NEW))
        assert board.slots.confirm()
        assert board.boot("power_on") == "1.0.0"
        for _ in range(12):
            board.crash(ran=3)
            assert board.boot() == "1.0.0", "there is nothing better"


def test_the_only_image_never_gives_way():
    board = boards.in_service()
    for _ in range(12):
        board.crash(ran=3)
        assert board.boot() == "1.0.0"
        assert board.boot("watchdog", after=40) == "1.0.0"

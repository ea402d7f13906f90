"""An esp-image on its way into the other partition, and what is refused there. Runs on both Pythons."""

from device.partitions import ABORTED, NEW as NOTED_NEW, PENDING, UNDEFINED, VALID
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

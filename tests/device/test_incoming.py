"""An image on its way in: what is kept, what is resumed, what is refused. Runs on both Pythons."""

from device.image import ImageError
from device.incoming import Incoming
from tests.device import made_bundles as made
from tests.device.ram_flash import Flash

PART = 1024
IMAGE = bytes([number * 7 % 251 for number in range(1024)]) * 40 + b"the end"  # 41 parts


def part(number):
    return memoryview(IMAGE)[number * PART : (number + 1) * PART]


def arrived_up_to(flash, count):
    incoming = Incoming(files=flash.files())
    assert incoming.begin(made.announcement(IMAGE)) == 0
    for number in range(count):
        assert incoming.write(number, part(number))
    return incoming


def test_a_whole_image_has_the_digests_it_was_announced_with():
    incoming = arrived_up_to(Flash(), 41)
    assert incoming.complete
    assert incoming.digests() == (made.md5(IMAGE), made.sha256(IMAGE))


def test_no_part_is_kept_twice():
    incoming = arrived_up_to(Flash(), 3)
    assert not incoming.write(2, part(2))
    assert incoming.write(4, part(4)) and not incoming.write(4, part(4))
    assert incoming.wanted == 3
    assert incoming.write(3, part(3)) and incoming.wanted == 5


def shuffled(seed):
    """All parts, each at most a few dozen places from where it belongs."""
    found = []
    for number in range(41):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        found.append((number + (seed >> 16) % 30, number))
    return [number for _, number in sorted(found)]


def test_parts_in_any_order_make_the_same_image():
    for seed in range(20):
        flash = Flash()
        incoming = Incoming(files=flash.files())
        incoming.begin(made.announcement(IMAGE))
        for number in shuffled(seed):
            assert incoming.write(number, part(number))
        assert incoming.complete and incoming.digests()[1] == made.sha256(IMAGE)
        assert [name for name in flash.files().names("incoming") if name.endswith("-")] == []


def test_a_restart_forgets_only_segments_with_gaps_and_what_lies_behind_them():
    for lost in range(41):
        flash = Flash()
        incoming = Incoming(files=flash.files())
        incoming.begin(made.announcement(IMAGE))
        for number in range(41):
            if number != lost:
                assert incoming.write(number, part(number))
        incoming.close()
        again = Incoming(files=flash.files())
        in_order = lost % 16 == 15 or lost == 40  # nothing of its segment came before it
        assert again.begin(made.announcement(IMAGE)) == (lost if in_order else lost // 16 * 16)
        for number in range(again.wanted, 41):
            assert again.write(number, part(number))
        assert again.digests()[1] == made.sha256(IMAGE)


def test_parts_too_far_ahead_are_not_kept():
    image = bytes(100 * 1024)
    incoming = Incoming(files=Flash().files())
    incoming.begin(made.announcement(image))
    assert not incoming.write(65, memoryview(image)[:1024])
    assert incoming.write(64, memoryview(image)[:1024]) and incoming.wanted == 0


def test_an_early_part_of_the_wrong_length_is_refused():
    incoming = arrived_up_to(Flash(), 2)
    assert made.refusal(incoming.write, 5, memoryview(b"x"))[0] == "size"
    assert made.refusal(incoming.write, 40, memoryview(b"the end!"))[0] == "size"


def test_a_transfer_with_gaps_that_is_dropped_leaves_nothing():
    flash = Flash()
    incoming = arrived_up_to(flash, 3)
    incoming.write(9, part(9))
    incoming.write(20, part(20))
    incoming.discard()
    assert flash.files().names("incoming") == []
    assert incoming.begin(made.announcement(IMAGE)) == 0
    assert incoming.write(9, part(9))


def test_nothing_is_written_behind_the_last_part():
    incoming = arrived_up_to(Flash(), 41)
    assert not incoming.write(41, part(0))


def test_a_part_of_the_wrong_length_is_refused():
    incoming = arrived_up_to(Flash(), 2)
    for wrong in (b"", b"x" * 1023, b"x" * 1025):
        assert made.refusal(incoming.write, 2, memoryview(wrong))[0] == "size"
    incoming = arrived_up_to(Flash(), 40)
    assert made.refusal(incoming.write, 40, memoryview(b"the end!"))[0] == "size"


def test_after_a_power_cut_it_goes_on_at_the_last_segment_that_was_closed():
    flash = Flash()
    arrived_up_to(flash, 21)
    again = Incoming(files=flash.files())
    assert again.begin(made.announcement(IMAGE)) == 16
    for number in range(16, 41):
        assert again.write(number, part(number))
    assert again.digests()[1] == made.sha256(IMAGE)


def test_after_an_orderly_restart_it_goes_on_at_the_very_part():
    flash = Flash()
    arrived_up_to(flash, 21).close()
    again = Incoming(files=flash.files())
    assert again.begin(made.announcement(IMAGE)) == 21
    for number in range(21, 41):
        assert again.write(number, part(number))
    assert again.digests()[1] == made.sha256(IMAGE)


def test_a_complete_image_is_still_complete_after_a_restart():
    flash = Flash()
    arrived_up_to(flash, 41)
    again = Incoming(files=flash.files())
    assert again.begin(made.announcement(IMAGE)) == 41
    assert again.complete


def test_a_torn_segment_is_asked_for_again():
    flash = Flash()
    arrived_up_to(flash, 40).close()
    flash.contents["incoming/001"] = flash.contents["incoming/001"][:5000]
    assert Incoming(files=flash.files()).begin(made.announcement(IMAGE)) == 16


def test_another_image_drops_what_was_arriving():
    flash = Flash()
    arrived_up_to(flash, 40).close()
    other = IMAGE[:-1] + b"?"
    incoming = Incoming(files=flash.files())
    assert incoming.begin(made.announcement(other)) == 0
    made.arrive(incoming, other)
    assert incoming.digests()[0] == made.md5(other)


def test_the_same_md5_with_another_sha256_is_another_image():
    flash = Flash()
    arrived_up_to(flash, 40).close()
    changed = made.announcement(IMAGE, sha256="0" * 64)
    assert Incoming(files=flash.files()).begin(changed) == 0


def test_force_is_learned_without_starting_again():
    flash = Flash()
    arrived_up_to(flash, 16)
    incoming = Incoming(files=flash.files())
    assert incoming.begin(made.announcement(IMAGE, forced=True)) == 16
    assert incoming.announced["forced"]


def test_nothing_is_left_after_discarding():
    flash = Flash()
    incoming = arrived_up_to(flash, 20)
    incoming.discard()
    assert flash.contents == {}
    assert not incoming.complete
    assert incoming.parts == 0


def test_segments_without_their_record_are_not_resumed():
    flash = Flash()
    arrived_up_to(flash, 32)
    del flash.contents["incoming/record.json"]
    assert Incoming(files=flash.files()).begin(made.announcement(IMAGE)) == 0
    assert sorted(flash.contents) == ["incoming/record.json"]


def test_a_plain_painlessmesh_announcement_is_enough():
    incoming = Incoming(files=Flash().files())
    made.arrive(incoming, IMAGE)
    plain = {"md5": made.md5(IMAGE), "noPart": 41}
    assert incoming.begin(plain) == 0
    for number in range(41):
        assert incoming.write(number, part(number))
    assert incoming.digests()[0] == made.md5(IMAGE)


def test_room_is_checked_before_the_first_part():
    flash = Flash(capacity=100000)
    incoming = Incoming(files=flash.files())
    assert made.refusal(incoming.begin, made.announcement(IMAGE))[0] == "space"
    assert flash.contents == {}
    assert incoming.begin(made.announcement(IMAGE), room=200000) == 0


def test_an_announcement_that_makes_no_sense_is_refused():
    incoming = Incoming(files=Flash().files())
    for code, change in (
        ("kind", {"kind": "esp-image"}),
        ("size", {"md5": "x" * 32}),
        ("size", {"md5": None}),
        ("size", {"sha256": "0" * 63}),
        ("size", {"noPart": 0}),
        ("size", {"noPart": "41"}),
        ("size", {"noPart": 42}),
        ("size", {"noPart": 4097, "size": 4097 * 1024}),
        ("size", {"size": -1}),
        ("size", {"size": "many"}),
    ):
        assert made.refusal(incoming.begin, made.announcement(IMAGE, **change))[0] == code, change


def test_a_full_flash_is_told_and_leaves_nothing():
    flash = Flash(capacity=30000)
    incoming = Incoming(files=flash.files())
    incoming.begin(made.announcement(IMAGE), room=1000000)
    code = None
    for number in range(41):
        try:
            incoming.write(number, part(number))
        except made.ImageError as error:
            code = error.code
            break
    assert code == "flash"
    assert flash.contents == {}


def test_a_flash_that_writes_nothing_and_removes_nothing_is_told_of_all_the_same():
    flash = Flash()
    incoming = arrived_up_to(flash, 3)

    class Stuck:
        def write(self, _part):
            raise OSError(5)

        def close(self):
            pass

    incoming._file = stuck = Stuck()
    incoming._files.remove = stuck.write
    try:
        incoming.write(3, part(3))
        refused = None
    except ImageError as error:
        refused = error.code
    assert refused == "flash"


def test_a_last_part_that_is_torn_is_asked_for_again():
    image = IMAGE[: 16 * PART] + b"the last part"
    for left in (1, 5, 12):
        flash = Flash()
        incoming = Incoming(files=flash.files())
        made.arrive(incoming, image)
        incoming.close()
        flash.contents["incoming/001"] = image[16 * PART :][:left]
        assert Incoming(files=flash.files()).begin(made.announcement(image)) == 16

"""An image that came deflated: read as the image it is, and refused for whatever else it is. Runs on both Pythons."""

from device.image import ImageError
from device.incoming import Incoming
from device.inflate import GroupReader
from tests.device import made_bundles as made
from tests.device.ram_flash import Flash

PART = 1024


def recorded(name):
    with open("tests/recorded/deflate/" + name, "rb") as file:
        return file.read()


IMAGE, DEFLATED = recorded("image.bin"), recorded("image.deflated")


class Source:
    """Bytes that come at most `most` at a time."""

    def __init__(self, content):
        self.content = content
        self.closed = False

    def read(self, length):
        found, self.content = self.content[:length], self.content[length:]
        return found

    def close(self):
        self.closed = True


def inflated(content, size=10_000, step=700):
    reader = GroupReader(Source(content), size)
    window = memoryview(bytearray(step))
    found = b""
    length = reader.readinto(window)
    while length:
        found += bytes(window[:length])
        length = reader.readinto(window)
    return found


def refusal(content, size=10_000):
    try:
        inflated(content, size)
    except ImageError as error:
        return error.code
    return None


def arriving(flash, content=DEFLATED, image=IMAGE, **changes):
    incoming = Incoming(files=flash.files())
    said = {"deflate": len(content), "noPart": (len(content) + PART - 1) // PART}
    said.update(changes)
    first = incoming.begin(made.announcement(image, **said))
    for number in range(first, incoming.parts):
        assert incoming.write(number, memoryview(content)[number * PART : (number + 1) * PART])
    return incoming


def beginning(**changes):
    try:
        arriving(Flash(), **changes)
    except ImageError as error:
        return error.code
    return None


def test_the_recorded_image_is_inflated_in_pieces_of_any_size():
    for step in (1, 511, 4096, 20_000):
        assert inflated(DEFLATED, step=step) == IMAGE


def test_a_deflated_image_that_has_arrived_has_the_digests_of_the_image():
    incoming = arriving(Flash())
    assert incoming.parts == 5 and incoming.complete
    assert incoming.digests() == (made.md5(IMAGE), made.sha256(IMAGE))


def test_groups_may_lie_across_segments():
    whole_groups = groups(DEFLATED)[:2]
    image = IMAGE[:8192] * 20
    many = b"".join(whole_groups * 20)
    incoming = arriving(Flash(), many, image=image)
    assert incoming.parts > 2 * 16
    assert incoming.digests()[1] == made.sha256(image)


def groups(content):
    found = []
    while content:
        length = 2 + (content[0] << 8 | content[1])
        found.append(content[:length])
        content = content[length:]
    return found


def test_a_restart_goes_on_with_the_deflated_image_and_begins_anew_with_the_plain_one():
    flash = Flash()
    incoming = Incoming(files=flash.files())
    said = made.announcement(IMAGE, deflate=len(DEFLATED), noPart=5)
    incoming.begin(said)
    for number in range(3):
        incoming.write(number, memoryview(DEFLATED)[number * PART : (number + 1) * PART])
    incoming.close()
    assert Incoming(files=flash.files()).begin(said) == 3
    assert Incoming(files=flash.files()).begin(made.announcement(IMAGE)) == 0


def test_a_group_that_is_cut_off_or_impossible_is_refused():
    first, second, _ = groups(DEFLATED)
    impossible = b"\x00\x03\xff\xff\xff"  # a block of a kind that deflate does not have
    for bad in (
        first + second[:-1],
        first + b"\x10",
        b"\x00\x00" + first,
        b"\x90\x01" + bytes(5000),
        impossible,
    ):
        assert refusal(bad) == "md5"


def test_a_group_with_a_wrong_byte_never_passes_for_the_image():
    for place in range(2, len(groups(DEFLATED)[0]), 7):
        content = bytearray(DEFLATED)
        content[place] ^= 0x10
        assert refusal(bytes(content)) or inflated(bytes(content)) != IMAGE


def test_no_byte_beyond_the_announced_size_is_inflated():
    assert inflated(DEFLATED, len(IMAGE) - 1) == IMAGE[:-1]
    assert refusal(DEFLATED + groups(DEFLATED)[0]) == "size"


def test_an_announcement_of_a_deflated_image_that_cannot_be_is_refused():
    assert beginning(noPart=10) == "size"
    assert beginning(deflate=0, noPart=1) == "size"
    assert beginning(deflate="4525") == "size"
    assert beginning(deflate=len(IMAGE), noPart=10) == "size"
    assert beginning(size=None) == "size"
    assert beginning(size=5 * 1024 * 1024) == "size"


def test_closing_it_closes_the_flash():
    source = Source(DEFLATED)
    GroupReader(source, len(IMAGE)).close()
    assert source.closed

"""Three blocks for everybody: what is served from them, and what is fetched next.

Runs on both Pythons.
"""

from gateway.blocks import BLOCK, Blocks

IMAGE = bytes([n % 251 for n in range(10 * BLOCK + 500)])


def fetch_all(blocks, images=None):
    """Fetch what is wanted until nothing is; answers the starts."""
    fetched = []
    while True:
        wanted = blocks.next_wanted()
        if wanted is None:
            return fetched
        source, start, _size = wanted
        content = (images or {}).get(source, IMAGE)[start : start + BLOCK]
        blocks.claim()[: len(content)] = content
        blocks.filled(wanted, len(content))
        fetched.append(start)


def part(blocks, number, source="two"):
    found = blocks.part(source, len(IMAGE), number)
    return None if found is None else bytes(found)


def test_a_part_that_is_not_there_is_wanted():
    blocks = Blocks()
    assert part(blocks, 5) is None
    assert blocks.next_wanted() == ("two", 4096, len(IMAGE))


def test_every_part_is_served_right_and_each_block_is_read_once():
    blocks = Blocks()
    fetched = []
    for number in range(41):
        if part(blocks, number) is None:
            fetched += fetch_all(blocks)
        assert part(blocks, number) == IMAGE[number * 1024 : number * 1024 + 1024]
        fetched += fetch_all(blocks)
    assert fetched == list(range(0, len(IMAGE), BLOCK))


def test_the_last_part_has_its_own_length():
    blocks = Blocks()
    assert part(blocks, 40) is None
    fetch_all(blocks)
    assert len(part(blocks, 40)) == 500


def test_the_next_block_is_read_ahead_before_it_is_asked_for():
    blocks = Blocks()
    part(blocks, 0)
    assert fetch_all(blocks) == [0, 4096]
    assert part(blocks, 4) == IMAGE[4096:5120]


def test_what_a_node_waits_for_comes_before_what_is_read_ahead():
    blocks = Blocks()
    part(blocks, 0)
    part(blocks, 20)
    assert blocks.next_wanted()[1] == 0
    blocks.claim()
    blocks.filled(("two", 0, len(IMAGE)), BLOCK)
    assert blocks.next_wanted()[1] == 5 * BLOCK


def test_a_block_that_is_being_read_is_not_served():
    blocks = Blocks()
    part(blocks, 0)
    fetch_all(blocks)
    for number in (8, 12):
        part(blocks, number)
    wanted = blocks.next_wanted()
    blocks.claim()[:4] = b"evil"
    assert part(blocks, wanted[1] // 1024) is None


def test_images_do_not_mix():
    blocks = Blocks()
    images = {2: IMAGE, 9: bytes(len(IMAGE))}
    part(blocks, 0, 2)
    part(blocks, 0, 9)
    fetch_all(blocks, images)
    assert part(blocks, 0, 2) == IMAGE[:1024]
    assert part(blocks, 0, 9) == bytes(1024)


def test_nothing_is_wanted_of_an_image_that_was_forgotten():
    blocks = Blocks()
    part(blocks, 0, 2)
    part(blocks, 0, 9)
    blocks.forget(2)
    assert blocks.next_wanted()[0] == 9
    blocks.forget(9)
    assert blocks.next_wanted() is None


def test_the_list_of_wishes_does_not_grow_with_the_number_of_nodes():
    blocks = Blocks()
    for number in range(0, 41, 4):
        for source in range(20):
            part(blocks, number, source)
    count = 0
    while blocks.next_wanted() is not None:
        blocks.give_up(blocks.next_wanted())
        count += 1
    assert count <= 16


def test_what_is_longer_than_a_block_lies_in_all_of_them_and_none_is_served_after_it():
    blocks = Blocks()
    part(blocks, 0)
    fetch_all(blocks)
    room = blocks.claim(BLOCK + 1)
    assert len(room) == 3 * BLOCK
    room[:] = bytes(len(room))
    assert part(blocks, 0) is None

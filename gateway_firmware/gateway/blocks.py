"""Three buffers of 4 KiB, allocated once in one piece: the blocks of images that nodes are being served from.

Shared by all jobs, so the gateway's memory grows neither with an image nor with the number of nodes.
Says what is to be fetched next; fetching is the poller's. A block is served only once it is whole and
Home Assistant's signature on it holds. A `source` is where Home Assistant has an image, as `Job` says it.
"""

BLOCK = 4096  # bytes; a range starts at a multiple of it
PART = 1024
BUFFERS = 3  # one served from, one read ahead, one for a node that is somewhere else


class Block:
    def __init__(self, buffer: memoryview) -> None:
        self.buffer = buffer
        self.name = None  # (source, start), None while it holds nothing
        self.length = 0
        self.used = 0


class Blocks:
    def __init__(self) -> None:
        self._room = memoryview(bytearray(BUFFERS * BLOCK))
        starts = range(0, BUFFERS * BLOCK, BLOCK)
        self._blocks = [Block(self._room[start : start + BLOCK]) for start in starts]
        self._uses = 0
        self._wanted = []  # (source, start, size) that a node waits for, oldest first
        self._ahead = []  # the same, nobody waiting yet
        self._filling = None

    def part(self, source: str, size: int, part_no: int) -> memoryview | None:
        """Part `part_no` of an image of `size` bytes, or None: it will be fetched."""
        start = part_no * PART // BLOCK * BLOCK
        block = self._find((source, start))
        self._want_ahead(source, start + BLOCK, size)
        if block is None:
            _add(self._wanted, (source, start, size))
            return None
        return self._inside(block, part_no)

    def there(self, source: str, part_no: int) -> memoryview | None:
        """The same without a wish: what is not there is not fetched for it."""
        block = self._find((source, part_no * PART // BLOCK * BLOCK))
        return None if block is None else self._inside(block, part_no)

    def _inside(self, block: Block, part_no: int) -> memoryview:
        self._uses += 1
        block.used = self._uses
        inside = part_no * PART - block.name[1]
        return block.buffer[inside : min(inside + PART, block.length)]

    def next_wanted(self) -> tuple | None:
        """(source, start, its size) of the block to fetch next."""
        for wanted in (self._wanted, self._ahead):
            if wanted:
                return wanted[0]
        return None

    def claim(self, length: int = BLOCK) -> memoryview:
        """The buffer to fetch a block into, or what else has to lie somewhere for a moment, as a report or an answer: the
        one not used for longest, empty from now on. For more than fits into it, all of them."""
        if length > BLOCK:
            for block in self._blocks:
                block.name = None
            return self._room
        block = min(self._blocks, key=lambda block: block.used)
        block.name = None
        self._filling = block
        return block.buffer

    def filled(self, wanted: tuple, length: int) -> None:
        """The claimed buffer holds that block now, checked."""
        block = self._filling
        self._uses += 1
        block.name, block.length, block.used = wanted[:2], length, self._uses
        self.give_up(wanted)

    def give_up(self, wanted: tuple) -> None:
        """That block is no longer to be fetched."""
        for wishes in (self._wanted, self._ahead):
            if wanted in wishes:
                wishes.remove(wanted)

    def forget(self, source: str) -> None:
        """No job needs that image now."""
        for wishes in (self._wanted, self._ahead):
            wishes[:] = [wanted for wanted in wishes if wanted[0] != source]

    def _find(self, name: tuple) -> Block | None:
        for block in self._blocks:
            if block.name == name:
                return block
        return None

    def _want_ahead(self, source: str, start: int, size: int) -> None:
        if start < size and self._find((source, start)) is None:
            _add(self._ahead, (source, start, size))
            # Only the newest: an older one was overtaken, or another node's turn evicted it.
            del self._ahead[:-1]


def _add(wishes: list, wanted: tuple) -> None:
    if wanted not in wishes and len(wishes) < BUFFERS * 4:
        wishes.append(wanted)

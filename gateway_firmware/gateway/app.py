"""The gateway's start: memory first, then the radio, the keys, who we are, and all the rest.

The loader calls `main` from the slot that runs. Imports are inside functions, for their order counts:
a heap that holds all the code has no room for a block in one piece, and what only the start needs has
to be gone before the rest is loaded into its place.
"""

import asyncio
import gc
import os

from device import forget
from gateway.blocks import Blocks

GC_THRESHOLD = 4096  # bytes between collections: the WiFi driver needs the rest of the heap
LOADING_THRESHOLD = 2048  # the same while code is loaded, which leaves much behind
ONLY_AT_START = (
    "gateway.keys",
    "gateway.own_slot",
    "device.config",
    "device.flash_files",
    "device.image",
    "device.manifest",
    "device.proof",
    "device.signature",
    "device.signing",
    "device.slot_reading",
    "device.slot_state",
)
ORDER = "update.json"  # of own_install, which is loaded only when there is one


def prepare() -> tuple:
    """(board with its radio on, configuration, keys, who we are). Raises sentences."""
    from device import config as settings
    from device.board import Board
    from device.flash_files import FlashFiles
    from gateway import keys as keyring, own_slot

    board = Board()
    config = settings.load()
    board.start_access_point(config["mesh"])  # from here on random numbers are random
    files = FlashFiles()
    keys = keyring.load(files, board.random)
    print("setup key:", keyring.setup_key(keys.gateway))
    return board, config, keys, own_slot.facts(files, config.get("signing_key", ""))


async def run(blocks: Blocks, found: tuple) -> None:
    from gateway.gateway import Gateway

    board, config, keys, facts = found
    gateway = Gateway(board, config, keys, facts, blocks)
    gc.collect()
    gc.threshold(GC_THRESHOLD)
    await gateway.run()


def has_order() -> bool:
    try:
        os.stat(ORDER)
    except OSError:
        return False
    return True


def main() -> None:
    gc.threshold(LOADING_THRESHOLD)
    if has_order():
        from gateway import own_install

        own_install.main()
    blocks = Blocks()
    found = prepare()
    forget(ONLY_AT_START)
    asyncio.run(run(blocks, found))

"""The gateway's program on MicroPython with a board that has no radio, compiled with the gateway as a module of it:
`micropython … -m gateway.start_on_micropython PORT` in its flash folder.

With `loaded` and names of modules that come late it says how many bytes of heap the code takes alone, with these; with
`PORT measured` twenty times a second how many are in use, and which of them are there.
"""

import asyncio
import gc
import os
import sys
import time

GATEWAY = 1111111111
COME_LATE = ("gateway.to_everybody", "painlessmesh.ota_ahead", "painlessmesh.ota_push")
# us; after 18 minutes a time takes heap, where words have 4 bytes
RUNNING_FOR = 1_000_000_000_000


class Board:
    hardware = "ESP32-MPY"
    chip = "esp32"
    node_id = GATEWAY

    def __init__(self):
        self._ticks = time.ticks_us()
        self._now = RUNNING_FOR

    def now_us(self):
        ticks = time.ticks_us()
        self._now += time.ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._now

    def random(self, length):
        return os.urandom(length)

    def start_access_point(self, _mesh):
        return "127.0.0.1", int(sys.argv[1])

    def may_join(self, _local, _peer):
        return True

    def router_alive(self):
        return True

    def heap_free(self):
        gc.collect()
        return gc.mem_free()

    def heap_used(self):
        gc.collect()
        return gc.mem_alloc()

    def flash_free(self):
        return 1500000

    def rssi(self):
        return None

    def mpy_version(self):
        return "1.26.1"

    def reset_cause(self):
        return "power_on"

    def watchdog(self, _timeout_ms):
        pass

    def feed(self):
        pass

    def reset(self):
        print("reset")
        sys.exit()


import device.board  # noqa: E402
import gateway.app  # noqa: E402

device.board.Board = Board


def say_what_is_loaded():
    only_at_start = ("device.config", "device.manifest", "gateway.keys", "gateway.own_slot")
    before = list(sys.modules)
    for name in only_at_start:
        __import__(name)
    device.forget([name for name in sys.modules if name not in before])
    __import__("gateway.gateway")
    for name in ("Event", "gather", "open_connection"):
        getattr(asyncio, name)  # loads the file that it is in
    for name in sys.argv[2:]:
        __import__(name)
    print(Board().heap_used())


async def run_and_say(*running):
    asyncio.gather = gather
    return await gather(say(), *running)


async def say():
    while True:
        print("heap", Board().heap_used(), *[name for name in COME_LATE if name in sys.modules])
        await asyncio.sleep(0.05)


if sys.argv[1] == "loaded":
    say_what_is_loaded()
else:
    if sys.argv[2:]:
        gather = asyncio.gather
        asyncio.gather = run_and_say
    gateway.app.main()

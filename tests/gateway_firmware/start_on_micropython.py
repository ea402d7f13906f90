"""The gateway's program on MicroPython with a board that has no radio: `micropython … PORT` in its flash folder."""

import gc
import os
import sys
import time

sys.path[:] = ["a", ".frozen"]


GATEWAY = 1111111111


class Board:
    hardware = "ESP32-MPY"
    chip = "esp32"
    node_id = GATEWAY

    def __init__(self):
        self._ticks = time.ticks_us()
        self._now = 0

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


import device.board  # noqa: E402
import gateway.app  # noqa: E402

device.board.Board = Board
gateway.app.main()

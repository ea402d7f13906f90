"""The gateway's program as tests start it on MicroPython, saying five times a second what its heap holds: `… START PORT`."""

import asyncio
import gc
import sys

_gather = asyncio.gather


async def _say():
    while True:
        gc.collect()
        print("heap", gc.mem_alloc())
        await asyncio.sleep(0.2)


def _gather_and_say(*running):
    asyncio.gather = _gather
    return _gather(_say(), *running)


asyncio.gather = _gather_and_say
del sys.argv[0]
with open(sys.argv[0]) as file:
    exec(compile(file.read(), sys.argv[0], "exec"))  # noqa: S102  the program to be looked at

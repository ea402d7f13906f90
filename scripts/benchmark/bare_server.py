"""The yardstick: aiohttp alone, which holds polls open and serves ranges of one file. Run as a process; prints its port.

`python -m scripts.benchmark.bare_server FILE`. It signs nothing, knows nobody and writes nothing down: what is faster than
this is not to be had from Python and aiohttp.
"""

import asyncio
import sys
from pathlib import Path

from aiohttp import web

from scripts.benchmark.loop_probe import LoopProbe


async def _poll(request: web.Request) -> web.Response:
    await asyncio.sleep(float(request.query["wait"]))
    return web.json_response({"revision": 0, "jobs": []})


async def serve(image: Path) -> None:
    probe = LoopProbe()

    async def file(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(image)

    async def samples(_request: web.Request) -> web.Response:
        return web.json_response(probe.take())

    app = web.Application()
    app.add_routes(
        [web.get("/poll", _poll), web.get("/file", file), web.get("/api/loop_probe", samples)]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await probe.run()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))

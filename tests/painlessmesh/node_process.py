"""One node of a mesh of processes, on MicroPython: `node_process.py ID PORT`. Obeys a line, answers with lines.

`join PORT`, `leave`, `say TEXT` to all, `tell ID TEXT`, `tree` (answered by the links of the tree as this node knows it).
"""

import asyncio
import sys
import time

sys.path.insert(0, ".")
from painlessmesh import Links, Mesh

HOST = "127.0.0.1"


def microseconds():
    return time.time_ns() // 1000


async def obey(mesh, links):
    uplink = None
    reader = asyncio.StreamReader(sys.stdin)
    while True:
        words = str(await reader.readline(), "utf-8").strip().split(" ", 2)
        if words[0] == "join":
            uplink = asyncio.create_task(follow(links, int(words[1])))
        elif words[0] == "leave" and uplink:
            uplink.cancel()
        elif words[0] == "say":
            mesh.send_broadcast(words[1])
        elif words[0] == "tell":
            mesh.send_single(int(words[1]), words[2])
        elif words[0] == "tree":
            pairs = sorted([(min(pair), max(pair)) for pair in mesh.tree()])
            print("tree " + " ".join(["%d-%d" % pair for pair in pairs]))
        elif not words[0]:
            return


async def follow(links, port):
    try:
        print("parted", await links.dial(HOST, port))
    except asyncio.CancelledError:
        print("parted left")


async def main(node_id, port):
    mesh = Mesh(node_id)
    mesh.on_receive(lambda sender, text: print("heard %d %s" % (sender, text)))
    links = Links(mesh, microseconds)
    await links.listen(HOST, port)
    print("ready")
    timers = asyncio.create_task(links.run())
    await obey(mesh, links)
    timers.cancel()


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))

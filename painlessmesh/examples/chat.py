"""A node that chats: says what is typed to everybody, or to one node, and prints what it hears.

    micropython painlessmesh/examples/chat.py NODE_ID PORT [PORT_OF_ANOTHER_NODE]

Three of them on one computer, each in a terminal of its own:

    micropython painlessmesh/examples/chat.py 1 5551
    micropython painlessmesh/examples/chat.py 2 5552 5551
    micropython painlessmesh/examples/chat.py 3 5553 5552

`hello` goes to all, `@1 hello` to node 1 alone, `/nodes` says who is there, `/time` the mesh time. On a board, WiFi comes
first, and `station_manual` gets the address of the access point that the board has joined.
"""

import asyncio
import sys
import time

sys.path.insert(0, ".")
from painlessmesh import Links, Mesh

HOST = "127.0.0.1"


def microseconds():
    return time.time_ns() // 1000


def follow(mesh, line):
    """What a typed line means; answers what to print."""
    if line == "/nodes":
        return " ".join([str(node_id) for node_id in sorted(mesh.get_node_list())])
    if line == "/time":
        return str(mesh.get_node_time(microseconds()))
    if line.startswith("@"):
        to, _, text = line[1:].partition(" ")
        return "" if to.isdigit() and mesh.send_single(int(to), text) else "nobody there"
    return "" if mesh.send_broadcast(line) else "nobody there"


async def type_lines(mesh):
    reader = asyncio.StreamReader(sys.stdin)
    while True:
        line = await reader.readline()
        if not line:
            return
        answer = follow(mesh, str(line, "utf-8").strip())
        if answer:
            print(answer)


async def main(node_id, port, uplink=0):
    mesh = Mesh(node_id)
    mesh.on_receive(lambda sender, text: print("%d: %s" % (sender, text)))
    mesh.on_changed_connections(lambda: print("nodes:", sorted(mesh.get_node_list())))
    links = Links(mesh, microseconds)
    await links.listen(HOST, port)
    tasks = [asyncio.create_task(links.run())]
    if uplink:
        tasks.append(asyncio.create_task(links.station_manual(HOST, uplink)))
    await type_lines(mesh)
    await links.close()


if __name__ == "__main__":
    asyncio.run(main(*[int(argument) for argument in sys.argv[1:]]))

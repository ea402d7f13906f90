"""The painlessMesh protocol, for CPython and MicroPython 1.24 or newer.

What lives here: everything between a TCP byte stream and a package: frames, packages, node tree, routing, node sync,
time sync, over-the-air update, our own package 71. What does not: hardware, clocks, logs, files. `link.py` alone opens
sockets; every other module takes bytes and the time, and gives bytes and events.

Names are loaded when first used, so that a node does not pay memory for the parts that only a gateway needs.
"""

_HOME = {
    "Mesh": "mesh",
    "Link": "neighbour",
    "Links": "link",
    "Offer": "ota_sender",
    "Sender": "ota_sender",
    "Receiver": "ota_receiver",
    "GatewaySide": "level1_gateway",
    "NodeSide": "level1_node",
    "init_ota_send": "ota",
    "init_ota_receive": "ota",
}


def __getattr__(name: str) -> object:
    home = _HOME.get(
        name, name
    )  # MicroPython asks here for a submodule as well, before it looks for its file
    try:
        module = __import__("painlessmesh." + home, None, None, (name,))
    except ImportError:
        module = None
    if module is None:
        raise AttributeError(name)
    return module if home == name else getattr(module, name)

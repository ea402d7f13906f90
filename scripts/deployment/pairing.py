"""After a gateway's first start: its setup key for the person, its mesh key for the nodes, a word on its WiFi."""

import json
from collections.abc import Callable

from scripts.deployment import board_programs, console
from scripts.deployment.cable import Cable
from scripts.deployment.errors import DeployError
from scripts.deployment.mesh_memory import MeshMemory
from scripts.deployment.survey import Survey

KEYS = "keys.json"
SETUP_SECONDS = 60
WIFI_SECONDS = 40  # two attempts of the gateway's, 15 s each, and a pause


def pair(
    cable: Cable,
    config: dict[str, object],
    found: Survey,
    memory: MeshMemory,
    say: Callable[[str], None],
) -> None:
    """The board has just been restarted. Raises DeployError when its program does not run."""
    key = console.wait_for_setup_key(cable.port, SETUP_SECONDS)
    mesh_key = str(found.object(KEYS).get("mesh_key", "")) or read_mesh_key(cable)
    say(remembered(config, mesh_key, memory))
    say(word_on_wifi(cable.port, str(config["router"]["ssid"])))
    say(f"\nSetup key: {key}\n")
    say(
        "In Home Assistant: Settings → Devices & services → Add integration → Mesh OTA, and paste it."
    )


def remembered(config: dict[str, object], mesh_key: str, memory: MeshMemory) -> str:
    try:
        memory.remember(config["mesh"], mesh_key)
    except OSError as error:
        return f"The mesh could not be remembered in {memory.path}: {error.strerror}."
    return f"The mesh is remembered for its nodes in {memory.path}."


def word_on_wifi(port: str, ssid: str) -> str:
    joined = console.joined_wifi(port, WIFI_SECONDS)
    if joined:
        return f"It has joined the WiFi '{ssid}'."
    return (
        f"It has not joined the WiFi '{ssid}' yet, and goes on trying. If it stays so: is the name right, the password "
        "(run this again with MESH_OTA_WIFI_PASSWORD set), and is it a network of 2.4 GHz?"
    )


def read_mesh_key(cable: Cable) -> str:
    """By cable, at the first start only; the program is interrupted for it and starts again."""
    told = dict(board_programs.told(cable.run(board_programs.read(KEYS))))
    cable.restart()
    try:
        return str(json.loads(str(told.get("text")))["mesh_key"])
    except (ValueError, KeyError, TypeError):
        raise DeployError(f"The gateway's {KEYS} could not be read. Run this again.") from None

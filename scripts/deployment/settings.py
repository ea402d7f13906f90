"""The board's config.json: what the person says over what the board and this computer already know.

A field that nobody mentions stays as it is on the board. The result is judged by `device.config`, which reads it on
the board.
"""

import argparse
import json
from pathlib import Path

from device import config
from scripts.deployment import questions
from scripts.deployment.errors import DeployError
from scripts.deployment.mesh_memory import FIELDS, MeshMemory
from scripts.deployment.questions import Asker

SECRET_FIELDS = ("password", "mesh_key")


def of_gateway(
    options: argparse.Namespace, before: dict[str, object], memory: MeshMemory, asker: Asker
) -> dict[str, object]:
    """The gateway decides what the mesh is called: what it has on its flash goes before what is remembered."""
    router, place = part(before, "router"), part(before, "home_assistant")
    known = part(before, "mesh") or memory.mesh(options.mesh)
    settings = dict(before) | {
        "node_type": "gateway",
        "name": options.name or before.get("name") or "gateway",
    }
    ssid = asker.answer(questions.WIFI, router.get("ssid"))
    same_wifi = ssid == router.get("ssid")
    settings["router"] = {
        "ssid": ssid,
        "password": asker.answer(
            questions.WIFI_PASSWORD, router.get("password") if same_wifi else None
        ),
    }
    settings["home_assistant"] = place | {
        "url": asker.answer(questions.HOME_ASSISTANT, place.get("url"))
    }
    settings["mesh"] = mesh_settings(options, known, asker)
    if options.signing_key:
        settings["signing_key"] = public_key(options.signing_key)
    return checked(settings, asker)


def of_node(
    options: argparse.Namespace,
    node_type: str,
    before: dict[str, object],
    memory: MeshMemory,
    asker: Asker,
) -> dict[str, object]:
    """A node follows its gateway: what is remembered of its mesh goes before what it has on its flash."""
    own = part(before, "mesh")
    prefix = options.mesh or own.get("prefix")
    if options.mesh is None and not memory.mesh(prefix):
        prefix = prefix or memory.mesh(None).get("prefix")
    own = own if own.get("prefix") == prefix else {}
    key = memory.mesh_key(prefix) or (before.get("mesh_key") if own else None)
    settings = dict(before) | {
        "node_type": node_type,
        "name": options.name or before.get("name") or node_type,
        "mesh": mesh_settings(options, own | memory.mesh(prefix), asker),
        "mesh_key": asker.answer(questions.MESH_KEY, key),
    }
    if options.zone is not None:
        settings["zone"] = options.zone
    if options.sensor:
        settings["sensor"] = part(before, "sensor") | {"kind": options.sensor}
    if options.pin:
        settings["pins"] = part(before, "pins") | pins(options.pin)
    if options.signing_key:
        settings["signing_key"] = public_key(options.signing_key)
    if options.accept_level_0:
        settings["accept_level_0"] = True
    for name in ("router", "home_assistant"):
        settings.pop(name, None)
    return checked(settings, asker)


def mesh_settings(
    options: argparse.Namespace, known: dict[str, object], asker: Asker
) -> dict[str, object]:
    prefix = asker.answer(questions.MESH, known.get("prefix"))
    if prefix != known.get("prefix"):
        known = {}
    mesh = {
        "prefix": prefix,
        "password": asker.answer(questions.MESH_PASSWORD, known.get("password")),
        "channel": known.get("channel", 1) if options.channel is None else options.channel,
        "hidden": bool(known.get("hidden")) or options.hidden,
        "port": known.get("port", 5555) if options.mesh_port is None else options.mesh_port,
    }
    return {name: mesh[name] for name in FIELDS}


def pins(wanted: list[str]) -> dict[str, int]:
    """{name: GPIO} of `pir=13`. Raises DeployError."""
    found = {}
    for text in wanted:
        name, _, number = text.partition("=")
        if not name or not number.isascii() or not number.isdigit():
            raise DeployError(f"--pin {text}: write it as NAME=GPIO, such as pir=13.")
        found[name] = int(number)
    return found


def public_key(path: Path) -> str:
    """Its letters without line breaks; `device.config` judges them. Raises DeployError."""
    try:
        return "".join(path.read_text().split())
    except (OSError, ValueError):
        raise DeployError(f"--signing-key: {path} cannot be read.") from None


def checked(settings: dict[str, object], asker: Asker) -> dict[str, object]:
    asker.complain_about_missing()
    try:
        config.check(settings)
    except config.ConfigError as error:
        raise DeployError(f"These settings cannot be: {error}") from None
    return settings


def part(settings: dict[str, object], name: str) -> dict[str, object]:
    found = settings.get(name)
    return dict(found) if isinstance(found, dict) else {}


def text_of(settings: dict[str, object]) -> bytes:
    """config.json as it lies on the board."""
    return (json.dumps(settings, indent=1, sort_keys=True) + "\n").encode()


def shown(settings: dict[str, object]) -> dict[str, object]:
    """The same for eyes: no secret in it."""
    return {
        name: "…" if name in SECRET_FIELDS else shown(value) if isinstance(value, dict) else value
        for name, value in settings.items()
    }

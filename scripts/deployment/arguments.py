"""The command line of scripts/deploy."""

import argparse
import sys
from pathlib import Path


def parser(program: str) -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(
        prog=program,
        description="Put an ESP32 with MicroPython 1.24 or newer into service, by USB cable.",
        epilog="Passwords are asked for, or taken from MESH_OTA_WIFI_PASSWORD, MESH_OTA_MESH_PASSWORD and "
        "MESH_OTA_MESH_KEY in the environment.",
    )
    command.add_argument("kind", choices=("gateway", "node"))
    command.add_argument(
        "port", metavar="PORT", help="such as /dev/ttyUSB0, /dev/cu.usbserial-1 or COM3"
    )
    _of_node(command.add_argument_group("a node"))
    _of_gateway(command.add_argument_group("a gateway"))
    _of_both(command.add_argument_group("both"))
    _of_the_way(command.add_argument_group("how"))
    return command


def _of_node(node: argparse._ArgumentGroup) -> None:
    node.add_argument("--type", metavar="TYPE", help="its role, such as pir")
    node.add_argument("--zone", help="where it is, such as hall")
    node.add_argument(
        "--pin", action="append", metavar="NAME=GPIO", help="such as pir=13; see docs/roles.md"
    )
    node.add_argument("--sensor", choices=("dht11", "dht22"))
    node.add_argument(
        "--accept-level-0",
        action="store_true",
        help="also take the offers of a C++ gateway, which prove nothing",
    )


def _of_gateway(gateway: argparse._ArgumentGroup) -> None:
    gateway.add_argument("--wifi", metavar="NAME", help="the home network")
    gateway.add_argument(
        "--home-assistant", metavar="URL", help="such as http://homeassistant.local:8123"
    )


def _of_both(both: argparse._ArgumentGroup) -> None:
    both.add_argument("--name", help="what it is called")
    both.add_argument(
        "--mesh", metavar="NAME", help="the mesh's name; a node takes the last gateway's"
    )
    both.add_argument(
        "--signing-key",
        type=Path,
        metavar="FILE",
        help="take signed firmware only; the file holds the public key that Home Assistant shows",
    )
    both.add_argument("--channel", type=int, help="WiFi channel of the mesh, 1 to 13")
    both.add_argument("--hidden", action="store_true", help="the mesh's name is hidden")
    both.add_argument("--mesh-port", type=int, metavar="N", help="5555 if not said")
    both.add_argument(
        "--firmware", type=Path, metavar="FILE", help="this bundle instead of the own one"
    )
    both.add_argument("--version", help="version that the firmware is given when it is built")


def _of_the_way(how: argparse._ArgumentGroup) -> None:
    how.add_argument("--dry-run", action="store_true", help="show every step, change nothing")
    how.add_argument(
        "--non-interactive",
        action="store_true",
        help="ask nothing; fail where something is missing",
    )
    how.add_argument(
        "--reinstall", action="store_true", help="replace the firmware of a board in service"
    )
    how.add_argument(
        "--replace-program", action="store_true", help="replace a main.py that is not ours"
    )
    how.add_argument(
        "--listen",
        type=float,
        default=8,
        metavar="S",
        help="seconds to watch a node start (%(default)s)",
    )


def given(options: argparse.Namespace) -> dict[str, str | None]:
    return {
        "--type": options.type,
        "--wifi": options.wifi,
        "--mesh": options.mesh,
        "--home-assistant": options.home_assistant,
        "--replace-program": "yes" if options.replace_program else None,
    }


def is_interactive(options: argparse.Namespace) -> bool:
    return not options.non_interactive and sys.stdin.isatty()

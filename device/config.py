"""The board's config.json: reads it, checks each field, fills in defaults.

Errors are sentences for the person who wrote the file. Nothing here writes: `scripts/deploy` does.
"""

import json

SHORT_WORD = "abcdefghijklmnopqrstuvwxyz0123456789-"
HEX = "0123456789abcdef"
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
PINS_MAX = 48  # the highest GPIO of any ESP32


class ConfigError(ValueError):
    """config.json cannot be used; the text says what to change."""

    of_settings = True  # the loader asks: no firmware is to blame, and none gives way for it


def load(path: str = "config.json") -> dict:
    """The checked configuration, every optional field filled in. Raises ConfigError."""
    try:
        with open(path) as file:
            parsed = json.load(file)
    except OSError:
        raise ConfigError(f"There is no {path} on this board: run scripts/deploy.")
    except ValueError:
        raise ConfigError(f"{path} is not valid JSON.")
    return check(parsed)


def check(parsed: object) -> dict:
    if not isinstance(parsed, dict):
        raise ConfigError("config.json must hold one JSON object.")
    config = {
        "node_type": _word(parsed, "node_type", 1, None),
        "zone": _word(parsed, "zone", 0, ""),
        "mesh": _mesh(_part(parsed, "mesh", None)),
        "accept_level_0": _boolean(parsed, "accept_level_0", False),
        "pins": _pins(_part(parsed, "pins", {})),
        "sensor": _sensor(_part(parsed, "sensor", {})),
    }
    if "signing_key" in parsed:
        config["signing_key"] = _signing_key(parsed["signing_key"])
        if config["accept_level_0"]:
            raise ConfigError("accept_level_0 and signing_key exclude each other.")
    config["name"] = _text(parsed, "name", 1, 30, config["node_type"])
    if config["node_type"] == "gateway":
        router = _part(parsed, "router", None)
        config["router"] = {
            "ssid": _text(router, "ssid", 1, 32, None, "router."),
            "password": _text(router, "password", 0, 63, "", "router."),
        }
        config["home_assistant"] = {"url": _url(_part(parsed, "home_assistant", None))}
    else:
        config["mesh_key"] = _mesh_key(parsed)
    return config


def _mesh(mesh: dict) -> dict:
    return {
        "prefix": _text(mesh, "prefix", 1, 32, None, "mesh."),
        "password": _text(mesh, "password", 8, 63, None, "mesh."),
        "channel": _number(mesh, "channel", 1, 13, 1, "mesh."),
        "hidden": _boolean(mesh, "hidden", False, "mesh."),
        "port": _number(mesh, "port", 1, 65535, 5555, "mesh."),
    }


def _sensor(sensor: dict) -> dict:
    kind = sensor.get("kind", "dht11")
    if kind not in ("dht11", "dht22"):
        raise ConfigError("sensor.kind must be dht11 or dht22.")
    # A DHT22 gives a new reading every 2 s.
    return {"kind": kind, "interval": _number(sensor, "interval", 2, 3600, 10, "sensor.")}


def _pins(pins: dict) -> dict:
    return {name: _number(pins, name, 0, PINS_MAX, 0, "pins.") for name in pins}


def _url(place: dict) -> str:
    url = _text(place, "url", 8, 200, None, "home_assistant.")
    if not (url.startswith("http://") or url.startswith("https://")):
        raise ConfigError("home_assistant.url must start with http:// or https://.")
    return url


def _mesh_key(parsed: dict) -> str:
    key = parsed.get("mesh_key")
    if not isinstance(key, str) or len(key) != 64 or not all(c in HEX for c in key):
        raise ConfigError("mesh_key must be the gateway's mesh key: 64 lower-case hex digits.")
    return key


def _signing_key(key: object) -> str:
    # 384 bytes in base64 have no padding; the first bit of a 3072-bit modulus is set, the last too.
    letters = isinstance(key, str) and len(key) == 512 and all(c in BASE64 for c in key)
    if not letters or key[0] not in BASE64[32:] or BASE64.find(key[-1]) % 2 == 0:
        raise ConfigError(
            "signing_key must be the public key that Home Assistant shows, 512 letters."
        )
    return key


def _part(parsed: dict, name: str, default: dict | None) -> dict:
    part = parsed.get(name, default)
    if not isinstance(part, dict):
        raise ConfigError(f"{name} must be a JSON object.")
    return part


def _text(
    parsed: dict, name: str, least: int, most: int, default: str | None, where: str = ""
) -> str:
    text = parsed.get(name, default)
    if not isinstance(text, str) or not least <= len(text.encode()) <= most:
        raise ConfigError(f"{where}{name} must be a text of {least} to {most} bytes.")
    return text


def _word(parsed: dict, name: str, least: int, default: str | None) -> str:
    word = _text(parsed, name, least, 30, default)
    if not all(c in SHORT_WORD for c in word):
        raise ConfigError(f"{name} may hold only a to z, 0 to 9 and -.")
    return word


def _number(parsed: dict, name: str, least: int, most: int, default: int, where: str = "") -> int:
    number = parsed.get(name, default)
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        raise ConfigError(f"{where}{name} must be a number from {least} to {most}.")
    return number


def _boolean(parsed: dict, name: str, default: bool, where: str = "") -> bool:
    value = parsed.get(name, default)
    if not isinstance(value, bool):
        raise ConfigError(f"{where}{name} must be true or false.")
    return value

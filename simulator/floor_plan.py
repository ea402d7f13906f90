"""Where the boards of a house are: names, types, pins, and how loud one hears another.

A table; nothing here runs.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Place:
    """One node; `hears` names the boards whose access point reaches it, with their signal in dBm."""

    name: str
    node_type: str
    hears: dict[str, int]
    zone: str = ""
    pins: dict[str, int] = field(default_factory=dict)
    sensor: dict[str, Any] = field(default_factory=dict)
    climate: str = ""
    """what a sensor on GPIO4 reads: `temperature humidity`"""


# Three nodes reach the gateway, and hear it best; four only reach one of these three: two hops.
HOUSE = (
    Place("hall", "pir", {"gateway": -48}, zone="hall", pins={"pir": 4}),
    Place("kitchen", "led", {"gateway": -50}, pins={"led": 2, "peers": 4, "motion": 15}),
    Place("stairs", "watcher", {"gateway": -49}),
    Place("garage", "pir", {"hall": -58, "stairs": -74}, zone="garage", pins={"pir": 4}),
    Place("bedroom", "button", {"stairs": -56, "hall": -70}, pins={"boot": 0, "button": 5}),
    Place("desk", "button2", {"kitchen": -59, "stairs": -77}, pins={"boot": 0, "button": 13}),
    Place("bath", "dht", {"kitchen": -57, "hall": -79}, zone="bath", sensor={"kind": "dht22"}, climate="21.5 48.0"),
)  # fmt: skip

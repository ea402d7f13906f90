"""The board: radio, pins, clock, watchdog, reset.

Only this file imports machine, network, esp32 or dht, and only when a method needs it, so that the
loader stays small. It decides nothing: which access point to join is `wifi`, when to restart is
the firmware's affair. Numbers and behaviours are those of MicroPython 1.24 and newer on an ESP32.
"""

import asyncio
import gc
import os
import sys
import time

JOIN_SECONDS = 15  # association and DHCP; an access point that is full never answers
JOIN_POLL_SECONDS = 0.1
MESH_NETMASK = "255.255.255.0"
MAX_STATIONS = 7  # an ESP32 has 10 sockets in all: listener, uplink and HTTP take three


class Board:
    """One ESP32 (or what stands for it). Times are microseconds, ids are painlessMesh node ids."""

    hardware = "ESP32-MPY"

    def __init__(self) -> None:
        self._ticks = time.ticks_us()
        self._now = 0
        self._watchdog = None
        self._interfaces = {}

    # ---- time, memory, what this board is

    def now_us(self) -> int:
        """Microseconds since the board object was made. Must be called once in 8 minutes: the
        hardware counter wraps at 2**30."""
        ticks = time.ticks_us()
        self._now += time.ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._now

    def random(self, length: int) -> bytes:
        """Random bytes; on an ESP32 they are random only once the radio is on."""
        return os.urandom(length)

    def heap_free(self) -> int:
        gc.collect()
        return gc.mem_free()

    def flash_free(self) -> int:
        """Bytes free on the filesystem of the working directory."""
        found = os.statvfs(".")
        return found[0] * found[3]

    def mpy_version(self) -> str:
        return ".".join([str(number) for number in sys.implementation.version[:3]])

    @property
    def chip(self) -> str:
        """`esp32`, `esp32s3`, …: MicroPython's machine text ends in "with ESP32S3"."""
        words = getattr(sys.implementation, "_machine", "").lower().split(" with ")
        return words[-1][:10] if len(words) > 1 else "esp32"

    def reset_cause(self) -> str:
        """`power_on` `hard` `watchdog` `soft` `deep_sleep` or `unknown`."""
        import machine

        cause = machine.reset_cause()
        for name, word in (
            ("PWRON_RESET", "power_on"),
            ("HARD_RESET", "hard"),
            ("WDT_RESET", "watchdog"),
            ("DEEPSLEEP_RESET", "deep_sleep"),
            ("SOFT_RESET", "soft"),
        ):
            if cause == getattr(machine, name, None):
                return word
        return "unknown"

    def reset(self) -> None:
        """Restart now. Sockets and files are closed by the caller before: a peer that sees no FIN
        keeps the dead link for 70 s and refuses the new one meanwhile."""
        import machine

        machine.reset()

    def watchdog(self, timeout_ms: int) -> None:
        """Start the watchdog, or set its timeout anew; it cannot be stopped."""
        import machine

        self._watchdog = machine.WDT(timeout=timeout_ms)

    def feed(self) -> None:
        if self._watchdog is not None:
            self._watchdog.feed()

    def partitions(self):
        """A `device.partitions.Partitions`; None on a board with a single application partition."""
        from esp32 import Partition

        running = Partition(Partition.RUNNING)  # pyright: ignore[reportArgumentType] - stub says str
        try:
            other = running.get_next_update()
        except OSError:
            return None
        otadata = Partition.find(Partition.TYPE_DATA, 0)
        if not otadata or other.info()[4] == running.info()[4]:
            return None
        from device.partitions import FIRST, Partitions

        slots = [found for found in Partition.find(Partition.TYPE_APP) if found.info()[1] >= FIRST]
        return Partitions(running, other, otadata[0], len(slots))

    # ---- the mesh's radio

    @property
    def node_id(self) -> int:
        return id_of_mac(self._ap.config("mac"))

    def start_access_point(self, mesh: dict) -> tuple:
        """Open this node's access point; answers (address, port) to listen on.

        The address is the one that the driver reports, not the one that was asked for.
        """
        ap = self._ap
        ap.active(True)
        ap.config(
            ssid=mesh["prefix"],
            key=mesh["password"],
            security=ap.SEC_WPA2,
            channel=mesh["channel"],
            hidden=mesh["hidden"],
            max_clients=MAX_STATIONS,
        )
        own = mesh_address(self.node_id)
        ap.ifconfig((own, MESH_NETMASK, own, own))  # restarts the DHCP server with this subnet
        return ap.ifconfig()[0], mesh["port"]

    async def scan(self, mesh: dict) -> list:
        """Access points of this mesh: [(node id, rssi in dBm, channel, bssid)].

        The driver blocks for about 2 s: only for a node without an uplink, or one that is about
        to leave it.
        """
        sta = self._station()
        await asyncio.sleep(0)
        rows = []
        for ssid, bssid, channel, rssi, _security, _hidden in sta.scan():
            if ssid == mesh["prefix"].encode() or (not ssid and mesh["hidden"]):
                rows.append((id_of_mac(bssid), rssi, channel, bytes(bssid)))
        return rows

    async def join(self, bssid: bytes, mesh: dict) -> str | None:
        """Join that access point of the mesh; answers the address to dial, or None."""
        return await self._connect(mesh["prefix"], mesh["password"], bssid)

    async def join_router(self, router: dict) -> bool:
        """Join the home network. The hostname must be set before the connection."""
        import network

        network.hostname(f"meshota-{self.node_id & 0xFFFF:04x}")
        return await self._connect(router["ssid"], router["password"], None) is not None

    def leave(self) -> None:
        try:
            self._sta.disconnect()
        except OSError:
            pass  # not connected

    def uplink_alive(self) -> bool:
        return self._sta.isconnected()

    def router_alive(self) -> bool:
        return self._sta.isconnected()

    def rssi(self) -> int | None:
        """Signal of the uplink in dBm; None without one."""
        if not self._sta.isconnected():
            return None
        try:
            return self._sta.status("rssi")
        except (OSError, ValueError):
            return None

    def may_join(self, local: object, peer: object) -> bool:
        """Whether a connection that came in may become a mesh link: both ends in this access
        point's subnet. Whoever sits on the home network has not shown the mesh's password."""
        own, mask = self._ap.ifconfig()[:2]
        subnet = number_of(own), number_of(mask)
        return _inside(peer, subnet) and (local is None or _inside(local, subnet))

    @property
    def _ap(self) -> object:
        return self._interface("IF_AP")

    @property
    def _sta(self) -> object:
        return self._interface("IF_STA")

    def _interface(self, name: str) -> object:
        # The driver starts with the first WLAN object, and takes 40 KB: the loader never makes one.
        if name not in self._interfaces:
            from network import WLAN

            self._interfaces[name] = WLAN(getattr(WLAN, name))
        return self._interfaces[name]

    def _station(self) -> object:
        sta = self._sta
        sta.active(True)
        # The driver's own endless reconnecting would scan all the time and starve our own access
        # point (esp-idf issue 3583).
        sta.config(reconnects=0)
        return sta

    async def _connect(self, ssid: str, key: str, bssid: bytes | None) -> str | None:
        import network

        sta = self._station()
        try:
            if bssid is None:
                sta.connect(ssid, key)
            else:
                sta.connect(ssid, key, bssid=bssid)
            for _ in range(int(JOIN_SECONDS / JOIN_POLL_SECONDS)):
                if sta.isconnected():
                    return sta.ifconfig()[2]
                if sta.status() < network.STAT_IDLE:  # below it lie the reasons for a failure
                    break
                await asyncio.sleep(JOIN_POLL_SECONDS)
        except OSError:
            pass  # the driver is still busy with the last attempt; the caller tries again
        self.leave()
        return None

    # ---- what roles use

    def pin_in(self, number: int, pull_up: bool = False) -> object:
        """An input; `value()` reads it."""
        from machine import Pin

        return Pin(number, Pin.IN, Pin.PULL_UP) if pull_up else Pin(number, Pin.IN)

    def pin_out(self, number: int) -> object:
        """An output; `value(x)` writes it, `value()` reads back what the pin really is."""
        from machine import Pin

        return Pin(number, Pin.OUT)

    def dht_read(self, kind: str, number: int) -> tuple:
        """(degrees Celsius, percent humidity) of a `dht11` or `dht22`. Raises OSError when no
        sensor answers or its checksum is wrong. Takes 25 ms with interrupts off."""
        import dht
        from machine import Pin

        sensor = (dht.DHT22 if kind == "dht22" else dht.DHT11)(Pin(number))
        sensor.measure()
        return sensor.temperature(), sensor.humidity()


def id_of_mac(mac: bytes) -> int:
    """painlessMesh: the last four bytes of the access point's MAC (its BSSID), big-endian."""
    return int.from_bytes(mac[2:6], "big")


def mesh_address(node_id: int) -> str:
    """painlessMesh: 10.x.y.1, x and y from the node id."""
    return f"10.{(node_id >> 8) & 255}.{node_id & 255}.1"


def number_of(address: object) -> int | None:
    """An IPv4 address as a number, from its text, an (address, port) tuple (ESP32, CPython) or
    the raw sockaddr_in that the unix port hands out. None for anything else."""
    if isinstance(address, (bytes, bytearray, memoryview)):
        return int.from_bytes(bytes(address[4:8]), "big") if len(address) >= 8 else None
    try:
        text = address[0] if isinstance(address, tuple) else address
        numbers = [int(part) for part in text.split(".")]
    except (ValueError, AttributeError, IndexError):
        return None
    if len(numbers) != 4 or min(numbers) < 0 or max(numbers) > 255:
        return None
    return int.from_bytes(bytes(numbers), "big")


def _inside(address: object, subnet: tuple) -> bool:
    own, mask = subnet
    found = number_of(address)
    return None not in (own, mask, found) and found & mask == own & mask

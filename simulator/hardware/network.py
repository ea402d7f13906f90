"""`network` of the ESP32 port: one radio with an access point and a station, over the shared folder that is the air.

Signatures, constants and behaviour are those of ports/esp32 (MicroPython 1.26). In the air folder each access point is
`<bssid>.ap`, each attached station `<mac>.station`, and `<mac>.hears` (written by the house, not by a board) says which
access points a station hears, how loud, and at which address it reaches them.

The one difference from a real network: the address 10.x.y.1 that firmware gives its access point becomes 127.x.y.1,
with a netmask as wide as the loopback network, so that every board of the house listens on an address of its own.
"""

import json
import os
import time

import parts

STA_IF = 0
AP_IF = 1
AUTH_OPEN = 0
AUTH_WPA2_PSK = 3
AUTH_WPA_WPA2_PSK = 4
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_BEACON_TIMEOUT = 200
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202
STAT_ASSOC_FAIL = 203

# Far shorter than on the air (2 s and 1 s there): nothing waits for physics here, but both still take time.
_SCAN_MS = 100
_ASSOCIATION_MS = 150
_NETMASK = "255.0.0.0"
_NOT_STARTED = (-12290, "ESP_ERR_WIFI_NOT_STARTED")


_hostname = ["mpy-esp32"]


def hostname(name: "str | None" = None) -> "str | None":
    if name is None:
        return _hostname[0]
    _hostname[0] = name
    return None


def country(code: "str | None" = None) -> str:
    return code or "XX"


def _on_loopback(address: str) -> str:
    return "127." + address.split(".", 1)[1] if address.startswith("10.") else address


class _Interface:
    """What one interface of the radio knows; WLAN objects for the same interface share it."""

    def __init__(self, interface: int) -> None:
        mac = parts.mac()
        self.mac = mac if interface == STA_IF else mac[:5] + bytes([mac[5] + 1])
        self.file = (
            parts.AIR + "/" + self.mac.hex() + (".station" if interface == STA_IF else ".ap")
        )
        self.active = False
        self.settings = {
            "ssid": "ESP_" + self.mac.hex()[6:].upper(),
            "key": "",
            "security": AUTH_OPEN,
            "channel": 1,
            "hidden": False,
            "max_clients": 10,
            "reconnects": -1,
            "pm": 1,
            "txpower": 20.0,
            "protocol": 7,
        }
        self.address = ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")
        self.status = STAT_IDLE
        self.wanted: "tuple | None" = None
        self.asked = 0
        self.rssi = 0
        self.bssid = ""


_INTERFACES: dict = {}
_NAMES = {"essid": "ssid", "password": "key", "authmode": "security"}


class WLAN:
    IF_STA = STA_IF
    IF_AP = AP_IF
    SEC_OPEN = AUTH_OPEN
    SEC_WPA2 = AUTH_WPA2_PSK
    SEC_WPA_WPA2 = AUTH_WPA_WPA2_PSK
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2

    def __init__(self, interface: int = STA_IF) -> None:
        if interface not in _INTERFACES:
            _INTERFACES[interface] = _Interface(interface)
        self._is_ap = interface == AP_IF
        self._radio = _INTERFACES[interface]

    def active(self, on: "bool | None" = None) -> bool:
        if on is not None:
            self._radio.active = bool(on)
            if not on:
                parts.remove(self._radio.file)
                self._radio.status = STAT_IDLE
                self._radio.wanted = None
            self._beacon()
        return self._radio.active

    def config(self, *names, **settings):
        radio = self._radio
        if names:
            name = _NAMES.get(names[0], names[0])
            return radio.mac if name == "mac" else radio.settings[name]
        for name, value in settings.items():
            known = _NAMES.get(name, name)
            if known not in radio.settings:
                raise ValueError("unknown config param")
            radio.settings[known] = value
        self._beacon()
        return None

    def ifconfig(self, address: "tuple | None" = None) -> "tuple | None":
        if address is None:
            self._settle()
            return self._radio.address
        self._radio.address = (
            _on_loopback(address[0]),
            _NETMASK,
            _on_loopback(address[2]),
            address[3],
        )
        self._beacon()
        return None

    def ipconfig(self, *names, **settings):
        if "addr4" in settings:
            address = settings["addr4"].split("/")[0]
            self.ifconfig((address, _NETMASK, address, address))
        if not names:
            return None
        address = self.ifconfig()
        return {"addr4": (address[0], address[1]), "gw4": address[2]}[names[0]]

    def scan(self) -> list:
        """Rows of (ssid, bssid, channel, RSSI in dBm, security, hidden)."""
        if not self._radio.active:
            raise OSError(*_NOT_STARTED)
        time.sleep_ms(_SCAN_MS)
        heard = parts.read_json(parts.AIR + "/" + self._radio.mac.hex() + ".hears")
        rows = []
        for bssid in heard:
            point = parts.read_json(parts.AIR + "/" + bssid + ".ap")
            if point:
                ssid = b"" if point["hidden"] else point["ssid"].encode()
                secured = AUTH_WPA2_PSK if point["key"] else AUTH_OPEN
                rows.append(
                    (
                        ssid,
                        bytes.fromhex(bssid),
                        point["channel"],
                        heard[bssid][0],
                        secured,
                        point["hidden"],
                    )
                )
        return rows

    def connect(
        self, ssid: "str | None" = None, key: "str | None" = None, *, bssid: "bytes | None" = None
    ) -> None:
        radio = self._radio
        if not radio.active:
            raise OSError(*_NOT_STARTED)
        parts.remove(radio.file)
        radio.wanted = (ssid, key or "", bssid.hex() if bssid else None)
        radio.status = STAT_CONNECTING
        radio.asked = time.ticks_ms()

    def disconnect(self) -> None:
        if not self._radio.active:
            raise OSError(*_NOT_STARTED)
        parts.remove(self._radio.file)
        self._radio.wanted = None
        self._radio.status = STAT_IDLE

    def isconnected(self) -> bool:
        if self._is_ap:
            return bool(self.status("stations"))
        self._settle()
        return self._radio.status == STAT_GOT_IP

    def status(self, what: "str | None" = None):
        self._settle()
        if what == "rssi":
            if self._radio.status != STAT_GOT_IP:
                raise OSError(-12303, "ESP_ERR_WIFI_NOT_CONNECT")
            return self._radio.rssi
        if what == "stations":
            return [(bytes.fromhex(mac),) for mac in _stations_of(self._radio.mac.hex())]
        if what is not None:
            raise ValueError("unknown status param")
        return self._radio.status

    def _beacon(self) -> None:
        radio = self._radio
        if not self._is_ap or not radio.active:
            return
        point = dict(radio.settings)
        point["ip"] = radio.address[0]
        parts.write(radio.file, json.dumps(point))

    def _settle(self) -> None:
        """What the driver does in the background: finish an association, notice that an access point has gone."""
        radio = self._radio
        if self._is_ap or radio.wanted is None:
            return
        if (
            radio.status == STAT_CONNECTING
            and time.ticks_diff(time.ticks_ms(), radio.asked) >= _ASSOCIATION_MS
        ):
            radio.status = self._associate()
        elif radio.status == STAT_GOT_IP and not parts.exists(
            parts.AIR + "/" + radio.bssid + ".ap"
        ):
            parts.remove(radio.file)
            radio.status = STAT_BEACON_TIMEOUT
        if radio.status < STAT_IDLE and radio.settings["reconnects"] < 0:
            radio.status = STAT_CONNECTING
            radio.asked = time.ticks_ms()

    def _associate(self) -> int:
        radio = self._radio
        ssid, key, wanted_bssid = radio.wanted
        heard = parts.read_json(parts.AIR + "/" + radio.mac.hex() + ".hears")
        for bssid in heard:
            point = parts.read_json(parts.AIR + "/" + bssid + ".ap")
            if not point or point["ssid"] != ssid or wanted_bssid not in (None, bssid):
                continue
            if point["key"] != key:
                return STAT_WRONG_PASSWORD
            if len(_stations_of(bssid)) >= point["max_clients"]:
                return STAT_ASSOC_FAIL
            radio.rssi, reached_at = heard[bssid]
            self._attach(bssid, point["ip"], reached_at, point.get("channel", 1))
            return STAT_GOT_IP
        return STAT_NO_AP_FOUND

    def _attach(self, bssid: str, address: str, reached_at: str, channel: int) -> None:
        radio = self._radio
        radio.bssid = bssid
        network = address.rsplit(".", 1)[0]
        own = network + "." + str(2 + radio.mac[5] % 250)
        radio.address = (own, _NETMASK, reached_at, reached_at)
        parts.write(radio.file, json.dumps({"bssid": bssid, "ip": own}))
        if AP_IF in _INTERFACES:  # one radio: our own access point follows to the other's channel
            WLAN(AP_IF).config(channel=channel)


def _stations_of(bssid: str) -> list:
    found = []
    for row in os.ilistdir(parts.AIR):
        station = parts.read_json(parts.AIR + "/" + row[0]) if row[0].endswith(".station") else {}
        if station.get("bssid") == bssid:
            found.append(row[0][:-8])
    return found

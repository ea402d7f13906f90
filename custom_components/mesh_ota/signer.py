"""The signer: whether firmware is signed here, with which key, and what was signed already.

One for the whole house, off until somebody turns it on. The private key is drawn at its first use and lies in Home
Assistant's storage, so it is in every backup; until somebody has exported it a repair issue reminds of that, since
nodes that carry its public half take nothing else.
"""

from collections.abc import Callable, Iterable
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .const import MICROPYTHON
from .errors import Conflict
from .firmware.record import Firmware
from .signing import Signature, SigningKey, key_id, next_counter
from .store import MeshOtaStore


class Signer:
    """`on_change()` is called when it is turned on or off, exported, or has another key."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Off, without a key."""
        self._hass = hass
        self.enabled = False
        self.exported = False
        self.modulus = ""
        self.counter = 0
        """The greatest that was ever signed."""
        self.on_change: Callable[[], None] = lambda: None
        self._pem = ""
        self._signed: dict[int, Signature] = {}
        self._changes: list[dict[str, str]] = []
        self._store = MeshOtaStore(hass, "signing", self._stored)

    def _stored(self) -> dict[str, Any]:
        return {
            "enabled": self.enabled,
            "exported": self.exported,
            "private_key": self._pem,
            "modulus": self.modulus,
            "counter": self.counter,
            "signed": {str(name): [each.counter, each.sig] for name, each in self._signed.items()},
            "changes": list(self._changes),
        }

    async def async_load(self) -> None:
        """Read the store."""
        if (stored := await self._store.async_load()) is None:
            return
        self.enabled, self.exported = stored["enabled"], stored["exported"]
        self._pem, self.modulus = stored["private_key"], stored["modulus"]
        self.counter, self._changes = stored["counter"], stored["changes"]
        self._signed = {int(name): Signature(*each) for name, each in stored["signed"].items()}

    @property
    def key_id(self) -> str:
        """The name of the present key; empty before there is one."""
        return key_id(self.modulus) if self.modulus else ""

    def signature_of(self, firmware_id: int) -> Signature | None:
        """Return the ordinary signature, if firmware is to be signed."""
        return self._signed.get(firmware_id) if self.enabled else None

    def changes_for(self, key_ids: Iterable[str]) -> list[dict[str, str]]:
        """Return the changes of key that nodes with these keys have missed."""
        missed = set(key_ids) - {self.key_id}
        return [change for change in self._changes if change["from"] in missed]

    async def async_turn(self, on: bool, rows: Iterable[Firmware]) -> None:
        """Sign from now on, or no longer; everything in the library is signed in the order in which it came."""
        if on == self.enabled:
            return
        if on and not self._pem:
            await self._async_take(await self._hass.async_add_executor_job(SigningKey.make))
        self.enabled = on
        await self.async_sign(rows)
        await self._async_keep()
        self.on_change()

    async def async_sign(self, rows: Iterable[Firmware]) -> None:
        """Sign what is not signed yet: the counter is the order in which firmware came to this house."""
        wanted = sorted(
            (row for row in rows if row.id not in self._signed and row.runtime == MICROPYTHON),
            key=lambda row: row.id,
        )
        if not self.enabled or not wanted:
            return
        counters = [self._next_counter() for _ in wanted]
        pem = self._pem

        def sign() -> list[Signature]:
            key = SigningKey(pem)
            return [key.sign_firmware(*each) for each in zip(wanted, counters, strict=True)]

        made = await self._hass.async_add_executor_job(sign)
        if pem == self._pem:
            self._signed.update({row.id: each for row, each in zip(wanted, made, strict=True)})
        await self._async_keep()

    async def async_sign_downgrade(self, firmware: Firmware, node_id: str) -> Signature:
        """Sign an older image for one node, under a counter of its own. Raises Conflict while nothing is signed here."""
        ordinary = self.signature_of(firmware.id)
        if ordinary is None:
            raise Conflict("signing_off")
        pem, counter, floor = self._pem, self._next_counter(), ordinary.counter
        await self._async_keep()
        return await self._hass.async_add_executor_job(
            lambda: SigningKey(pem).sign_downgrade(firmware, counter, floor, node_id)
        )

    async def async_rotate(self, rows: Iterable[Firmware]) -> None:
        """Draw the next key, let the present one sign it, and sign the library anew under the counters it has."""
        if not self._pem:
            raise Conflict("signing_off")
        pem, known = self._pem, dict(self._signed)
        library = [row for row in rows if row.id in known]

        def draw() -> tuple[SigningKey, str, dict[int, Signature]]:
            fresh = SigningKey.make()
            signed = {r.id: fresh.sign_firmware(r, known[r.id].counter) for r in library}
            return fresh, SigningKey(pem).sign_key(fresh.modulus), signed

        fresh, sig, signed = await self._hass.async_add_executor_job(draw)
        if pem != self._pem:
            raise Conflict("signing_busy")
        change = {"from": self.key_id, "modulus": fresh.modulus, "sig": sig}
        self._changes.append(change)
        self._signed = signed
        await self._async_take(fresh)
        self.on_change()

    async def async_export(self) -> str:
        """Return the private key; whoever asks keeps it from now on."""
        if not self._pem:
            raise Conflict("signing_off")
        self.exported = True
        await self._async_keep()
        self.on_change()
        return self._pem

    async def async_public_pem(self) -> str:
        """Return the public key as other programs read it. Raises Conflict before there is one."""
        if not self._pem:
            raise Conflict("signing_off")
        return await self._hass.async_add_executor_job(lambda: SigningKey(self._pem).public_pem)

    def _next_counter(self) -> int:
        self.counter = next_counter(self.counter, dt_util.utcnow().timestamp())
        return self.counter

    async def _async_take(self, key: SigningKey) -> None:
        self._pem, self.modulus, self.exported = key.pem, key.modulus, False
        await self._async_keep()

    async def _async_keep(self) -> None:
        self._store.touch()
        await self._store.async_settle()

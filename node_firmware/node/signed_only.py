"""A node that takes signed firmware only: what it says of that all the time, and the checks, loaded for their moment.

`device.signing` and the arithmetic below it take 6 KB of a node's heap, and are needed once for each announcement.
"""

from device import forget

LOADED = ("device.signature", "device.signing")


class SignedOnly:
    """In the place of a device.signing.Signing; `signing` is what that is made of."""

    def __init__(self, *signing: object) -> None:
        self._arguments = signing
        self._slots = signing[2]
        self.key_id = self._ask(None, None)

    @property
    def floor(self) -> int:
        """The counter below which nothing is taken; 0 before the first confirmation."""
        signed = self._slots.signed
        return signed.get("floor", 0) if isinstance(signed, dict) else 0

    def check(self, announcement: dict) -> dict:
        """What confirming the announced image will make of the floor. Raises ImageError."""
        return self._ask("check", announcement)

    def replace(self, order: dict) -> None:
        """Take the next key, which the present one has signed. Raises ImageError or OSError."""
        self.key_id = self._ask("replace", order)

    def _ask(self, what: str | None, said: dict | None) -> object:
        """What the check finds; of anything else the name of the key that is believed then."""
        from device.signing import Signing

        signing = Signing(*self._arguments)
        try:
            found = getattr(signing, what)(said) if what else None
        finally:
            forget(LOADED)
        return signing.key_id if found is None else found

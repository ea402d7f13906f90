"""The next public key of this gateway, where its configuration has one: taken if the present one signed it."""

from device import forget
from device.flash_files import FlashFiles
from device.image import ImageError
from device.signing import Signing

LOADED = (
    "gateway.own_key",
    "device.flash_files",
    "device.signature",
    "device.signing",
    "device.slot_state",
)


def take(gateway: object, changes: list) -> None:
    """Of the changes of key that Home Assistant lists, the one that is for this gateway.gateway.Gateway."""
    who = gateway.who
    for change in changes:
        if change["from"] == who["key"]:
            signing = Signing(FlashFiles(gateway.root), gateway.config["signing_key"], None, 0)
            try:
                signing.replace(change)
            except (ImageError, OSError) as error:
                print("signing key:", error)
            who["key"] = signing.key_id
            gateway.reporter.everything()  # else it would be told with the next regular report
    forget(LOADED)
    if gateway.updating is None:  # what it may raise has to be the ImageError that it knows
        forget(("device.image",))

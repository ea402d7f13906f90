"""Which slots a board has: those of what runs, and who takes an image of which kind.

An application that lies in the image runs before any bundle, so such a board takes images alone. A
board that runs a bundle takes bundles, and an image too if it has a second partition for it.
"""

from device.incoming import Incoming
from device.slots import Slots

ONE_PARTITION = (
    "Only one app partition: flash MicroPython's OTA variant (ESP32_GENERIC-OTA) once by cable."
)
IMAGES_ONLY = "The application of this node lies in its image: it takes no app-bundle."


def opened(board: object, root: str = "") -> tuple:
    """(slots of what runs, {kind: (slots, incoming) or the sentence that says why not})."""
    slots = Slots(root)
    bundles = (slots, Incoming(root))
    partitions = board.partitions()
    if partitions is None:
        return slots, {"app-bundle": bundles, "esp-image": ONE_PARTITION}
    from device.image_incoming import ImageIncoming

    try:
        from image_manifest import MANIFEST  # pyright: ignore[reportMissingImports] - frozen
    except ImportError:
        images = slots.image_slots(partitions, board.chip)
        return slots, {"app-bundle": bundles, "esp-image": (images, ImageIncoming(images))}
    images = slots.image_slots(partitions, board.chip, MANIFEST)
    try:
        images.record_own()
    except OSError as error:
        print("What runs could not be written down:", error)
    return images, {"app-bundle": IMAGES_ONLY, "esp-image": (images, ImageIncoming(images))}

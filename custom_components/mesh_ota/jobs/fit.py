"""Whether a firmware and a node belong together; says why not, never tries its luck."""

from typing import Protocol

from ..const import ARDUINO, ESP_IMAGE, MICROPYTHON
from ..errors import Unfit
from ..nodes import Node


class Image(Protocol):
    """What of a firmware or job decides where it can run."""

    @property
    def node_type(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def hardware(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def runtime(self) -> str: ...
    @property
    def chip(self) -> str | None: ...


def why_not(image: Image, node: Node) -> Unfit | None:
    """Return the reason why the image is not for the node, None if it is."""
    if node.node_type != image.node_type:
        return Unfit(
            "firmware_for_other_type",
            firmware_type=image.node_type,
            node=node.node_id,
            node_type=node.node_type or "?",
        )
    if image.runtime != (ARDUINO if node.stock else MICROPYTHON):
        key = "firmware_not_for_stock" if node.stock else "firmware_only_for_stock"
        return Unfit(key, node=node.node_id)
    if node.stock and node.hardware not in (None, image.hardware):
        return Unfit("firmware_for_other_hardware", node=node.node_id, hardware=image.hardware)
    if not node.stock and not _takes(image.kind, node):
        return Unfit(_other_kind(image.kind, node), node=node.node_id, kind=image.kind)
    if image.kind == ESP_IMAGE and node.chip not in (None, image.chip):
        return Unfit("firmware_for_other_chip", node=node.node_id, chip=image.chip or "?")
    return None


def _takes(kind: str, node: Node) -> bool:
    """Whether one of our nodes has somewhere to put it.

    A board with two application partitions takes an image, whatever it runs; an application that lies in the image
    leaves none for a bundle. What a node runs that said its kind only, it takes.
    """
    return node.kind in (None, kind) or (kind == ESP_IMAGE and node.images)


def _other_kind(kind: str, node: Node) -> str:
    if node.is_gateway:
        return "firmware_not_for_gateway"
    return "firmware_needs_partition" if kind == ESP_IMAGE else "firmware_of_other_kind"


def chip_known(image: Image, node: Node) -> bool:
    """Whether the node's chip is sure enough to hand it an application image.

    All ESP32 chips call themselves `ESP32` in painlessMesh, so a stock node's has to be confirmed by the user once.
    """
    return not node.stock or image.hardware != "ESP32" or node.chip is not None


def runs_already(proof: str, md5: str, node: Node) -> bool:
    """Whether the node runs the image; a stock node has only what we noted of it."""
    return node.md5 == md5 if node.stock else node.proof == proof

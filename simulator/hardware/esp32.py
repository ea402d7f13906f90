"""`esp32` of the ESP32 port, as far as a bundle board needs it: one application partition, and what the heaps hold."""

HEAP_DATA = 4
HEAP_EXEC = 2


class Partition:
    """The one factory partition of a stock board; there is no second one to update."""

    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, id: "int | str", block_size: int = 4096) -> None:
        if id not in (self.BOOT, self.RUNNING, "factory"):
            raise OSError(2)

    @staticmethod
    def find(
        type: int = 0, subtype: int = 255, label: "str | None" = None, block_size: int = 4096
    ) -> list:
        return [Partition(Partition.RUNNING)] if type == 0 and label in (None, "factory") else []

    def info(self) -> tuple:
        return (0, 0, 0x10000, 0x1F0000, "factory", False)

    def get_next_update(self) -> "Partition":
        raise OSError(2)

    @classmethod
    def mark_app_valid_cancel_rollback(cls) -> None:
        pass


def idf_heap_info(capabilities: int) -> list:
    """Rows of (total, free, largest free block, lowest free ever), in bytes; one region is enough to be realistic."""
    return [(113840, 61000, 47104, 58000)]


def mcu_temperature() -> int:
    return 41

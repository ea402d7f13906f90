"""`esp32` of the ESP32 port, as far as our boards need it: the application partitions, and what the heaps hold."""

import parts

HEAP_DATA = 4
HEAP_EXEC = 1


if parts.exists(parts.BOARD + "/partitions"):
    import flash_chip

    _chip = flash_chip.FlashChip(
        flash_chip.FileStorage(parts.BOARD + "/partitions"), parts.read(parts.BOARD + "/running")
    )

    class Partition(flash_chip.Partition):
        """A board with two application partitions and a bootloader that tries a new one."""

        def __init__(self, id: "int | str", block_size: int = 4096) -> None:
            label = _chip.running if id == self.RUNNING else id
            flash_chip.Partition.__init__(self, _chip, label)

        @staticmethod
        def find(type: int = 0, subtype: int = 255, label: "str | None" = None) -> list:
            return [
                Partition(row[0])
                for row in _chip.table
                if row[1] == type and subtype in (255, row[2]) and label in (None, row[0])
            ]

        @classmethod
        def mark_app_valid_cancel_rollback(cls) -> None:
            _chip.mark_valid()

else:

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
        def find(type: int = 0, subtype: int = 255, label: "str | None" = None) -> list:
            return (
                [Partition(Partition.RUNNING)] if type == 0 and label in (None, "factory") else []
            )

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

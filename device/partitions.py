"""The two application partitions of a board with OTA partitions, and what its bootloader knows.

`Board.partitions` makes this from `esp32.Partition` objects; nothing else touches those. MicroPython
can start a trial (`set_boot`) and end it well, but cannot tell how it stands: that is read from the
bootloader's own two notes, one in each sector of the partition `otadata`.
"""

import struct
from binascii import crc32

NOTE = "<L20sLL"  # sequence number, label, state, CRC-32 of the sequence number
NONE = 0xFFFFFFFF
FIRST = 0x10  # subtype of ota_0

# esp_ota_img_states_t. NEW becomes PENDING at the first boot, and PENDING becomes ABORTED at any reset.
NEW, PENDING, VALID, INVALID, ABORTED, UNDEFINED = 0, 1, 2, 3, 4, NONE


class Partitions:
    """`running` and `other` are `esp32.Partition` objects, `label` and `other_label` their names;
    `count` is how many OTA partitions the table has."""

    def __init__(self, running: object, other: object, otadata: object, count: int) -> None:
        self.running = running
        self.other = other
        self.label = running.info()[4]
        self.other_label = other.info()[4]
        self._otadata = otadata
        self._count = count

    def state(self, partition: object) -> int:
        """What the bootloader's newest valid note about that partition says; UNDEFINED without
        one, as after flashing by cable."""
        index = partition.info()[1] - FIRST
        newest, state = 0, UNDEFINED
        raw = bytearray(32)
        for sector in (0, 1):
            self._otadata.readblocks(sector, raw)
            number, _label, found, crc = struct.unpack(NOTE, raw)
            if number == NONE or crc != crc32(raw[:4], NONE):
                continue
            if number > newest and (number - 1) % self._count == index:
                newest, state = number, found
        return state

    def switch(self) -> None:
        """The next reset boots the other partition, once. Raises OSError when its image is bad."""
        self.other.set_boot()

    def confirm(self) -> None:
        """The running image stays."""
        self.running.mark_app_valid_cancel_rollback()

    def go_back(self) -> None:
        """Make sure that the next reset ends the trial of the running image.

        The bootloader does it by itself, unless it is one from before MicroPython 1.22, which does
        not know of trials: then the image is still NEW while it runs.
        """
        if self.state(self.running) == NEW:
            self.other.set_boot()

"""Takes in and checks an esp-image, and prints the highest number of heap bytes that it needed.

`micropython THIS_FILE FOLDER IMAGE MD5 SIZE`. Run by test_install_heap.py.
"""

import gc
import sys

sys.path.insert(0, ".")

from device.flash_files import FlashFiles
from device.image_incoming import ImageIncoming
from device.image_slots import ImageSlots
from device.partitions import Partitions
from device.slot_state import SlotState
from simulator.hardware.flash_chip import FileStorage, FlashChip, Partition

folder, image, md5, size = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
TABLE = (
    ("otadata", 1, 0, 0xD000, 0x2000),
    ("ota_0", 0, 0x10, 0x10000, 0x210000),
    ("ota_1", 0, 0x11, 0x220000, 0x210000),
)
chip = FlashChip(FileStorage(folder, TABLE), table=TABLE)
running, other, otadata = [Partition(chip, row[0]) for row in (TABLE[1], TABLE[2], TABLE[0])]
state = SlotState(FlashFiles(folder))
slots = ImageSlots(Partitions(running, other, otadata, 2), "esp32", state)
incoming = ImageIncoming(slots)
part = bytearray(1024)
window = memoryview(part)


def used():
    gc.collect()
    return gc.mem_alloc()


before = highest = used()
announced = {"md5": md5, "size": size, "noPart": (size + 1023) // 1024, "version": "1.1.0"}
number = incoming.begin(announced)
with open(image, "rb") as file:
    length = file.readinto(part)
    while length:
        incoming.write(number, window[:length])
        number += 1
        length = file.readinto(part)
highest = max(highest, used())
for steps, _ in enumerate(slots.installing(incoming, "pir")):
    if steps % 64 == 0:
        highest = max(highest, used())
slots.commit("tag")
print(highest - before)

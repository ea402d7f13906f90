"""Takes in and installs a bundle, and prints the highest number of heap bytes that it needed.

`micropython THIS_FILE FLASH_FOLDER BUNDLE MD5 SIZE`. Run by test_install_heap.py.
"""

import gc
import sys

sys.path.insert(0, ".")

# Code that is loaded when needed is not what is measured.
import device.bundle
import device.installer
import device.manifest
import device.proof  # noqa: F401
from device.incoming import PART, Incoming
from device.slots import Slots

folder, bundle, md5, size = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
slots, incoming = Slots(folder), Incoming(folder)
part = bytearray(PART)
window = memoryview(part)


def used():
    gc.collect()
    return gc.mem_alloc()


before = highest = used()
number = incoming.begin({"md5": md5, "size": size, "noPart": (size + PART - 1) // PART})
with open(bundle, "rb") as file:
    length = file.readinto(part)
    while length:
        incoming.write(number, window[:length])
        number += 1
        length = file.readinto(part)
highest = max(highest, used())
for _ in slots.installing(incoming, "pir"):
    highest = max(highest, used())
slots.commit("tag")
print(highest - before)

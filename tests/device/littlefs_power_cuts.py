"""Cuts the power at block operations of littlefs2: `micropython THIS_FILE STEP`; prints the count.

Run by test_littlefs.py. STEP 1 cuts at every erase and every write of both stories.
"""

import sys

sys.path.insert(0, ".")

from tests.device import boards, power_cuts
from tests.device.littlefs_flash import LittleFlash

step = int(sys.argv[1])
good = power_cuts.every_cut(
    boards.updated(LittleFlash()), power_cuts.update_and_confirm, power_cuts.finish, step
)
bad = power_cuts.every_cut(
    boards.in_service(LittleFlash()),
    power_cuts.update_and_go_back,
    power_cuts.after_going_back,
    step,
)
print("{} power cuts in a good update, {} in a bad one".format(good, bad))

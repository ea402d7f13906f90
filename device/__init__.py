"""What both firmwares need of a board: its flash slots, its radio, its configuration.

`board` touches the hardware, `flash_files` the filesystem; everything else gets them handed in.
"""

import gc
import sys


def forget(names: tuple) -> None:
    """Unload modules that are not used again in this boot, also where their packages hold them."""
    for name in names:
        package, _, module = name.partition(".")
        sys.modules.pop(name, None)
        if hasattr(sys.modules.get(package), module):
            delattr(sys.modules[package], module)
    gc.collect()

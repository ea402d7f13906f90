"""Where the bootloader starts MicroPython. Argument: the folder of the compiled fakes, hardware/.

Two lines, because what stands here is compiled on the board's own heap and would tear holes into it.
"""

import sys

sys.path[:] = [sys.argv[1], ".frozen"]
import power_on  # noqa: E402, F401

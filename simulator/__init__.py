"""A house of boards on this computer: the real gateway and node programs on MicroPython's unix port.

Faked here, and only here: hardware (hardware/), the air between boards (air.py), the flash's first filling (flash.py)
and what a chip does by itself when it is switched on, resets or hangs (start.py, bootloader.py). Everything else that
runs is the shipped code. home_assistant.py starts a real Home Assistant beside it.
"""

"""What both firmwares need of a board: its flash slots, its radio, its configuration.

`board` touches the hardware, `flash_files` the filesystem; everything else gets them handed in.
"""

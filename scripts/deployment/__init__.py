"""Puts a board into service by cable, with mpremote: scripts/deploy, and the released mesh-ota-deploy.

Here lives what happens on the desk: asking the person, asking the board, writing files, listening. What
a board's flash holds is made by scripts/firmware, with the code that runs on the board. The standard
library and mpremote's are all it needs, on Python 3.11 or newer.
"""

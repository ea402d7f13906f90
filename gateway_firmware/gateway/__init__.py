"""The gateway: root of the mesh on one side, client of Home Assistant on the other."""

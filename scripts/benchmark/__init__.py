"""What distribution costs, measured: `scripts/bench`.

Lives here: the shaped air, the contestants, and what is made of the figures. Not here: anything that runs on a board; what
is measured are the shipped objects.
"""

"""Jobs: who gets which firmware, how far each node is, and how it ended. Pure: no Home Assistant, no clock, no I/O."""

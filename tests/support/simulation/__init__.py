"""A deterministic simulation: the real service, commands and recovery in a world of one's own making.

Disk, clock, workers, locks and the watch are simulated; everything that decides is the code under test. A history is a
list of steps drawn from one seed; it can be printed, played again exactly, and made shorter.
"""

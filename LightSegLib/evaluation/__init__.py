"""Judging: metrics, the simulated user, the grow-from-seeds baseline, and the tables that compare them.

Nothing heavy is imported here; each module imports scipy, SimpleITK, matplotlib or slicer-core where it uses
them.
"""

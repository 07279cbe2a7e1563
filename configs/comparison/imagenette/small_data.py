# Row of the comparison: SiameseIM with the recipe for short schedules.
#
# Command: docs/comparison.md.
# Hardware: 2 CPU cores.
# Expected: docs/comparison.md.
_base_ = ['../../siameseim_small_data.py']

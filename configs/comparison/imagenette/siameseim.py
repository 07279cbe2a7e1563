# Row of the comparison: SiameseIM with the short-schedule recipe, which the
# ablations change in one thing each.
_base_ = ['../../siameseim_small_data.py']

# Row of the comparison: SiameseIM with the recipe for short schedules, which
# each ablation changes in one thing.
#
# Command, for every file of this folder but siameseim.py:
#   python tools/compare.py run imagenette/small_data --seed 0 \
#       --data imagenette --epochs 3 --out results
# Hardware: one CPU core.
# Expected: docs/comparison.md.
_base_ = ['../../siameseim_small_data.py']

# Row of the comparison: SiameseIM, which each ablation changes in one thing.
#
# Command, for every file of this folder (docs/comparison.md):
#   python tools/compare.py run imagenette/siameseim --seed 0 \
#       --data imagenette --epochs 24 --out results
# Hardware: 2 CPU cores.
# Expected: not yet run (docs/comparison.md says what was).
_base_ = ['../../siameseim_imagenette.py']

# Row of the comparison: SiameseIM with the settings of a long run.
#
# Command, for every file of this folder (docs/comparison.md):
#   python tools/compare.py run imagenette/siameseim_plain --seed 0 \
#       --data imagenette --epochs 24 --out results
_base_ = ['../../siameseim_imagenette.py']

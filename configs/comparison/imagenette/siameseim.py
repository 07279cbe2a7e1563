# Row of the comparison: SiameseIM with the plain recipe of a small ViT.
#
# Command: python tools/compare.py run imagenette/siameseim --seed 0 \
#     --data imagenette --epochs 24 --out results
# Hardware: 2 CPU cores.
# Expected: docs/imagenette.md has a run of 24 epochs by tools/train.py.
_base_ = ['../../siameseim_imagenette.py']

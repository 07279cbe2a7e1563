"""SiameseIM as one writes it first: the baseline that speed is measured by.

Explicit softmax attention, one EMA operation a tensor, the N x N matrix of all
pairs in the loss, concatenated relative positions, Pillow and torchvision for
the data. It shares no code with the package, only weights and batches, so
that equal losses also confirm the package's own arithmetic.
"""

"""SiameseIM beside MAE, MoCo v3 and its own ablations, at one budget."""

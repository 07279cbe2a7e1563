"""What detection and segmentation share: checks and command lines."""

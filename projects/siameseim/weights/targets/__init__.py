"""What each library's checkpoint of a ViT looks like: one file for each."""

"""Where sets of images come from: DISC-shaped folders, synthetic sets, the demonstration set (layer 3)."""

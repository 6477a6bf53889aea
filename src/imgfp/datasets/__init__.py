"""Image sets: DISC-style folders, synthetic sets, the demonstration set."""

"""Evaluated and tracked runs: searches, descriptors, trainings, ablations, merge weights."""

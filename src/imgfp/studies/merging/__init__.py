"""Settings of the merge, evaluated on stored candidates: weights, calibrations, score normalisations."""

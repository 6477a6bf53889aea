"""Searches as resumable stages: presets, indexes, branches, ranking, duplicates; look-ups in memory."""

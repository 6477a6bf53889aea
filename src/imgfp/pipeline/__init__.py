"""The branches as resumable stages (floor 3)."""

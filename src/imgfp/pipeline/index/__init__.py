"""An index on disk: built, opened, extended and pruned. Import from the modules."""

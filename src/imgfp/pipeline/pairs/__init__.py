"""From photographs to the pairs that structure from motion should match. Import from the modules."""

"""Indexes of local descriptors: exact, and compressed inverted lists. Import from the modules."""

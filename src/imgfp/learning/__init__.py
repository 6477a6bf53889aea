"""Training of the networks: losses, memory, data, Lightning modules."""

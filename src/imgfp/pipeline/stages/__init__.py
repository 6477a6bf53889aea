"""Resumable stages, one module each. Import from the modules."""

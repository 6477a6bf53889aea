"""imgfp finds where a picture comes from. Rooms and their floors: docs/architecture.md."""

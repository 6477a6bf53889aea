"""imgfp finds the source of an image. Packages and their layers: docs/architecture.md."""

"""The program `imgfp`."""

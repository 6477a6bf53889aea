"""Seeded image edits of a copy-detection challenge that know where each pixel went (floor 0)."""

from imgfp.edits.augly_edits import augly_catalogue
from imgfp.edits.catalogue import catalogue
from imgfp.edits.edit import Edit, Edited, apply_edits, edit_kind, random_edits

__all__ = ["Edit", "Edited", "apply_edits", "augly_catalogue", "catalogue", "edit_kind", "random_edits"]

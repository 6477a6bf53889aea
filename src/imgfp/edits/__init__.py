"""Seeded image edits for copy detection that return the pixel mapping."""

from imgfp.edits.catalogue import augly_catalogue, catalogue
from imgfp.edits.edit import Edit, Edited, apply_edits, edit_kind, plain_name, random_edits
from imgfp.edits.policies import POLICIES, EditsConfig, Policy, create_edits, draw

__all__ = [
    "POLICIES",
    "Edit",
    "Edited",
    "EditsConfig",
    "Policy",
    "apply_edits",
    "augly_catalogue",
    "catalogue",
    "create_edits",
    "draw",
    "edit_kind",
    "plain_name",
    "random_edits",
]

"""The branches of a search: candidate generators. docs/adding-a-branch.md adds one."""

from imgfp.pipeline.branches.branch import Branch, Proposed
from imgfp.pipeline.branches.crop import CropBranch
from imgfp.pipeline.branches.local_global import GlobalBranch, LocalBranch
from imgfp.pipeline.branches.lookup import Lookup

BRANCH_OF: dict[str, Branch] = {"local": LocalBranch(), "global": GlobalBranch(), "crop": CropBranch()}

__all__ = ["BRANCH_OF", "Branch", "Lookup", "Proposed"]

"""imgfp finds where an image comes from: image copy detection, indexed, judged and tracked.

    import imgfp

    index = imgfp.build_index("photos", "photos.index")
    searcher = imgfp.Searcher(index)
    for answers in searcher.lookup(["suspect.jpg"]):
        print([(answer.reference_id, answer.score, answer.label, answer.box) for answer in answers])

docs/python.md describes every name. Heavy libraries are loaded with the first name that is used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgfp.api import Answer, InputError, Searcher, build_index, duplicates, evaluate, find, open_index, pairs

__all__ = ["Answer", "InputError", "Searcher", "build_index", "duplicates", "evaluate", "find", "open_index", "pairs"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("imgfp.api"), name)
    raise AttributeError(f"module 'imgfp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

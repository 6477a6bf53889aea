"""The Python API, as `import imgfp` offers it: what the command line does, for scripts, notebooks and servers."""

from imgfp.api.commands import build_index, duplicates, evaluate, find, open_index, pairs
from imgfp.errors import InputError
from imgfp.pipeline.answers import Answer
from imgfp.pipeline.searcher import Searcher

__all__ = ["Answer", "InputError", "Searcher", "build_index", "duplicates", "evaluate", "find", "open_index", "pairs"]

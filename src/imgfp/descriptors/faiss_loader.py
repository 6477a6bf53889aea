"""The only module that imports faiss."""

import logging

# Which processor build it loads, line by line, concerns nobody.
logging.getLogger("faiss.loader").setLevel(logging.WARNING)

try:
    import faiss
except ImportError as error:  # both wheels removed, or one removed the other's files
    raise ImportError(
        f"faiss cannot be imported ({error}): run 'make env', or reinstall faiss-cpu with --force-reinstall"
    ) from error

__all__ = ["faiss"]

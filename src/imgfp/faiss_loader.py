"""The only module that imports faiss."""

import logging

from imgfp.threads import thread_count

# It logs which CPU build it loads; not useful to users.
logging.getLogger("faiss.loader").setLevel(logging.WARNING)

try:
    import faiss
except ImportError as error:  # both wheels removed, or one removed the other's files
    raise ImportError(
        f"faiss cannot be imported ({error}): run 'make env', or reinstall the faiss wheel that pip lists"
    ) from error

faiss.omp_set_num_threads(thread_count())

__all__ = ["faiss"]

"""The only module that imports faiss."""

try:
    import faiss
except ImportError as error:  # both wheels removed, or one removed the other's files
    raise ImportError(
        f"faiss cannot be imported ({error}): run 'make env', or reinstall faiss-cpu with --force-reinstall"
    ) from error

__all__ = ["faiss"]

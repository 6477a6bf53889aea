"""The local branch: SIFT, feature store, voting, matching, geometric verification.

Import from the modules: this file imports nothing, so that the worker processes of `extract` load neither torch nor numba.
"""

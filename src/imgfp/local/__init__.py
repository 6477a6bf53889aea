"""The local branch: SIFT, its store, votes, matches, verification (floor 2).

Import from the modules: this file imports nothing, so that the worker processes of `extract` load neither torch nor numba.
"""

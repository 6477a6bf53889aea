"""The second distribution: its tests need ultralytics, which `make env DETECTOR=0` leaves out."""

import os

import pytest

from imgfp.detection.finders import missing_packages

if lacking := missing_packages():
    reason = f"the detector lacks {', '.join(lacking)} (make env DETECTOR=0)"
    if os.environ.get("IMGFP_REQUIRE_SHARED") == "1":
        pytest.fail(reason, pytrace=False)
    collect_ignore_glob = ["test_*.py"]

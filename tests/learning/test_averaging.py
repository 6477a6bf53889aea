"""The averaged weights take the place of the module's own only for a moment, whatever happens then."""

import pytest

from imgfp.learning.averaging import averaged
from imgfp.learning.module import DescriptorTraining


class Swaps:
    """Records the swaps."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_validation_epoch_start(self, *_: object) -> None:
        self.calls.append("averaged")

    def on_validation_epoch_end(self, *_: object) -> None:
        self.calls.append("own")


def test_an_error_leaves_the_modules_own_weights() -> None:
    swaps, module = Swaps(), DescriptorTraining.__new__(DescriptorTraining)
    with pytest.raises(AttributeError), averaged(swaps, None, module):  # type: ignore[arg-type]
        swaps.calls[0].fails()  # type: ignore[attr-defined]
    assert swaps.calls == ["averaged", "own"]

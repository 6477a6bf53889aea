"""What the Hydra apps in train/ and evaluate/ share, and what each of them does (top layer)."""

import sys

from imgfp.errors import BAD_INPUT, InputError
from imgfp.install_check import require_extra

try:
    require_extra("train", "hydra", "mlflow", "optuna", "pytorch_lightning", "pytorch_metric_learning")
except InputError as error:  # only scripts import this package: one line in place of a traceback
    print(f"{sys.argv[0]}: {error}", file=sys.stderr)
    raise SystemExit(BAD_INPUT) from None

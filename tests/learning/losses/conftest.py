"""Makes `import loss_oracle` and the like work here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

"""Which shipped experiments belong to which app: the second line of each says so."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_FORM = re.compile(r"# @package _global_\n# python (\S+\.py): \S+")


def app_of(path: Path) -> str:
    """The script that runs this experiment."""
    found = _FORM.match(path.read_text())
    assert found, f"{path}: begin with '# @package _global_' and '# python SCRIPT.py: what it is'"
    return found[1]


def experiments_of(script: str) -> list[str]:
    """Names of all experiments of a script, such as "train/esvit.py"."""
    paths = (ROOT / "conf" / "experiment").glob("*.yaml")
    return sorted(path.stem for path in paths if app_of(path) == script)

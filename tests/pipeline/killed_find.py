"""Runs `imgfp find` again and again, each time killed (-9) just before one file gets its name. Used by test_find_resume.

python killed_find.py QUERIES REFERENCES FOLDER SIZES_JSON WORKERS FILE...: for each FILE (relative to the output folder) a
process of its own, forked after the imports; its output folder is FOLDER/<number of the file>. Prints each one's exit
status. WORKERS "one": features are extracted without worker processes.
"""

import json
import os
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path


def main() -> None:
    queries, references, folder, sizes, workers, *files = sys.argv[1:]
    for module in ("torch", "timm", "cv2", "imgfp.reports.search_report", "imgfp.faiss_loader"):
        import_module(module)
    for name, value in json.loads(sizes).items():
        module, _, constant = name.rpartition(".")
        setattr(import_module(module), constant, value)
    if workers == "one":
        sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
        import_module("imgfp.pipeline.stages.features").SiftPool = import_module("one_process").OneProcess
    import_module("torch").set_num_threads(1)
    for number, file in enumerate(files):
        child = os.fork()
        if child == 0:
            find(Path(folder) / str(number), file, queries, references)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def find(out: Path, file: str, queries: str, references: str) -> None:
    """Ends by SIGKILL when `file` is written but not yet renamed, half of it there; by exit where that never happens."""
    target, rename = out / file, Path.replace

    def replace(temporary: Path, to: Path) -> Path:
        if Path(to) == target:
            os.truncate(temporary, temporary.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(temporary, to)

    Path.replace = replace  # type: ignore[method-assign]
    code = 70
    try:
        code = import_module("imgfp.cli.main").main(["find", queries, references, "--out", str(out)])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()

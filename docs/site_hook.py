"""mkdocs hook: every notebook of docs/ becomes a page, with the outputs that it stores; links are those of the site."""

import json
import re
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds NAME.md for each NAME.ipynb; the notebook itself stays to be downloaded."""
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        cells = json.loads(file.content_string)["cells"]
        page = "\n\n".join(_markdown(cell) for cell in cells)
        files.append(File.generated(config, file.src_uri.removesuffix("ipynb") + "md", content=page))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to a notebook lead to its page; links to files outside docs/, which the site lacks, become plain names."""
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]+\)", r"`\1`", markdown).replace(".ipynb)", ".md)")


def _markdown(cell: dict[str, Any]) -> str:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return source
    return "\n\n".join([f"```python\n{source}\n```", *(_output(output) for output in cell["outputs"])])


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    if "image/png" in data:
        return f"![output](data:image/png;base64,{data['image/png']})"
    text = "".join(output.get("text", data.get("text/plain", ""))).strip()
    return f"```text\n{text}\n```"

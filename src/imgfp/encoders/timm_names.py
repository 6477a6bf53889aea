"""The names of timm's models, read from its sources: importing timm takes longer than a refusal may."""

import difflib
import importlib.util
import re
from functools import cache
from pathlib import Path

from imgfp.encoders.esvit_specs import ESVIT
from imgfp.encoders.weights import EMBEDDED
from imgfp.errors import InputError

_MODEL = re.compile(r"^@register_model\s*(?:#.*)?\n(?:@.*\n)*def (\w+)\(", re.MULTILINE)
_QUOTED = re.compile(r"""['"](\w+)['"]\s*:""")  # among others the deprecated names


def require_architecture(name: str, key: str = "network.architecture") -> None:
    """Raises InputError for a name that is no EsViT, nor the embedded network, nor a timm model, with the closest ones."""
    if name == EMBEDDED or name in ESVIT:
        return
    models, quoted = _timm_names()
    plain = name.split(".")[0]  # NAME.TAG names one of timm's weights
    if models and plain not in models and plain not in quoted:
        near = difflib.get_close_matches(name, [EMBEDDED, *ESVIT, *sorted(models)])
        raise InputError(
            f"{key}={name!r}: unknown network: "
            + (f"closest matches: {', '.join(near)}" if near else "see timm.list_models()")
        )


@cache
def _timm_names() -> tuple[frozenset[str], frozenset[str]]:
    """The models, and every key of a dict; none where timm's sources are not files."""
    found = importlib.util.find_spec("timm")
    if found is None or found.origin is None:
        return frozenset(), frozenset()
    texts = [path.read_text(encoding="utf-8") for path in sorted((Path(found.origin).parent / "models").glob("*.py"))]
    models, quoted = ({name for text in texts for name in form.findall(text)} for form in (_MODEL, _QUOTED))
    return frozenset(models), frozenset(quoted)

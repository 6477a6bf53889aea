"""The branch of docs/adding-a-branch.md works as that page says."""

import re
from pathlib import Path

import pytest

from imgfp.images import ImageList
from imgfp.pipeline.branches import BRANCH_OF
from imgfp.pipeline.preset import BRANCHES
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.search import find

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-branch.md"


@pytest.mark.parametrize("preset", ["default", "imgfp"])
def test_the_example_of_the_docs(small_set, tmp_path, monkeypatch, one_process, preset) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, type] = {}
    exec(code, names)
    monkeypatch.setitem(BRANCH_OF, "hash", names["HashBranch"]())
    monkeypatch.setitem(BRANCHES, "hash", "local")
    lists = ImageList.open(small_set.queries), ImageList.open(small_set.references)
    result = find(*lists, tmp_path / "out", RunConfig.named(preset, "local,hash"))
    assert list(result.branches) == ["local", "hash"]
    alike = dict(result.branches["hash"].id_pairs())
    assert {query: alike.get(query) for query in ("saved_again", "bright", "smaller", "gray")} == {
        query: small_set.truth[query] for query in ("saved_again", "bright", "smaller", "gray")
    }
    assert (result.out / "branches" / "hash.csv").is_file()
    found = dict(result.predictions.id_pairs())
    assert found["crop"] == small_set.truth["crop"], "the local branch still takes part"

"""The branch of docs/adding-a-branch.md works as that page says."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.images import ImageList
from imgfp.pipeline.branches import BRANCH_OF, LocalBranch
from imgfp.pipeline.duplicates import find_duplicates
from imgfp.pipeline.preset import BRANCHES
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.search import find
from imgfp.records import Evidence

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


class Doubled(LocalBranch):
    """Rates its pairs itself, each twice as high as the comparison of whole queries does."""

    compares_whole = False

    def evidence(self, lookup) -> list[Evidence]:
        pairs = sorted(self.candidates(lookup).pairs.id_pairs())
        found = lookup.compare(pairs, lookup.query_features, "doubled scores", "doubled_scores")
        return [replace(item, score=2 * item.score) for item in found]


def test_a_branch_ranks_by_its_own_evidence(small_set, tmp_path, monkeypatch, one_process) -> None:
    monkeypatch.setitem(BRANCH_OF, "doubled", Doubled())
    monkeypatch.setitem(BRANCHES, "doubled", "local")
    lists = ImageList.open(small_set.queries), ImageList.open(small_set.references)
    run = RunConfig.named("imgfp", "local,doubled")
    weights = replace(run.preset.fusion, weights=run.preset.fusion.weights | {"doubled": 0.5})
    result = find(*lists, tmp_path / "out", replace(run, preset=replace(run.preset, fusion=weights)))
    local, doubled = result.branches["local"], result.branches["doubled"]
    assert doubled.scores.tolist() == (2 * local.scores).tolist() != []
    assert result.predictions.best_first().scores.tolist() == (2 * local.best_first().scores).tolist()
    with pytest.raises(InputError, match=r"^the doubled branch applies to queries only"):
        find_duplicates(lists[1], tmp_path / "duplicates", RunConfig.named(branches="local,doubled"))

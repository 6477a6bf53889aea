"""What copy detection finds of matchable images: its global descriptors and its SIFT voting, by the protocol of `scenes`.

    python benchmarks/matchable.py [SCENES]     (default: ../shared/data/scenes)

Prints figures per scene and processor seconds per photograph; `python evaluate/mirror.py` evaluates the networks' regions.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

import numpy as np

from benchmarks._side_by_side import ROOT, keep
from imgfp.datasets.matchable_set import MatchableSet
from imgfp.datasets.scenes import open_scenes
from imgfp.descriptors.encode import encode_images
from imgfp.encoders import EncoderConfig, create_encoder
from imgfp.images import Failure, read_rgb
from imgfp.local.index.neighbours import ExactIndex
from imgfp.local.store import LoadedFeatures
from imgfp.local.vote import VoteConfig, vote
from imgfp.mirror.similarity import SimilarityConfig, search
from imgfp.pipeline.pairs.keypoints import KeypointConfig, extract_keypoints
from imgfp.progress import track
from imgfp.records.match_pairs import MatchPairs

SCENES = Path(os.environ.get("IMGFP_SCENES") or ROOT.parent / "shared" / "data" / "scenes")
ANSWERS, KEYPOINTS = 200, 300


def by_descriptors(paths: list[Path]) -> MatchPairs:
    """Cosine of the global descriptors of preset default."""
    rows, readable, _ = encode_images(paths, create_encoder(EncoderConfig()))
    assert readable.all()
    everything = np.arange(len(paths))
    return search(rows[:, None], rows[:, None], ANSWERS, SimilarityConfig()).match_pairs(everything, everything)


def by_votes(paths: list[Path]) -> MatchPairs:
    """Votes of the local branch among the largest keypoints of each photograph, as it stands: no mirrored form, no negative."""
    features = []
    for path in track(paths, len(paths), "keypoints", "images"):
        rgb = read_rgb(path)
        assert not isinstance(rgb, Failure)
        features.append(extract_keypoints(rgb, KeypointConfig(keypoints=KEYPOINTS)))
    index = ExactIndex(LoadedFeatures([str(path) for path in paths], features))
    config = VoteConfig(candidates=ANSWERS, mirrored=False, inverted=False)
    found = []
    for first in track(range(0, len(paths), 25), len(paths), "votes", "images", 25):
        rows = range(first, min(first + 25, len(paths)))
        found += vote([features[row] for row in rows], index, config, own=rows)
    flat = [(row, answer.reference, answer.votes) for row, answers in enumerate(found) for answer in answers]
    queries, references, votes = zip(*flat, strict=True)
    return MatchPairs(np.array(queries), np.array(references), np.array(votes))


def evaluate(name: str, data: MatchableSet, rank: Callable[[list[Path]], MatchPairs]) -> None:
    """Prints and keeps the figures of one ranking."""
    started = time.process_time()
    answers = rank([data.root / name for name in data.database])
    seconds = (time.process_time() - started) / len(data.database)
    (metrics,) = data.evaluate(answers, name).values()
    scenes = np.array(data.groups)
    rows = {"all": metrics.figures()} | {scene: metrics.figures(scenes == scene) for scene in sorted(set(data.groups))}
    keep({"ranking": name, "seconds": seconds, "figures": rows})
    print(f"\n{name}: {seconds:.3f} processor seconds per photograph\n{'':<24}{'mAP@50':>8}{'recall@10':>11}")
    for scene, (precision, recall) in ((scene, figures.values()) for scene, figures in rows.items()):
        print(f"{scene:<24}{precision:>8.3f}{recall:>11.3f}")


if __name__ == "__main__":
    opened = open_scenes(Path(sys.argv[1]) if len(sys.argv) > 1 else SCENES)
    evaluate("global descriptors of preset default", opened, by_descriptors)
    evaluate(f"SIFT votes, {KEYPOINTS} keypoints", opened, by_votes)

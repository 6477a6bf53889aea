"""Policies draw what they say; configurations refuse what they cannot draw."""

import re

import numpy as np
import pytest

from imgfp.edits import (
    POLICIES,
    EditsConfig,
    Policy,
    augly_catalogue,
    catalogue,
    create_edits,
    draw,
    edit_kind,
    policies,
    random_edits,
)
from imgfp.errors import InputError


@pytest.fixture(scope="module")
def edits(pool):
    return catalogue(pool) | augly_catalogue(pool)


def _drawn(policy, edits, count=400):
    return [draw(policy, np.random.default_rng([1, place]), edits) for place in range(count)]


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_views_have_as_many_edits_as_the_policy_says_and_only_its_own(edits, policy):
    views = _drawn(policy, edits)
    assert {len(view) for view in views} == set(range(policy.least, policy.most + 1))
    assert {name for view in views for name in view} <= set(policy.among(edits))
    assert all(len({edit_kind(name) for name in view}) == len(view) for view in views)
    assert views == _drawn(policy, edits)


def test_strong_draws_every_edit_and_weak_nothing_that_hides_or_frames(edits):
    assert {name for view in _drawn(POLICIES["strong"], edits, 2000) for name in view} == set(edits)
    weak = {edit_kind(name) for name in POLICIES["weak"].among(edits)}
    assert not weak & {"frame", "sticker", "photo_over", "text", "stripes", "turn", "perspective", "invert", "masked"}


def test_names_of_a_policy_are_edits(pool):
    own = catalogue(pool)
    for policy in POLICIES.values():
        assert set(policy.names or own) <= set(own)


def test_drawing_is_random_edits_of_the_policys_own(edits):
    policy = Policy("two", 1, 2, ("crop", "blur", "text"))
    own = {name: edits[name] for name in edits if name.removeprefix("augly_") in ("crop", "blur", "text")}
    for seed in range(20):
        assert draw(policy, np.random.default_rng(seed), edits) == random_edits(np.random.default_rng(seed), own, 1, 2)


def test_configuration_overrides_the_counts_of_its_policy():
    assert EditsConfig().drawn == POLICIES["strong"]
    assert EditsConfig("weak").drawn == POLICIES["weak"]
    drawn = EditsConfig("weak", least=0, most=4).drawn
    assert (drawn.least, drawn.most, drawn.names) == (0, 4, POLICIES["weak"].names)


def test_created_edits_are_those_of_the_policy(pool):
    assert list(create_edits(EditsConfig(), pool)) == list(catalogue(pool))
    assert list(create_edits(EditsConfig("weak"), pool)) == sorted(POLICIES["weak"].names)
    if augly_catalogue():
        assert set(create_edits(EditsConfig(augly=True), pool)) == {*catalogue(pool), *augly_catalogue(pool)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"policy": "stong"}, "unknown edit policy 'stong': did you mean 'strong'?"),
        ({"least": 3, "most": 2}, "least=3, most=2: must be 0 <= least <= most"),
        ({"policy": "weak", "least": 3}, "least=3, most=2: must be 0 <= least <= most"),
        ({"least": -1}, "least=-1, most=3: must be 0 <= least <= most"),
    ],
)
def test_bad_configurations_are_refused(arguments, message):
    with pytest.raises(InputError, match=re.escape(message)):
        EditsConfig(**arguments)


def test_more_edits_than_kinds_are_refused_before_training(pool):
    with pytest.raises(InputError, match=r"cannot draw 1 to 40 edits from \d+ kinds"):
        create_edits(EditsConfig(most=40), pool)


def test_wanted_augly_that_is_missing_is_refused(monkeypatch, pool):
    monkeypatch.setattr(policies, "augly_catalogue", lambda pool: {})
    with pytest.raises(InputError, match=r'not installed: run pip install "imgfp\[demo\]" or set augly=false'):
        create_edits(EditsConfig(augly=True), pool)

"""Search spaces in Hydra's override grammar: what each form stands for, and which are refused."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from imgfp.apps.search_space import SearchConfig, collect_space, parse_space
from imgfp.errors import InputError

FORMS = (
    ": give 'choice(a, b)', 'interval(LOW, HIGH)', 'tag(log, interval(LOW, HIGH))', 'int(interval(LOW, HIGH))' "
    "or 'range(START, STOP, STEP)'"
)


def test_each_form_is_a_distribution() -> None:
    space = {
        "optimizer.lr": "tag(log, interval(1e-5, 1e-3))",
        "loss.margin": "interval(0.5, 1.5)",
        "loss": "choice(contrastive, triplet)",
        "edits": "weak, strong",
        "seed": "choice(1, 2.5, true, 'x y')",
        "pairs.hard_negatives": "int(interval(0, 4))",
        "pairs.batch": "tag(log, int(interval(1, 512)))",
        "pairs.negatives": "range(0, 5)",
        "epochs": "range(9, 0, -4)",
        "trainer.ema": "range(0.25, 1.0, 0.25)",
    }
    assert parse_space(space) == {
        "edits": CategoricalDistribution(("weak", "strong")),
        "epochs": IntDistribution(1, 9, step=4),
        "loss": CategoricalDistribution(("contrastive", "triplet")),
        "loss.margin": FloatDistribution(0.5, 1.5),
        "optimizer.lr": FloatDistribution(1e-5, 1e-3, log=True),
        "pairs.batch": IntDistribution(1, 512, log=True),
        "pairs.hard_negatives": IntDistribution(0, 4),
        "pairs.negatives": IntDistribution(0, 4),
        "seed": CategoricalDistribution(("1", "2.5", "True", "x\\ y")),
        "trainer.ema": FloatDistribution(0.25, 0.75, step=0.25),
    }
    assert list(parse_space(space)) == sorted(space)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a range"),
        ("0.5", "not a range"),
        ("log 1e-5 1e-3", "not a range"),  # the forms before Hydra's
        ("int 0 4", "not a range"),
        ("a|b|c", "not a range"),
        ("[1, 2]", "not a range"),
        ("glob(*)", "not a range"),
        ("interval(1)", "missing a required argument: 'end'"),
        ("interval(1, 2", "no viable alternative"),
        ("interval(1, nan)", "the limits must be finite"),
        ("interval(2, 1)", "low"),
        ("tag(log, interval(0, 1))", "low"),
        ("tag(log, choice(a, b))", "not a range"),
        ("tag(log, range(1, 9))", "not a range"),
        ("tag(odd, interval(0, 1))", "neither shuffled nor tagged, except by 'log'"),
        ("shuffle(a, b)", "neither shuffled nor tagged"),
        ("range(0, 0)", "the range is empty"),
        ("range(0, 5, 0)", "must not be zero"),
        ("range(0, 0.5, 0)", "Invalid range values"),
        ("choice()", "empty choice is not legal"),
    ],
)
def test_one_line_error_lists_the_forms(text: str, reason: str) -> None:
    with pytest.raises(InputError) as error:
        parse_space({"loss.margin": text})
    message = str(error.value)
    assert message.startswith(f"search.space: loss.margin={text!r}: ")
    assert message.endswith(FORMS)
    assert reason in message
    assert "\n" not in message


def test_settings_of_a_search() -> None:
    with pytest.raises(InputError, match=r"^search\.trials=0: must be >= 1$"):
        SearchConfig(trials=0)
    with pytest.raises(InputError, match=r"^search\.seed=-1: must be >= 0$"):
        SearchConfig(seed=-1)
    with pytest.raises(InputError, match=r"^search\.pruner=hyperband: must be one of median, none$"):
        SearchConfig(pruner="hyperband")


def test_ranges_on_the_command_line_become_the_space() -> None:
    ranges = {
        "optimizer.lr": "tag(log,interval(1e-5, 1e-3))",
        "loss": "triplet,contrastive",
        "head": "choice('pca', \"random\")",
    }
    plain = ["+experiment=mini", "size=[32,48]", "epochs=[1", "search.trials=3"]  # one of them damaged
    *kept, space = collect_space([*plain, *(f"{key}={text}" for key, text in ranges.items())])
    assert kept == plain
    override = OverridesParser.create().parse_override(space)
    assert (override.key_or_group, override.value()) == ("search.space", ranges)
    assert collect_space(plain) == plain
    sweep = ["seed=1,2", "-m"]
    assert collect_space(sweep) == sweep

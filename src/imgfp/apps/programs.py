"""What each script runs, imported only when its command line has been checked: these modules take seconds to load."""

from omegaconf import DictConfig


def train_esvit(config: DictConfig) -> int:
    """train/esvit.py."""
    from imgfp.apps.esvit import train_app

    return train_app(config)


def tune(config: DictConfig) -> int:
    """train/tune.py."""
    from imgfp.apps.tune import search_app

    return search_app(config)


def train_detector(config: DictConfig) -> int:
    """train/detector.py."""
    from imgfp.apps.detector import train_app

    return train_app(config)


def evaluate_isc(config: DictConfig) -> int:
    """evaluate/isc.py."""
    from imgfp.apps.isc import judge

    return judge(config)


def evaluate_merge(config: DictConfig) -> int:
    """evaluate/merge.py."""
    from imgfp.apps.merge_weights import judge_weights

    return judge_weights(config)


def evaluate_descriptors(config: DictConfig) -> int:
    """evaluate/descriptors.py."""
    from imgfp.apps.descriptors import judge

    return judge(config)


def evaluate_mirror(config: DictConfig) -> int:
    """evaluate/mirror.py."""
    from imgfp.apps.mirror import judge

    return judge(config)

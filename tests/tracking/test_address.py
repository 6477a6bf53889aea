"""What names a store, and which name wins."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from imgfp.apps.hydra_app import register_presets
from imgfp.errors import InputError
from imgfp.reports.console import ui_hint
from imgfp.tracking import open_store
from imgfp.tracking.address import Address, default_address

ROOT = Path(__file__).resolve().parents[2]


def test_folders_and_databases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for where in ("mlruns", tmp_path / "mlruns", f"file://{tmp_path}/mlruns", "sqlite:///mlruns/mlflow.db"):
        assert Address.parse(where) == Address(tmp_path / "mlruns")
    own = Address.parse(f"sqlite:///{tmp_path}/own.db")
    assert own == Address(tmp_path, "own.db") == Address.parse(own.name), "the name leads to that database"
    assert Address(tmp_path).name == str(tmp_path)


def test_servers() -> None:
    found = Address.parse("https://host:5000/mlflow/#/experiments/1")
    assert found.server == found.name == "https://host:5000/mlflow"
    assert Address.parse(Path("http://host:5000")).server == "http://host:5000", "pathlib makes one slash of two"
    assert Address.parse("http://host:5000").folder != Address.parse("http://host:5001").folder
    assert ui_hint("http://host:5000") == "http://host:5000"


@pytest.mark.parametrize("where", ["postgresql://me:secret@host/db", "sqlite:/mlflow.db", "databricks://x"])
def test_other_addresses_are_refused_without_their_password(where: str) -> None:
    with pytest.raises(
        InputError, match="give a folder, sqlite:///FILE, or the http:// address of an MLflow server"
    ) as error:
        Address.parse(where)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("where", ["http://me:secret@host:5000", "https:/me:secret@host/x/#/y", "http://secret@host"])
def test_a_password_in_an_address_is_refused(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", where)
    for address in (where, Path(where), default_address()):
        with pytest.raises(InputError) as error:
            open_store(address)
        assert str(error.value) == (
            f"{where.partition(':')[0]}://user:password@...: give MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD "
            "in the environment, not in the address"
        )


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    OmegaConf.register_new_resolver("repo", lambda path: str(ROOT / path), replace=True)
    register_presets()

    def mlruns(*overrides: str) -> str:
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            return str(compose("isc", overrides=list(overrides)).paths.mlruns)

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert mlruns() == str(ROOT / "mlruns")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert mlruns() == "http://host:5000"
    assert mlruns("paths.mlruns=here") == "here"

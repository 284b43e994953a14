"""A search that picks from a list, for the tests of ``molvae optimize`` and ``suggest``."""

import pytest

from molvae.optimization.run import measured, start
from tests.optimization.stand_in import NO_VAE, StandIn


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Every search picks from a list, every model is nothing, and pictures are empty."""
    monkeypatch.setattr("molvae.cli.models.load_model", lambda *_: NO_VAE)
    for module in (start, measured):
        monkeypatch.setattr(module, "Optimizer", StandIn)
    monkeypatch.setattr(start, "model_key", lambda *_: "key")
    monkeypatch.setattr("molvae.optimization.run.result.families", lambda *_: "")
    monkeypatch.setattr("molvae.visualization.plots.style.save_figure", lambda figure, path: path.touch())
    monkeypatch.chdir(tmp_path)
    return tmp_path

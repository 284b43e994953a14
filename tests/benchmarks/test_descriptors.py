"""Predictions from latent points and from fingerprints."""

import numpy as np
import pytest

from molvae.benchmarks.descriptors import cross_validated, descriptors_of
from molvae.errors import InputError


@pytest.fixture(autouse=True)
def small_forests(monkeypatch):
    monkeypatch.setattr("molvae.benchmarks.descriptors._TREES", 20)


@pytest.fixture
def molecules(sample_file):
    return [line.split(",")[0] for line in sample_file.read_text().splitlines()[1:61]]


def test_what_tells_all_predicts_and_what_tells_nothing_does_not(molecules):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((60, 3)).astype(np.float32)
    values = features[:, 0].astype(np.float64)
    noise = rng.standard_normal((60, 3)).astype(np.float32)
    table = cross_validated({"all": features, "nothing": noise}, molecules, values)
    regressors = ("ridge", "SVR", "forest")
    assert list(table.columns) == [f"{split} {one}" for split in ("random", "scaffold") for one in regressors]
    assert (table.loc["all"] > 0.7).all()
    assert (table.loc["nothing"] < 0.3).all()
    assert table.equals(cross_validated({"all": features, "nothing": noise}, molecules, values))


def test_molecules_of_one_scaffold_are_hidden_together(molecules):
    """What is the same within a scaffold and random between them cannot be known of a new one."""
    rng = np.random.default_rng(0)
    rings = ("c1ccccc1", "c1ccncc1", "c1ccoc1", "c1ccsc1", "C1CCCCC1", "C1CCNC1")
    series = [f"{'C' * n}{ring}" for ring in rings for n in range(1, 13)]
    group = np.repeat(np.arange(6), 12)
    values = rng.permutation(6)[group] + 0.01 * rng.standard_normal(72)
    features = np.eye(6, dtype=np.float32)[group]
    row = cross_validated({"scaffold": features}, series, values).loc["scaffold"]
    assert row["random ridge"] > 0.9 and row["random forest"] > 0.9
    assert row["scaffold ridge"] < 0.5 and row["scaffold forest"] < 0.5


def test_too_few_scaffolds_are_an_error():
    with pytest.raises(InputError, match="1 scaffolds"):
        cross_validated({"some": np.zeros((6, 2), np.float32)}, ["C" * n for n in range(1, 7)], np.arange(6.0))


def test_descriptors_are_of_what_can_be_encoded(vae, molecules):
    found, known = descriptors_of(vae, [molecules[0], "[Xe]", molecules[1], "no molecule"])
    assert known.tolist() == [True, False, True, False]
    assert found["latent means"].shape == (2, vae.config.latent_dim)
    assert np.array_equal(found["latent means"], vae.encode(molecules[:2]))
    assert found["Morgan fingerprints"].shape == (2, 2048)
    assert set(np.unique(found["Morgan fingerprints"])) == {0.0, 1.0}

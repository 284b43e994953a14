"""What the surrogate says and chooses: a function of what it was told last, in any unit of the scores."""

import numpy as np
import pytest

from molvae.errors import ConfigError, InputError
from molvae.optimization.surrogate import FeatureCache, Kernel, Surrogate, cross_validate
from molvae.optimization.surrogate.training_data import Scaling

ODD = ("C", "[Na+]", "[NH4+].[Cl-]", "*", "[U]")


@pytest.fixture(scope="module")
def molecules(sample_file):
    return [line.split(",")[0] for line in sample_file.read_text().splitlines()[1:241]]


@pytest.fixture(scope="module")
def scores(molecules):
    """The length of the SMILES, which structure tells well, and something that it does not tell as well."""
    return np.array([len(one) / 40 + 0.1 * one.count("N") for one in molecules])


def fitted(molecules, scores, n=150, **options):
    """A surrogate that knows the first n molecules."""
    surrogate = Surrogate(**options)
    surrogate.fit(molecules[:n], scores[:n])
    return surrogate


def chosen(surrogate, smiles, n=8, seed=0, **options):
    return surrogate.choose(smiles, n, np.random.default_rng(seed), **options).rows.tolist()


def test_it_expects_what_it_was_told_and_learns_from_it(molecules, scores):
    surrogate = fitted(molecules, scores, 150)
    mean, std = surrogate.predict(molecules)
    assert mean.shape == (240, 1) and std.shape == (240,)
    assert np.abs(mean[:150, 0] - scores[:150]).max() < 0.02
    assert np.corrcoef(mean[150:, 0], scores[150:])[0, 1] > 0.8
    assert std.min() > 0 and std[:150].max() < std[150:].min()


@pytest.mark.parametrize("kernel", ["auto", "mixed", "physical"])
def test_choices_do_not_depend_on_the_unit_of_the_scores(kernel, molecules, scores):
    one, other = (fitted(molecules, values, kernel=kernel) for values in (scores, 250 * scores - 3_000))
    assert one.kernel == other.kernel
    assert chosen(one, molecules[150:]) == chosen(other, molecules[150:])
    (mean, std), (mean2, std2) = one.predict(molecules[150:]), other.predict(molecules[150:])
    assert mean2 == pytest.approx(250 * mean - 3_000, abs=1e-6) and std2 == pytest.approx(250 * std, abs=1e-6)


def test_of_kernels_of_ones_own_it_takes_the_one_that_tells_most(molecules, scores):
    telling = {one: [5 * score] for one, score in zip(molecules, scores, strict=True)}
    rng = np.random.default_rng(0)
    views = {
        "noise": lambda smiles: rng.normal(size=(len(smiles), 3)),
        "scores": lambda smiles: [telling[one] for one in smiles],
    }
    surrogate = fitted(
        molecules, scores, 150, kernel=[Kernel(view, {view: 1.0}) for view in views], features=FeatureCache(more=views)
    )
    assert surrogate.kernel.name == "scores"
    assert np.corrcoef(surrogate.predict(molecules[150:]).mean[:, 0], scores[150:])[0, 1] > 0.99
    with pytest.raises(ConfigError, match="at least one kernel"):
        Surrogate(kernel=[])


def test_no_std_is_above_that_of_the_prior(molecules, scores):
    surrogate = fitted(molecules, scores, 150)
    prior = np.sqrt(1 + surrogate.noise) * Scaling(scores[:150, None], measured=False).unit[0]
    std = surrogate.predict([*molecules, *ODD]).std
    assert (std > 0).all() and std.max() <= prior * (1 + 1e-12)


def test_the_order_of_the_evidence_changes_nothing(molecules, scores):
    order = np.random.default_rng(0).permutation(120)
    one = fitted(molecules, scores, 120, kernel="mixed")
    other = fitted([molecules[row] for row in order], scores[order], 120, kernel="mixed")
    for a, b in zip(one.predict(molecules[120:]), other.predict(molecules[120:]), strict=True):
        assert a == pytest.approx(b, abs=1e-9)


@pytest.mark.parametrize("noise", [1e-4, "auto"])
def test_what_it_learned_before_changes_nothing(noise, molecules, scores):
    fresh, used = Surrogate(limit=100, noise=noise), Surrogate(limit=100, noise=noise)
    for n in (0, 30, 126, 60, 140):
        used.fit(molecules[:n], scores[:n])
        used.predict(molecules[100:150])
        chosen(used, molecules[130:170])
    for each in (fresh, used):
        each.fit(molecules[:150], scores[:150])
    assert fresh.kernel == used.kernel and fresh.noise == used.noise
    assert np.array_equal(fresh.predict(molecules[150:]).mean, used.predict(molecules[150:]).mean)
    assert chosen(fresh, molecules[150:]) == chosen(used, molecules[150:])


def test_choices_are_distinct_repeatable_and_with_their_expectations(molecules, scores):
    surrogate = fitted(molecules, scores, 100)
    candidates = [*molecules[100:], *molecules[100:120], "C1CC"]
    rows, mean, std = surrogate.choose(candidates, 20, np.random.default_rng(0))
    assert rows.tolist() == chosen(surrogate, candidates, 20)
    assert len({candidates[row] for row in rows}) == 20
    expected = surrogate.predict(candidates)
    np.testing.assert_array_equal(mean, expected.mean[:, 0])
    np.testing.assert_array_equal(std, expected.std)
    assert mean[rows].mean() > np.quantile(mean[:-1], 0.8)
    everything = chosen(surrogate, candidates, 500)
    assert len(everything) == 140 and len(candidates) - 1 not in everything
    assert chosen(surrogate, [], 3) == chosen(surrogate, ["C1CC"], 3) == []


def test_a_large_library_is_looked_at_in_parts(molecules, scores, monkeypatch):
    whole, parts = (fitted(molecules, scores, 60) for _ in range(2))
    rows, expected = chosen(whole, molecules[60:], 1), whole.predict(molecules[60:])
    for name, size in (("_BLOCK", 7), ("_MOST_KEPT", 20), ("_MOST_CANDIDATES", 30)):
        monkeypatch.setattr(f"molvae.optimization.surrogate.surrogate.{name}", size)
    found = parts.predict(molecules[60:])
    assert found.mean == pytest.approx(expected.mean) and found.std == pytest.approx(expected.std)
    assert chosen(parts, molecules[60:], 1) == rows and len(chosen(parts, molecules[60:], 40)) <= 30


def test_equal_scores_are_no_reason_to_choose_but_distance_is(molecules):
    series = ["C" * n + "O" for n in range(5, 30)]
    surrogate = fitted(series, [0.1] * 25)
    rows = chosen(surrogate, ["C" * 30 + "O", "C" * 31 + "O", "c1ccc2[nH]ccc2c1", "FC(F)(F)S(=O)(=O)Cl"], 2)
    assert sorted(rows) == [2, 3]
    assert surrogate.predict(molecules).mean == pytest.approx(0.1)


def test_it_chooses_before_it_knows_much(molecules):
    for known, score in (([], 0.5), (["CCO"], 0.5), (["CCO", "CCN"], 0.5), (molecules[:20], np.nan)):
        surrogate = fitted(known, [score] * len(known))
        assert len(set(chosen(surrogate, molecules[20:], 5))) == 5
        assert np.isfinite(surrogate.predict(molecules[:3]).mean).all()


def test_a_failure_makes_its_neighbourhood_less_attractive(molecules):
    series = ["C" * n + "O" for n in range(5, 15)]
    known, scores = [*series, *molecules[:30]], np.array([np.nan] * 10 + [0.2, 0.4, 0.3] * 10)
    told, untold = fitted(known, scores), fitted(known[10:], scores[10:])
    (mean, std), (_, before) = told.predict(["C" * 15 + "O"]), untold.predict(["C" * 15 + "O"])
    assert std < 0.5 * before and mean == pytest.approx(0.3, abs=0.02)


def test_a_search_is_as_sure_as_it_does_well(molecules, scores):
    """Predictions that are off by more have a larger standard deviation: neither too sure, nor too unsure."""
    rng = np.random.default_rng(0)
    surrogate, errors = Surrogate(kernel="balanced"), []
    for noise in (0.0, 1.0):
        values = scores + noise * scores.std() * rng.standard_normal(len(scores))
        surrogate.fit(molecules[:150], values[:150])
        expected = surrogate.predict(molecules[150:])
        errors.append(np.sqrt(np.mean(((values[150:] - expected.mean[:, 0]) / expected.std) ** 2)))
    assert all(0.6 < one < 1.6 for one in errors), errors


def test_how_bad_the_worst_are_changes_nothing(molecules, scores):
    low = scores < np.quantile(scores, 0.05)
    bad, worse = (fitted(molecules, np.where(low, penalty, scores), 200) for penalty in (-1e2, -1e9))
    assert np.array_equal(bad.predict(molecules[200:]).mean, worse.predict(molecules[200:]).mean)
    assert chosen(bad, molecules[200:]) == chosen(worse, molecules[200:])


def test_several_outputs_are_each_what_one_would_be(molecules, scores):
    both = np.stack([scores, -3 * scores**2], axis=1)
    joint = fitted(molecules, both, kernel="balanced")
    mean, std = joint.predict(molecules[150:])
    for column in range(2):
        alone = fitted(molecules, both[:, column], kernel="balanced").predict(molecules[150:])
        assert mean[:, column] == pytest.approx(alone.mean[:, 0], abs=1e-9)
        assert std[:, column] == pytest.approx(alone.std, abs=1e-9)
    assert np.isnan(joint.choose(molecules[150:], 3, np.random.default_rng(0)).mean).all()


def test_molecules_without_features_are_molecules(molecules, scores):
    surrogate = fitted([*molecules[:20], *ODD], [*scores[:20], *np.linspace(0, 1, len(ODD))], kernel="mixed")
    assert np.isfinite(surrogate.predict([*ODD, "[K+]", "N"]).mean).all()
    assert len(chosen(surrogate, list(ODD), 5)) == 5


def test_what_is_no_molecule_is_nan_to_predict_and_an_error_to_learn():
    surrogate = fitted(["CCO", "CCN"], [0.0, 1.0])
    mean, std = surrogate.predict(["C1CC", "CCC"])
    assert np.isnan(mean[0]).all() and np.isnan(std[0]) and np.isfinite(mean[1])
    with pytest.raises(InputError, match="C1CC"):
        surrogate.fit(["CCO", "C1CC"], [0.0, 1.0])


def test_what_cannot_be_learned_is_refused():
    surrogate = Surrogate()
    with pytest.raises(InputError, match="2 molecules and 1 value"):
        surrogate.fit(["CCO", "CCN"], [0.0])
    with pytest.raises(InputError, match=r"'CCN' is infinite"):
        surrogate.fit(["CCO", "CCN"], [0.0, np.inf])
    with pytest.raises(ConfigError, match=r"'best'.*balanced"):
        Surrogate(kernel="best")
    for settings in ({"limit": 0}, {"noise": 0.0}):
        with pytest.raises(ConfigError):
            Surrogate(**settings)


def test_cross_validation_tells_a_property_from_noise(molecules, scores):
    quality = cross_validate(molecules, scores, seed=1)
    assert quality.r2 > 0.6 and quality.spearman > 0.75
    assert quality.within_1_std > 0.5 and quality.within_2_std > 0.85
    assert quality.rmse == pytest.approx(np.sqrt(np.mean((quality.mean - scores) ** 2)))
    nothing = cross_validate(molecules, np.random.default_rng(0).normal(size=240), seed=1)
    assert nothing.r2 < 0.1 and nothing.rmse == pytest.approx(1.0, abs=0.15)
    assert 0.55 < nothing.within_1_std < 0.8 and nothing.within_2_std > 0.9


def test_cross_validation_knows_no_molecule_that_it_is_asked_about_and_none_that_was_not_measured(molecules, scores):
    twice = cross_validate([*molecules[:60], *molecules[:60]], np.tile(scores[:60], 2), folds=3, kernel="balanced")
    assert twice.mean[:60] == pytest.approx(twice.mean[60:])
    assert twice.rmse > 0.02
    holes = scores[:60].copy()
    holes[::3] = np.nan
    quality = cross_validate(molecules[:60], holes, folds=4)
    assert np.array_equal(np.isnan(quality.mean), np.isnan(holes)) and np.isfinite(quality.r2)


def test_cross_validation_says_what_it_needs(molecules):
    with pytest.raises(ConfigError, match="at least 2 folds"):
        cross_validate(molecules[:9], np.zeros(9), folds=1)
    with pytest.raises(InputError, match="3 molecules"):
        cross_validate(molecules[:9], [1.0, 2.0, 3.0] + [np.nan] * 6)
    with pytest.raises(InputError, match="not a molecule"):
        cross_validate([*molecules[:9], "C1CC"], np.arange(10.0), folds=2)

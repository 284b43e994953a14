"""Features and kernels are what their names say, and the posterior of a kernel is that of scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from rdkit.DataStructs import TanimotoSimilarity
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

from molvae.optimization.surrogate.features import DESCRIPTORS, FINGERPRINTS, FeatureCache
from molvae.optimization.surrogate.gaussian_process import GaussianProcess
from molvae.optimization.surrogate.kernel import KERNELS, similarities, tanimoto_of_levels

VIEWS = (*FINGERPRINTS, *DESCRIPTORS)
ODD = ("C", "[Na+]", "[H][H]", "[NH4+].[Cl-]", "*", "[U]", "C" * 300, "OCC(O)CO")


def rdkit_fingerprint(mol, view):
    if view == "pairs":
        return rdFingerprintGenerator.GetAtomPairGenerator(maxDistance=10).GetSparseCountFingerprint(mol)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=3 if view == "circular" else 2)
    if view == "circular":
        return generator.GetSparseCountFingerprint(mol)
    kinds = [2 * atom.GetAtomicNum() + atom.GetIsAromatic() for atom in mol.GetAtoms()]
    return generator.GetSparseCountFingerprint(mol, customAtomInvariants=kinds)


@pytest.mark.parametrize("view", FINGERPRINTS)
def test_similarities_are_those_of_rdkit(view, canonical_smiles):
    smiles = [*canonical_smiles, "C" * 300, "OCC(O)CO"]
    features = FeatureCache()(smiles, [view])
    found = similarities(view, features, features[::2])
    fingerprints = [rdkit_fingerprint(Chem.MolFromSmiles(one), view) for one in smiles]
    expected = [[TanimotoSimilarity(one, other) for other in fingerprints[::2]] for one in fingerprints]
    assert np.abs(found - expected).max() < 1e-12


@settings(deadline=None)
@given(*2 * (st.lists(st.sets(st.integers(0, 30)), max_size=12),))
def test_tanimoto_of_sets_is_the_definition(a, b):
    found = tanimoto_of_levels(*([np.array(sorted(one), dtype=np.uint64) for one in sets] for sets in (a, b)))
    expected = [[len(x & y) / len(x | y) if x | y else 1.0 for y in b] for x in a]
    assert np.array_equal(found, np.array(expected).reshape(len(a), len(b)))


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=list(KERNELS))
def test_a_kernel_is_one_on_the_diagonal_and_positive_semidefinite(kernel, canonical_smiles):
    features = FeatureCache()([*canonical_smiles, *ODD], kernel.views)
    gram = kernel(features, features)
    assert np.abs(np.diag(gram) - 1.0).max() < 1e-12
    assert np.array_equal(gram, gram.T)
    assert gram.min() >= 0 and gram.max() <= 1 + 1e-12
    assert np.linalg.eigvalsh(gram).min() > -1e-9
    assert sum(kernel.weights.values()) == pytest.approx(1.0)
    assert np.array_equal(kernel(features[3:9], features[7:30]), gram[3:9, 7:30]), "no other molecule matters"
    assert kernel(features[5:6], features[2:3]) == gram[5, 2]


def test_the_scale_of_a_descriptor_is_its_unit():
    water, ethanol = FeatureCache()(["O", "CCO"], ["composition", "physics"])
    names = DESCRIPTORS["physics"]
    assert len(water["physics"]) == len(names) and len(water["composition"]) == len(DESCRIPTORS["composition"])
    difference = dict(zip(names, ethanol["physics"] - water["physics"], strict=True))
    assert [difference[one] for one in "COH"] == pytest.approx([2 / 3.7, 0, 4 / 5.7])


def test_elements_are_not_taken_for_others():
    chlorine, cobalt = FeatureCache()(["CCl", "[Co]"], ["composition"])
    names = DESCRIPTORS["composition"]
    assert chlorine["composition"][names.index("Cl")] == pytest.approx(2.0)
    assert cobalt["composition"][names.index("C")] == cobalt["composition"][names.index("O")] == 0


def test_the_cache_is_bounded_and_forgets_nothing_that_is_asked_for():
    cache = FeatureCache(size=3)
    smiles = ["C", "CC", "CCC", "CCCC", "no molecule"]
    first = cache(smiles, ["coarse"])
    assert len(cache) == 3 and first[4] is None
    again = cache(smiles, ["coarse", "composition"])
    assert all(np.array_equal(a["coarse"], b["coarse"]) for a, b in zip(first[:4], again[:4], strict=True))
    assert all("composition" in one for one in again[:4]) and again[4] is None


def test_a_view_of_ones_own_is_computed_once_for_each_molecule_and_never_for_what_is_none():
    asked = []

    def lengths(smiles):
        asked.append(list(smiles))
        return [[len(one), 1] for one in smiles]

    cache = FeatureCache(more={"lengths": lengths})
    first = cache(["CC", "no molecule", "C", "CC"], ["lengths"])
    assert first[1] is None and [one["lengths"].tolist() for one in (first[0], *first[2:])] == [[2, 1], [1, 1], [2, 1]]
    again = cache(["C", "CCO", "CC"], ["coarse", "lengths"])
    assert asked == [["CC", "C"], ["CCO"]]
    assert [one["lengths"][0] for one in again] == [1, 3, 2] and all("coarse" in one for one in again)


def test_what_is_no_molecule_has_no_features():
    for text in ("", "C1CC", "CC(", None, float("nan"), "C C"):
        assert FeatureCache()([text, "C"], VIEWS)[0] is None


NOISE = 1e-3


@pytest.fixture
def case():
    """A kernel matrix of 40 points, of which 30 are known, and two outputs."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(40, 3))
    kernel = RBF(1.5)(points)
    return points, kernel, rng.normal(size=(30, 2))


def process_of(kernel, values, noise=NOISE):
    process = GaussianProcess(kernel[:30, :30], values, noise)
    return process, process.whitened(kernel[30:, :30])


def test_the_posterior_is_that_of_scikit_learn(case):
    points, kernel, values = case
    process, white = process_of(kernel, values)
    other = GaussianProcessRegressor(RBF(1.5), alpha=NOISE, optimizer=None).fit(points[:30], values)
    mean, covariance = other.predict(points[30:], return_cov=True)
    assert process.mean(white) == pytest.approx(mean, abs=1e-8)
    assert process.covariance(white, kernel[30:, 30:]) == pytest.approx(covariance[:, :, 0], abs=1e-8)
    assert process.variance(white) == pytest.approx(np.diag(covariance[:, :, 0]), abs=1e-8)


def test_what_is_left_out_is_expected_as_by_a_fit_to_the_others(case):
    _, kernel, values = case
    left_out = process_of(kernel, values)[0].leave_one_out()
    errors, variances = [], []
    for row in range(30):
        others = np.delete(np.arange(30), row)
        process = GaussianProcess(kernel[np.ix_(others, others)], values[others], NOISE)
        white = process.whitened(kernel[row : row + 1, others])
        assert left_out.mean[row] == pytest.approx(process.mean(white)[0], abs=1e-7)
        variances.append(process.variance(white)[0] + NOISE)
        errors.append(values[row] - process.mean(white)[0])
    assert left_out.variance == pytest.approx(np.array(variances), rel=1e-6)
    stds = np.sqrt(np.array(variances))[:, None]

    def likelihood(amplitude):
        return norm.logpdf(errors, scale=stds * amplitude**0.5).mean()

    assert left_out.log_likelihood == pytest.approx(likelihood(left_out.amplitude), abs=1e-6)
    assert likelihood(left_out.amplitude) >= max(likelihood(left_out.amplitude * step) for step in (0.9, 1.1))


def test_points_that_are_equal_do_not_break_it():
    gram = np.ones((50, 50))
    gram[:, 25:] = gram[25:, :] = 0.3
    gram[25:, 25:] = 1.0
    process = GaussianProcess(gram, np.arange(50.0)[:, None], 1e-17)
    white = process.whitened(gram)
    assert process.noise > 1e-17
    assert process.mean(white)[:25] == pytest.approx(12.0, abs=1e-3)
    assert process.mean(white)[25:] == pytest.approx(37.0, abs=1e-3)


def test_nothing_known_is_the_prior():
    process = GaussianProcess(np.zeros((0, 0)), np.zeros((0, 1)), NOISE)
    white = process.whitened(np.zeros((4, 0)))
    assert np.array_equal(process.mean(white), np.zeros((4, 1))) and np.array_equal(process.variance(white), np.ones(4))

"""The transformer by the conventions of scikit-learn, and on measured activities."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import base

from molvae import ConfigError, InputError, ModelError, MolVAE
from molvae.sklearn import LatentTransformer

SOME = ["CCO", "c1ccccc1", "CC(=O)Nc1ccccc1", "Cc1ccccc1C"]


@pytest.fixture(scope="module")
def fitted(tiny_run):
    return LatentTransformer(tiny_run).fit(SOME)


def test_parameters_are_kept_as_they_are_given(tiny_run):
    one = LatentTransformer(tiny_run, std=True, unreadable="nan")
    assert one.get_params() == {
        "model": tiny_run, "std": True, "unreadable": "nan", "batch_size": 512, "device": "auto",
    }  # fmt: skip
    assert base.clone(one).get_params() == one.get_params()
    assert base.clone(one).set_params(std=False).std is False and "std=True" in repr(one)
    with pytest.raises(ValueError, match="nothing"):
        one.set_params(nothing=1)


def test_any_column_of_texts_will_do(fitted, tiny_run, vae):
    expected = vae.encode(SOME)
    series = pd.Series(SOME, dtype=object, index=[3, 1, 4, 2])
    for column in (SOME, np.array(SOME), np.array(SOME)[:, None], series, pd.DataFrame({"smiles": SOME})):
        np.testing.assert_array_equal(fitted.transform(column), expected)
        np.testing.assert_array_equal(LatentTransformer(tiny_run).fit_transform(column), expected)


def test_features_have_the_names_that_encode_writes(fitted, tiny_run):
    assert list(fitted.get_feature_names_out()) == [f"z{place}" for place in range(8)]
    both = LatentTransformer(tiny_run, std=True).set_output(transform="pandas").fit(SOME)
    table = both.transform(pd.DataFrame({"smiles": SOME}, index=[9, 8, 7, 6]))
    assert list(table.columns) == list(both.get_feature_names_out()) and list(table.index) == [9, 8, 7, 6]
    mean, std = MolVAE.from_pretrained(tiny_run).posterior(SOME)
    np.testing.assert_array_equal(table, np.hstack([mean, std]))


def test_molecules_come_back(fitted, tiny_run):
    expected = MolVAE.from_pretrained(tiny_run).reconstruct(SOME)
    assert fitted.inverse_transform(fitted.transform(SOME)).tolist() == expected
    both = LatentTransformer(tiny_run, std=True).fit(SOME)
    assert both.inverse_transform(both.transform(SOME)).tolist() == expected
    with pytest.raises(InputError, match="shape"):
        fitted.inverse_transform(np.zeros((2, 7)))


def test_what_cannot_be_encoded_is_as_asked_for(tiny_run):
    bad = ["CCO", "C1CC", None, "[Pt]", np.nan]
    with pytest.raises(InputError, match="molecule 2 of 5: 'C1CC' is no valid SMILES"):
        LatentTransformer(tiny_run).fit(bad).transform(bad)
    empty = LatentTransformer(tiny_run, unreadable="nan").fit(bad).transform(bad)
    assert np.isnan(empty).all(1).tolist() == [False, True, True, True, True]
    prior = LatentTransformer(tiny_run, unreadable="prior", std=True).fit(bad).transform(bad)
    assert (prior[1:, :8] == 0).all() and (prior[1:, 8:] == 1).all() and (prior[0] != 0).all()


def test_a_pickle_names_the_model_and_holds_no_weights(fitted):
    content = pickle.dumps(fitted)
    assert len(content) < 5_000
    np.testing.assert_array_equal(pickle.loads(content).transform(SOME), fitted.transform(SOME))
    assert isinstance(pickle.loads(pickle.dumps(LatentTransformer("x"))), LatentTransformer)


def test_bad_input(fitted, tiny_run, tmp_path):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        LatentTransformer(tiny_run).transform(SOME)
    with pytest.raises(ConfigError, match="unreadable must be one of raise, nan, prior, not 'drop'"):
        LatentTransformer(tiny_run, unreadable="drop").fit(SOME)
    with pytest.raises(ModelError, match="does not exist"):
        LatentTransformer(tmp_path / "none").fit(SOME)
    with pytest.raises(InputError, match="not a single one"):
        fitted.transform("CCO")
    with pytest.raises(InputError, match="one column"):
        fitted.transform(pd.DataFrame({"a": SOME, "b": SOME}))


def test_latents_of_the_bundled_model_tell_measured_activities():
    """Activities of sulfonamides (CHEMBL2321810), which come with RDKit: far better than their mean."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import molvae
    from molvae.benchmarks.descriptors import known_series

    try:
        table = known_series().iloc[::3]
    except InputError as error:
        pytest.skip(str(error))
    latent = LatentTransformer(Path(molvae.__file__).parent / "pretrained" / "moses", unreadable="prior")
    points = latent.fit_transform(table["smiles"])
    model = make_pipeline(StandardScaler(), Ridge(100.0))
    scores = cross_val_score(model, points, table["activity"], cv=KFold(5, shuffle=True, random_state=0), scoring="r2")
    assert scores.mean() > 0.2  # the mean of the others has 0
    whole = make_pipeline(latent, StandardScaler(), Ridge(100.0)).fit(table["smiles"], table["activity"])
    assert whole.score(table["smiles"], table["activity"]) > scores.mean()

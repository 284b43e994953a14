"""Heads as a user has them: labels with gaps, stopped and resumed, kept, dropped and added in fine-tuning."""

import json
import math
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from molvae import ConfigError, ModelError, MolVAE, optimize, resume, train
from molvae.chem import property_table
from molvae.metrics.regression import r_squared
from molvae.optimization.objectives import objective_of
from molvae.optimization.objectives.parser import runs_code
from molvae.pretrained.folder import StoredModel, write_model
from molvae.storage.files import read_tensors
from molvae.storage.latest_run import is_finished
from molvae.training.report import write_report
from molvae.training.report.report_data import gather
from molvae.training.run.finetune_source import adapt_model
from molvae.training.run.folder import read_start
from tests.cli.shell import molvae, rows
from tests.training.run.test_fine_tuning import TINY, TRAINING, Killer, Listener
from tests.training.run.test_run import Killed, content

ASKED = ("pIC50", "mw")


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    monkeypatch.setattr("molvae.training.run.runner._READOUT", 10)


@pytest.fixture
def table(tmp_path, canonical_smiles):
    """Every third molecule has no label."""
    path = tmp_path / "series.csv"
    rows = [f"{one},{'' if n % 3 == 0 else 5 + n / 7},{n}" for n, one in enumerate(canonical_smiles)]
    path.write_text("smiles,pIC50,other\n" + "\n".join(rows) + "\n")
    return path


def trained(source, folder, **given):
    return train(source, folder, **{"model": TINY, "training": TRAINING, "properties": ASKED, **given})


def test_the_folder_tells_of_the_heads(table, tmp_path, canonical_smiles):
    heard = Listener()
    vae = trained(table, tmp_path / "run", reporter=heard)
    n = len(canonical_smiles)
    sentence = f"heads for pIC50 (column of the file, {n - -(-n // 3)} of {n} molecules), mw (computed by RDKit, all"
    assert any(one.startswith(sentence) for one in heard.sentences)
    assert vae.config.heads == ASKED
    again = MolVAE.from_pretrained(tmp_path / "run")
    pd.testing.assert_frame_equal(again.predict(canonical_smiles), vae.predict(canonical_smiles))
    molecules = pd.read_csv(tmp_path / "run" / "molecules.csv.gz")
    assert molecules.columns.tolist() == ["smiles", "pIC50", "other", "mw"]
    held = json.loads((tmp_path / "run" / "splits.json").read_text())["rows"]["valid"]
    labels = molecules["pIC50"].drop(held).dropna()
    head = again.card["heads"]["pIC50"]
    assert head["labels"] == len(labels)
    assert (head["mean"], head["std"]) == pytest.approx((labels.mean(), labels.std(ddof=0)), rel=1e-6)
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert history.columns.tolist()[-4:] == ["pIC50_r2", "pIC50_mae", "mw_r2", "mw_mae"]
    best = history[history["best"]].iloc[-1]
    assert again.card["figures"]["mw_mae"] == pytest.approx(best["mw_mae"], rel=1e-5)
    predicted, measured = again.predict(molecules["smiles"][held])["mw"], molecules["mw"][held].to_numpy()
    assert again.card["figures"]["mw_mae"] == pytest.approx(np.abs(predicted - measured).mean(), rel=1e-4)


def test_logarithms_are_learned_and_values_are_predicted(tmp_path, canonical_smiles):
    """Concentrations over six powers of ten, some of them bounds, one 0."""
    path, heard = tmp_path / "series.csv", Listener()
    heard.warning = heard.plan
    relations = ["'='", "'>'", "", "="]
    rows = [f"{one};{10 ** (n / 5) if n else 0};{relations[n % 4]}" for n, one in enumerate(canonical_smiles)]
    path.write_text("smiles;IC50 (nM);Standard Relation\n" + "\n".join(rows) + "\n")
    given = {"properties": ["ic50 (nm)", "mw"], "init_from": ""}
    vae = trained(path, tmp_path / "run", **given, reporter=heard, model={**TINY, "log": "IC50 (NM)"})
    known = [n for n in range(1, len(canonical_smiles)) if n % 4 != 1]
    sentence = (
        f"heads for log10 IC50 (nM) (column of the file, {len(known)} of {len(canonical_smiles)} molecules), mw ("
    )
    assert any(one.startswith(sentence) for one in heard.sentences)
    assert any("with a relation other than = left out" in one for one in heard.sentences)
    assert vae.config.quantities == ("log10 IC50 (nM)", "mw") and "log10 IC50 (nM)_r2" in vae.card["figures"]
    head, scale = vae.model.property_heads()["IC50 (nM)"], vae.card["heads"]["log10 IC50 (nM)"]
    start = read_start(tmp_path / "run", finished=True)
    labels = start.labels[start.parts["train"], 0]
    np.testing.assert_allclose(np.nanmean(labels), scale["mean"], rtol=1e-5)
    np.testing.assert_allclose(start.labels[known, 0], [n / 5 for n in known], rtol=1e-6)
    z = torch.from_numpy(vae.encode(canonical_smiles))
    expected = 10.0 ** (scale["mean"] + scale["std"] * head(z).detach().double().numpy())
    np.testing.assert_allclose(vae.predict(canonical_smiles)["IC50 (nM)"], expected, rtol=1e-4)
    assert (vae.predict(canonical_smiles)["IC50 (nM)"] > 0).all()
    kept = MolVAE.from_pretrained(tmp_path / "run")
    tuned = adapt_model(kept, canonical_smiles, start.scales(), config=kept.config, seed=0).model
    torch.testing.assert_close(tuned.property_heads()["IC50 (nM)"](z), head(z), rtol=1e-4, atol=1e-4)
    plain = adapt_model(kept, canonical_smiles, start.scales(), config=kept.config.replace(log=""), seed=0).model
    assert not plain.property_heads()["IC50 (nM)"](z).any()  # a new head predicts the mean


def test_a_column_over_many_powers_of_ten_is_told_and_log_names_a_property(tmp_path, canonical_smiles):
    path, heard = tmp_path / "series.csv", Listener()
    heard.warning = heard.plan
    path.write_text("smiles,IC50 (nM)\n" + "".join(f"{one},{10**n}\n" for n, one in enumerate(canonical_smiles[:9])))
    with pytest.raises(ConfigError, match=r"--log names 'pIC50', which is no property .*; these are IC50 \(nM\)"):
        trained(path, tmp_path / "run", properties=["IC50 (nM)"], model={**TINY, "log": "pIC50"}, reporter=heard)
    with pytest.raises(ConfigError, match="name these with --properties"):
        trained(path, tmp_path / "run", properties=[], model={**TINY, "log": "pIC50"})
    trained(path, tmp_path / "run", properties=["IC50 (nM)"], reporter=heard, overwrite=True)
    assert any(re.search(r"IC50 \(nM\) covers [78].0 powers .* or --log 'IC50 \(nM\)'", one) for one in heard.sentences)


def test_an_unfinished_run_of_a_version_without_logarithms_is_resumed(table, tmp_path):
    trained(table, tmp_path / "run")
    config = tmp_path / "run" / "config.toml"
    lines = config.read_text().splitlines(keepends=True)
    config.write_text("".join(line for line in lines if not line.startswith("log =")))
    assert len(config.read_text().splitlines()) == len(lines) - 1
    assert read_start(tmp_path / "run").model.quantities == ASKED


def test_what_cannot_be_encoded_is_not_predicted(table, tmp_path):
    vae = trained(table, tmp_path / "run")
    predicted = vae.predict(["CCO", "no molecule", "[Fe]", "", "OCC"])
    assert predicted.columns.tolist() == list(ASKED)
    assert predicted.isna().all(axis=1).tolist() == [False, True, True, True, False]
    assert predicted.iloc[0].tolist() == pytest.approx(predicted.iloc[4].tolist(), rel=1e-6)
    assert vae.predict([]).shape == (0, 2)
    np.testing.assert_allclose(vae.predict(["CCO", "CCN"], batch_size=1), vae.predict(["CCO", "CCN"]), rtol=1e-6)


def test_a_model_without_heads_says_what_to_do(tiny_run):
    with pytest.raises(ModelError, match="--properties"):
        MolVAE.from_pretrained(tiny_run).predict(["CCO"])


@pytest.mark.parametrize("origin", [False, True])
@pytest.mark.parametrize("at", ["cleaning", "step 1", "step 4"])
def test_killed_and_resumed_it_ends_as_undisturbed(table, tmp_path, tiny_run, at, origin):
    given = {"init_from": tiny_run, "model": {}} if origin else {}
    trained(table, tmp_path / "whole", **given)
    with pytest.raises(Killed):
        trained(table, tmp_path / "run", reporter=Killer(at), **given)
    if at != "cleaning":
        table.unlink()
    resume(tmp_path / "run")
    changing = ("history.csv", "config.json")
    assert content(tmp_path / "run", *changing) == content(tmp_path / "whole", *changing)
    cards = [MolVAE.from_pretrained(tmp_path / name).card for name in ("run", "whole")]
    assert cards[0]["heads"] == cards[1]["heads"]
    clocks = {"seconds", "tokens_per_second"}
    one, two = ({key: card["figures"][key] for key in card["figures"].keys() - clocks} for card in cards)
    assert one == pytest.approx(two, nan_ok=True)  # the history is resumed with six digits


def test_fine_tuning_keeps_drops_and_adds_heads(table, tmp_path, canonical_smiles):
    start = trained(table, tmp_path / "start")
    heard = Listener()
    still = {**TRAINING, "learning_rate": 1e-12, "epochs": 1}
    how = {"init_from": tmp_path / "start", "model": {}, "training": still}
    tuned = trained(table, tmp_path / "tuned", properties=["logp", "mw"], reporter=heard, **how)
    assert tuned.config.heads == ("logp", "mw")
    before, after = start.predict(canonical_smiles), tuned.predict(canonical_smiles)
    np.testing.assert_allclose(after["mw"], before["mw"], rtol=1e-4)
    assert np.ptp(after["logp"]) < 1e-4 and after["logp"][0] == pytest.approx(tuned.card["heads"]["logp"]["mean"])
    assert any("loses its heads for pIC50" in sentence for sentence in heard.sentences)
    bare = trained(table, tmp_path / "bare", properties=None, **how)
    assert bare.config.heads == () and "heads" not in bare.card
    assert not any(name.startswith("heads.") for name in read_tensors(tmp_path / "bare" / "model.safetensors")[0])
    with pytest.raises(ConfigError, match=r"head_hidden 5 contradicts the model .*, whose head_hidden is 64"):
        trained(table, tmp_path / "other", **{**how, "model": {"head_hidden": 5}})
    assert not (tmp_path / "other").exists()


def test_heads_do_not_keep_few_molecules_from_the_bundled_model(table, tmp_path, bundled_run):
    vae = trained(table, tmp_path / "run", model={"head_hidden": 5})
    assert vae.card["fine_tuned_from"] == "medchem"
    assert vae.model.property_heads()["mw"].hidden.out_features == 5


@pytest.mark.parametrize(
    ("properties", "named"), [(["activity"], "'activity': series.csv has .* 'pIC50', 'other'"), ('pIC50,"mw', "comma")]
)
def test_a_bad_name_is_an_error_before_anything_is_written(table, tmp_path, properties, named):
    with pytest.raises(ConfigError, match=named):
        trained(table, tmp_path / "run", properties=properties)
    assert not (tmp_path / "run").exists()


def test_a_property_that_is_always_the_same_is_told_and_the_old_run_stays(table, tmp_path, canonical_smiles):
    trained(table, tmp_path / "run")
    same = tmp_path / "same.csv"
    same.write_text("smiles,same\n" + "".join(f"{one},1\n" for one in canonical_smiles))
    with pytest.raises(ConfigError, match="'same' is 1"):
        trained(same, tmp_path / "run", properties=["same"], overwrite=True)
    assert is_finished(tmp_path / "run") and MolVAE.from_pretrained(tmp_path / "run").config.heads == ASKED


def test_odd_names_come_through(tmp_path, canonical_smiles):
    names = ["IC50, nM", 'a "b"', "β😀", "x.y"]
    table = pd.DataFrame({"smiles": canonical_smiles, **{name: range(len(canonical_smiles)) for name in names}})
    table.to_csv(tmp_path / "odd.csv", index=False)
    with pytest.raises(Killed):
        trained(tmp_path / "odd.csv", tmp_path / "run", properties=names, reporter=Killer("step 1"))
    vae = resume(tmp_path / "run")
    assert MolVAE.from_pretrained(tmp_path / "run").config.heads == tuple(names) == vae.config.heads
    assert vae.predict(["CCO"]).columns.tolist() == names


def test_held_out_molecules_may_lack_labels(tmp_path, canonical_smiles):
    folder, labels = tmp_path / "run", tmp_path / "few.csv"
    trained(canonical_smiles, tmp_path / "plain", properties=["mw"])
    held = json.loads((tmp_path / "plain" / "splits.json").read_text())["rows"]["valid"]
    rows = [f"{one},{'' if n in held else n}" for n, one in enumerate(canonical_smiles)]
    labels.write_text("smiles,x\n" + "\n".join(rows) + "\n")
    vae = trained(labels, folder, properties=["x"])
    assert math.isnan(vae.card["figures"]["x_r2"]) and math.isfinite(vae.card["figures"]["objective"])


def test_large_numbers_survive_a_model_folder_of_half_precision(tmp_path, canonical_smiles):
    import torch

    table = tmp_path / "large.csv"
    table.write_text("smiles,large\n" + "".join(f"{one},{1e6 + n}\n" for n, one in enumerate(canonical_smiles)))
    vae = trained(table, tmp_path / "run", properties=["large"])
    write_model(tmp_path / "half", StoredModel(vae.model, vae.tokenizer), dtype=torch.float16)
    half = MolVAE.from_pretrained(tmp_path / "half")
    np.testing.assert_allclose(half.predict(["CCO"]), vae.predict(["CCO"]), rtol=1e-6)


def test_models_without_heads_load_as_before_and_unknown_fields_are_refused(tiny_run, tmp_path):
    folder = shutil.copytree(tiny_run, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    old = {key: value for key, value in config["model"].items() if key not in ("properties", "head_hidden")}
    (folder / "config.json").write_text(json.dumps({**config, "model": old}))
    assert MolVAE.from_pretrained(folder).config.heads == ()
    (folder / "config.json").write_text(json.dumps({**config, "model": {**old, "properties": "qed"}}))
    with pytest.raises(ModelError, match=r"does not fit config\.json"):
        MolVAE.from_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({**config, "model": {**old, "heads_of_tomorrow": 3}}))
    with pytest.raises(ModelError, match="there is no setting 'heads_of_tomorrow'"):
        MolVAE.from_pretrained(folder)


def test_a_predicted_property_is_an_objective_and_needs_no_trust(table, tmp_path, canonical_smiles):
    vae = trained(table, tmp_path / "run")
    predicted = vae.predict(canonical_smiles[:9])["pIC50"].to_numpy()
    texts = [*canonical_smiles[:9], "[Xe]", "no molecule"]
    scores = objective_of("predict:pIC50", vae=vae)(texts)
    np.testing.assert_array_equal(scores, [*predicted, math.nan, math.nan])
    np.testing.assert_array_equal(objective_of("minimize:predict:pIC50", vae=vae)(texts), -scores)
    wanted = "window:predict:pIC50:5:6:1"
    quick = {"pool": 8, "generations": 1, "follow_every": 0}
    found = optimize(vae, [wanted, "2*qed"], budget=8, start=canonical_smiles, settings=quick).table
    expected = objective_of(wanted, vae=vae)(found["smiles"].tolist())
    np.testing.assert_allclose(found[wanted], expected, rtol=1e-4)
    assert not runs_code(f"2*{wanted}")
    for name, model in (("predict:pIC50", None), ("predict:logD", vae), ("predict:", vae)):
        with pytest.raises(ConfigError, match=r"does not predict.*--properties"):
            objective_of(name, vae=model)


def test_samples_have_columns_of_the_predictions(table, tmp_path):
    vae = trained(table, tmp_path / "run")
    asked = ["sample", "-n", "4", "--model", tmp_path / "run", "--seed", "1", "--properties"]
    done = molvae(*asked, "--grid", tmp_path / "grid.svg", "-o", tmp_path / "new.csv")
    assert done.exit_code == 0, done.stderr
    new = pd.read_csv(tmp_path / "new.csv")
    assert new.columns.tolist()[-2:] == ["pIC50_predicted", "mw_predicted"] and "qed" in new.columns
    np.testing.assert_allclose(new["pIC50_predicted"], vae.predict(new["smiles"].tolist())["pIC50"], rtol=1e-4)
    assert rows(molvae(*asked).stdout)[0].keys() == set(new.columns)


def test_the_report_shows_how_good_the_predictions_are(table, tmp_path):
    folder = tmp_path / "run"
    vae = trained(table, folder, model={**TINY, "log": "mw"})
    facts = gather(folder)
    start = facts.start
    held = [start.smiles[row] for row in start.parts["valid"]]
    measured, predicted = facts.predicted["log10 mw"]
    assert len(measured) == len(held)
    np.testing.assert_allclose(10**measured, property_table(held)["mw"], rtol=1e-3)
    np.testing.assert_allclose(10**predicted, vae.predict(held)["mw"], rtol=1e-5)
    assert len(facts.predicted["pIC50"][0]) < len(held)  # every third has no label
    text = write_report(folder).read_text()
    assert "<h2>Predictions</h2>" in text and f"{r_squared(measured, predicted):.3f}" in text

"""``molvae train --properties`` and ``molvae predict`` as a user runs them."""

import io

import numpy as np
import pandas as pd
import pytest

from molvae import MolVAE
from tests.cli.shell import assert_error, molvae

FAST = [
    *("--epochs", "2", "--batch-size", "16", "--health-samples", "10", "--pool-size", "40", "--block-size", "10"),
    *("--latent-dim", "4", "--embedding-dim", "4", "--encoder-hidden", "8", "--decoder-hidden", "16"),
    *("--precision", "fp32", "--no-report"),
]


@pytest.fixture(scope="module")
def table(tmp_path_factory, sample_file):
    path = tmp_path_factory.mktemp("predict") / "train.csv"
    path.write_text("\n".join(sample_file.read_text().splitlines()[:61]) + "\n")
    return path


@pytest.fixture(scope="module")
def model(table):
    folder = table.with_name("model")
    result = molvae("train", table, "-o", folder, "--properties", "LOGP,tpsa", *FAST)
    assert result.exit_code == 0, result.output
    return folder


def test_training_prints_the_heads(table, tmp_path):
    result = molvae("train", table, "-o", tmp_path / "run", "--properties", "qed, mw", *FAST)
    assert result.exit_code == 0, result.output
    lines = result.stderr.splitlines()
    assert "heads for qed (column of the file, all molecules), mw (computed by RDKit, all molecules)" in lines
    epochs = [line for line in lines if "qed: R2 " in line and "  mw: R2 " in line]
    assert len(epochs) == 2 and all(line.count("MAE") == 2 for line in epochs)
    assert sum("mean absolute error, in its unit" in line for line in lines) == 1


def test_every_row_comes_out_again_with_its_predictions(model, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text('id;smiles;logP;note\n001;CCO;-0,1;"a; b"\n002;C1CC;2;\n003;c1ccccc1;;x\n004;CCN;0.2;\n')
    result = molvae("predict", path, "--model", model)
    assert result.exit_code == 0, result.output
    out = pd.read_csv(io.StringIO(result.stdout), dtype={"id": str, "logP": str}, keep_default_na=False)
    assert out.columns.tolist() == ["id", "smiles", "logP", "note", "logp_predicted", "tpsa_predicted"]
    assert out["id"].tolist() == ["001", "002", "003", "004"]
    assert (out["logP"].tolist(), out["note"].tolist()) == (["-0,1", "2", "", "0.2"], ["a; b", "", "x", ""])
    assert (out["logp_predicted"] == "").tolist() == [False, True, False, False]
    known = out[out["logp_predicted"] != ""]
    expected = MolVAE.from_pretrained(model).predict(known["smiles"].tolist())
    np.testing.assert_allclose(known["tpsa_predicted"].astype(float), expected["tpsa"], rtol=1e-5)
    assert "1 of 4 rows cannot be encoded and is left empty" in result.stderr
    assert "row 3: C1CC  (not valid SMILES)" in result.stderr
    measured = next(line.split() for line in result.stderr.splitlines() if line.startswith("logp "))
    assert measured[1] == "2" and len(measured) == 5
    assert not any(line.startswith("tpsa ") for line in result.stderr.splitlines())


def test_figures_beside_measured_numbers_are_right(model, table):
    result = molvae("predict", table, "--model", model)
    out = pd.read_csv(io.StringIO(result.stdout))
    name, n, r2, mae, rho = next(line.split() for line in result.stderr.splitlines() if line.startswith("logp "))
    y, p = out["logp"], out["logp_predicted"]
    assert (name, n) == ("logp", "60")
    assert float(r2) == pytest.approx(1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum(), abs=1e-3)
    assert float(mae) == pytest.approx((y - p).abs().mean(), rel=1e-3)
    assert float(rho) == pytest.approx(y.rank().corr(p.rank()), abs=1e-3)


def test_measured_thousands_are_compared_as_such_and_written_as_such(model, tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "in.csv"
    path.write_text('id,smiles,logP\n001,CCO,850\n002,CCC,"1,250"\n003,CCN,"-2,500"\n')
    result = molvae("predict", path, "-o", tmp_path / "out.parquet", "--model", model)
    assert result.exit_code == 0, result.output
    out = pd.read_parquet(tmp_path / "out.parquet")
    assert out["id"].tolist() == ["001", "002", "003"] and out["logP"].tolist() == [850, 1250, -2500]
    mae = float(next(line.split() for line in result.stderr.splitlines() if line.startswith("logp "))[3])
    assert mae == pytest.approx((out["logP"] - out["logp_predicted"]).abs().mean(), rel=1e-3)
    assert "held text" not in result.stderr


def test_parquet_keeps_its_types(model, tmp_path):
    pytest.importorskip("pyarrow")
    table = pd.DataFrame({"smiles": ["CCO", "CCN"], "n": [1, 2], "logp": [0.5, None]})
    table.to_parquet(tmp_path / "in.parquet")
    result = molvae("predict", tmp_path / "in.parquet", "-o", tmp_path / "out.parquet", "--model", model)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    out = pd.read_parquet(tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(out[list(table)], table)
    assert out[["logp_predicted", "tpsa_predicted"]].notna().all(axis=None)


def test_info_shows_the_heads(model, tiny_run):
    lines = molvae("info", model).stdout.splitlines()
    heads = lines[lines.index("heads") + 1 :]
    assert [line.split()[0] for line in heads] == ["logp", "tpsa"]
    assert "R2 " in heads[0] and "MAE " in heads[0] and "trained on 54 labels, mean " in heads[0]
    assert not any("logp_r2" in line for line in lines)
    plain = molvae("info", tiny_run).stdout
    assert "heads" not in plain and "head_hidden" not in plain


def test_errors(model, tiny_run, table, tmp_path):
    assert_error(molvae("predict", table, "--model", tiny_run), "predicts no property: train one that does")
    assert_error(molvae("predict", table, "--model", model, "-o", tmp_path / "x.sdf"), "must be one of .csv")
    taken = tmp_path / "taken.csv"
    taken.write_text("smiles,logp_predicted\nCCO,1\n")
    assert_error(molvae("predict", taken, "--model", model), "has a column 'logp_predicted' already")
    bad = tmp_path / "bad.csv"
    bad.write_text("smiles,x\nC1CC,1\nCC(,2\nCCO[,3\n")
    assert_error(molvae("predict", bad, "--model", model, "-s", "smiles", "-o", tmp_path / "y.csv"), "can be encoded")
    assert not (tmp_path / "y.csv").exists()
    unknown = molvae("train", table, "-o", tmp_path / "run", "--properties", "activity", *FAST)
    assert_error(unknown, "there is no property 'activity': train.csv has columns of numbers 'qed', 'logp', 'sa'")
    constant = molvae("train", table, "-o", tmp_path / "run", "--properties", "charge", *FAST)
    assert_error(constant, "'charge' is 0 for all 54 training molecules")
    assert "go on with" not in constant.stderr

"""Runs of searches on tasks: counted, kept, not run twice; every method keeps the laws of a search."""

import json
import math
import shutil
import sys

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from molvae.benchmarks.baselines import Screening, latent_surrogate
from molvae.benchmarks.leads import LeadSetup, improve_all, leads_of, summary
from molvae.benchmarks.optimization import METHODS, Job, Setup, jobs_of, over_seeds, run_all
from molvae.chem import canonical, quiet_rdkit
from molvae.errors import ConfigError
from molvae.optimization.constraints import constraint_of
from molvae.optimization.objectives import objective_of
from molvae.optimization.protocol import auc_top
from molvae.optimization.run.log import CallLog


@pytest.fixture(scope="module")
def library(sample_file):
    return [line.split(",")[0] for line in sample_file.read_text().splitlines()[1:201]]


@pytest.fixture(scope="module")
def setup(tmp_path_factory, tiny_run, library):
    folder = tmp_path_factory.mktemp("pmo")
    (folder / "library.smi").write_text("\n".join(library) + "\n")
    return Setup(str(tiny_run), folder / "library.smi", folder / "runs", 40)


@pytest.mark.parametrize("method", METHODS)
def test_a_run_is_counted_and_kept(method, setup):
    job = Job(method, "qed", 0)
    [(done, figures)] = run_all([job], setup)
    assert done == job
    calls = CallLog(setup.folder / method / "qed-0.csv", ["qed"]).calls
    smiles, scores = [one.proposal.smiles for one in calls], [one.score for one in calls]
    with quiet_rdkit():
        assert [canonical(one, stereo=False) for one in smiles] == smiles
    assert len(set(smiles)) == len(smiles) <= 40
    assert method in ("cma-es", "reinforcement") or len(smiles) == 40
    assert objective_of("qed")(smiles).tolist() == pytest.approx(scores)
    assert figures["auc_top10"] == pytest.approx(auc_top(scores, budget=40))
    assert ("decoded_valid" in figures) == (METHODS[method] is not None)


def test_a_surrogate_on_latent_points_sees_nothing_else(vae, library):
    surrogate = latent_surrogate(vae)
    surrogate.fit(library[:100], np.linspace(-1, 1, 100))
    rows = [row for row, point in enumerate(vae.encode(library)) if np.isfinite(point).all()]
    assert rows and np.ptp(surrogate.predict([library[row] for row in rows]).mean) > 0
    unreadable = surrogate.predict(["[U]", "C[Pt]C", "[Xe]"])
    assert np.ptp(unreadable.mean) < 1e-9 and np.isfinite(unreadable.mean).all()


def test_only_the_method_that_needs_an_extra_asks_for_it(setup, monkeypatch):
    monkeypatch.setitem(sys.modules, "cma", None)
    with pytest.raises(ConfigError, match=r'cma-es .* pip install "molvae\[cma\]"'):
        jobs_of(["screening", "cma-es"], ["qed"], 1)
    jobs = jobs_of(["latent-only", "screening"], ["qed"], 1)
    assert [job for job, _ in run_all(jobs, setup._replace(folder=setup.folder / "plain", budget=8))] == jobs


def test_what_was_run_is_not_run_again(setup):
    job = Job("screening", "qed", 1)
    [(_, first)] = run_all([job], setup)
    path = setup.folder / "screening" / "qed-1.json"
    path.write_text(json.dumps({**first, "auc_top10": 2.0}))
    assert next(iter(run_all([job], setup)))[1]["auc_top10"] == 2.0
    other = setup.folder / "other.smi"
    other.write_text("\n".join(reversed(setup.library.read_text().split())) + "\n")
    again = next(iter(run_all([job], setup._replace(library=other))))[1]
    assert again["auc_top10"] not in (2.0, first["auc_top10"])
    assert next(iter(run_all([job], setup._replace(budget=20))))[1]["calls"] == 20


def test_the_seed_decides_what_is_screened(setup):
    found = dict(run_all(jobs_of(["screening"], ["qed"], 2), setup))
    assert over_seeds(found)["screening"]["sum"] == over_seeds(found)["screening"]["qed"]
    table = over_seeds(found)["screening"]["qed"]
    values = [one["auc_top10"] for one in found.values()]
    assert values[0] != values[1]
    assert table[0] == pytest.approx(sum(values) / 2)
    assert table[1] == pytest.approx(abs(values[0] - values[1]) / math.sqrt(2))


def test_figures_of_another_model_are_not_taken_for_those_of_this(tmp_path, setup, tiny_run):
    other = tmp_path / "other"
    shutil.copytree(tiny_run, other)
    weights = load_file(other / "model.safetensors")
    with safe_open(other / "model.safetensors", framework="pt") as file:
        metadata = file.metadata()
    save_file({name: value + 0.01 for name, value in weights.items()}, other / "model.safetensors", metadata=metadata)
    job = Job("frozen", "qed", 3)
    figures = [next(iter(run_all([job], setup._replace(model=str(one), budget=25))))[1] for one in (tiny_run, other)]
    assert figures[0]["model"] != figures[1]["model"] and figures[0]["seconds"] != figures[1]["seconds"]


def test_leads_are_those_of_the_rule(library):
    scores = objective_of("plogp_without_rings")(library)
    ranked = [smiles for _, smiles in sorted(zip(scores, library, strict=True))]
    assert leads_of(library, 5) == ranked[:40:8]


def test_leads_are_improved_and_kept_in_sight(tmp_path, tiny_run, library):
    setup = LeadSetup(str(tiny_run), tmp_path, budget=30)
    [found] = improve_all(leads_of(library, 1), setup)
    assert constraint_of(f"similar_to:{found['lead']}:0.4:1").allows([found["best"]]).all()
    gained = objective_of("plogp_without_rings")([found["best"]])[0] - found["start"]
    assert list(found["improvement"]) == ["20"]
    assert 0.0 <= found["improvement"]["20"] <= gained + 1e-9
    assert summary([found])["20"]["improvement"] == found["improvement"]["20"]
    (tmp_path / "000.json").write_text(json.dumps({**found, "best": "C"}))
    assert next(iter(improve_all([found["lead"]], setup)))["best"] == "C"
    assert next(iter(improve_all([found["lead"]], setup._replace(similarity=0.5))))["best"] != "C"


def test_a_library_is_screened_to_its_end(library):
    search = Screening(library, seed=0)
    batches = []
    while batch := search.ask(7):
        batches += [one.smiles for one in batch]
    assert sorted(batches) == sorted({canonical(one, stereo=False) for one in library})


def test_an_improvement_is_told_with_its_standard_error():
    found = [{"improvement": {"20": gain}} for gain in (0.0, 2.0, 7.0)]
    expected = {"improvement": 3.0, "standard_error": pytest.approx((13 / 3) ** 0.5), "improved": pytest.approx(2 / 3)}
    assert summary(found) == {"20": expected}

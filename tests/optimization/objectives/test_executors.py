"""Objectives that are slow or that break run elsewhere: a molecule that fails, hangs or kills costs itself alone."""

import os
import signal
import threading
import time
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import pytest

from molvae.errors import ConfigError, InputError
from molvae.optimization.objectives import UserObjective, objective_of
from molvae.optimization.objectives.executors import ProcessExecutor, executor_of
from molvae.optimization.run import start as starting
from tests.optimization.run.test_start import OPTIONS, _quick, plain  # noqa: F401
from tests.optimization.stand_in import NO_VAE

SMILES = ["C", "CC", "CCO", "CCCC", "CCCCC", "CCCCCC"]
LENGTHS = [1, 2, 3, 4, 5, 6]

SCORE = """
import os, time

def length(smiles):
    print("this is for stderr")
    (one,) = smiles
    time.sleep(0.1 / len(one))  # the last ends first
    return [len(one)]

def fragile(smiles):
    (one,) = smiles
    if one == "CC":
        raise ValueError("no pose")
    if one == "CCO":
        os._exit(3)
    if one == "CCCC":
        time.sleep(600)
    return [len(one)]

def slow(smiles):
    time.sleep(0.4)
    return [len(smiles[0])]
"""


@pytest.fixture(scope="module")
def local():
    with executor_of("2", timeout=2.0) as executor:
        yield executor


@pytest.fixture
def score(tmp_path, monkeypatch):
    (tmp_path / "slow_score.py").write_text(SCORE)
    monkeypatch.chdir(tmp_path)
    return "slow_score.py:"


def test_the_scores_have_the_order_of_the_molecules(local, score, capfd):
    texts = [*SMILES, "no molecule"]
    scores = objective_of(f"minimize:{score}length", executor=local)(texts)
    np.testing.assert_array_equal(scores, [*(-one for one in LENGTHS), np.nan])
    shaped = objective_of("window:command:awk '{print length($0)}':3:9", executor=local)(texts)
    np.testing.assert_array_equal(shaped[2:], [1.0, 1.0, 1.0, 1.0, np.nan])
    assert "for stderr" not in capfd.readouterr().out


def test_a_molecule_that_fails_hangs_or_kills_costs_itself_alone(local, score):
    objective = objective_of(f"{score}fragile", executor=local, timeout=2.0)
    began = time.monotonic()
    np.testing.assert_array_equal(objective(SMILES), [1, np.nan, np.nan, np.nan, 5, 6])
    assert time.monotonic() - began < 60
    reasons = objective.failures
    assert "no pose" in reasons["CC"] and "time limit" in reasons["CCCC"] and set(reasons) == {"CC", "CCO", "CCCC"}
    np.testing.assert_array_equal(objective(SMILES[:1]), [1])


def test_any_executor_will_do_and_a_broken_one_is_said():
    with ThreadPoolExecutor(3) as threads:
        objective = UserObjective(lambda smiles: [len(smiles[0])], executor=threads)
        np.testing.assert_array_equal(objective(SMILES), LENGTHS)
        never = UserObjective(
            lambda smiles: [time.sleep(0.5 * (smiles[0] == "CC")) or 1.0], executor=threads, timeout=0.1
        )
        np.testing.assert_array_equal(never(SMILES[:2]), [1.0, np.nan])
        for bad in (lambda smiles: [1.0, 2.0], lambda smiles: 1 / 0):
            with pytest.raises(InputError, match=r"gave 2 numbers|failed for the first"):
                UserObjective(bad, executor=threads)(SMILES)


def test_a_search_makes_the_same_calls_in_processes_and_goes_on_with_others(score, plain, tmp_path, local):  # noqa: F811
    here = starting.optimize(NO_VAE, f"{score}length", folder=tmp_path / "here", **OPTIONS)
    there = starting.optimize(NO_VAE, f"{score}length", folder=tmp_path / "there", executor=local, **OPTIONS)
    kept = ["smiles", "score", "operator", "parents"]
    assert here.table[kept].equals(there.table[kept])
    more = {**OPTIONS, "budget": 30}
    with executor_of("1") as another:
        there = starting.optimize(
            NO_VAE, f"{score}length", folder=tmp_path / "there", executor=another, resume=True, **more
        )
    here = starting.optimize(NO_VAE, f"{score}length", folder=tmp_path / "here", resume=True, **more)
    assert here.table[kept].equals(there.table[kept]) and len(there.table) == 30


def test_what_is_neither_a_number_nor_a_cluster_is_refused():
    for jobs in ("0", "-1", "many", "dask:", "ray:auto"):
        with pytest.raises(ConfigError, match="number of processes or dask:ADDRESS"), executor_of(jobs):
            pass
    assert issubclass(ProcessExecutor, Executor)


def test_a_dask_cluster_loses_a_worker_and_the_search_nothing(score):
    distributed = pytest.importorskip("distributed")
    with pytest.raises(ConfigError, match="no Dask scheduler"), executor_of("dask:tcp://127.0.0.1:1"):
        pass
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    )
    with cluster, executor_of(f"dask:{cluster.scheduler_address}") as executor:
        objective = objective_of(f"{score}length", executor=executor)
        np.testing.assert_array_equal(objective(SMILES), LENGTHS)
        victim = next(iter(cluster.workers.values())).process.pid
        killer = threading.Timer(0.5, os.kill, (victim, signal.SIGKILL))
        killer.start()
        np.testing.assert_array_equal(objective_of(f"{score}slow", executor=executor)(SMILES), LENGTHS)
        assert killer.finished.is_set()

"""The loop spends its budget and no more, and a search that was killed anywhere ends with the calls of any other."""

import itertools
import math
import signal
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest

from molvae.optimization.objectives import UserObjective, mean_of
from molvae.optimization.run import runner as running
from molvae.optimization.run import start as starting
from molvae.optimization.run.budgeted_objective import Cache, CountedObjective
from molvae.optimization.run.log import CallLog, GrowingTable
from molvae.optimization.run.result import SearchResult
from molvae.optimization.run.runner import Runner
from molvae.storage.files import read_tensors, write_tensors
from tests.optimization.stand_in import MOLECULES, NO_VAE, StandIn

BUDGET = 25


class Killed(BaseException):
    """What SIGKILL would be, if it could be caught."""


def moody(smiles):
    """Raises for some molecules and has no number for others."""
    if any("Cl" in one for one in smiles):
        raise ValueError("no chlorine")
    return [math.nan if "F" in one else 1 / (1 + len(one)) for one in smiles]


def lengths():
    """An objective, and the molecules that it was asked for."""
    asked = []
    return UserObjective(lambda smiles: asked.extend(smiles) or [len(one) for one in smiles], "length"), asked


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch):
    monkeypatch.setattr(running, "time", SimpleNamespace(monotonic=lambda: 0.0))


@pytest.fixture
def quick(monkeypatch):
    """`optimize` with a search that only picks from a list, and without pictures."""
    monkeypatch.setattr(starting, "Optimizer", StandIn)
    monkeypatch.setattr(starting, "model_key", lambda *_: "key")
    monkeypatch.setattr(SearchResult, "save_summary", lambda *_, **__: None)


GOALS = {"one": "qed", "several": ["2*qed", "fsp3"], "moody": UserObjective(moody, "moody")}


def search(goal, folder, **options):
    mean = "pareto" if goal == "several" else "geometric"
    return starting.optimize(NO_VAE, GOALS[goal], folder=folder, mean=mean, **{"budget": BUDGET, **options})


def run(objective, budget, log=None, **options):
    told = []
    log = CallLog(None, CountedObjective.names_of(objective)) if log is None else log
    stand_in = StandIn(**options)
    counted = CountedObjective(objective, budget=budget)
    Runner(stand_in, counted, log, progress=told.append).run()
    return stand_in, counted, log, told


def test_the_budget_is_spent_and_no_more():
    for budget in (1, 6, 7, 8, 50):
        objective, asked = lengths()
        stand_in, counted, log, told = run(objective, budget)
        assert len(asked) == len(set(asked)) == budget == counted.calls == len(stand_in.archive)
        assert [one.proposal.smiles for one in log.calls] == asked
        assert [one.calls for one in told] == [min(budget, 7 * (n + 1)) for n in range(-(-budget // 7))]
        scores = [one.score for one in told]
        assert scores == sorted(scores) and scores[-1] == max(map(len, asked)) == len(told[-1].best)
        assert told[-1].top10 == pytest.approx(np.mean(sorted(map(len, asked))[-10:]))


def test_it_ends_where_nothing_new_is_found():
    stand_in, counted, *_ = run(mean_of(["qed"]), 10_000, molecules=MOLECULES[:20])
    assert len(stand_in.archive) == 20 and counted.left == 9_980


def test_what_fails_for_some_loses_nothing_of_the_others():
    _, _, log, told = run(GOALS["moody"], len(MOLECULES))
    for call in log.calls:
        smiles = call.proposal.smiles
        expected = math.nan if "Cl" in smiles or "F" in smiles else 1 / (1 + len(smiles))
        np.testing.assert_equal(call.score, expected)
    assert told[-1].without == sum(call.score != call.score for call in log.calls) > 0


def test_the_log_is_read_as_it_was_written(tmp_path):
    goal = mean_of(["qed", "fsp3"], mean="arithmetic")
    names = CountedObjective.names_of(goal)
    *_, log, _ = run(goal, 30, CallLog(tmp_path / "calls.csv", names))
    again = CallLog(tmp_path / "calls.csv", names)
    np.testing.assert_equal(again.calls, log.calls)
    assert again.table().columns.tolist() == [
        *("call", "smiles", "score", "qed", "fsp3"),
        *("operator", "parents", "mean", "std", "seconds"),
    ]
    again.keep(4)
    assert CallLog(tmp_path / "calls.csv", names).calls == log.calls[:4]


def written(folder):
    return (folder / "calls.csv").read_bytes()


def test_the_same_seed_is_the_same_search_and_another_is_another(quick, tmp_path):
    search("one", tmp_path / "a", seed=3)
    search("one", tmp_path / "b", seed=3)
    search("one", tmp_path / "c", seed=4)
    assert written(tmp_path / "a") == written(tmp_path / "b") != written(tmp_path / "c")


class Killer:
    """Counts the writes of a run, and kills it at one of them: before it, in the middle of it or after it."""

    def __init__(self, monkeypatch):
        self.at, self.how, self.writes = -1, "", 0
        append, save = GrowingTable.append, write_tensors

        def torn_append(table, rows):
            rows = list(rows)
            self.write(lambda: append(table, rows), lambda: tear(table.path, lambda: append(table, rows)))

        def torn_save(path, *what):
            leftover = path.with_name(f".{path.name}.x.safetensors")
            self.write(lambda: save(path, *what), lambda: leftover.write_bytes(b"half"))

        monkeypatch.setattr(GrowingTable, "append", torn_append)
        monkeypatch.setattr(running, "write_tensors", torn_save)

    def set(self, at, how=""):
        self.at, self.how, self.writes = at, how, 0

    def write(self, whole, half):
        self.writes += 1
        if self.writes - 1 != self.at:
            whole()
            return
        {"before": lambda: None, "in": half, "after": whole}[self.how]()
        raise Killed


def tear(path, append):
    before = len(path.read_bytes())
    append()
    after = path.read_bytes()
    path.write_bytes(after[: (before + len(after)) // 2])


@pytest.mark.parametrize("every", [0.0, 1e9], ids=["saved often", "never saved"])
@pytest.mark.parametrize("goal", GOALS)
def test_killed_anywhere_it_ends_as_if_it_had_not_been(quick, tmp_path, monkeypatch, goal, every):
    """Killed three times at each of its writes, then left alone."""
    whole = tmp_path / "whole"
    search(goal, whole, checkpoint_seconds=every)
    killer = Killer(monkeypatch)
    for number in itertools.count():
        folder, kills = tmp_path / f"killed-{number}", 0
        for how in ("before", "in", "after"):
            killer.set(number, how)
            with suppress(Killed):
                search(goal, folder, checkpoint_seconds=every, resume=folder.exists())
                continue
            kills += 1
        killer.set(-1)
        search(goal, folder, checkpoint_seconds=every, resume=folder.exists())
        assert written(folder) == written(whole), f"killed at write {number}"
        assert (folder / "cache.csv").read_bytes() == (whole / "cache.csv").read_bytes()
        if not kills:
            break
    assert number >= 8


def test_resumed_it_asks_for_nothing_that_it_knows(quick, tmp_path):
    before = []

    def stops(smiles):
        before.extend(smiles)
        if len(before) > 20:
            raise KeyboardInterrupt
        return [len(one) for one in smiles]

    options = {"folder": tmp_path / "run", "budget": BUDGET}
    with pytest.raises(KeyboardInterrupt):
        starting.optimize(NO_VAE, UserObjective(stops, "length"), **options)
    objective, asked = lengths()
    starting.optimize(NO_VAE, objective, resume=True, **options)
    assert not set(asked) & set(before[:14]) and len(asked) + 14 == BUDGET


def test_an_interrupted_search_ends_its_batch_and_goes_on(quick, tmp_path):
    search("one", tmp_path / "whole")

    def interrupt(now):
        if now.calls == 14:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        search("one", tmp_path / "run", progress=interrupt)
    assert len(CallLog(tmp_path / "run" / "calls.csv", ["qed"]).calls) == 14
    assert (tmp_path / "run" / "state.safetensors").exists()
    asked = search("one", tmp_path / "run", resume=True)
    assert len(asked.table) == BUDGET and written(tmp_path / "run") == written(tmp_path / "whole")


def test_a_state_that_is_ahead_of_its_log_damaged_or_of_another_version_begins_anew(quick, tmp_path):
    search("one", tmp_path / "whole")
    folder = tmp_path / "run"
    search("one", folder)
    log, state, cache = (folder / name for name in ("calls.csv", "state.safetensors", "cache.csv"))
    tensors, metadata = read_tensors(state)
    earlier = {"format": "molvae-search/1", "calls": metadata["calls"], "search": {}}
    wrong = [{"calls": None}, {"calls": [7]}, {"calls": 10**40}, {"calls": True}, {"search": None}, {"search": []}]
    for damage in (
        lambda: log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:10])),
        lambda: state.write_bytes(b"not a tensor"),
        lambda: (cache.unlink(), state.unlink()),
        *(lambda one=one: write_tensors(state, tensors, one) for one in (earlier, *({**metadata, **w} for w in wrong))),
    ):
        damage()
        search("one", folder, resume=True)
        assert written(folder) == written(tmp_path / "whole")


def test_a_cache_serves_another_search_whose_calls_count_all_the_same(quick, tmp_path):
    first = search("one", tmp_path / "first", cache=tmp_path / "shared.csv")
    size = len(Cache(tmp_path / "shared.csv", ["qed"]))
    second = search("one", tmp_path / "second", cache=tmp_path / "shared.csv")
    assert len(second.table) == len(first.table) == size == BUDGET
    assert len(Cache(tmp_path / "shared.csv", ["qed"])) == size
    assert not (tmp_path / "first" / "cache.csv").exists()

"""The objective is called as often as the budget says, never twice for a molecule; what it said is never lost."""

import numpy as np
import pytest

from molvae.errors import InputError
from molvae.optimization.objectives import UserObjective, mean_of, objective_of
from molvae.optimization.objectives.composing import Mean, Shaped
from molvae.optimization.run.budgeted_objective import Cache, CountedObjective
from molvae.optimization.run.log import GrowingTable
from tests.optimization.stand_in import MOLECULES

NAN = float("nan")


def recorded():
    """An objective, and the molecules that it was asked for."""
    asked = []

    def length(smiles):
        asked.extend(smiles)
        return [len(one) for one in smiles]

    return UserObjective(length, "length"), asked


def test_a_growing_table_keeps_all_that_was_written(tmp_path):
    path = tmp_path / "rows.csv"
    table = GrowingTable(path, ["smiles", "a, b"])
    table.append([["CCO", "1"], ["C", ""]])
    table.append([["N", 'say "2"']])
    assert GrowingTable(path, ["smiles", "a, b"]).rows == [["CCO", "1"], ["C", ""], ["N", 'say "2"']]
    table.replace([["O", "3"]])
    table.append([["F", "4"]])
    assert GrowingTable(path, ["smiles", "a, b"]).rows == [["O", "3"], ["F", "4"]]


def test_a_torn_table_is_whole_again_wherever_it_was_torn(tmp_path):
    path = tmp_path / "rows.csv"
    GrowingTable(path, ["x", "y"]).append([["1", "2"], ["3", "4"]])
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        rows = GrowingTable(path, ["x", "y"]).rows
        assert rows == [["1", "2"], ["3", "4"]][: max(0, whole[:length].count(b"\n") - 1)]
        GrowingTable(path, ["x", "y"]).append([["5", "6"]])
        assert GrowingTable(path, ["x", "y"]).rows == [*rows, ["5", "6"]]


def test_a_table_that_will_not_do_is_told(tmp_path):
    path = tmp_path / "rows.csv"
    GrowingTable(path, ["x", "y"]).append([["1", "2"]])
    with pytest.raises(InputError, match="has the columns x, y, not x, z"):
        GrowingTable(path, ["x", "z"])
    for damaged in ("3", "3,4," + "x" * 200_000, '"' + "x" * 200_000):
        path.write_text(f"x,y\n1,2\n{damaged}\n")
        with pytest.raises(InputError, match="damaged in line 3") as caught:
            GrowingTable(path, ["x", "y"])
        assert len(str(caught.value)) < 1_500
    with pytest.raises(InputError, match="it is a folder"):
        GrowingTable(tmp_path, ["x"])
    with pytest.raises(InputError, match="cannot be written"):
        GrowingTable(tmp_path / "no" / "folder.csv", ["x"])


def test_the_budget_counts_distinct_molecules():
    objective, asked = recorded()
    counted = CountedObjective(objective, budget=5, done=MOLECULES[:1])
    assert (counted.calls, counted.left) == (1, 4)
    answers = counted(MOLECULES[1:4])
    assert answers.scores.tolist() == [len(one) for one in MOLECULES[1:4]] and answers.parts.shape == (3, 1)
    assert (counted.calls, counted.left, asked) == (4, 1, MOLECULES[1:4])


def test_a_search_that_cheats_is_stopped():
    objective, asked = recorded()
    counted = CountedObjective(objective, budget=4, done=[MOLECULES[5]])
    beyond, twice, before = MOLECULES[:4], [MOLECULES[0]] * 2, [MOLECULES[5]]
    for batch in (beyond, twice, before, ["OCC"], ["C1CC"], [""]):
        with pytest.raises(AssertionError):
            counted(batch)
    assert not asked and counted.calls == 1


def test_what_is_known_is_not_asked_but_counts(tmp_path):
    objective, asked = recorded()
    path = tmp_path / "cache.csv"
    first = CountedObjective(objective, budget=10, cache=Cache(path, ["length"]))(MOLECULES[:6])
    again = CountedObjective(objective, budget=10, cache=Cache(path, ["length"]))
    second = again(MOLECULES[2:8])
    assert asked == MOLECULES[:8] and again.asked == 2 and again.calls == 6
    assert second.scores[:4].tolist() == first.scores[2:].tolist()


def test_single_answers_are_kept_so_that_another_mean_needs_no_call(tmp_path):
    path, names = tmp_path / "cache.csv", ["qed", "fsp3"]
    whole = mean_of(["qed", "fsp3"], mean="arithmetic")
    first = CountedObjective(whole, budget=3, cache=Cache(path, names))(MOLECULES[:3])
    np.testing.assert_array_equal(first.scores, first.parts.mean(axis=1))
    other = mean_of(["3*qed", "fsp3"], mean="arithmetic")
    counted = CountedObjective(other, budget=3, cache=Cache(path, names))
    np.testing.assert_allclose(counted(MOLECULES[:3]).scores, other(MOLECULES[:3]))
    assert counted.asked == 0
    with pytest.raises(InputError, match="another search"):
        Cache(path, ["qed"])


def test_a_molecule_that_fails_loses_nothing_of_the_others(tmp_path):
    def moody(smiles):
        if any("Cl" in one for one in smiles):
            raise ValueError("no chlorine")
        return [NAN if "F" in one else len(one) for one in smiles]

    some = ["CCO", "CCCl", "CCF", "CCN"]
    counted = CountedObjective(UserObjective(moody, "moody"), budget=9, cache=Cache(tmp_path / "c.csv", ["moody"]))
    np.testing.assert_equal(counted(some).scores, [3, NAN, NAN, 3])
    known = Cache(tmp_path / "c.csv", ["moody"])
    np.testing.assert_equal([known[one][0] for one in some], [3, NAN, NAN, 3])


def test_if_one_of_several_objectives_fails_the_numbers_of_the_others_are_kept(tmp_path):
    path, some = tmp_path / "cache.csv", MOLECULES[:4]
    length, asked = recorded()

    def broken(smiles):
        raise ValueError("no licence")

    def goal(second):
        return Mean([length, UserObjective(second, "dock")], mean="arithmetic")

    for _ in range(2):
        cache = Cache(path, ["length", "dock"])
        with pytest.raises(InputError, match="no licence"):
            CountedObjective(goal(broken), budget=9, cache=cache)(some)
        assert not any(one in cache for one in some) and asked == some
    assert path.read_text().splitlines()[1:] == [f"{one},{len(one)}.0,+nan" for one in some]
    docked = []
    cache = Cache(path, ["length", "dock"])
    repaired = CountedObjective(
        goal(lambda smiles: docked.extend(smiles) or [1.0] * len(smiles)), budget=9, cache=cache
    )
    assert repaired([*some, "CCCl"]).parts.tolist() == [[len(one), 1.0] for one in (*some, "CCCl")]
    assert asked == docked == [*some, "CCCl"]
    assert all(one in Cache(path, ["length", "dock"]) for one in docked)


def test_a_function_that_has_worked_before_a_resume_may_fail_as_often_as_it_likes():
    def always_fails(smiles):
        raise ValueError("no pose")

    for wrap in (
        lambda own: own,
        lambda own: Shaped("half", own, lambda scores: scores / 2),
        lambda own: Mean([objective_of("qed"), own], mean="arithmetic"),
    ):
        goal = wrap(UserObjective(always_fails, "dock"))
        names = CountedObjective.names_of(goal)
        known = Cache(None, names)
        known.add(["CCO"], [[np.nan] * len(names)])
        with pytest.raises(InputError, match="failed for the first 3"):
            CountedObjective(goal, budget=9, cache=known, done=["CCO"])(["CCN", "CCC", "CCF"])
        known.add(["CCCl"], [[0.5] * len(names)])
        answers = CountedObjective(goal, budget=9, cache=known, done=["CCO", "CCCl"])(["CCN", "CCC", "CCF"])
        assert np.isnan(answers.scores).all()


def test_a_file_that_is_no_table_of_a_search_is_left_as_it_is(tmp_path):
    path = tmp_path / "cache.csv"
    path.write_text('{"precious": 1}')
    with pytest.raises(InputError, match="another search"):
        Cache(path, ["qed"])
    assert path.read_text() == '{"precious": 1}'
    path.write_text("smiles,qed\nCCO,much\n")
    with pytest.raises(InputError, match="damaged in line 2"):
        Cache(path, ["qed"])
    for beginning in ("", "smi", "smiles,qed"):  # what a process that was killed has left of the header
        path.write_text(beginning)
        assert not len(Cache(path, ["qed"])) and path.read_text() == "smiles,qed\n"


def test_what_is_infinite_is_no_score(tmp_path):
    path = tmp_path / "cache.csv"
    path.write_text(f"smiles,length\n{MOLECULES[0]},inf\n{MOLECULES[1]},-inf\n{MOLECULES[2]},2\n")
    objective, asked = recorded()
    answers = CountedObjective(objective, budget=9, cache=Cache(path, ["length"]))(MOLECULES[:3])
    assert np.array_equal(answers.scores, [NAN, NAN, 2.0], equal_nan=True) and not asked
    endless = Shaped("endless", objective_of("mw"), lambda weights: weights / 0.0)
    with np.errstate(divide="ignore"):
        assert np.isnan(CountedObjective(endless, budget=1)(["C"]).scores).all()
    huge = mean_of([UserObjective(lambda smiles: [1e300] * len(smiles), name) for name in "ab"], mean="arithmetic")
    huge.combined = lambda smiles, parts: np.full(len(smiles), np.inf)
    answers = CountedObjective(huge, budget=9)(MOLECULES[:2])
    assert np.isnan(answers.scores).all() and (answers.parts == 1e300).all()

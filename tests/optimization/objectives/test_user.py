"""Whatever a user's function or command does to one molecule, the others keep their scores."""

import math
import os
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from rdkit import Chem

from molvae.errors import ConfigError, InputError
from molvae.optimization.objectives import UserObjective, objective_of
from molvae.optimization.objectives.programs import Command

SMILES = ["CCO", "C", "c1ccccc1", "CCN"]
LENGTHS = [3.0, 1.0, 8.0, 3.0]


def lengths(smiles):
    return [len(one) for one in smiles]


FORMS = [
    list,
    tuple,
    np.array,
    pd.Series,
    torch.tensor,
    lambda values: np.array(values, dtype=float)[:, None],
    lambda values: pd.DataFrame({"score": values}),
    lambda values: torch.tensor(values, dtype=torch.float32, requires_grad=True),
    lambda values: [str(value) for value in values],
    lambda values: [np.float32(value) for value in values],
]


def test_any_column_of_numbers_will_do():
    for form in FORMS:
        assert UserObjective(lambda smiles, form=form: form(lengths(smiles)))(SMILES).tolist() == LENGTHS
    squeezed = UserObjective(lambda smiles: np.array(lengths(smiles), dtype=float).squeeze())
    assert squeezed(["CCO"]).tolist() == [3.0]  # an array of one without its axis


def test_the_function_sees_molecules_only_and_no_empty_batch():
    seen = []
    scores = UserObjective(lambda smiles: seen.append(smiles) or lengths(smiles))
    result = scores(["C1CC", "CCO", "", None, "C"])
    assert np.array_equal(result, [np.nan, 3, np.nan, np.nan, 1], equal_nan=True)
    assert scores(["C1CC", ""]).shape == (2,) and scores([]).shape == (0,)
    assert seen == [["CCO", "C"]] and not scores.failures


def test_a_function_that_always_fails_is_an_error_after_three_molecules():
    calls = []

    def broken(smiles):
        calls.append(smiles)
        raise KeyError("weights")

    with pytest.raises(InputError, match=r"broken failed for the first 3 molecules; of the first, CCO: KeyError"):
        UserObjective(broken)(SMILES)
    assert len(calls) == 4  # all together, then three alone
    one = UserObjective(broken)
    assert np.isnan(one(["CCO"])).all() and np.isnan(one(["C"])).all()
    with pytest.raises(InputError):
        one(["CC"])


def test_a_function_that_has_worked_may_fail_as_often_as_it_likes():
    answers = iter([lengths])

    def tired(smiles):
        return next(answers)(smiles)

    scores = UserObjective(tired)
    assert scores(SMILES).tolist() == LENGTHS
    assert np.isnan(scores(SMILES)).all()
    assert len(scores.failures) == 4


def test_another_number_of_scores_is_one_clear_error():
    for result in ([1.0, 2.0], 3.0, None, {"CCO": 1.0}, "1234", [1.0] * 5, iter([1, 2, 3, 4])):
        with pytest.raises(InputError, match=r"mine gave .* for 4 molecules"):
            UserObjective(lambda smiles, result=result: result, "mine")(SMILES)
    with pytest.raises(InputError, match="mine gave float for 1 molecule"):
        UserObjective(lambda smiles: 3.0, "mine")(["CCO"])


def test_what_is_no_number_is_named():
    for given, reasons in (
        ([None, math.nan, 2.5, math.inf], {"CCO": "gave None", "C": "gave nan", "CCN": "gave inf"}),
        ([2.5, "many", [1, 2], 2.5], {"C": "gave 'many'", "c1ccccc1": "gave [1, 2]"}),
    ):
        scores = UserObjective(lambda smiles, given=given: given)
        expected = [np.nan if one in reasons else 2.5 for one in SMILES]
        assert np.array_equal(scores(SMILES), expected, equal_nan=True) and scores.failures == reasons
    huge = UserObjective(lambda smiles: [1.7e308, -1.7e308, 1e300, -1e300])  # their sums are infinite
    assert np.array_equal(huge(SMILES), [np.nan, np.nan, 1e300, -1e300], equal_nan=True)
    assert huge.failures == {"CCO": "gave 1.7e+308", "C": "gave -1.7e+308"}


@pytest.fixture
def own_code(tmp_path, monkeypatch):
    """A folder with a module of the user's, which is the current one."""
    (tmp_path / "own_scores.py").write_text(
        "class Model:\n    def predict(self, smiles):\n        return [len(one) for one in smiles]\n\n"
        "model = Model()\nlengths = model.predict\nconstant = 3\n"
    )
    (tmp_path / "own_broken.py").write_text("import no_such_library_at_all\n")
    (tmp_path / "own_worse.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in [one for one in sys.modules if one.startswith("own_")]:
        del sys.modules[name]


def test_a_function_by_name(own_code):
    for entry in ("own_scores:lengths", "own_scores:model.predict", "own_scores.py:lengths"):
        scores = objective_of(entry)
        assert scores(SMILES).tolist() == LENGTHS and scores.name == entry


def test_a_name_that_leads_nowhere(own_code):
    for entry, words in {
        "own_nothing:f": "no module own_nothing",
        "own_nothing.py:f": r"no file own_nothing\.py",
        "own_scores:missing": "own_scores has no missing",
        "own_scores:constant": "constant is not a function",
        "own_broken:f": "own_broken cannot be imported: .*no_such_library_at_all",
        "own_worse:f": "own_worse cannot be imported: ZeroDivisionError",
        "own_scores:": "module:function",
    }.items():
        with pytest.raises(ConfigError, match=words):
            objective_of(entry)


def test_a_command():
    scores = objective_of("command:awk '{print length($0)}'")
    assert scores(SMILES).tolist() == LENGTHS
    scores = objective_of("command:sed -e 's/^C$/nan/' -e 's/^CCO$//' -e 's/^[Cc].*/7/'")
    assert np.array_equal(scores(SMILES), [np.nan, np.nan, 7, 7], equal_nan=True)
    assert scores.failures == {"C": "gave nan", "CCO": "gave None"}


def test_a_command_that_does_not_work():
    for command, words in {
        "echo no licence >&2; exit 3": "exit code 3.*no licence",
        "head -n 2 > /dev/null; echo 1.5; echo 2": "2 lines for 1 molecule",
        "true": "0 lines for 1 molecule",
        "no-such-command-at-all": "exit code 127",
        "sed s/.*/good/": "gave 'good'",
    }.items():
        with pytest.raises(InputError, match=f"failed for the first 3 molecules; of the first, CCO: .*{words}"):
            objective_of(f"command:{command}")(SMILES)


def test_a_command_runs_where_it_was_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "score.sh").write_text("awk '{print length($0)}'")
    scores = objective_of("command:sh ./score.sh")
    monkeypatch.chdir("/")
    assert scores(SMILES).tolist() == LENGTHS


def test_a_command_that_fails_for_one_molecule():
    scores = objective_of("command:awk '/^c/ {exit 2} {print length($0)}'")
    assert np.array_equal(scores(SMILES), [3, 1, np.nan, 3], equal_nan=True)
    assert scores.failures == {"c1ccccc1": "the command ended with exit code 2"}


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path):
    script = f"sh -c 'echo $$ > {tmp_path}/pid; sleep 60; echo 1'"
    with pytest.raises(InputError, match=r"took more than 0.5 seconds"):
        Command(script, timeout=0.5)(["C"])
    child = int((tmp_path / "pid").read_text())
    for _ in range(50):
        if not os.path.exists(f"/proc/{child}"):
            break
        time.sleep(0.1)
    else:
        pytest.fail("the child lives")


def test_a_timeout_without_sense():
    for timeout in (0, -1, math.nan):
        with pytest.raises(ConfigError):
            Command("cat", timeout=timeout)


def test_a_file_may_hold_what_is_looked_up_by_the_name_of_its_module(own_code, tmp_path):
    (tmp_path / "own_pool.py").write_text(
        "from __future__ import annotations\nimport pickle\nfrom dataclasses import dataclass\n\n"
        "@dataclass\nclass Length:\n    of: str\n\n"
        "def score(smiles):\n"
        "    there = pickle.loads(pickle.dumps([Length(one) for one in smiles]))\n"
        "    return [len(one.of) + pickle.loads(pickle.dumps(nil))() for one in there]\n\n"
        "def nil():\n    return 0\n"
    )
    first = objective_of("own_pool.py:score")
    for one in (first, objective_of("own_pool.py:score"), first):
        assert one(SMILES).tolist() == LENGTHS


def test_a_file_stands_in_for_no_other_module(own_code, tmp_path):
    import json

    (tmp_path / "json.py").write_text("def score(smiles):\n    return [len(one) for one in smiles]\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "json.py").write_text("def score(smiles):\n    return [0 for one in smiles]\n")
    assert objective_of("json.py:score")(SMILES).tolist() == LENGTHS
    assert objective_of("other/json.py:score")(SMILES).tolist() == [0] * 4
    assert sys.modules["json"] is json


def test_a_file_that_was_changed_is_read_again(own_code, tmp_path):
    for value in (1, 22):
        (tmp_path / "own_changing.py").write_text(f"def score(smiles):\n    return [{value}] * len(smiles)\n")
        assert objective_of("own_changing.py:score")(SMILES).tolist() == [value] * 4
    (tmp_path / "own_changing.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(ConfigError, match=r"own_changing\.py cannot be imported: SystemExit: 3"):
        objective_of("own_changing.py:score")


def test_a_function_of_one_molecule_gets_a_hint():
    with pytest.raises(InputError, match="it is given a list of SMILES"):
        UserObjective(lambda smiles: Chem.MolFromSmiles(smiles).GetNumAtoms())(SMILES)


class Odd:
    """A value and an exception that nothing can be done with."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __float__ = __str__


class OddError(BaseException):
    __str__ = Odd.__str__


def throw(error):
    raise error


UNUSABLE = [
    (lambda: [Odd()], "gave an object of Odd that cannot be printed (RuntimeError)"),
    (lambda: throw(OddError), "OddError: an object of OddError that cannot be printed (RuntimeError)"),
    (lambda: throw(GeneratorExit), "GeneratorExit"),
    (lambda: throw(ValueError("methane  is\ntoo small")), "ValueError: methane is too small"),
    (lambda: ["x" * 10**6], "gave '" + "x" * 299),
    (lambda: sys.exit(3), "SystemExit: 3"),
    *((bad, None) for bad in (list, lambda: [1.0, 2.0], lambda: iter(()))),
]


def test_whatever_one_molecule_of_a_failed_batch_does_the_others_keep_theirs():
    for bad, reason in UNUSABLE:

        def odd(smiles, bad=bad):
            if len(smiles) > 1:
                raise ValueError("one at a time")
            return bad() if smiles == ["C"] else lengths(smiles)

        scores = UserObjective(odd)
        assert np.array_equal(scores(SMILES), [3, np.nan, 8, 3], equal_nan=True)
        assert list(scores.failures) == ["C"] and (reason or "") in scores.failures["C"]


def test_a_daemon_that_a_command_starts_is_not_waited_for():
    began = time.monotonic()
    assert Command("setsid sleep 60 & echo 1")(["C"]) == ["1"]
    with pytest.raises(InputError, match=r"took more than 0.3 seconds"):
        Command("setsid sleep 60 & sleep 60", timeout=0.3)(["C"])
    assert time.monotonic() - began < 30

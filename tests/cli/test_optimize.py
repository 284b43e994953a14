"""``molvae optimize`` as a shell sees it."""

import csv
import io
import signal
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from molvae.cli import app
from molvae.optimization.session import measured, start
from molvae.optimization.session.request import read_request
from tests.optimization.stand_in import MOLECULES, StandIn

QUICK = ["--model", "somewhere", "--budget", "20"]


def molvae(*arguments):
    return CliRunner().invoke(app, ["optimize", *(str(one) for one in arguments)])


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Every search picks from a list, every model is nothing, and pictures are empty."""
    vae = SimpleNamespace(model=SimpleNamespace(state_dict=dict), tokenizer=SimpleNamespace(to_json=str))
    for place in ("searching", "suggesting"):
        monkeypatch.setattr(f"molvae.cli.{place}.load_model", lambda *_: vae)
    for module in (start, measured):
        monkeypatch.setattr(module, "Optimizer", StandIn)
    monkeypatch.setattr(start, "model_key", lambda *_: "key")
    monkeypatch.setattr("molvae.optimization.session.result.families", lambda *_: "")
    monkeypatch.setattr("molvae.plots.style.save_figure", lambda figure, path: path.touch())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_prints_the_best_and_fills_the_folder(quick):
    done = molvae("qed", *QUICK, "-o", "run", "--top", 3)
    assert done.exit_code == 0, done.stderr
    best = rows(done.stdout)
    scores = [float(row["score"]) for row in best]
    assert list(best[0]) == ["smiles", "score"] and len(best) == 3 and scores == sorted(scores, reverse=True)
    assert len(rows((quick / "run" / "calls.csv").read_text())) == 20
    assert len(rows((quick / "run" / "best.csv").read_text())) == 3
    assert "20 of 20 calls" in done.stderr and "done: run" in done.stderr


def test_all_constraints_hold(quick):
    (quick / "lead.smi").write_text("OCCCCO\nOCCCCCO\n")
    rules = ["--keep", "[OX2H]", "--keep", "C", "--forbid", "Cl", "--no-alerts", "PAINS"]
    ranges = ["--window", "mw", "60", "300", "--window", "logp", "-3", "4", "--similar-to", "OCCCCO", "0.1", "1"]
    done = molvae(
        "qed", *QUICK, "--budget", 500, "-o", "run", *rules, *ranges, "--start", "lead.smi", "--window", "charge:-1:1"
    )
    assert done.exit_code == 0, done.stderr
    calls = [row["smiles"] for row in rows((quick / "run" / "calls.csv").read_text())]
    assert calls and all("O" in one and "Cl" not in one for one in calls)
    request = read_request(quick / "run")
    assert request.start == ("OCCCCO", "OCCCCCO")
    assert request.run.constraints == (
        *("keep:[OX2H]", "keep:C", "forbid:Cl", "window:mw:60:300", "window:logp:-3:4", "window:charge:-1:1"),
        *("similar_to:OCCCCO:0.1:1", "no_alerts:PAINS"),
    )
    assert "nothing new is found inside the constraints" in done.stderr


def test_trade_offs_are_a_front(quick):
    done = molvae("qed", "fsp3", "--mean", "pareto", *QUICK, "-o", "run")
    assert done.exit_code == 0 and "hypervolume" in done.stderr
    assert {"front.csv", "front.svg"} <= {path.name for path in (quick / "run").iterdir()}
    assert list(rows((quick / "run" / "calls.csv").read_text())[0])[2:5] == ["score", "qed", "fsp3"]


def test_molecules_that_fail_are_counted_with_the_reason(quick):
    (quick / "mine.py").write_text(
        "def score(smiles):\n"
        "    if any('Cl' in one for one in smiles):\n"
        "        raise ValueError('no chlorine')\n"
        "    return [len(one) for one in smiles]\n"
    )
    done = molvae("mine.py:score", *QUICK, "--budget", 60, "-o", "run")
    assert done.exit_code == 0 and "without a score" in done.stderr and "x ValueError: no chlorine" in done.stderr


def test_interrupted_it_says_how_to_go_on_and_does(quick, monkeypatch):
    molvae("qed", *QUICK, "-o", "whole")
    ask = StandIn.ask

    def interrupting(self, n=None):
        if len(self.archive) == 7:
            signal.raise_signal(signal.SIGINT)
        return ask(self, n)

    monkeypatch.setattr(StandIn, "ask", interrupting)
    done = molvae("qed", *QUICK, "-o", "run")
    assert done.exit_code == 130 and "molvae optimize --resume run" in done.stderr
    assert len(rows((quick / "run" / "calls.csv").read_text())) == 14
    monkeypatch.setattr(StandIn, "ask", ask)
    more = molvae("--resume", "run", "--top", 2)
    assert more.exit_code == 0 and len(rows(more.stdout)) == 2, more.stderr

    def calls(folder):
        return [list(row.values())[:-1] for row in rows((quick / folder / "calls.csv").read_text())]

    assert calls("run") == calls("whole")
    assert len(rows((quick / "run" / "best.csv").read_text())) == 2
    longer = molvae("--resume", "run", "--budget", 25)
    assert longer.exit_code == 0 and len(rows((quick / "run" / "calls.csv").read_text())) == 25


def test_an_objective_that_breaks_loses_nothing(quick):
    (quick / "late.py").write_text(
        "calls = []\n"
        "def score(smiles):\n"
        "    calls.extend(smiles)\n"
        "    return [1.0] * (len(smiles) - (len(calls) > 10))\n"
    )
    done = molvae("late.py:score", *QUICK, "-o", "run")
    assert done.exit_code == 1 and "gave 6 numbers for 7 molecules" in done.stderr
    assert "nothing is lost; go on with: molvae optimize --resume run" in done.stderr
    assert len(rows((quick / "run" / "calls.csv").read_text())) == 7


def test_measured_molecules_give_suggestions(quick):
    lines = [f"{one},{place},{place % 3}" for place, one in enumerate(MOLECULES[:20])]
    (quick / "series.csv").write_text("\n".join(["smiles,pIC50,dose", *lines, ""]))
    done = molvae("--measured", "series.csv", "--column", "pIC50", "-n", 5, "--model", "x", "-o", "out")
    assert done.exit_code == 0, done.stderr
    found = rows(done.stdout)
    assert len(found) == 5 and {"smiles", "predicted", "std", "nearest", "measured"} <= set(found[0])
    assert not {row["smiles"] for row in found} & set(MOLECULES[:20])
    assert {path.name for path in (quick / "out").iterdir()} == set(measured.SUGGESTION_FILES)
    few = molvae("--measured", "series.csv", "--column", "dose", "-n", 500, "--minimize", "--model", "x", "-o", "few")
    assert few.exit_code == 1 and "could be found inside the constraints" in few.stderr
    assert (quick / "few" / "suggestions.csv").exists()
    for column in (["--column", "IC50"], []):
        bad = molvae("--measured", "series.csv", *column, "--model", "x", "-o", "bad")
        assert bad.exit_code == 1 and "series.csv has columns of numbers 'pIC50', 'dose'" in bad.stderr


def test_the_list_names_what_there_is():
    done = molvae("--list")
    assert done.exit_code == 0 and done.stdout.startswith("qed ") and "command:COMMAND" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name what is to be maximized"),
        (["qde"], "did you mean qed"),
        (["qed", "logp"], "logp is not between 0 and 1"),
        (["qed", "qed"], "the objective qed is there twice"),
        (["qed", "--mean", "pareto"], "two or more objectives"),
        (["no.py:score"], "there is no file no.py"),
        (["qed", "--keep", "(("], "'((' is no SMARTS that RDKit can read"),
        (["qed", "--forbid", "C1CC"], "is no SMARTS"),
        (["qed", "--similar-to", "C1CC", "0.4", "0.9"], "the lead 'C1CC' is no molecule"),
        (["qed", "--similar-to", "CCO", "0.9", "0.4"], "from a lower to a higher number"),
        (["qed", "--window", "mw", "500", "250"], "the window over mw must end above its beginning"),
        (["qed", "--window", "weight", "1", "2"], "there is no window over 'weight'"),
        (["qed", "--window", "mw", "low", "high"], "its ends must be numbers, not 'low' and 'high'"),
        (["qed", "--window", "mw", "3"], "--window takes a quantity and two numbers, as in mw 250 500, not mw 3"),
        (["qed", "--no-alerts", "GLAXO"], "there are PAINS, BRENK, and all"),
        (["qed", "--start", "no.csv"], "no.csv"),
        (["qed", "--timeout", "-1"], "timeout"),
        (["command:cat", "--timeout", "-1"], "timeout"),
        (["--resume", "nowhere"], "nowhere holds no search that could be resumed"),
        (["qed", "--resume", "nowhere"], "--resume goes on with the settings of the search"),
        (["--resume", "nowhere", "--keep", "C"], "--resume goes on with the settings of the search"),
        (["qed", "--measured", "series.csv"], "--measured calls no objective"),
        (["--measured", "series.csv", "--budget", "5"], "--measured calls no objective: leave out OBJECTIVE, --budget"),
        (["--measured", "series.csv", "--mean", "geometric"], "--measured calls no objective"),
        (["--measured", "series.csv", "--top", "3"], "--measured calls no objective"),
        (["sa", "--minimize"], "is wanted by minimize:NAME"),
        (["sa", "--maximize"], "--maximize and --n go with --measured"),
        (["qed", "-n", "3"], "and --n go with --measured"),
        (["qed", "--column", "x"], "--column, --minimize, --maximize and --n go with --measured"),
        (["qed", "-s", "x"], "--smiles-column is the column of --start or --measured"),
        (["--measured", "no.csv", "--column", "x"], "no.csv"),
    ],
)
def test_bad_input_ends_in_a_sentence(quick, arguments, message):
    done = molvae(*arguments, *([] if "--resume" in arguments else ["--model", "somewhere"]))
    assert done.exit_code == 1 and done.stdout == "", done.stderr
    assert message in " ".join(done.stderr.split()) and "Traceback" not in done.stderr
    assert not list(quick.glob("molvae-runs/*"))


def test_a_folder_that_is_there_is_not_touched(quick):
    assert molvae("qed", *QUICK, "-o", "run").exit_code == 0
    before = {path.name: path.read_bytes() for path in (quick / "run").iterdir()}
    again = molvae("logp", *QUICK, "-o", "run")
    assert again.exit_code == 1 and "run exists; name another folder, resume it (--resume)" in again.stderr
    assert {path.name: path.read_bytes() for path in (quick / "run").iterdir()} == before

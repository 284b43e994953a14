"""``molvae optimize`` as a shell sees it."""

import csv
import io
import signal
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from molvae.cli import app
from molvae.optimization.run import measured, start
from molvae.optimization.run.folder import read_request
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
    monkeypatch.setattr("molvae.optimization.run.result.families", lambda *_: "")
    monkeypatch.setattr("molvae.visualization.plots.style.save_figure", lambda figure, path: path.touch())
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


def test_what_a_function_and_its_programs_print_is_not_in_the_result(quick, capfd):
    (quick / "loud.py").write_text(
        "import os, subprocess\n"
        "def score(smiles):\n"
        "    subprocess.run(['echo', 'docking'])\n"
        "    os.write(1, b'docked')\n"
        "    return [len(one) for one in smiles]\n"
    )
    with pytest.raises(SystemExit) as ended:
        app(["optimize", "loud.py:score", *QUICK, "-o", "run"])
    captured = capfd.readouterr()
    assert ended.value.code == 0 and "docking" in captured.err and "docked" in captured.err
    assert captured.out.startswith("smiles,score\n") and "dock" not in captured.out


def test_where_nothing_may_be_scored_that_is_the_error(quick):
    done = molvae("qed", *QUICK, "-o", "run")
    before = (quick / "run" / "calls.csv").read_bytes()
    done = molvae("qed", *QUICK, "--keep", "[U]", "-o", "run", "--overwrite")
    assert done.exit_code == 1 and done.stdout == "" and "done" not in done.stderr
    assert "no molecule could be found inside the constraints" in done.stderr and "--start" in done.stderr
    assert (quick / "run" / "calls.csv").read_bytes() == before


def test_suggestions_are_not_replaced_by_none(quick):
    lines = [f"{one},{place}" for place, one in enumerate(MOLECULES[:20])]
    (quick / "series.csv").write_text("\n".join(["smiles,pIC50", *lines, ""]))
    asked = ["--measured", "series.csv", "-n", 5, "--model", "x", "-o", "out", "--overwrite"]
    assert molvae(*asked).exit_code == 0
    before = (quick / "out" / "suggestions.csv").read_bytes()
    none = molvae(*asked, "--keep", "[U]")
    assert none.exit_code == 1 and "only 0 molecules of 5" in none.stderr and none.stdout == ""
    assert (quick / "out" / "suggestions.csv").read_bytes() == before
    assert molvae(*asked, "--keep", "[U]", "-o", "new").exit_code == 1 and not (quick / "new").exists()


def test_a_window_may_be_open(quick):
    done = molvae("qed", *QUICK, "--window", "logp", "-inf", "2", "--window", "mw", "90", "inf", "-o", "run")
    assert done.exit_code == 0, done.stderr
    assert read_request(quick / "run").run.constraints == ("window:logp:-inf:2", "window:mw:90:inf")


@pytest.mark.parametrize(("k", "told"), [(3, True), (6, False)])
def test_a_hypervolume_that_would_take_long_is_not_told(quick, monkeypatch, k, told):
    monkeypatch.setattr("molvae.cli.searching._QUICK", 1_000.0)
    monkeypatch.setattr("molvae.optimization.run.result.SearchResult.front", lambda self: self.table.head(20))
    names = ["qed", "fsp3", "keep:C", "keep:N", "keep:O", "forbid:Cl"][:k]
    done = molvae(*names, "--mean", "pareto", *QUICK, "-o", "run")
    assert done.exit_code == 0 and "front: 20 molecules" in done.stderr, done.stderr
    assert ("hypervolume" in done.stderr) is told


def test_measured_molecules_give_suggestions(quick):
    lines = [f"{one},{place},{place % 3}" for place, one in enumerate(MOLECULES[:20])]
    (quick / "series.csv").write_text("\n".join(["smiles,pIC50,dose", *lines, ""]))
    done = molvae("--measured", "series.csv", "--column", "pIC50", "-n", 5, "--model", "x", "-o", "out")
    assert done.exit_code == 0, done.stderr
    found = rows(done.stdout)
    assert len(found) == 5 and {"smiles", "predicted", "std", "nearest", "nearest_measured"} <= set(found[0])
    assert not {row["smiles"] for row in found} & set(MOLECULES[:20])
    assert {path.name for path in (quick / "out").iterdir()} == set(measured.SUGGESTIONS.files)
    few = molvae("--measured", "series.csv", "--column", "dose", "-n", 500, "--minimize", "--model", "x", "-o", "few")
    assert few.exit_code == 1 and "could be found inside the constraints" in few.stderr
    assert (quick / "few" / "suggestions.csv").exists()
    for column in (["--column", "IC50"], []):
        bad = molvae("--measured", "series.csv", *column, "--model", "x", "-o", "bad")
        assert bad.exit_code == 1 and "series.csv has columns of numbers 'pIC50', 'dose'" in bad.stderr


def test_what_was_not_measured_and_what_cannot_be_predicted_is_told(quick):
    lines = [f"{one};{10 ** (place / 4):.3f};{place}" for place, one in enumerate(MOLECULES[:20])]
    lines += [f"{one};{cell};" for one, cell in zip(MOLECULES[20:24], (">10000", ">10000", "n.d.", ""), strict=True)]
    (quick / "messy.csv").write_text("\n".join(["smiles;IC50 [nM];no", *lines, ""]))
    asked = ["--measured", "messy.csv", "-n", 5, "--model", "x"]
    done = molvae(*asked, "--column", "IC50 [nM]", "--minimize", "-o", "out")
    said = " ".join(done.stderr.split())
    assert done.exit_code == 0, done.stderr
    assert "3 cells of IC50 [nM] with no number, left out: '>10000' (2), 'n.d.' (1)" in said
    assert "goes over 4.8 powers of ten" in said and "five-fold cross-validation: R2" in said
    assert not [row for row in rows(done.stdout) if len(row["std"]) > 12]
    for column, meant in ((["--column", "ic50"], "did you mean 'IC50 [nM]'?"), ([], "which column was measured?")):
        bad = molvae(*asked, *column, "-o", "bad")
        assert bad.exit_code == 1 and meant in " ".join(bad.stderr.split())
        assert "columns of numbers 'IC50 [nM]', 'no'" in " ".join(bad.stderr.split())


def test_logarithms_are_learned_where_they_are_wanted(quick):
    values = [10.0 ** (place / 4) for place in range(20)]
    lines = [f"{one},{value}" for one, value in zip(MOLECULES[:20], values, strict=True)]
    (quick / "nm.csv").write_text("\n".join(["smiles,nM", *lines, f"{MOLECULES[20]},0", ""]))
    done = molvae("--measured", "nm.csv", "--log", "--minimize", "-n", 5, "--model", "x", "-o", "out")
    said = " ".join(done.stderr.split())
    assert done.exit_code == 0 and "powers of ten" not in said, done.stderr
    assert "1 molecule with a value that is not above 0" in said
    table = [(row["nearest"], float(row["nearest_measured"])) for row in rows(done.stdout)]
    assert table == [(one, pytest.approx(MOLECULES.index(one) / 4, abs=1e-5)) for one, _ in table]
    (quick / "below.csv").write_text("\n".join(["smiles,x", *(f"{one},-1" for one in MOLECULES[:9]), ""]))
    bad = molvae("--measured", "below.csv", "--log", "--model", "x", "-o", "bad")
    assert bad.exit_code == 1 and "x has no value above 0" in bad.stderr
    assert "and --log; of an objective" in " ".join(molvae("qed", "--log", "--model", "x").stderr.split())


def test_guesses_are_called_guesses(quick):
    numbers = [7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5, 9, 0, 4, 5, 2, 3, 5, 3, 6]
    lines = [f"{one},{value}" for one, value in zip(MOLECULES[:20], numbers, strict=True)]
    (quick / "noise.csv").write_text("\n".join(["smiles,activity", *lines, ""]))
    done = molvae("--measured", "noise.csv", "-n", 5, "--model", "x", "-o", "out")
    assert done.exit_code == 0 and "activity is hardly predicted from these molecules" in " ".join(done.stderr.split())


def test_who_goes_on_gets_as_many_of_the_best_as_before(quick):
    molvae("qed", *QUICK, "-o", "run", "--top", 3)
    for options, wanted in ((["--budget", 24], 3), (["--top", 5], 5), (["--budget", 28], 5)):
        more = molvae("--resume", "run", *options)
        assert more.exit_code == 0 and len(rows(more.stdout)) == wanted, more.stderr
        assert len(rows((quick / "run" / "best.csv").read_text())) == wanted


@pytest.mark.parametrize("options", [["--top", 3], ["--per-scaffold", 1], []])
def test_the_ten_best_are_ten_however_many_are_printed(quick, options):
    done = molvae("qed", *QUICK, "-o", "run", *options)
    scores = sorted((float(row["score"]) for row in rows((quick / "run" / "calls.csv").read_text())), reverse=True)
    assert f"best of 20 calls: {scores[0]:.4g}; ten best: {sum(scores[:10]) / 10:.4g}" in done.stderr


def test_molecules_to_begin_with_that_will_not_be_scored_are_counted(quick):
    (quick / "lead.smi").write_text("OCCCCO\nOCCCCCO\nCCCl\n")
    done = molvae("qed", *QUICK, "-o", "run", "--start", "lead.smi", "--keep", "[OX2H]", "--window", "mw", 0, 100)
    said = " ".join(done.stderr.split())
    assert done.exit_code == 0 and "and so never scored: 2 of the 3 molecules to begin with" in said
    assert not {"OCCCCCO", "CCCl"} & {row["smiles"] for row in rows((quick / "run" / "calls.csv").read_text())}
    fine = molvae("qed", *QUICK, "-o", "fine", "--start", "lead.smi")
    assert fine.exit_code == 0 and "to begin with" not in fine.stderr


def test_a_front_is_printed_with_its_objectives(quick):
    done = molvae("qed", "fsp3", "--mean", "pareto", *QUICK, "--top", 3, "-o", "run")
    found = rows(done.stdout)
    assert list(found[0]) == ["smiles", "qed", "fsp3"]
    front = rows((quick / "run" / "front.csv").read_text())
    ends = {front[0]["smiles"], front[-1]["smiles"]}
    assert len(found) == min(3, len(front)) and ends <= {one["smiles"] for one in found}
    assert [float(one["qed"]) for one in found] == sorted((float(one["qed"]) for one in found), reverse=True)
    below = molvae("qed", "minimize:sa", "--mean", "pareto", *QUICK, "-o", "below")
    assert below.exit_code == 0 and "hypervolume" not in below.stderr


def test_a_mean_that_no_molecule_has_is_not_called_to_the_end(quick):
    (quick / "docking.py").write_text("def score(smiles):\n    return [-len(one) for one in smiles]\n")
    done = molvae("docking.py:score", "qed", *QUICK, "-o", "run")
    assert done.exit_code == 1 and "which has no geometric mean" in done.stderr
    assert len(rows((quick / "run" / "cache.csv").read_text())) == 7
    shaped = molvae("ramp:docking.py:score:-40:0", "qed", *QUICK, "--cache", "run/cache.csv", "-o", "shaped")
    assert shaped.exit_code == 1  # a cache of other objectives
    fine = molvae("ramp:docking.py:score:-40:0", "qed", *QUICK, "-o", "fine")
    assert fine.exit_code == 0, fine.stderr


def test_the_list_names_what_there_is():
    done = molvae("--list")
    assert done.exit_code == 0 and done.stdout.startswith("qed ") and "command:COMMAND" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name what is to be maximized"),
        (["qde"], "did you mean qed"),
        (["qed", "logp"], "logp is not between 0 and 1"),
        (["qed", "qed"], "the objective qed was given twice"),
        (["qed", "--mean", "pareto"], "two or more objectives"),
        (["no.py:score"], "there is no file no.py"),
        (["qed", "--keep", "(("], "'((' is not a SMARTS"),
        (["qed", "--forbid", "C1CC"], "is not a SMARTS"),
        (["qed", "--similar-to", "C1CC", "0.4", "0.9"], "the lead 'C1CC' is not a molecule"),
        (["qed", "--similar-to", "CCO", "0.9", "0.4"], "from a lower to a higher number"),
        (["qed", "--window", "mw", "500", "250"], "the window over mw must end above its start"),
        (["qed", "--window", "weight", "1", "2"], "there is no window over 'weight'"),
        (["qed", "--window", "mw", "low", "high"], "its ends must be numbers, not 'low' and 'high'"),
        (["qed", "--window", "mw", "3"], "--window takes a quantity and two numbers, as in mw 250 500, not mw 3"),
        (["qed", "--no-alerts", "GLAXO"], "there are PAINS, BRENK, and all"),
        (["qed", "--start", "no.csv"], "no.csv"),
        (["qed", "--timeout", "-1"], "timeout"),
        (["command:cat", "--timeout", "-1"], "timeout"),
        (["qed", "--timeout", "5"], "--timeout ends a command:"),
        (["--resume", "nowhere"], "nowhere holds no search that can be resumed"),
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


def test_numbers_of_one_objective_stay_if_another_fails(quick):
    (quick / "dock.py").write_text(
        "def length(smiles):\n    return [len(one) for one in smiles]\n\n"
        "def licensed(smiles):\n    open('licence').close()\n    return [1.0] * len(smiles)\n"
    )
    failed = molvae("dock.py:length", "dock.py:licensed", *QUICK, "-o", "run")
    assert failed.exit_code == 1 and "molvae optimize --resume run" in failed.stderr
    assert len(rows((quick / "run" / "cache.csv").read_text())) == 7
    (quick / "licence").touch()
    assert molvae("--resume", "run").exit_code == 0


def test_programs_of_a_search_that_somebody_else_began_need_trust(quick, monkeypatch):
    goal = "2*window:command:tee -a called | sed s/.*/1/:0:2"
    assert molvae(goal, *QUICK, "-o", "run").exit_code == 0
    assert molvae("--resume", "run", "--budget", 22).exit_code == 0  # one's own
    calls = (quick / "called").read_text()
    (quick / "run").rename(quick / "sent")
    refused = molvae("--resume", "sent", "--budget", 24)
    assert refused.exit_code == 1 and (quick / "called").read_text() == calls
    assert goal in refused.stderr and "molvae optimize --resume sent --trust" in refused.stderr
    monkeypatch.setenv("MOLVAE_CACHE", "off")
    assert molvae("--resume", "sent", "--budget", 24).exit_code == 1
    monkeypatch.undo()
    monkeypatch.chdir(quick)
    assert "--trust goes with --resume" in molvae("qed", "--trust").stderr


def test_trust_is_remembered(quick):
    (quick / "mine.py").write_text("def score(smiles):\n    return [len(one) for one in smiles]\n")
    molvae("mine.py:score", *QUICK, "-o", "run")
    (quick / "run").rename(quick / "sent")
    assert molvae("--resume", "sent", "--budget", 21).exit_code == 1
    assert molvae("--resume", "sent", "--budget", 22, "--trust").exit_code == 0
    assert molvae("--resume", "sent", "--budget", 23).exit_code == 0
    config = quick / "sent" / "config.toml"
    config.write_text(config.read_text().replace("mine.py:score", "other.py:score"))
    assert "other.py:score" in molvae("--resume", "sent", "--budget", 24).stderr


def test_searches_that_run_nothing_may_come_from_anywhere(quick):
    molvae("qed", "keep:C", *QUICK, "-o", "run")
    (quick / "run").rename(quick / "sent")
    assert molvae("--resume", "sent", "--budget", 22).exit_code == 0

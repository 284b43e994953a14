"""``molvae optimize`` as a shell runs it."""

import signal

import pytest

from molvae.cli import app
from molvae.optimization.run.folder import read_request
from tests.cli.shell import assert_error, molvae, rows, works
from tests.optimization.stand_in import StandIn

QUICK = ["--model", "somewhere", "--budget", "20"]


def search(*arguments):
    return works("optimize", *arguments)


def optimize(*arguments):
    return molvae("optimize", *arguments)


def test_it_prints_the_best_and_fills_the_folder(quick):
    done = search("qed", *QUICK, "-o", "run", "--top", 3)
    best = rows(done.stdout)
    scores = [float(row["score"]) for row in best]
    assert list(best[0]) == ["smiles", "score"] and len(best) == 3 and scores == sorted(scores, reverse=True)
    assert len(rows((quick / "run" / "calls.csv").read_text())) == 20
    assert len(rows((quick / "run" / "best.csv").read_text())) == 3
    assert "20 of 20 calls" in done.stderr and "done: run" in done.stderr


def test_all_constraints_hold(quick):
    (quick / "lead.smi").write_text("OCCCCO\nOCCCCCO\n")
    rules = ["--keep", "[OX2H]", "--keep", "C", "--forbid", "Cl", "--no-alerts", "PAINS"]
    ranges = ["--window", "mw", "60", "300", "--window", "logp", "-inf", "4", "--similar-to", "OCCCCO", "0.1", "1"]
    start = ["--start", "lead.smi", "--window", "charge:-1:1"]
    done = search("qed", *QUICK, "--budget", 500, "-o", "run", *rules, *ranges, *start)
    calls = [row["smiles"] for row in rows((quick / "run" / "calls.csv").read_text())]
    assert calls and all("O" in one and "Cl" not in one for one in calls)
    request = read_request(quick / "run")
    assert request.start == ("OCCCCO", "OCCCCCO")
    assert request.run.constraints == (
        *("keep:[OX2H]", "keep:C", "forbid:Cl", "window:mw:60:300", "window:logp:-inf:4", "window:charge:-1:1"),
        *("similar_to:OCCCCO:0.1:1", "no_alerts:PAINS"),
    )
    assert "ended after" in done.stderr


def test_it_starts_from_one_smiles_or_from_chosen_rows(quick):
    assert optimize("qed", *QUICK, "-o", "one", "--start", "OCCCCO").exit_code == 0
    assert read_request(quick / "one").start == ("OCCCCO",)
    (quick / "leads.csv").write_text("smiles,x\nOCCCCO,1\nOCCCCCO,2\n")
    assert optimize("qed", *QUICK, "-o", "two", "--start", "leads.csv", "--where", "x > 1").exit_code == 0
    assert read_request(quick / "two").start == ("OCCCCCO",)
    assert_error(optimize("qed", *QUICK, "--start", "OCCCCO(", "-o", "bad"), "OCCCCO( does not exist")
    assert_error(optimize("qed", *QUICK, "--where", "x > 1", "-o", "bad"), "need --start")


def test_failed_scores_are_counted_by_reason(quick):
    (quick / "mine.py").write_text(
        "def score(smiles):\n"
        "    if any('Cl' in one for one in smiles):\n"
        "        raise ValueError('no chlorine')\n"
        "    return [len(one) for one in smiles]\n"
    )
    done = search("mine.py:score", *QUICK, "--budget", 60, "-o", "run")
    assert "x ValueError: no chlorine" in done.stderr


def test_an_interrupted_search_can_be_resumed(quick, monkeypatch):
    ask = StandIn.ask

    def interrupting(self, n=None):
        if len(self.archive) == 7:
            signal.raise_signal(signal.SIGINT)
        return ask(self, n)

    monkeypatch.setattr(StandIn, "ask", interrupting)
    done = optimize("qed", *QUICK, "-o", "run")
    assert done.exit_code == 130 and "molvae optimize --resume run" in done.stderr
    assert len(rows((quick / "run" / "calls.csv").read_text())) == 14
    monkeypatch.setattr(StandIn, "ask", ask)
    search("--resume", "run")
    assert len(rows((quick / "run" / "calls.csv").read_text())) == 20


def test_what_a_function_and_its_programs_print_is_not_in_the_result(quick, capfd):
    (quick / "loud.py").write_text(
        "import os, subprocess, sys\n"
        "def score(smiles):\n"
        "    sys.stdout.write('dock ...')\n"
        "    subprocess.run(['echo', 'docking'])\n"
        "    os.write(1, b'docked')\n"
        "    return [len(one) for one in smiles]\n"
    )
    with pytest.raises(SystemExit) as ended:
        app(["optimize", "loud.py:score", *QUICK, "-o", "run"])
    captured = capfd.readouterr()
    assert ended.value.code == 0 and "docking" in captured.err and "docked" in captured.err
    assert captured.out.startswith("smiles,score\n") and "dock" not in captured.out


def test_constraints_that_no_molecule_meets_are_an_error(quick):
    assert_error(optimize("qed", *QUICK, "--keep", "[U]", "-o", "run"), "inside the constraints", "--start")


def test_resuming_keeps_the_number_of_best_molecules(quick):
    optimize("qed", *QUICK, "-o", "run", "--top", 3)
    for options, wanted in ((["--budget", 24], 3), (["--top", 5], 5), (["--budget", 28], 5)):
        more = search("--resume", "run", *options)
        assert len(rows(more.stdout)) == wanted
        assert len(rows((quick / "run" / "best.csv").read_text())) == wanted


def test_start_molecules_outside_the_constraints_are_counted(quick):
    (quick / "lead.smi").write_text("OCCCCO\nOCCCCCO\nCCCl\n")
    done = search("qed", *QUICK, "-o", "run", "--start", "lead.smi", "--keep", "[OX2H]", "--window", "mw", 0, 100)
    assert "2 of the 3 start molecules" in " ".join(done.stderr.split())
    assert not {"OCCCCCO", "CCCl"} & {row["smiles"] for row in rows((quick / "run" / "calls.csv").read_text())}
    fine = search("qed", *QUICK, "-o", "fine", "--start", "lead.smi")
    assert "start molecules" not in fine.stderr


def test_the_pareto_front(quick):
    done = search("qed", "fsp3", "--mean", "pareto", *QUICK, "--top", 3, "-o", "run")
    assert "hypervolume" in done.stderr
    assert {"front.csv", "front.svg"} <= {path.name for path in (quick / "run").iterdir()}
    assert list(rows((quick / "run" / "calls.csv").read_text())[0])[2:5] == ["score", "qed", "fsp3"]
    found = rows(done.stdout)
    assert list(found[0]) == ["smiles", "qed", "fsp3"]
    front = rows((quick / "run" / "front.csv").read_text())
    ends = {front[0]["smiles"], front[-1]["smiles"]}
    assert len(found) == min(3, len(front)) and ends <= {one["smiles"] for one in found}
    assert [float(one["qed"]) for one in found] == sorted((float(one["qed"]) for one in found), reverse=True)
    below = search("qed", "minimize:sa", "--mean", "pareto", *QUICK, "-o", "below")
    assert "hypervolume" not in below.stderr


def test_negative_scores_with_a_geometric_mean_end_the_search(quick):
    (quick / "docking.py").write_text("def score(smiles):\n    return [-len(one) for one in smiles]\n")
    done = optimize("docking.py:score", "qed", *QUICK, "-o", "run")
    assert done.exit_code == 1 and "geometric mean" in done.stderr
    search("ramp:docking.py:score:-40:0", "qed", *QUICK, "-o", "fine")


def test_list():
    done = search("--list")
    assert done.stdout.startswith("qed ") and "command:COMMAND" in done.stdout


def test_the_mean_of_the_ten_best_does_not_depend_on_what_is_printed(quick):
    for folder, options in (("a", ["--top", 3]), ("b", ["--per-scaffold", 1]), ("c", [])):
        done = optimize("qed", *QUICK, "-o", folder, *options)
        scores = sorted((float(row["score"]) for row in rows((quick / folder / "calls.csv").read_text())), reverse=True)
        assert f"{scores[0]:.4g}; ten best: {sum(scores[:10]) / 10:.4g}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name what to maximize"),
        (["qde"], "did you mean qed"),
        (["qed", "--window", "mw", "low", "high"], "'low' and 'high'"),
        (["qed", "--window", "mw", "3"], "not mw 3"),
        (["qed", "--start", "no.csv"], "no.csv"),
        (["qed", "--timeout", "5"], "--timeout"),
        (["qed", "--jobs", "2"], "--jobs runs your own code"),
        (["--resume", "nowhere"], "nowhere holds no search"),
        (["--resume", "nowhere", "--keep", "C", "--seed", 3, "--overwrite"], "--resume"),
        (["qed", "-s", "x"], "--smiles-column"),
        (["qed", "--trust"], "--trust needs --resume"),
    ],
)
def test_errors(quick, arguments, message):
    assert_error(optimize(*arguments, *([] if "--resume" in arguments else ["--model", "somewhere"])), message)
    assert not list(quick.glob("molvae-runs/*"))


def test_options_of_suggest_are_usage_errors(quick):
    for options in (["--minimize"], ["--maximize"], ["-n", "3"], ["--n=3"], ["--column", "x"], ["--log"]):
        done = optimize("sa", *options)
        assert done.exit_code == 2 and "molvae suggest" in " ".join(done.stderr.split())


def test_numbers_of_one_objective_stay_if_another_fails(quick):
    (quick / "dock.py").write_text(
        "def length(smiles):\n    return [len(one) for one in smiles]\n\n"
        "def licensed(smiles):\n    open('licence').close()\n    return [1.0] * len(smiles)\n"
    )
    failed = optimize("dock.py:length", "dock.py:licensed", *QUICK, "-o", "run")
    assert failed.exit_code == 1 and "molvae optimize --resume run" in failed.stderr
    assert len(rows((quick / "run" / "cache.csv").read_text())) == 7
    (quick / "licence").touch()
    search("--resume", "run")


def test_programs_of_a_search_of_somebody_else_need_trust(quick, monkeypatch):
    goal = "2*window:command:tee -a called | sed s/.*/1/:0:2"
    search(goal, *QUICK, "-o", "run")
    search("--resume", "run", "--budget", 22)  # one's own
    calls = (quick / "called").read_text()
    (quick / "run").rename(quick / "sent")
    refused = optimize("--resume", "sent", "--budget", 24)
    assert refused.exit_code == 1 and (quick / "called").read_text() == calls
    assert goal in refused.stderr and "molvae optimize --resume sent --trust" in refused.stderr
    monkeypatch.setenv("MOLVAE_CACHE", "off")
    assert optimize("--resume", "sent", "--budget", 24).exit_code == 1


def test_trust_is_remembered(quick):
    (quick / "mine.py").write_text("def score(smiles):\n    return [len(one) for one in smiles]\n")
    optimize("mine.py:score", *QUICK, "-o", "run")
    (quick / "run").rename(quick / "sent")
    assert optimize("--resume", "sent", "--budget", 21).exit_code == 1
    search("--resume", "sent", "--budget", 22, "--trust")
    search("--resume", "sent", "--budget", 23)
    search("qed", "keep:C", *QUICK, "-o", "plain")
    (quick / "plain").rename(quick / "other")
    search("--resume", "other", "--budget", 22)  # without a program there is nothing to trust
    config = quick / "sent" / "config.toml"
    config.write_text(config.read_text().replace("mine.py:score", "other.py:score"))
    assert "other.py:score" in optimize("--resume", "sent", "--budget", 24).stderr

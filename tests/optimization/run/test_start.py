"""What `optimize` is given is checked before anything is searched, and a search goes on as it began."""

import pytest

from molvae.chem.fingerprints import most_diverse
from molvae.config import to_toml
from molvae.errors import ConfigError, InputError, ModelError
from molvae.optimization.constraints import Keep
from molvae.optimization.objectives import UserObjective, objective_of
from molvae.optimization.run import start as starting
from molvae.optimization.run.folder import read_request
from molvae.optimization.run.result import SearchResult
from tests.optimization.stand_in import MOLECULES, NO_VAE, StandIn

OPTIONS = {"budget": 20, "start": ["OCC"], "constraints": ["forbid:Cl", Keep("[#6]")], "seed": 2, "model": "somewhere"}


def optimize(goal, **options):
    return starting.optimize(NO_VAE, goal, **options)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(starting, "Optimizer", StandIn)
    monkeypatch.setattr(starting, "model_key", lambda *_: "key")


@pytest.fixture
def plain(monkeypatch):
    """Without pictures."""
    monkeypatch.setattr(SearchResult, "save_summary", lambda *_, **__: None)


def test_the_folder_holds_all_that_was_asked_for_and_found(tmp_path):
    result = optimize(["2*qed", "fsp3"], folder=tmp_path / "run", mean="pareto", batch=6, **OPTIONS)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        *("config.toml", "start.smi", "calls.csv", "cache.csv", "state.safetensors"),
        *("best.csv", "best.svg", "best.png", "curve.csv", "curve.svg", "curve.png"),
        *("front.csv", "front.svg", "front.png"),
    }
    run, search, start = read_request(tmp_path / "run")
    assert run.objectives == ("2*qed", "fsp3") and run.constraints == ("forbid:Cl", "keep:[#6]")
    assert (run.budget, run.batch, run.seed, run.mean, run.model) == (20, 6, 2, "pareto", "somewhere")
    assert start == ("OCC",) and "[search]" in to_toml({"search": search})
    assert not any("Cl" in one for one in result.table["smiles"]) and result.pareto


def test_how_many_come_first_follows_from_the_budget_that_a_search_began_with(plain, tmp_path):
    folder = tmp_path / "run"
    optimize("qed", folder=folder, **OPTIONS)
    assert read_request(folder).search.first == 5
    optimize("qed", folder=folder, resume=True, **{**OPTIONS, "budget": 400})
    assert read_request(folder).search.first == 5
    optimize("qed", folder=tmp_path / "long", **{**OPTIONS, "budget": 400})
    assert read_request(tmp_path / "long").search.first == 20


def test_no_folder_no_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = optimize(lambda smiles: [len(one) for one in smiles], budget=15)
    assert len(result.table) == 15 and not list(tmp_path.iterdir())
    assert "<svg" in result._repr_svg_() and "15 calls" in repr(result)


def test_a_larger_budget_goes_on_and_a_smaller_one_is_refused(plain, tmp_path):
    first = optimize("qed", folder=tmp_path / "run", **OPTIONS)
    more = optimize("qed", folder=tmp_path / "run", resume=True, **{**OPTIONS, "budget": 30})
    assert more.table["smiles"].tolist()[:20] == first.table["smiles"].tolist() and len(more.table) == 30
    assert read_request(tmp_path / "run").run.budget == 30
    with pytest.raises(ConfigError, match="30 calls were made already: the budget cannot be 20"):
        optimize("qed", folder=tmp_path / "run", resume=True, **OPTIONS)
    assert len((tmp_path / "run" / "calls.csv").read_text().splitlines()) == 31
    assert read_request(tmp_path / "run").run.budget == 30


def test_a_search_goes_on_with_the_settings_and_the_model_that_it_had(plain, tmp_path, monkeypatch):
    optimize("qed", folder=tmp_path / "run", **OPTIONS)
    before = (tmp_path / "run" / "calls.csv").read_bytes()
    for changes, message in (
        ({"seed": 3}, "seed 2, not 3"),
        ({"constraints": []}, "constraints"),
        ({"start": ["CC"]}, "other start molecules"),
        ({"settings": {"pool": 77}}, "pool 100, not 77"),
        ({"mean": "arithmetic"}, "mean 'geometric', not 'arithmetic'"),
    ):
        with pytest.raises(ModelError, match=message):
            optimize("qed", folder=tmp_path / "run", resume=True, **{**OPTIONS, **changes})
    monkeypatch.setattr(starting, "model_key", lambda *_: "other")
    with pytest.raises(ModelError, match="another model; resume it with somewhere"):
        optimize("qed", folder=tmp_path / "run", resume=True, **OPTIONS)
    assert (tmp_path / "run" / "calls.csv").read_bytes() == before


def test_an_older_search_is_replaced_only_if_that_is_asked_for(plain, tmp_path):
    optimize("qed", folder=tmp_path / "run", **OPTIONS)
    with pytest.raises(InputError, match="run exists"):
        optimize("logp", folder=tmp_path / "run", **OPTIONS)
    optimize("logp", folder=tmp_path / "run", overwrite=True, **OPTIONS)
    assert read_request(tmp_path / "run").run.objectives == ("logp",)
    (tmp_path / "run" / "thesis.tex").touch()
    with pytest.raises(InputError, match=r"did not write all that is in it: thesis\.tex"):
        optimize("qed", folder=tmp_path / "run", overwrite=True, **OPTIONS)


def test_one_process_writes_to_a_search_at_a_time(plain, tmp_path):
    refused = []

    def progress(_):
        for how in ({"resume": True}, {"overwrite": True}):
            with pytest.raises(InputError, match="run is in use by process"):
                optimize("qed", folder=tmp_path / "run", **OPTIONS, **how)
            refused.append(how)

    found = optimize("qed", folder=tmp_path / "run", progress=progress, **OPTIONS)
    assert refused and found.table["smiles"].is_unique and len(found.table) == OPTIONS["budget"]


def broken(smiles):
    raise ValueError("no licence")


def test_a_search_goes_on_from_molecules_however_they_were_written(plain, tmp_path, monkeypatch):
    monkeypatch.setattr(starting, "Optimizer", lambda vae, *, start, **rest: StandIn(vae, **rest))
    for number, start in enumerate(([" CCO "], ["C[C@H](N)O |&1:1|"], ["C C", "CCN"])):
        folder = tmp_path / str(number)
        optimize("qed", folder=folder, budget=10, start=start)
        assert len(optimize("qed", folder=folder, budget=20, start=start, resume=True).table) == 20


def test_of_many_start_molecules_the_best_or_the_most_diverse_are_scored_first(plain, tmp_path, monkeypatch):
    begun = []

    def make(vae, *, start, **rest):
        begun.append(start)
        return StandIn(vae, **rest)

    monkeypatch.setattr(starting, "Optimizer", make)
    start, options = MOLECULES[:90], {"budget": 20, "constraints": ["forbid:Cl"], "seed": 1}
    optimize("heavy_atoms", folder=tmp_path / "run", start=start, **options)
    optimize(len_of, start=start, **options)
    sizes = {one: objective_of("heavy_atoms")([one])[0] for one in start if "Cl" not in one}
    assert sizes[begun[0][0]] == max(sizes.values()) and not any("Cl" in one for one in begun[0][: len(sizes)])
    assert begun[1][:5] == [start[row] for row in most_diverse_without_chlorine(start, 5)]
    assert all(sorted(one) == sorted(start) for one in begun)
    for again in (start, begun[0]):  # as it was given, and as it was written
        changes = {**options, "budget": 20 + 5 * len(begun)}
        optimize("heavy_atoms", folder=tmp_path / "run", start=again, resume=True, **changes)
        assert begun[-1] == begun[0]


def len_of(smiles):
    return [len(one) for one in smiles]


def most_diverse_without_chlorine(smiles, k):
    rows = [row for row, one in enumerate(smiles) if "Cl" not in one]
    return [rows[place] for place in most_diverse([smiles[row] for row in rows], k)]


def test_programs_are_found_where_the_search_began(plain, tmp_path, monkeypatch):
    there, elsewhere, folder = tmp_path / "there", tmp_path / "elsewhere", tmp_path / "run"
    there.mkdir()
    elsewhere.mkdir()
    (there / "score.py").write_text("def length(smiles):\n    return [len(one) for one in smiles]\n")
    names = ["score.py:length", "command:cat score.py > /dev/null; awk '{print 1}'", "window:mw:0:900"]
    monkeypatch.chdir(there)
    first = optimize(names, folder=folder, **OPTIONS)
    monkeypatch.chdir(elsewhere)
    more = optimize(names, folder=folder, resume=True, **{**OPTIONS, "budget": 30})
    assert more.table["smiles"].tolist()[:20] == first.table["smiles"].tolist() and more.parts == tuple(names)
    run = read_request(folder).run
    assert run.objectives == tuple(names) and run.directory == str(there)
    (there / "score.py").rename(elsewhere / "score.py")  # then it is looked for in the current folder
    assert len(optimize(names, folder=folder, resume=True, **{**OPTIONS, "budget": 33}).table) == 33
    optimize(["qed", "window:mw:0:900"], folder=tmp_path / "other", **OPTIONS)
    assert "directory" not in (tmp_path / "other" / "config.toml").read_text()
    monkeypatch.chdir(there)
    with pytest.raises(ConfigError, match=r"no file score\.py"):
        optimize("score.py:length", folder=tmp_path / "new")


def test_a_search_that_comes_to_nothing_costs_no_older_one(plain, tmp_path):
    folder = tmp_path / "run"
    optimize("qed", folder=folder, **OPTIONS)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match="no licence"):
        optimize(UserObjective(broken, "broken"), folder=folder, overwrite=True, **OPTIONS)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    nothing = {**OPTIONS, "start": [], "constraints": ["keep:[U]"]}
    assert not len(optimize("qed", folder=folder, overwrite=True, **nothing).table)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]

    def docking(smiles):
        (tmp_path / "new" / "docking.log").write_text("no licence")
        raise ValueError

    with pytest.raises(InputError, match="failed for the first 3"):
        optimize(UserObjective(docking, "broken"), folder=tmp_path / "new", **OPTIONS)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["docking.log"]


def test_a_search_that_breaks_later_on_stays_and_the_older_one_goes(plain, tmp_path):
    asked = []

    def breaks(smiles):
        asked.extend(smiles)
        return [1.0] * (len(smiles) if len(asked) < 10 else 0)

    optimize("qed", folder=tmp_path / "run", **OPTIONS)
    with pytest.raises(InputError, match="gave 0 numbers"):
        optimize(UserObjective(breaks, "breaks"), folder=tmp_path / "run", overwrite=True, **OPTIONS)
    assert read_request(tmp_path / "run").run.objectives == ("breaks",)
    assert len((tmp_path / "run" / "calls.csv").read_text().splitlines()) == 8
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_cache_is_not_replaced_with_the_folder_that_it_is_in(plain, tmp_path):
    folder = tmp_path / "run"
    optimize("qed", folder=folder, **OPTIONS)
    before = (folder / "cache.csv").read_bytes()
    for overwrite in (False, True):
        with pytest.raises(ConfigError, match=r"is in the folder of the search"):
            optimize("qed", folder=folder, cache=folder / "cache.csv", overwrite=overwrite, **OPTIONS)
    assert (folder / "cache.csv").read_bytes() == before


def test_bad_arguments_end_before_anything_is_written(tmp_path):
    for goal, changes, message in (
        ("qde", {}, "did you mean qed"),
        ([], {}, "at least one objective"),
        (["qed", "2*qed"], {}, "objective qed .* twice"),
        ("qed", {"budget": 0}, "budget"),
        ("qed", {"seed": -1}, "seed"),
        ("qed", {"settings": {"pol": 1}}, "'pol'"),
        ("qed", {"resume": True, "folder": None}, "folder"),
    ):
        with pytest.raises(ConfigError, match=message):
            optimize(goal, **{**OPTIONS, "folder": tmp_path / "run", **changes})
    with pytest.raises(InputError, match="list of SMILES"):
        optimize("qed", start="CCO")
    with pytest.raises(ModelError, match="holds no search"):
        optimize("qed", folder=tmp_path, resume=True, **OPTIONS)
    assert not list(tmp_path.iterdir())

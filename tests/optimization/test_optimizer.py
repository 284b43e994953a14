"""Laws of the search: what it asks for is new and allowed, it learns, and it can be repeated and resumed."""

from collections import Counter

import numpy as np
import pytest
from rdkit import Chem

from molvae.chem import canonical, scaffold
from molvae.errors import ConfigError, InputError
from molvae.optimization.constraints import constraint_of
from molvae.optimization.objectives import objective_of
from molvae.optimization.optimizer import Optimizer
from molvae.optimization.proposal import Proposal
from molvae.optimization.settings import SearchConfig

START = ["CC(=O)Nc1ccc(O)cc1", "CCOc1ccccc1", "CN1CCC[C@H]1c1cccnc1"]
QUICK = SearchConfig(first=12, pool=24, generations=2, follow_every=10, follow_steps=1, patience=8)


def searched(vae, objective, calls, *, seed=0, settings=QUICK, **options):
    search = Optimizer(vae, start=START, seed=seed, settings=settings, **options)
    while len(search.archive) < calls:
        batch = search.ask(min(6, calls - len(search.archive)))
        if not batch:
            break
        search.tell(batch, objective([one.smiles for one in batch]))
    return search


def nitrogens(smiles):
    return np.array([one.upper().count("N") / 10 for one in smiles])


KINDS = [
    {},
    {"surrogate": False},
    {"operators": "latent noise, latent mix, latent regrowth, latent draw", "max_heavy_atoms": 20},
    {"operators": "graph mutation, graph crossover", "follow_every": 0, "max_heavy_atoms": 20},
    {"per_scaffold": 1, "free": 0.5},
]


@pytest.mark.parametrize("changes", KINDS)
def test_what_it_asks_for_is_new_valid_flat_and_not_too_large(vae, changes):
    settings = QUICK.replace(**changes)
    search = searched(vae, nitrogens, 40, settings=settings)
    smiles = search.archive.smiles
    assert len(smiles) == 40 == len(set(smiles))
    assert [canonical(one, stereo=False) for one in smiles] == smiles
    assert not [one for one in smiles if "." in one]
    assert smiles[:3] == [canonical(one, stereo=False) for one in START]
    assert {one.operator for one in search.archive.proposals[:3]} == {"start"}
    known = set(smiles) | set(START)
    assert all(set(one.parents) <= known for one in search.archive.proposals)
    assert max(Chem.MolFromSmiles(one).GetNumHeavyAtoms() for one in smiles[3:]) <= settings.max_heavy_atoms


def test_a_surrogate_is_used_even_in_a_short_search(vae):
    for budget, first in ((1, 1), (20, 5), (60, 15), (10_000, 20), (None, 20)):
        settings = SearchConfig().for_budget(budget)
        assert settings.first == first == Optimizer(vae, settings=settings).batch_size
        assert SearchConfig(first=7).for_budget(budget).first == 7


def test_a_search_of_few_calls_says_what_it_expects(vae):
    search = searched(vae, nitrogens, 24, settings=QUICK.replace(first=0).for_budget(24))
    assert np.isnan([one.mean for one in search.archive.proposals[:6]]).all()
    assert np.isfinite([one.mean for one in search.archive.proposals[6:]]).all()


@pytest.mark.parametrize("constrained", [False, True])
def test_constrained_latent_operators_write_molecules_alone(vae, constrained):
    latent = {"operators": "latent noise, latent mix, latent regrowth, latent draw", "surrogate": False}
    search = searched(vae, nitrogens, 30, settings=QUICK.replace(constrained_decoding=constrained, **latent))
    assert (search.drawn.molecules == search.drawn.strings) is constrained and len(search.archive) == 30


def test_a_molecule_to_start_with_that_the_first_calls_left_out_can_still_be_chosen(vae):
    start = ["C" * length for length in range(3, 23)] + ["NC(=N)NC(=N)N"]
    search = Optimizer(vae, start=start, settings=QUICK.replace(operators="latent draw", free=0.0))
    first = search.ask()
    assert [one.smiles for one in first] == start[:12]
    search.tell(first, nitrogens(start[:12]))
    search.tell([Proposal("NCN", "measured")], [0.2])
    assert ("N=C(N)NC(=N)N", "start") in [(one.smiles, one.operator) for one in search.ask(5)]


def test_of_a_salt_to_start_with_the_largest_part_is_taken(vae):
    assert Optimizer(vae, start=["C[NH3+].[Cl-]"], settings=QUICK).ask(1)[0].smiles == "C[NH3+]"


def test_asked_twice_before_it_is_told_it_asks_for_others(vae):
    search = searched(vae, nitrogens, 20)
    first, second = search.ask(5), search.ask(5)
    assert len({one.smiles for one in [*first, *second]}) == 10
    search.tell(first, nitrogens([one.smiles for one in first]))
    assert not {one.smiles for one in search.ask(5)} & {one.smiles for one in [*first, *second]}


def test_it_finds_better_molecules_than_the_model_draws(vae):
    found = searched(vae, nitrogens, 120).archive
    drawn = nitrogens(vae.sample(60, seed=1, temperature=1.0))
    assert np.sort(found.scores)[-10:].mean() > 1.5 * np.sort(drawn)[-10:].mean()
    late, early = found.scores[80:], found.scores[:12]
    assert np.median(late) > np.median(early)


def test_the_same_seed_is_the_same_search(vae):
    runs = [searched(vae, nitrogens, 40, seed=seed).archive for seed in (0, 0, 1)]
    assert runs[0].proposals == runs[1].proposals
    assert runs[0].smiles != runs[2].smiles


def test_a_search_that_stands_still_goes_elsewhere_unless_it_is_endlessly_patient(vae):
    hill = objective_of("similarity:ECFP4:c1ccc2[nH]ccc2c1")

    def flat(smiles):
        return np.minimum(hill(smiles), 0.3)

    assert searched(vae, flat, 100).state()[1]["regions"]["since"] > 0
    patient = searched(vae, flat, 100, settings=QUICK.replace(patience=0))
    assert patient.state()[1]["regions"] == {"centers": [], "since": 0}


def test_what_was_measured_before_is_no_search_in_vain(vae):
    """The best may stand first in a file: no reason to leave it, nor to become bolder."""
    search = Optimizer(vae, settings=QUICK)
    measured = list(dict.fromkeys(canonical(one, stereo=False) for one in vae.sample(60, seed=1, temperature=1.0)))
    search.tell([Proposal(one, "measured") for one in measured], np.arange(len(measured), 0.0, -1.0))
    batch = search.ask(8)
    assert len(batch) == 8 and not {one.smiles for one in batch} & set(measured)
    assert all(np.isfinite([one.mean, one.std]).all() for one in batch)
    assert search.state()[1]["regions"] == {"centers": [], "since": 0}


def test_the_unit_of_the_scores_does_not_matter(vae):
    first = searched(vae, nitrogens, 40).archive
    second = searched(vae, lambda smiles: 64.0 * nitrogens(smiles) - 8.0, 40).archive
    assert first.smiles == second.smiles


def test_taken_up_again_it_goes_on_as_it_would_have(vae):
    search = searched(vae, nitrogens, 30)
    tensors, metadata = search.state()
    copy = Optimizer(vae, start=START, seed=0, settings=QUICK)
    for proposal, score in zip(search.archive.proposals, search.archive.scores, strict=True):
        copy.archive.add(proposal, score)
    copy.restore(tensors, metadata)
    for _ in range(3):
        asked = [each.ask(6) for each in (search, copy)]
        assert [one.smiles for one in asked[0]] == [one.smiles for one in asked[1]]
        for each, batch in zip((search, copy), asked, strict=True):
            each.tell(batch, nitrogens([one.smiles for one in batch]))
    assert search.drawn == copy.drawn


@pytest.mark.parametrize("score", [0.0, np.nan], ids=["all alike", "none has a number"])
def test_an_objective_that_says_nothing_is_searched_all_the_same(vae, score):
    archive = searched(vae, lambda smiles: np.full(len(smiles), score), 30).archive
    assert len(archive) == 30


def test_molecules_without_a_number_cost_the_others_nothing(vae):
    def fails(smiles):
        return np.where([("O" in one) for one in smiles], np.nan, nitrogens(smiles))

    archive = searched(vae, fails, 60).archive
    assert np.isnan(archive.scores).any()
    assert np.nanmax(archive.scores) > 0.1


def test_constraints_are_never_broken(vae):
    rules = [constraint_of("keep:c1ccccc1"), constraint_of("window:mw:90:200")]
    search = searched(vae, nitrogens, 30, constraints=rules)
    weights = objective_of("mw")(search.archive.smiles)
    assert len(weights) and ((weights >= 90) & (weights <= 200)).all()
    assert (objective_of("keep:c1ccccc1")(search.archive.smiles) == 1.0).all()


def test_constraints_that_nothing_fulfils_end_the_search(vae):
    search = Optimizer(vae, constraints=[constraint_of("keep:[U]")], settings=QUICK.replace(first=2))
    assert search.ask(5) == []
    search.tell([Proposal(one, "measured") for one in ("CCO", "CCN", "CCC")], [1.0, 2.0, 3.0])
    assert search.ask(3) == []


@pytest.mark.parametrize("constant", [1.0, np.nan], ids=["always the same", "without a number"])
def test_an_objective_that_tells_nothing_leaves_the_others_their_say(vae, constant, recwarn):
    def told(front):
        search = Optimizer(vae, start=START, front=True, settings=QUICK)
        while len(search.archive) < 42:
            batch = search.ask(6)
            first = nitrogens([one.smiles for one in batch])
            parts = np.column_stack([first, np.full(len(batch), constant)] if front else [first, first])
            search.tell(batch, parts.sum(1), parts)
        assert search.archive.parts.shape == (42, 2)
        return search.archive.parts[:, 0]

    found = told(True)
    assert np.median(found[24:]) >= np.median(found[:12])
    assert np.sort(found)[-10:].mean() >= 0.7 * np.sort(told(False))[-10:].mean()
    assert not [one for one in recwarn if issubclass(one.category, RuntimeWarning)]


@pytest.mark.parametrize("changes", [{}, {"surrogate": False}, {"free": 1.0}])
def test_a_batch_has_no_more_of_a_scaffold_than_it_may(vae, changes):
    benzenes = [f"{'C' * length}c1ccccc1" for length in range(1, 16)]
    search = Optimizer(vae, start=benzenes, settings=QUICK.replace(per_scaffold=2, **changes))
    for number in range(8):
        batch = search.ask(8)
        kinds = Counter(scaffold(one.smiles) for one in batch)
        assert batch and (number < 2 or max(kinds.values()) <= 2)
        assert number >= 2 or all(kinds[scaffold(one.smiles)] <= 2 for one in batch if one.operator != "start")
        search.tell(batch, nitrogens([one.smiles for one in batch]))


def test_what_cannot_be_told_teaches_nothing(vae):
    search = Optimizer(vae, start=START, settings=QUICK)
    batch = search.ask(3)
    for scores, parts in (([0.1, 0.2], None), (0.1, None), ([0.1, 0.2, 0.3], [[1.0], [2.0]]), (np.ones((3, 2)), None)):
        with pytest.raises(InputError, match=r"give \(3,\)"):
            search.tell(batch, scores, parts)
    for scores, parts in ((["high", 0.2, 0.3], None), ([0.1, 0.2, 0.3], [[1.0], [2.0, 3.0], [4.0]])):
        with pytest.raises(InputError, match="must be numbers"):
            search.tell(batch, scores, parts)
    with pytest.raises(InputError, match="was scored before"):
        search.tell([*batch, batch[0]], [0.1] * 4)
    for smiles in ("C1C", "OCC", "", "CCO.Cl.Cl C"):
        with pytest.raises(InputError, match="not a molecule in canonical SMILES"):
            search.tell([Proposal("CCN", "measured"), Proposal(smiles, "measured")], [1.0, 2.0])
    for parts in (None, [[1.0]] * 3):
        with pytest.raises(InputError, match="two or more objectives"):
            Optimizer(vae, front=True, settings=QUICK).tell(batch, [1.0] * 3, parts)
    assert not len(search.archive)
    search.tell(batch, [0.1, -np.inf, 0.3], [[0.1, 0.2], [np.inf, 0.0], [0.3, 0.4]])
    assert np.isnan(search.archive.scores[1]) and np.isnan(search.archive.parts[1, 0])
    with pytest.raises(InputError, match="was scored before"):
        search.tell(batch[:1], [0.5], [[0.5, 0.5]])
    with pytest.raises(InputError, match=r"give \(1,\) and \(1, 2\)"):
        search.tell([Proposal("CCO", "measured")], [0.5], [[0.5]])
    assert len(search.archive) == 3 and len(search.ask(4)) == 4


def test_bad_input_is_one_sentence(vae):
    with pytest.raises(InputError, match="'C1CC'"):
        Optimizer(vae, start=["C1CC"])
    for start in ("CCO", [None], ["CCO", float("nan")], [b"CCO"]):
        with pytest.raises(InputError, match="a list of SMILES"):
            Optimizer(vae, start=start)
    for operators in ("magic", " , "):
        with pytest.raises(ConfigError, match=r"magic|operators"):
            Optimizer(vae, settings=QUICK.replace(operators=operators))


@pytest.mark.parametrize("rule", ["similar_to:CC(=O)Nc1ccc(OCC(O)CN2CCOCC2)cc1:0.5:0.9", "keep:O=C1CCc2cc(F)ccc2N1"])
def test_a_narrow_constraint_alone_leads_to_where_it_holds(vae, rule):
    rules = [constraint_of(rule)]
    batch = [one.smiles for one in Optimizer(vae, constraints=rules, settings=QUICK).ask(5)]
    assert len(batch) == 5 == len(set(batch)) and rules[0].allows(batch).all()


def test_edits_of_graphs_leave_a_core_that_is_to_be_kept(vae):
    rules = [constraint_of("keep:c1ccccc1")]
    made = Optimizer(vae, constraints=rules, settings=QUICK)._operators.make(
        ["graph mutation"] * 100, [START[1]] * 100, [START[0]] * 100, np.random.default_rng(0)
    )
    assert len(made) > 50 and rules[0].allows([one.smiles for one in made]).all()


def test_texts_can_be_told(vae):
    search = Optimizer(vae, seed=0)
    search.tell(["OCC", "CCN", Proposal("CCC", "measured")], [1.0, 2.0, 3.0])
    assert search.archive.smiles == ["CCO", "CCN", "CCC"] and search.archive.scores.tolist() == [1.0, 2.0, 3.0]
    for texts, message in (
        (["C1C"], "'C1C' is not a valid SMILES"),
        (["C(C)O"], "scored before"),
        (["C", "C"], "before"),
    ):
        with pytest.raises(InputError, match=message):
            search.tell(texts, [1.0] * len(texts))
    assert len(search.archive) == 3

"""Laws of the facade: N asked is N given, batches change nothing, bad molecules are values."""

import copy
import io
import math
import re
from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch
from rdkit import Chem

from molvae import ConfigError, Decoding, InputError, ModelError, MolVAE, SamplingError
from molvae.chem import canonical
from molvae.corpus.reading import read_smiles
from molvae.pretrained.folder import StoredModel
from molvae.storage.files import read_tensors, write_tensors
from tests.parrot import parrot


@pytest.fixture(scope="module")
def vae(tiny_run):
    return MolVAE.from_pretrained(tiny_run)


SOME = ["CCO", "c1ccccc1", "CC(=O)Nc1ccccc1"]


def test_what_sample_gives_is_canonical_and_distinct(vae):
    molecules = vae.sample(5, seed=0)
    assert len(set(molecules)) == 5
    assert all(Chem.MolToSmiles(Chem.MolFromSmiles(one)) == one for one in molecules)


def test_seed_decides_and_batch_size_does_not(vae):
    first = [next(iter(vae.draws(Decoding(), seed=3, batch_size=size))) for size in (7, 512, 4096)]
    assert first[0] == first[1] == first[2] and len(first[0]) == 1024
    assert next(iter(vae.draws(Decoding(), seed=4))) != first[0]
    two = list(islice(vae.draws(Decoding(), seed=3), 2))
    assert two[0] == first[0] and two[1] != two[0]
    assert next(iter(vae.draws(Decoding()))) != next(iter(vae.draws(Decoding())))


def test_encode_has_a_row_for_every_molecule_and_nan_for_what_is_none(vae):
    z = vae.encode(["CCO", "not a molecule", "", None, "[Pt]", "OCC"])
    assert z.shape == (6, 8) and z.dtype == np.float32
    assert np.isnan(z).all(1).tolist() == [False, True, True, True, True, False]
    assert (z[0] == z[5]).all()
    assert vae.encode([]).shape == (0, 8)


def test_encode_does_not_depend_on_the_batch(vae):
    np.testing.assert_allclose(vae.encode(SOME, batch_size=1), vae.encode(SOME), rtol=1e-4, atol=1e-5)


def test_strict_encode_points(vae):
    with pytest.raises(InputError, match=r"molecule 2 of 2: 'C1C' is no valid SMILES"):
        vae.encode(["CC", "C1C"], strict=True)
    with pytest.raises(InputError, match=r"molecule 1 of 1: the token '\[Pt\]' is not in the vocabulary.*\n.*\n"):
        vae.encode(["[Pt]"], strict=True)
    with pytest.raises(InputError, match=r"the token '\[Pt\]' is not in .*: it knows no Pt\n.*\n {10}\^$"):
        vae.encode(["N.N.Cl[Pt]Cl"], strict=True)
    with pytest.raises(InputError, match=r"(?s)\[C@H\].*\nwithout stereochemistry, salts and charges .*: CC\(N\)CO$"):
        vae.encode(["C[C@H](N)CO.Cl"], strict=True)


def test_a_single_text_is_no_list(vae):
    with pytest.raises(InputError, match="a list"):
        vae.encode("CCO")


def test_decode_gives_molecules_or_none(vae):
    z = np.vstack([vae.encode(SOME), np.full((1, 8), np.nan), np.full((1, 8), np.inf)])
    molecules = vae.decode(z)
    assert len(molecules) == 5 and molecules[3:] == [None, None]
    assert all(one is None or canonical(one) == one for one in molecules)
    assert vae.decode(np.empty((0, 8))) == []
    assert vae.decode(z, temperature=1.0, seed=1) == vae.decode(z, temperature=1.0, seed=1, batch_size=2)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_constrained_decoding_writes_a_molecule_at_every_point_and_keeps_those_written_freely(vae, temperature):
    z = 2 * np.random.default_rng(0).standard_normal((40, 8)).astype(np.float32)
    molecules = vae.decode(z, temperature=temperature, seed=1)
    free = vae.decode(z, temperature=temperature, seed=1, constrained=False)
    assert None not in molecules and None in free
    assert all(one == two for one, two in zip(free, molecules, strict=True) if one is not None)
    assert vae.decode(z, temperature=temperature, seed=1, batch_size=3) == molecules


def test_constrained_draws_are_molecules_but_sample_leaves_them_to_the_model(vae):
    settings = Decoding(constrained=True)
    for constrained in (False, True):
        with vae.stream(40, settings.replace(constrained=constrained), seed=0, raw=True) as stream:
            texts = [one for block in stream for one in block]
        assert all(map(canonical, texts)) is constrained
    assert vae.sample(5, seed=0) == vae.sample(5, seed=0, constrained=False) != vae.sample(5, seed=0, constrained=True)


def test_decode_names_the_shape_it_needs(vae):
    for shape in ((8,), (2, 7), (1, 2, 8)):
        with pytest.raises(InputError, match=r"\(N, 8\)"):
            vae.decode(np.zeros(shape))


def test_reconstruct_is_decode_of_encode(vae):
    assert vae.reconstruct([*SOME, "C1"]) == [*vae.decode(vae.encode(SOME)), None]


def test_elbo_is_a_bound_in_nats_per_molecule(vae):
    table = vae.elbo([*SOME, "C1"], draws=8)
    assert list(table.columns) == ["reconstruction", "kl", "elbo"] and len(table) == 4
    good = table.iloc[:3]
    np.testing.assert_allclose(good["elbo"], -(good["reconstruction"] + good["kl"]))
    assert (good["reconstruction"] > 0).all() and (good["kl"] >= 0).all() and table.iloc[3].isna().all()
    assert vae.elbo(SOME, seed=1).equals(vae.elbo(SOME, seed=1, batch_size=512))


def test_posterior_gives_mean_and_spread(vae):
    mean, std = vae.posterior(SOME)
    assert (mean == vae.encode(SOME)).all() and (std > 0).all()


def test_saved_and_loaded_is_the_same_model(vae, tmp_path):
    vae.save_pretrained(tmp_path / "copy")
    again = MolVAE.from_pretrained(tmp_path / "copy")
    assert again.elbo(SOME).equals(vae.elbo(SOME))
    assert again.sample(3, seed=0) == vae.sample(3, seed=0)
    assert again.card == vae.card and again.tokenizer == vae.tokenizer
    assert (again.training_set.hashes == vae.training_set.hashes).all()


def pickled(content):
    torch.save({}, pickle := io.BytesIO())
    return pickle.getvalue()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((name, None) for name in ("config.json", "tokenizer.json", "model.safetensors")),
        ("config.json", lambda content: b"{"),
        ("config.json", lambda content: b'{"architectures": ["BertModel"]}'),
        ("config.json", lambda content: b'{"format": "molvae-model/1", "model": {"latent": 3}}'),
        ("tokenizer.json", lambda content: b"{}"),
        ("tokenizer.json", lambda content: b"\xff\xfe"),
        ("tokenizer.json", lambda content: content.replace(b'"Br",', b"")),
        ("model.safetensors", lambda content: b""),
        ("model.safetensors", lambda content: content[:-100]),
        ("model.safetensors", pickled),
        ("training_set.safetensors", lambda content: b"half"),
    ],
)
def test_a_damaged_model_is_one_sentence(vae, tmp_path, name, damage):
    folder = tmp_path / "model"
    vae.save_pretrained(folder)
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    if damage is not None:
        (folder / name).write_bytes(damage(content))
    with pytest.raises(ModelError, match=re.escape(str(folder))) as caught:
        MolVAE.from_pretrained(folder)
    assert len(str(caught.value).splitlines()) == 1 and (damage is not None or name in str(caught.value))


def test_where_there_is_no_model(tmp_path):
    (tmp_path / "file").write_text("")
    for name, message in (("nothing", "does not exist"), ("file", "is a file")):
        with pytest.raises(ModelError, match=message):
            MolVAE.from_pretrained(tmp_path / name)


def test_bad_settings_are_refused(vae):
    for wrong in ({"temperature": -1.0}, {"top_p": 0.0}, {"max_length": 0}, {"batch_size": 0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            vae.sample(1, **wrong)
    for n in (-1, 2.5, "3", None):
        with pytest.raises(ConfigError, match="n must be a whole number"):
            vae.sample(n)


def test_novel_needs_a_training_set(vae, tmp_path):
    vae.save_pretrained(tmp_path)
    (tmp_path / "training_set.safetensors").unlink()
    with pytest.raises(ConfigError, match="does not know its training molecules"):
        MolVAE.from_pretrained(tmp_path).sample(1, novel=True)


def test_a_run_knows_its_whole_file_and_an_older_one_its_training_molecules(vae, tiny_run, tmp_path):
    there = read_smiles(tiny_run / "molecules.csv.gz")
    assert vae.known.holds(there).all() and len(vae.training_set) == vae.card["molecules"] < len(there)
    assert vae.known.holds(there, "tautomers").all()
    vae.save_pretrained(tmp_path)
    again = MolVAE.from_pretrained(tmp_path).known
    assert again.holds(there).all() and again.sets.keys() == vae.known.sets.keys()
    hashes = read_tensors(tmp_path / "training_set.safetensors")[0]["hashes"]
    write_tensors(tmp_path / "training_set.safetensors", {"hashes": hashes})  # as an earlier version wrote it
    old = MolVAE.from_pretrained(tmp_path)
    assert old.known.holds(there).sum() == len(vae.training_set)
    assert len(old.sample(2, seed=0, novel=True)) == 2
    with pytest.raises(ConfigError, match="does not keep the tautomers"):
        old.sample(1, novel="tautomers")
    with pytest.raises(ConfigError, match="novel must be True, False or 'tautomers', not 'stereo'"):
        vae.sample(1, novel="stereo")


def test_the_card_says_what_is_unusual_in_the_training_molecules(vae):
    assert vae.card["unusual atoms"] == [] and vae.atoms == frozenset()


def test_card_tells_where_the_model_comes_from(vae):
    assert vae.card["molecules"] == 270 and math.isfinite(vae.card["figures"]["reconstruction"])


def test_repair_leaves_molecules_alone_and_gives_broken_strings_another_chance(vae):
    raw = next(iter(vae.draws(Decoding(), seed=5)))
    once = next(iter(vae.draws(Decoding(), seed=5, repair=1)))
    thrice = next(iter(vae.draws(Decoding(), seed=5, repair=3, batch_size=100)))
    for before, after, later in zip(raw, once, thrice, strict=True):
        if canonical(before) is not None:
            assert before == after == later
        elif canonical(after) is not None:
            assert after == later
    broken = [text for text in raw if canonical(text) is None]
    again = {text: one for text, one in zip(raw, once, strict=True) if canonical(text) is None}
    readable = [text for text in broken if not np.isnan(vae.codec.posterior([text])[0]).any()]
    assert len(readable) > 100
    z = vae.codec.posterior(readable[:20])[0]
    greedy = vae.codec.decode(z, Decoding(temperature=0.0), None)
    assert [again[text] for text in readable[:20]] == greedy


def test_decode_can_repair(vae):
    z = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    plain, repaired = vae.decode(z), vae.decode(z, repair=2)
    assert all(a is None or a == b for a, b in zip(plain, repaired, strict=True))
    assert vae.sample(3, seed=0, repair=1)


def speaking(vae, text, *, ends, max_length=None):
    """The model, with a decoder that writes `text` at every point, once or for ever."""
    card = {} if max_length is None else {"max_length": max_length}
    model = parrot(copy.deepcopy(vae.model), vae.tokenizer, text, ends=ends)
    return MolVAE(StoredModel(model, vae.tokenizer, None, card))


Z = np.zeros((2, 8), dtype=np.float32)


@pytest.mark.parametrize(("given", "longest"), [(None, 120), (200, 200), (7, 7), ("long", 120), (True, 120), (-1, 120)])
def test_a_model_gives_molecules_as_long_as_its_training_could_have(vae, given, longest):
    for length in (longest, longest + 1):
        model = speaking(vae, "C" * length, ends=True, max_length=given)
        whole = length == longest
        molecule = "C" * length if whole else None
        assert model.max_length == longest
        for how in ({}, {"temperature": 1.0, "seed": 0}, {"repair": 1}):
            assert model.decode(Z, constrained=False, **how) == [molecule] * 2
        raw = "C" * longest + ("" if whole else "...")
        for decoding in (None, Decoding(), Decoding(temperature=0.5), Decoding(temperature=0.5).replace(top_p=0.9)):
            with model.stream(3, decoding, seed=0, raw=True) as stream:
                assert [one for block in stream for one in block] == [raw] * 3
        assert (canonical(raw) is None) is not whole
        assert model.fidelity(["CCO"], constrained=False)["reconstruction"].tolist() == [molecule]
        if whole:
            assert model.sample(1, seed=0) == [molecule]
            assert model.sample(1, seed=0, max_length=500) == [molecule]


def test_what_is_given_goes_before_the_length_of_the_model(vae):
    model = speaking(vae, "C" * 150, ends=True, max_length=200)
    for length in (149, 150):
        with model.stream(1, Decoding(max_length=length), seed=0, raw=True) as stream:
            assert next(stream) == (["C" * 150] if length == 150 else ["C" * 149 + "..."])


def test_what_never_ends_is_no_molecule(vae, tmp_path, monkeypatch):
    monkeypatch.setattr("molvae.generator.sampling.screening._PATIENCE", 64)
    endless = speaking(vae, "C", ends=False)
    for repair in (0, 3):
        assert endless.decode(Z, repair=repair, constrained=False) == [None, None]
    assert endless.reconstruct(["CCO", "CC"], constrained=False) == [None, None]
    with pytest.raises(SamplingError, match=r"0\.0% valid"):
        endless.sample(1, seed=0)
    (tmp_path / "raw.smi").write_text(
        "".join(f"{one}\n" for one in [*SOME, *endless.codec.decode(Z, Decoding(temperature=0.0), None)])
    )
    assert [canonical(one) for one in read_smiles(tmp_path / "raw.smi")] == [*SOME, None, None]


def test_batch_size_and_seed_have_bounds(vae):
    methods = [
        *((method, given) for method in (vae.encode, vae.score, vae.fidelity) for given in (SOME, [])),
        *((vae.decode, given) for given in (np.zeros((1, 8)), np.empty((0, 8)))),
        (partial(vae.neighbors, radius=0.5), "CCO"),
    ]
    for method, given in methods:
        for size in (0, -1):
            with pytest.raises(ConfigError, match=f"batch_size must be at least 1, not {size}"):
                method(given, batch_size=size)
    seeded = [
        partial(vae.sample, 1),
        partial(vae.decode, np.zeros((1, 8)), temperature=1.0),
        partial(vae.score, SOME),
        partial(vae.interpolate, "CCO", "CCN"),
        partial(vae.mix, ["CCO", "CCN"]),
        partial(vae.neighbors, "CCO"),
        partial(vae.map, SOME),
    ]
    for method in seeded:
        with pytest.raises(ConfigError, match="seed must be at least 0, not -1"):
            method(seed=np.int64(-1))

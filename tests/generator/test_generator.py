"""Laws of the facade: N asked is N given, batches change nothing, bad molecules are values."""

import copy
import math
from itertools import islice

import numpy as np
import pytest
from rdkit import Chem

from molvae import ConfigError, Decoding, InputError, ModelError, MolVAE, SamplingError
from molvae.chem import canonical
from molvae.corpus.reading import read_smiles
from molvae.pretrained.folder import StoredModel
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


@pytest.mark.parametrize("shape", [(8,), (2, 7), (1, 2, 8)])
def test_decode_names_the_shape_it_needs(vae, shape):
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


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, "has no config.json"),
        ("tokenizer.json", None, "has no tokenizer.json"),
        ("model.safetensors", None, "has no model.safetensors"),
        ("config.json", b"{", "is no JSON"),
        ("config.json", b'{"architectures": ["BertModel"]}', "is not of a model of molvae"),
        ("config.json", b'{"format": "molvae-model/1", "model": {"latent": 3}}', "is damaged: there is no setting"),
        ("tokenizer.json", b"{}", "is damaged: this is no tokenizer"),
        ("tokenizer.json", b"\xff\xfe", "is damaged"),
        ("model.safetensors", b"", "is truncated or no safetensors file"),
        ("model.safetensors", b"half", "is truncated or no safetensors file"),
        ("training_set.safetensors", b"half", "is truncated or no safetensors file"),
    ],
)
def test_a_damaged_model_is_told_in_one_sentence(vae, tmp_path, name, content, message):
    folder = tmp_path / "model"
    vae.save_pretrained(folder)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        MolVAE.from_pretrained(folder)
    assert len(str(caught.value).splitlines()) == 1


def test_weights_of_another_vocabulary_are_refused(vae, tmp_path):
    vae.save_pretrained(tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_text(path.read_text().replace('"Br",', ""))
    with pytest.raises(ModelError, match="does not fit"):
        MolVAE.from_pretrained(tmp_path)


def test_a_truncated_weight_file_is_refused(vae, tmp_path):
    vae.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="truncated"):
        MolVAE.from_pretrained(tmp_path)


def test_a_pickle_is_not_loaded(vae, tmp_path):
    import torch

    vae.save_pretrained(tmp_path)
    torch.save(vae.model.state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="no safetensors file"):
        MolVAE.from_pretrained(tmp_path)


def test_where_there_is_nothing(tmp_path):
    with pytest.raises(ModelError, match="does not exist"):
        MolVAE.from_pretrained(tmp_path / "nothing")
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="is a file"):
        MolVAE.from_pretrained(tmp_path / "file")


@pytest.mark.parametrize("wrong", [{"temperature": -1.0}, {"top_p": 0.0}, {"max_length": 0}, {"batch_size": 0}])
def test_a_bad_setting_is_refused(vae, wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        vae.sample(1, **wrong)


@pytest.mark.parametrize("n", [-1, 2.5, "3", None])
def test_n_is_a_whole_number(vae, n):
    with pytest.raises(ConfigError, match="n must be a whole number"):
        vae.sample(n)


def test_novel_needs_a_training_set(vae, tmp_path):
    vae.save_pretrained(tmp_path)
    (tmp_path / "training_set.safetensors").unlink()
    with pytest.raises(ConfigError, match="does not know its training molecules"):
        MolVAE.from_pretrained(tmp_path).sample(1, novel=True)


def test_card_tells_where_the_model_comes_from(vae):
    assert vae.card["molecules"] == 270
    assert math.isfinite(vae.card["figures"]["reconstruction"])


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
    readable = [text for text in broken if not np.isnan(vae._codec.posterior([text])[0]).any()]
    assert len(readable) > 100
    z = vae._codec.posterior(readable[:20])[0]
    greedy = vae._codec.decode(z, Decoding(temperature=0.0), None)
    assert [again[text] for text in readable[:20]] == greedy


def test_decode_can_repair(vae):
    z = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    plain, repaired = vae.decode(z), vae.decode(z, repair=2)
    assert all(a is None or a == b for a, b in zip(plain, repaired, strict=True))
    assert vae.sample(3, seed=0, repair=1)


def speaking(vae, said, *, ends, max_length=None):
    """The model, with a decoder that writes `said` at every point, once or for ever."""
    card = {} if max_length is None else {"max_length": max_length}
    model = parrot(copy.deepcopy(vae.model), vae.tokenizer, said, ends=ends)
    return MolVAE(StoredModel(model, vae.tokenizer, None, card))


Z = np.zeros((2, 8), dtype=np.float32)


@pytest.mark.parametrize(("given", "longest"), [(None, 120), (200, 200), (7, 7), ("long", 120), (True, 120), (-1, 120)])
def test_a_model_gives_molecules_as_long_as_its_training_could_have(vae, given, longest):
    for length in (longest, longest + 1):
        model = speaking(vae, "C" * length, ends=True, max_length=given)
        whole = length == longest
        molecule = "C" * length if whole else None
        assert model.max_length == longest
        assert (
            model.decode(Z) == model.decode(Z, temperature=1.0, seed=0) == model.decode(Z, repair=1) == [molecule] * 2
        )
        raw = "C" * longest + ("" if whole else "...")
        for decoding in (None, Decoding(), Decoding(temperature=0.5), Decoding(temperature=0.5).replace(top_p=0.9)):
            with model.stream(3, decoding, seed=0, raw=True) as stream:
                assert [one for block in stream for one in block] == [raw] * 3
        assert (canonical(raw) is None) is not whole
        assert model.fidelity(["CCO"])["reconstruction"].tolist() == [molecule]
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
    assert endless.decode(Z) == endless.decode(Z, repair=3) == endless.reconstruct(["CCO", "CC"]) == [None, None]
    with pytest.raises(SamplingError, match=r"0\.0% valid"):
        endless.sample(1, seed=0)
    (tmp_path / "raw.smi").write_text(
        "".join(f"{one}\n" for one in [*SOME, *endless._codec.decode(Z, Decoding(temperature=0.0), None)])
    )
    assert [canonical(one) for one in read_smiles(tmp_path / "raw.smi")] == [*SOME, None, None]


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_size_below_one_is_refused(vae, size):
    calls = [
        lambda: vae.encode(SOME, batch_size=size),
        lambda: vae.encode([], batch_size=size),
        lambda: vae.decode(np.zeros((1, 8)), batch_size=size),
        lambda: vae.decode(np.empty((0, 8)), batch_size=size),
        lambda: vae.score(SOME, batch_size=size),
        lambda: vae.fidelity(SOME, batch_size=size),
        lambda: vae.neighbors("CCO", batch_size=size, radius=0.5),
    ]
    for call in calls:
        with pytest.raises(ConfigError, match=f"batch_size must be at least 1, not {size}"):
            call()


def test_a_seed_below_zero_is_refused(vae):
    calls = [
        lambda: vae.sample(1, seed=-1),
        lambda: vae.decode(np.zeros((1, 8)), temperature=1.0, seed=-1),
        lambda: vae.score(SOME, seed=np.int64(-1)),
        lambda: vae.interpolate("CCO", "CCN", seed=-1),
        lambda: vae.mix(["CCO", "CCN"], seed=-1),
        lambda: vae.neighbors("CCO", seed=-1),
        lambda: vae.map(SOME, seed=-1),
    ]
    for call in calls:
        with pytest.raises(ConfigError, match="seed must be at least 0, not -1"):
            call()

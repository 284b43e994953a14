"""Laws of walks through latent space, in one made of real molecules at known points, and in that of a trained model."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molvae import ConfigError, InputError, MolVAE
from molvae.chem import PROPERTIES, canonical, property_table
from molvae.chem.known_molecules import KnownMolecules
from molvae.generator.exploration import radius as radii
from molvae.generator.exploration import walk as gathering
from molvae.generator.exploration.mixing import mix
from molvae.generator.exploration.neighbors import neighbors
from molvae.generator.exploration.paths import interpolate
from molvae.generator.exploration.radius import calibrate, model_key, remembered_curve, suitable_radius
from molvae.generator.exploration.space import around, only_plausible, path_points, relative_distance, spherical_mean
from molvae.model import slerp
from tests.generator.exploration.atlas import Atlas

MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)


def tanimoto(a, b):
    return DataStructs.TanimotoSimilarity(*(MORGAN.GetFingerprint(Chem.MolFromSmiles(one)) for one in (a, b)))


@pytest.fixture(scope="module")
def some(sample_file):
    """200 molecules."""
    return [str(canonical(line.split(",")[0])) for line in sample_file.read_text().splitlines()[1:201]]


@pytest.fixture(scope="module")
def atlas(some):
    return Atlas(some)


@pytest.fixture(scope="module")
def vae(tiny_run):
    """A model so badly trained that it gives few molecules, so it is not searched for long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gathering, "_EXTRA", 100)
        patch.setattr(gathering, "_EACH", 0)
        patch.setattr("molvae.generator.exploration.neighbors.RADII", (0.0, 0.5))
        yield MolVAE.from_pretrained(tiny_run)


def assert_sound(walk):
    """Distinct and canonical; each row finite but for distances of what cannot be encoded."""
    assert len(set(walk.smiles)) == len(walk.smiles)
    assert all(canonical(one) == one for one in walk.smiles)
    assert walk.table.columns[0] == "smiles" and walk.table.index.tolist() == list(range(len(walk.table)))


def test_no_walk_gives_a_radical_or_a_charge_that_the_training_molecules_lack(some):
    odd = ["C[CH]C", "CC[N+](C)(C)C", "CCI(C)C"]
    atlas = Atlas([*some[:3], *odd], holes=False)
    walks = [neighbors(atlas, some[0], n=9, radius=1.0), mix(atlas, some[:2], n=9, radius=1.0)]
    walks += [interpolate(atlas, *some[:2], steps=40)]
    assert all(set(walk.smiles) <= set(some[:3]) for walk in walks) and len(walks[0].smiles) == 2
    assert only_plausible(atlas, atlas.owners, [some[0]]) == [*some[:3], None, None, None]
    assert only_plausible(atlas, atlas.owners, [odd[1]]) == [*some[:3], None, odd[1], None]
    atlas.atoms = frozenset({"I with 3 bonds"})
    assert only_plausible(atlas, atlas.owners, []) == [*some[:3], None, None, odd[2]]


def test_neighbors_mark_known_molecules_and_leave_them_out_if_asked(some):
    atlas = Atlas(some[:12], holes=False)
    assert "known" not in neighbors(atlas, some[0], n=3, radius=1.0).table
    with pytest.raises(ConfigError, match="does not know its training molecules"):
        neighbors(atlas, some[0], n=3, radius=1.0, novel=True)
    there = neighbors(atlas, some[0], n=12, radius=1.0).smiles
    atlas.known = KnownMolecules.from_smiles(there[:1], held_out=there[2:3])
    marked = neighbors(atlas, some[0], n=12, radius=1.0).table
    assert marked["smiles"].tolist() == there
    assert marked["known"].tolist() == [float(place in (0, 2)) for place in range(len(there))]
    novel = neighbors(atlas, some[0], n=12, radius=1.0, novel=True)
    assert novel.smiles == [one for place, one in enumerate(there) if place not in (0, 2)]
    assert not novel.table["known"].any() and ", 2 known molecules left out" in novel.notes[0]


def test_neighbors_without_stereo_are_distinct_without_it():
    atlas = Atlas(["CCO", "C[C@H](N)Cl", "C[C@@H](N)Cl", "CC(N)Cl", "CCC(C)N"], holes=False)
    assert len(neighbors(atlas, "CCO", n=9, radius=1.0).smiles) > 2
    flat = neighbors(atlas, "CCO", n=9, radius=1.0, stereo=False).smiles
    assert sorted(flat) == sorted(
        {canonical(one, stereo=False) for one in neighbors(atlas, "CCO", n=9, radius=1.0).smiles}
    )
    around = neighbors(atlas, "C[C@H](N)Cl", n=9, radius=1.0, stereo=False)
    assert around.drawn[0][0] == "CC(N)Cl" and "CC(N)Cl" not in around.smiles


# Geometry


@pytest.mark.parametrize("linear", [False, True])
def test_a_path_starts_and_ends_at_its_ends(linear):
    a, b = np.random.default_rng(0).standard_normal((2, 16)).astype(np.float32)
    ends = path_points(a, b, np.array([0.0, 1.0]), linear=linear)
    np.testing.assert_allclose(ends, [a, b], atol=1e-6)
    t = np.linspace(0, 1, 7)
    np.testing.assert_allclose(path_points(a, b, t, linear=linear), path_points(b, a, 1 - t, linear=linear), atol=1e-6)


def test_the_great_circle_keeps_the_norm_between_those_of_its_ends_and_the_line_does_not():
    a, b = np.random.default_rng(0).standard_normal((2, 16)).astype(np.float32)
    t = np.linspace(0, 1, 9)
    wanted = (1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b)
    np.testing.assert_allclose(np.linalg.norm(path_points(a, b, t), axis=1), wanted, rtol=1e-5)
    assert (np.linalg.norm(path_points(a, b, t, linear=True), axis=1)[1:-1] < wanted[1:-1]).all()


@pytest.mark.parametrize("radius", [0.0, 0.3, 1.0, 2.0])
def test_draws_around_a_point_have_its_norm_and_their_distance(radius):
    centers = np.repeat(np.random.default_rng(0).standard_normal((1, 12)).astype(np.float32), 50, axis=0)
    points = around(centers, radius, np.random.default_rng(1))
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), np.linalg.norm(centers[0]), rtol=1e-5)
    np.testing.assert_allclose(relative_distance(points, centers[0]), radius, atol=1e-5)


def test_the_mean_of_two_is_on_their_great_circle_where_the_weights_say():
    a, b = np.random.default_rng(0).standard_normal((2, 16)).astype(np.float32)
    for t in (0.0, 0.2, 0.5, 1.0):
        expected = slerp(torch.from_numpy(a), torch.from_numpy(b), t)
        np.testing.assert_allclose(spherical_mean(np.stack([a, b]), [1 - t, t]), expected, atol=1e-5)


def test_the_mean_depends_on_the_ratios_of_weights_alone_and_on_no_order():
    points = np.random.default_rng(0).standard_normal((4, 16)).astype(np.float32)
    mean = spherical_mean(points, [2, 1, 0, 3])
    np.testing.assert_allclose(spherical_mean(points, [20, 10, 0, 30]), mean, atol=1e-6)
    np.testing.assert_allclose(spherical_mean(points[::-1], [3, 0, 1, 2]), mean, atol=1e-6)
    np.testing.assert_allclose(spherical_mean(points[[0, 1, 3]], [2, 1, 3]), mean, atol=1e-6)


def test_between_opposite_points_there_is_no_mean():
    with pytest.raises(InputError, match="opposite"):
        spherical_mean(np.array([[1.0, 0.0], [-1.0, 0.0]], dtype=np.float32), [1, 1])


# Paths


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("steps", [2, 3, 10, 40])
def test_a_path_has_its_ends_and_as_many_molecules_as_there_are(atlas, some, steps, linear):
    a, b = some[0], some[7]
    walk = interpolate(atlas, a, b, steps=steps, linear=linear)
    assert_sound(walk)
    assert (walk.smiles[0], walk.smiles[-1]) == (a, b)
    assert len(walk.smiles) <= steps and len(walk.drawn) == len(walk.smiles)
    t = walk.table["t"].to_numpy()
    assert (t[0], t[-1]) == (0.0, 1.0) and (np.diff(t) >= 0).all()
    assert len(walk.smiles) == steps or any("no more distinct" in note for note in walk.notes)
    if steps == 10:
        assert len(walk.smiles) == 10


@pytest.mark.parametrize("linear", [False, True])
def test_what_is_not_beside_the_path_is_what_the_path_decodes_to_there(atlas, some, linear):
    far = int((atlas.points @ atlas.points[0]).argmin())
    a, b = atlas.points[0], atlas.points[far]
    table = interpolate(atlas, some[0], some[far], steps=15, linear=linear).table.iloc[1:-1]
    on_path = table[table["off_path"] == 0]
    assert 3 < len(on_path) < len(table)
    assert atlas.decode(path_points(a, b, on_path["t"].to_numpy(), linear=linear)) == on_path["smiles"].tolist()
    assert table["off_path"].between(0, 0.3).all()


def test_the_way_back_is_the_way_there_backward(atlas, vae, some):
    for space in (atlas, vae):
        there = interpolate(space, some[0], some[7], steps=4).table
        back = interpolate(space, some[7], some[0], steps=4).table.iloc[::-1]
        assert there["smiles"].tolist() == back["smiles"].tolist()
        np.testing.assert_allclose(there["t"], 1 - back["t"], atol=1e-12)
        np.testing.assert_allclose(there["similarity_a"], back["similarity_b"])


def test_similarities_to_the_ends_are_those_of_rdkit(atlas, some):
    table = interpolate(atlas, some[0], some[7], steps=8).table
    assert table["similarity_a"].tolist() == [tanimoto(one, some[0]) for one in table["smiles"]]
    assert table["similarity_b"].tolist() == [tanimoto(one, some[7]) for one in table["smiles"]]


def test_it_is_said_whether_the_ends_are_reconstructed(some):
    atlas = Atlas(some)
    atlas.owners[7], atlas.owners[8] = None, some[9]
    told = "\n".join(interpolate(atlas, some[0], some[7]).notes)
    assert "a is reconstructed exactly" in told and "b is not reconstructed: its latent point decodes to noth" in told
    told = "\n".join(interpolate(atlas, some[8], some[0]).notes)
    assert f"a is not reconstructed: its latent point decodes to {some[9]}" in told


def test_it_is_said_of_leads_and_parents_that_are_lost_and_of_those_alone(some):
    atlas = Atlas(some)
    atlas.owners[8] = some[9]
    lost = f"is not reconstructed: its latent point decodes to {some[9]}, Tanimoto similarity"
    told = neighbors(atlas, some[8], radius=0.5, n=3).notes
    assert f"the lead {lost}" in told[1] and "fine-tuned" in told[2]
    assert f"parent 2 {lost}" in mix(atlas, [some[0], some[8]], n=3).notes[1]
    assert len(neighbors(atlas, some[0], radius=0.5, n=3).notes) == len(mix(atlas, some[:2], n=3).notes) == 1


def test_a_path_of_nothing_is_its_ends(some):
    empty = Atlas(some)
    empty.owners = [None] * len(some)
    walk = interpolate(empty, some[0], some[7])
    assert walk.smiles == [some[0], some[7]] and "no more distinct molecules" in "\n".join(walk.notes)
    assert "at 8 of the 8 even steps nothing valid" in "\n".join(walk.notes)


def test_wrong_ends_and_steps_are_named(vae):
    for ends, named in (
        (["CCO", "C1CC"], "molecule 2 of 2: 'C1CC'"),
        (["[Pt]", "CCO"], r"molecule 1 of 2: the token '\[Pt\]'"),
        (["CCO", "OCC"], "same molecule, CCO"),
        (["", "CCO"], "molecule 1 of 2"),
    ):
        with pytest.raises(InputError, match=named):
            vae.interpolate(*ends)
    for steps in (-1, 0, 1, 1001):
        with pytest.raises(ConfigError, match=f"steps .*, not {steps}"):
            vae.interpolate("CCO", "CCN", steps=steps)


# Mixtures


def test_a_mixture_has_no_parent_and_the_most_balanced_first(atlas, some):
    parents = [some[0], some[5], some[7]]
    walk = mix(atlas, parents, weights=[2, 1, 1], n=12, radius=1.0)
    assert_sound(walk)
    table = walk.table
    assert len(table) == 12 and walk.shortfall is None and not set(walk.smiles) & set(parents)
    for row, parent in enumerate(parents):
        assert table[f"similarity_{row + 1}"].tolist() == [tanimoto(one, parent) for one in walk.smiles]
    each = table[["similarity_1", "similarity_2", "similarity_3"]].to_numpy()
    np.testing.assert_allclose(table["balance"], np.prod(each ** [0.5, 0.25, 0.25], axis=1))
    assert (np.diff(table["balance"]) <= 0).all()
    assert [one for one, _ in walk.drawn[:5]] == [*parents, None, None]


def test_weights_count_by_their_ratios(atlas, some):
    two = [mix(atlas, some[:2], weights=weights, n=5).table for weights in ([1, 3], [100, 300])]
    pd.testing.assert_frame_equal(*two)
    pd.testing.assert_frame_equal(mix(atlas, some[:2], n=5).table, mix(atlas, some[:2], weights=[7, 7], n=5).table)
    pd.testing.assert_frame_equal(mix(atlas, some[:2], n=5).table, mix(atlas, some[:2], weights=[1e308] * 2, n=5).table)


def test_a_mixture_that_gives_too_little_says_so(some):
    few = Atlas(some[:6], holes=False)
    walk = mix(few, some[:2], n=10, radius=0.5)
    assert len(walk.smiles) <= 4 and walk.shortfall is not None
    assert walk.shortfall.startswith(f"only {len(walk.smiles)} of 10 molecules") and "try radius 0.7" in walk.shortfall
    assert "this model gives no more" in str(mix(few, some[:2], n=10, radius=1.0).shortfall)


def test_what_cannot_be_mixed_is_named(vae):
    for smiles, named in (
        (["CCO"], "two"),
        ("CCO", "two"),
        (["CCO", "CCN", "OCC"], "molecule 3 is molecule 1 again, CCO"),
        (["CCO", "C1CC"], "molecule 2 of 2"),
    ):
        with pytest.raises(InputError, match=named):
            vae.mix(smiles)
    for name, value, named in (
        ("weights", [1], "1 weight for 2 molecules"),
        ("weights", [1, -1], "not 1, -1"),
        ("weights", [0, 0], "not all 0"),
        ("weights", [1, float("nan")], "not 1, nan"),
        ("n", 0, "n must"),
        ("radius", 0.0, "radius must"),
        ("properties", ["beauty"], "beauty"),
    ):
        with pytest.raises(ConfigError, match=named):
            vae.mix(["CCO", "CCN"], **{name: value})


# Neighbours


def test_neighbors_are_as_many_as_asked_without_the_lead_the_nearest_first(atlas, some):
    walk = neighbors(atlas, some[3], n=15, radius=0.8)
    assert_sound(walk)
    assert len(walk.smiles) == 15 and some[3] not in walk.smiles and walk.shortfall is None
    lead, own = atlas.encode([some[3]])[0], atlas.encode(walk.smiles)
    distance = np.linalg.norm(own - lead, axis=1) / np.linalg.norm(lead)
    np.testing.assert_allclose(walk.table["distance"], distance, rtol=1e-6)
    assert (np.diff(walk.table["distance"]) >= 0).all()
    assert walk.table["similarity"].tolist() == [tanimoto(one, some[3]) for one in walk.smiles]
    assert walk.drawn[0] == (some[3], "lead")


def test_what_is_kept_is_in_every_neighbor(atlas, some):
    lead = next(one for one in some if Chem.MolFromSmiles(one).HasSubstructMatch(Chem.MolFromSmarts("c1ccncc1")))
    walk = neighbors(atlas, lead, n=4, radius=1.0, keep="c1ccncc1")
    assert len(walk.smiles) == 4
    assert all(Chem.MolFromSmiles(one).HasSubstructMatch(Chem.MolFromSmarts("c1ccncc1")) for one in walk.smiles)


def test_a_kept_scaffold_is_the_murcko_scaffold_of_the_lead(some):
    series = ["Cc1ccccc1", "CCc1ccccc1", "OCc1ccc(Cl)cc1", "CC1CCCCC1", "CCO"]
    walk = neighbors(Atlas(series, holes=False), "Cc1ccccc1", n=2, radius=1.0, keep="scaffold")
    assert set(walk.smiles) == {"CCc1ccccc1", "OCc1ccc(Cl)cc1"}


def test_a_substituted_nitrogen_keeps_its_scaffold():
    series = ["CCn1ccc(C)c1", "CCn1cccc1C=O", "c1cc[nH]c1", "Cc1ccoc1"]
    walk = neighbors(Atlas(series, holes=False), series[0], n=2, radius=1.0, keep="scaffold")
    assert set(walk.smiles) == {canonical(one) for one in series[1:3]}


def test_what_cannot_be_kept_is_named(vae):
    for keep, named in (("c1cc", "'c1cc'"), ("", "SMARTS"), ("[#9]", r"CCO has no \[#9\]"), ("scaffold", "rings.*CCO")):
        with pytest.raises(InputError, match=named):
            vae.neighbors("CCO", radius=0.5, keep=keep)
    for radius in (0.0, -1.0, 1.01, 1e9, float("nan")):
        with pytest.raises(ConfigError, match="radius must"):
            vae.neighbors("CCO", radius=radius)


def test_too_small_a_radius_is_told_with_one_that_gives_more(some):
    walk = neighbors(Atlas(some), some[3], n=10, radius=0.001)
    assert walk.smiles == [] and "the lead itself" in str(walk.shortfall)
    better = re.search(r"radius ([\d.]+) gives more", str(walk.shortfall))
    assert better is not None
    assert len(neighbors(Atlas(some), some[3], n=10, radius=float(better[1])).smiles) > 0


def test_where_there_is_nothing_it_ends_and_says_so(some):
    empty = Atlas(some)
    empty.owners = [None] * len(some)
    walk = neighbors(empty, some[3], radius=0.5)
    assert walk.smiles == [] and "none of which was valid; no radius gives more" in str(walk.shortfall)
    assert "50 neighbors" in repr(walk) and canonical(some[3]) in str(walk.drawn)


# All of them


def walks(space, some, **settings):
    """One walk of each kind."""
    yield interpolate(space, some[0], some[7], steps=4, **settings)
    yield mix(space, some[:3], n=6, radius=0.8, **settings)
    yield neighbors(space, some[3], n=6, radius=0.8, **settings)


def test_the_seed_decides(atlas, some):
    for first, again in zip(walks(atlas, some, seed=3), walks(atlas, some, seed=3), strict=True):
        pd.testing.assert_frame_equal(first.table, again.table)
        assert (first.notes, first.drawn) == (again.notes, again.drawn)
    other = [walk.smiles for walk in walks(atlas, some, seed=4)]
    assert other[2] != next(iter(list(walks(atlas, some, seed=3))[2:])).smiles


def test_the_batch_size_changes_nothing(vae, some):
    for one, all_at_once in zip(walks(vae, some, batch_size=50), walks(vae, some), strict=True):
        assert one.smiles == all_at_once.smiles
        assert_sound(one)


def test_properties_are_columns(atlas, some):
    for walk in walks(atlas, some, properties=["qed", "mw"]):
        expected = property_table(walk.smiles, ["qed", "mw"])
        pd.testing.assert_frame_equal(walk.table[["qed", "mw"]], expected)


def test_a_walk_shows_itself_as_structures(vae, some):
    assert "<svg" in vae.interpolate(*some[:2], steps=2, properties=tuple(PROPERTIES))._repr_svg_()


# The radius


def test_a_calibration_counts(some):
    atlas = Atlas(some)
    curve = calibrate(atlas, [some[0], some[2]], draws=6)
    assert curve["radius"].tolist() == list(radii.RADII)
    first = curve.iloc[0]
    assert (first["similarity"], first["valid"], first["changed"]) == (1.0, 1.0, 0.0)
    assert curve["changed"].iloc[-1] > 0.9
    assert curve[["valid", "changed", "similarity"]].apply(lambda one: one.between(0, 1)).to_numpy().all()
    pd.testing.assert_frame_equal(curve, calibrate(atlas, [some[0], some[2]], draws=6))


def test_the_suitable_radius_is_half_way():
    curve = pd.DataFrame({"radius": radii.RADII, "similarity": [1 - one / 2 for one in radii.RADII]})
    assert suitable_radius(curve) == 0.5
    assert suitable_radius(curve.assign(similarity=float("nan"))) == 0.5
    assert 0 < suitable_radius(curve.assign(similarity=1.0)) <= 1


def test_where_nothing_is_valid_a_calibration_is_nan(some):
    empty = Atlas(some)
    empty.owners = [None] * len(some)
    curve = calibrate(empty, some[:1])
    assert curve["similarity"].isna().all() and curve["changed"].isna().all() and (curve["valid"] == 0).all()
    with pytest.raises(InputError, match="no molecules to calibrate with"):
        calibrate(empty, [])
    with pytest.raises(ConfigError, match="draws"):
        calibrate(empty, some[:1], draws=0)


def test_a_model_is_calibrated_once(vae, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(MolVAE, "sample", lambda *_, **__: asked.append(1) or ["CCO", "C#[SH]"])
    monkeypatch.setenv("MOLVAE_CACHE", str(tmp_path))
    monkeypatch.setattr(radii, "RADII", (0.0, 0.5, 1.0))
    curve = vae.calibrate_radius()
    pd.testing.assert_frame_equal(curve, vae.calibrate_radius(["OCC"]))
    pd.testing.assert_frame_equal(curve, vae.calibrate_radius())
    assert f"at radius {suitable_radius(curve):g}" in vae.neighbors("CCO", n=2).notes[0]
    assert len(asked) == 1
    (entry,) = (tmp_path / "radius").iterdir()
    for broken in ("{", "[]", '{"radius": [1]}', "null"):
        entry.write_text(broken)
        pd.testing.assert_frame_equal(vae.calibrate_radius(), curve)
    assert len(asked) == 5


def test_without_a_cache_it_is_calibrated_each_time(monkeypatch):
    monkeypatch.setenv("MOLVAE_CACHE", "off")
    made = []
    for _ in range(2):
        remembered_curve("key", lambda: made.append(1) or calibrate(Atlas(["CCO"]), ["CCO"]))
    assert len(made) == 2


def test_models_that_differ_have_other_keys(vae):
    weights = vae.model.state_dict()
    key = model_key(weights, vae.tokenizer.to_json())
    assert key == model_key(dict(reversed(weights.items())), vae.tokenizer.to_json())
    name = next(iter(weights))
    assert key != model_key({**weights, name: weights[name] + 1}, vae.tokenizer.to_json())
    assert key != model_key(weights, "another vocabulary")

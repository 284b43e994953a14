"""What the tests share: real molecules, a tiny model, a trained one."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from molvae import MolVAE
    from molvae.corpus.batching import TokenizedCorpus

# The models are tiny, and threads that wait for each other take longer than the work; processes inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).parent.parent
SMILES = (
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "CC(=O)Oc1ccccc1C(=O)O",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "CC(=O)Nc1ccc(O)cc1",
    "CN1CCC[C@H]1c1cccnc1",
    "OC(=O)c1ccccc1O",
    "NCCc1ccc(O)c(O)c1",
    "CC(N)Cc1ccccc1",
    "c1ccc2[nH]ccc2c1",
    "O=C1CCCCC1",
    "Clc1ccccc1",
    "BrCCBr",
    "C/C=C/C",
    "C/C=C\\C",
    "FC(F)(F)c1ccccc1",
    "O=[N+]([O-])c1ccccc1",
    "C[N+](C)(C)C",
    "CCS(=O)(=O)N",
    "c1ccsc1",
    "c1ccoc1",
    "N#Cc1ccccc1",
    "CC#CC",
    "C1CC1",
    "C1CCNCC1",
    "O=C(O)CCC(=O)O",
    "CCOC(=O)C",
    "CCN(CC)CC",
    "CC(C)(C)OC(=O)NCC(=O)O",
    "COc1ccc(CCN)cc1",
    "c1ccc(-c2ccccc2)cc1",
    "CC1=CC(=O)CC(C)(C)C1",
    "OCC(O)CO",
)
"""Molecules with stereo, charges, brackets, two-letter elements and every kind of bond."""


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test touches the cache of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLVAE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_bundled_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the tests train depends on no model that this installation may have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("molvae.pretrained._FOLDER", tmp_path_factory.mktemp("pretrained"))
        yield


@pytest.fixture
def bundled_run(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run as the model that is taken where none is named."""
    folder = tmp_path_factory.mktemp("pretrained")
    (folder / "medchem").symlink_to(tiny_run)
    monkeypatch.setattr("molvae.pretrained._FOLDER", folder)
    return tiny_run


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a fine-tuned model has memorized is read off ten draws."""
    monkeypatch.setattr("molvae.training.run.runner._READOUT", 10)


@pytest.fixture
def series(tmp_path: Path, canonical_smiles: list[str]) -> Path:
    """The molecules of `SMILES` as a file."""
    path = tmp_path / "series.smi"
    path.write_text("".join(f"{one}\n" for one in canonical_smiles))
    return path


@pytest.fixture(scope="session")
def canonical_smiles() -> list[str]:
    """`SMILES` in canonical form, distinct."""
    from molvae.chem import canonical

    return list(dict.fromkeys(str(canonical(one)) for one in SMILES))


@pytest.fixture(scope="session")
def sample_file() -> Path:
    """The committed sample of 50,000 molecules."""
    return REPOSITORY / "data" / "moses_sample.csv"


@pytest.fixture(scope="session")
def moses_train() -> list[str]:
    """The whole MOSES training split; the test is skipped where it is not at hand."""
    folder = os.environ.get("MOLVAE_DATA")
    path = Path(folder or ".") / "moses_train.csv.gz"
    if not folder or not path.exists():
        pytest.skip("needs moses_train.csv.gz in the folder $MOLVAE_DATA, which is not set or lacks it")
    with gzip.open(path, "rt") as file:
        return file.read().split()[1:]


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, sample_file: Path) -> Path:
    """A finished run on 300 molecules of the sample, with a model that is small and badly trained, but real."""
    from molvae import train

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    smiles = [line.split(",")[0] for line in sample_file.read_text().splitlines()[1:301]]
    train(
        smiles,
        folder,
        cleaning={"max_length": 60},  # it seldom finds an end, and tests should not wait for it
        model={"latent_dim": 8, "embedding_dim": 8, "encoder_hidden": 16, "decoder_hidden": 32},
        training={
            "epochs": 2,
            "health_samples": 20,
            "pool_size": 100,
            "block_size": 50,
            "precision": "fp32",
            "optimizer": "adamw",
            "learning_rate": 4e-3,
            "weight_decay": 0.01,
        },
    )
    return folder


@pytest.fixture(scope="session")
def vae(tiny_run: Path) -> MolVAE:
    """The model of that run, which no test may change."""
    from molvae import MolVAE

    return MolVAE.from_pretrained(tiny_run)


@pytest.fixture(scope="session")
def corpus(canonical_smiles: list[str]) -> TokenizedCorpus:
    """The molecules of `SMILES` as tokens."""
    from molvae import SmilesTokenizer
    from molvae.corpus.batching import TokenizedCorpus

    return TokenizedCorpus(canonical_smiles, SmilesTokenizer.from_smiles(canonical_smiles))

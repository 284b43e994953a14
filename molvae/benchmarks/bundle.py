"""Make a run the model that comes with the package: ``python -m molvae.benchmarks.bundle RUN --command "..."``

For maintainers of molvae: it rounds the weights to half precision, scores the model by the MOSES protocol, and writes
model and card to ``molvae/pretrained/moses/`` of this checkout.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import torch
import typer

from molvae.benchmarks.moses import moses_rows
from molvae.chem.known_molecules import KnownMolecules
from molvae.errors import ModelError
from molvae.generator.molvae import MolVAE
from molvae.pretrained.folder import StoredModel, write_model

__all__ = ["bundle"]

_FOLDER = Path(__file__).parent.parent / "pretrained" / "moses"
_LARGEST = 16_000_000  # bytes
_DATA = "training split of MOSES (Polykovskiy et al., 2020), https://github.com/molecularsets/moses"


def bundle(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    command: Annotated[str, typer.Option(help="The training command, for the card.")],
    data: Annotated[str, typer.Option(help="The training data, for the card.")] = _DATA,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "MIT",
) -> None:
    """Score a run in half precision and bundle it.

    Raises:
        ModelError: the model is too large.
    """
    vae = MolVAE.from_pretrained(run)
    for weight in vae.model.parameters():
        weight.data.copy_(weight.data.half())  # score the rounded weights
    rows = moses_rows(vae, repair=True, seed=0)
    rounded = {row: {name: float(f"{value:.5g}") for name, value in figures.items()} for row, figures in rows.items()}
    card = {
        **{name: value for name, value in vae.card.items() if name != "figures"},
        "data": data,
        "licence": licence,
        "command": command,
        "evaluated": time.strftime("%Y-%m-%d"),
        "figures": {"held out while training": vae.card.get("figures", {}), **rounded},
    }
    weights = 2 * sum(weight.numel() for weight in vae.model.state_dict().values())
    # The hashes of a large training set do not fit; --novel needs them.
    training = vae.training_set
    fits = training is not None and weights + training.hashes.nbytes < _LARGEST
    known = KnownMolecules({"smiles": training}) if training is not None and fits else None
    stored = StoredModel(vae.model, vae.tokenizer, known, card)
    with TemporaryDirectory() as trial:
        write_model(Path(trial), stored, dtype=torch.float16)
        size = sum(path.stat().st_size for path in Path(trial).iterdir())
    if size > _LARGEST:
        raise ModelError(f"the model takes {size:,} bytes; {_LARGEST:,} may be bundled")
    (_FOLDER / "training_set.safetensors").unlink(missing_ok=True)
    write_model(_FOLDER, stored, dtype=torch.float16)


if __name__ == "__main__":
    typer.run(bundle)

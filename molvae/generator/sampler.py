"""A model as a source of molecules: N asked is N given, at once or as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from molvae.config import Decoding
from molvae.errors import ConfigError
from molvae.generator.latent import LatentModel
from molvae.generator.sampling.draws import Draws
from molvae.generator.sampling.sampling_stats import Samples
from molvae.generator.sampling.stream import Order, Stream, open_stream, suitable_crew

__all__ = ["Sampler"]


class Sampler(LatentModel):
    """The part of `MolVAE` that samples."""

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        top_p: float = 1.0,
        max_length: int | None = None,
        novel: bool = False,
        repair: int = 0,
        batch_size: int = 512,
    ) -> list[str]:
        """n valid, distinct, canonical SMILES decoded from draws of N(0, I).

        Args:
            n: how many.
            seed: the same seed gives the same molecules on the same machine and device; None draws a new one.
            temperature: of the decoder; 0 is greedy.
            top_p: nucleus of the decoder's distribution.
            max_length: tokens after which a molecule is cut off, and so invalid; None: as many as the training
                molecules could have.
            novel: leave out training molecules.
            repair: how many times a string that is no molecule is encoded and decoded again, greedily.
            batch_size: rows decoded at a time; does not change what is drawn.

        Raises:
            SamplingError: the model cannot produce that many.
            ConfigError: a setting out of range, or `novel` for a model without a training set.
        """
        length = {} if max_length is None else {"max_length": max_length}
        decoding = Decoding(temperature=temperature, top_p=top_p, **length)
        return self.collect(n, decoding, seed=seed, novel=novel, repair=repair, batch_size=batch_size).smiles

    def collect(
        self,
        n: int,
        decoding: Decoding | None = None,
        *,
        seed: int | None = None,
        novel: bool = False,
        repair: int = 0,
        batch_size: int = 512,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> Samples:
        """As `sample`, with the account of what was thrown away; `on_progress` is told the number found so far."""
        with self.stream(n, decoding, seed=seed, novel=novel, repair=repair, batch_size=batch_size) as stream:
            smiles: list[str] = []
            for block in stream:
                smiles += block
                on_progress(len(smiles))
        return Samples(**vars(stream.account), smiles=smiles)

    def stream(
        self,
        n: int,
        decoding: Decoding | None = None,
        *,
        seed: int | None = None,
        novel: bool = False,
        properties: Sequence[str] = (),
        raw: bool = False,
        repair: int = 0,
        batch_size: int = 512,
        workers: int | None = None,
        distributed: bool = False,
    ) -> Stream:
        """The molecules of `sample`, as they come: for more than a list should hold.

        Memory grows by eight bytes a molecule, to know it again, and by no more. The next block is decoded while
        RDKit looks at the last, for large n in worker processes, which end with the stream. While it is open, torch
        uses one thread in each Python thread.

        Args:
            n, decoding, seed, novel, repair: as in `sample`; the molecules do not depend on the other arguments.
            properties: names of `molvae.chem.PROPERTIES`, to be computed on the way.
            raw: n raw strings instead, valid or not, "..." behind what was cut off; excludes `novel` and
                `properties`.
            batch_size: rows decoded at a time.
            workers: processes of RDKit; 1 has it work in this process, None chooses by n and the cores.
            distributed: share the work among the processes of torchrun. Each must call this with the same arguments
                and a seed, and read the stream to its end; process 0 gets all molecules, the others none.

        Returns:
            An iterator of lists of SMILES; each has the attribute ``properties``, (k, P) float64. The stream's
            ``account`` tells what became of the draws. Close it, or use it in a `with`.

        Raises:
            SamplingError: while it is read: the model cannot produce that many.
            ConfigError: as in `sample`, or an unknown property, or fewer than one worker.
        """
        if novel and self.training_set is None:
            raise ConfigError("this model does not know its training molecules, so it cannot leave them out")
        order = Order(n, self.training_set if novel else None, tuple(properties), raw)
        crew = suitable_crew(order, on_cpu=self.device.type == "cpu", workers=workers)
        draws = self.draws(decoding or Decoding(), seed=seed, repair=repair, batch_size=batch_size)
        return open_stream(draws, order, crew, distributed=distributed)

    def draws(self, decoding: Decoding, *, seed: int | None = None, repair: int = 0, batch_size: int = 512) -> Draws:
        """Raw strings decoded from draws of N(0, I), valid or not: iterate for blocks, without end."""
        decoding = decoding.for_model(self.max_length)
        return Draws(self._decoder(repair), self.config.latent_dim, decoding, seed=seed, batch_size=batch_size)

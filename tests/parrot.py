"""A model that writes what it is told, for tests of what becomes of it."""

import torch

from molvae.tokenizer import scan


def parrot(model, tokenizer, said, *, ends):
    """Have the decoder of a model write `said` at every point: once, or without an end."""
    ids = [tokenizer.ids[token] for token in scan(said)]

    def step(tokens, z, state):
        at = int(state[0, 0, 0]) if len(z) else 0  # tokens so far
        logits = torch.full((*tokens.shape, len(tokenizer)), -50.0)
        for t in range(tokens.shape[1]):
            logits[:, t, tokenizer.eos_id if ends and at + t >= len(ids) else ids[(at + t) % len(ids)]] = 50.0
        return logits, state + tokens.shape[1]

    model.decoder.initial_state = lambda z: torch.zeros(1, len(z), 1)
    model.decoder.step = step
    return model

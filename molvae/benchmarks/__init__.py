"""The benchmarks of `molvae benchmark ...`, each with something to compare with, in the same run on the same machine.

`moses.py` (with `flow_prior.py`), `descriptors.py` and `outliers.py` score a model. `optimization.py` (with
`baselines.py`) and `leads.py` score searches. `throughput.py` (with `textbook.py`) measures speed. `bundle.py` makes a
run the bundled model.
"""

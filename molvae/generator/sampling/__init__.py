"""From a decoder to n new molecules.

`draws.py` decodes raw strings from draws of the prior. `screening.py` checks them with RDKit, keeps the new molecules
and counts the others. `stream.py` runs both at the same time, in threads and processes.
"""

"""Data: read and write tables of molecules, clean them, tokenize SMILES, make batches, download public data sets."""

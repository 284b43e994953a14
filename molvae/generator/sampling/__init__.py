"""From a decoder to as many new molecules as are asked for: draws, RDKit's verdict, the account, the stream."""

"""How results are shown: a ranked board, its tables, its chart. Reads only what is on disk."""

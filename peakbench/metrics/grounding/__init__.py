"""How boxes are scored: defects that were found, missed and invented."""

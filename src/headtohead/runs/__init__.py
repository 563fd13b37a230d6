"""The life of a run: prepared, trained, scored, recorded and exported, under one folder and one record."""

"""The tracks of an archive: one pass over its label maps, and what is written of it."""

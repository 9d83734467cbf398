"""What formats of outlines can hold: columns, reference systems; and whether a file holds it."""

"""Change through time: the steps of a stack of label maps, and what passes between clusters."""

"""What a sweep varies: the search space, repetitions, and what can be wrong with it before any training."""

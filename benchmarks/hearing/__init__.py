"""What the speech benchmarks share: recordings and their words, the model under a planner, scores, talk on a stream."""

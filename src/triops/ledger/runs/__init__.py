"""The book of runs: experiments, runs, their params, tags, metrics with whole histories, inputs and outputs."""

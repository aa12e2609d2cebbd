"""Long proofs of what is promised, each a make target: hosts, faults, and figures at the end."""

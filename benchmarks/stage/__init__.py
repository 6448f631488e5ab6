"""What the programs beside this folder stand on: a tree to drop, a running system, and the straight line."""

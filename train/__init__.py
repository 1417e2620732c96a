"""From data to bundle: trajectories, training, export. See README.md in this folder."""

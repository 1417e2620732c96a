"""Figures of collections that other models embedded: asked at once, adopted, and the adopting itself.

scripts/adopt_figures.sh runs this package. Each step leaves a file in the folder of the run, and is left out where that is there.
"""

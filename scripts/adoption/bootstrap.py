"""Intervals by bootstrap over questions. Sets are drawn each by itself, and count alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

RESAMPLES = 10_000
SEED = 20_240_229

Statistic = Callable[[np.ndarray], np.ndarray]


def interval(sets: Sequence[np.ndarray], statistic: Statistic) -> dict:
    """A statistic of the mean over sets, with its middle 95%.

    Each set is an array of questions × values, rows drawn together, so that differences are paired. The statistic takes an array
    whose last axis is the values' and gives one without it. Where it has no value (no gain to take a share of), it and its interval
    are None; resamples without one are left out.
    """
    means = np.mean([s.mean(0) for s in sets], axis=0)
    source = np.random.default_rng(SEED)
    drawn = np.mean([s[source.integers(0, len(s), (RESAMPLES, len(s)))].mean(1) for s in sets], axis=0)
    middle, spread = statistic(means), statistic(drawn)
    if np.isnan(middle):
        return {"difference": None, "low": None, "high": None}
    low, high = np.nanpercentile(spread, (2.5, 97.5))
    return {"difference": float(middle), "low": float(low), "high": float(high)}


def difference(values: np.ndarray) -> np.ndarray:
    """The first value less the second."""
    return values[..., 0] - values[..., 1]


def share_kept(values: np.ndarray) -> np.ndarray:
    """How much of the gain of the last two values (loop, single search) the first two have; not a number without a gain."""
    gain = values[..., 2] - values[..., 3]
    kept = values[..., 0] - values[..., 1]
    return np.divide(kept, gain, out=np.full_like(kept, np.nan), where=gain > 0)

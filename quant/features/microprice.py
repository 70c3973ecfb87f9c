"""Stoikov's microprice: the mid that the best quotes lead to in the end, given their imbalance and spread.

A chain over states (imbalance bin, spread in ticks): Q moves between states without the mid moving, R1 moves the mid by
one of the sizes K, R2 moves it and tells the state after it.

    G1 = (1 - Q)⁻¹·R1·K     B = (1 - Q)⁻¹·R2     G* = Σ Bᵏ·G1     microprice = mid + G*(imbalance, spread)

Source: Stoikov, "The micro-price: a high-frequency estimator of future prices" (2018), and its notebooks.
"""

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 10
MAX_SPREAD_TICKS = 4
MIN_QUOTES = 1000
MIN_MOVES = 50
_TERMS = 200
_ENOUGH = 1e-12


class MicropriceTable(Struct, frozen=True, kw_only=True):
    """G* by spread in ticks (from 1) and imbalance bin, in ticks; antisymmetric in imbalance. Plain data, to be stored."""

    tick: float
    bins: int
    adjustments: tuple[tuple[float, ...], ...]
    n_quotes: int

    def adjustment(self, bid: float, bid_size: float, ask: float, ask_size: float) -> float | None:
        """How far the microprice lies above the mid, in quote; None without size or beyond the fitted spreads."""
        total = bid_size + ask_size
        spread = round((ask - bid) / self.tick)
        if not total > 0.0 or not 1 <= spread <= len(self.adjustments):
            return None
        row, place = self.adjustments[spread - 1], bid_size / total * self.bins
        right = min(int(place), self.bins - 1)
        # On the edge between two bins, as every balanced book is, neither side may win.
        left = right - 1 if right == place and right > 0 else right
        return (row[left] + row[right]) / 2.0 * self.tick

    def score(self, bid: float, bid_size: float, ask: float, ask_size: float) -> float | None:
        """The adjustment in half spreads, in [-1, 1]."""
        above = self.adjustment(bid, bid_size, ask, ask_size)
        if above is None:
            return None
        share = above / ((ask - bid) / 2.0)
        return -1.0 if share < -1.0 else 1.0 if share > 1.0 else share


class Chain(Struct, frozen=True, kw_only=True):
    """Probabilities of the chain; rows of Q and R1 together, and of Q and R2 together, add up to 1.

    q: (states, states). r1: (states, sizes). sizes: (sizes,), in ticks. r2: (states, states).
    """

    q: Floats
    r1: Floats
    sizes: Floats
    r2: Floats


def solve(chain: Chain) -> tuple[Floats, Floats]:
    """(G*, B): (states,) in ticks, and (states, states).

    Raises ValueError where the series does not converge: the states have not been seen to move the mid both ways.
    """
    stay = np.eye(len(chain.q)) - chain.q
    try:
        first = np.asarray(np.linalg.solve(stay, chain.r1 @ chain.sizes), dtype=np.float64)
        b = np.asarray(np.linalg.solve(stay, chain.r2), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise ValueError("some states never move the mid: more quotes are needed") from None
    total, term = first.copy(), first
    for _ in range(_TERMS):
        term = b @ term
        total += term
        if float(np.max(np.abs(term))) < _ENOUGH:
            return total, b
    raise ValueError(f"the series has not converged after {_TERMS} terms: more quotes are needed")


def fit(bids: Floats, bid_sizes: Floats, asks: Floats, ask_sizes: Floats, *, tick: float) -> MicropriceTable:
    """Fit the table to best quotes, all (quotes,), oldest first, prices in quote.

    The chain is made symmetric by adding each transition's mirror image, so that a balanced book has no drift.
    Raises ValueError for fewer than 1,000 usable quotes or 50 moves, or where the series does not converge.
    """
    if not (tick > 0.0 and math.isfinite(tick)):
        raise ValueError(f"tick is {tick}, must be above 0")
    columns = [np.asarray(column, dtype=np.float64) for column in (bids, bid_sizes, asks, ask_sizes)]
    bid, bid_size, ask, ask_size = columns
    with np.errstate(invalid="ignore", over="ignore"):
        spread = np.round((ask - bid) / tick)
        total = bid_size + ask_size
        usable = np.isfinite(sum(columns)) & (bid > 0) & (bid_size >= 0) & (ask_size >= 0) & (total > 0)
        usable &= (spread >= 1) & (spread <= MAX_SPREAD_TICKS)
    if int(usable.sum()) < MIN_QUOTES:
        raise ValueError(f"{int(usable.sum())} usable quotes, {MIN_QUOTES} are needed")
    bins = np.minimum((bid_size[usable] / total[usable] * BINS).astype(int), BINS - 1)
    spreads = spread[usable].astype(int)
    # Twice the mid in ticks: moves of half a tick are whole numbers.
    moves = np.diff(np.round((bid[usable] + ask[usable]) / tick).astype(np.int64)) / 2.0
    # Quotes around a hole, or a jump beyond what the best quotes can lead to, tell nothing of the state before.
    near = np.diff(np.flatnonzero(usable)) == 1
    near &= np.abs(moves) <= MAX_SPREAD_TICKS
    states = (spreads - 1) * BINS + bins
    chain, seen = _chain(states[:-1][near], states[1:][near], moves[near])
    adjustments = np.zeros(MAX_SPREAD_TICKS * BINS)
    adjustments[seen], _ = solve(chain)
    rows = adjustments.reshape(MAX_SPREAD_TICKS, BINS)
    widest = int(np.max(seen)) // BINS + 1
    return MicropriceTable(
        tick=tick,
        bins=BINS,
        adjustments=tuple(tuple(row.tolist()) for row in (rows[:widest] - rows[:widest, ::-1]) / 2.0),
        n_quotes=int(usable.sum()),
    )


def _chain(before: NDArray[np.int64], after: NDArray[np.int64], moves: Floats) -> tuple[Chain, NDArray[np.int64]]:
    """The symmetrised chain over the states that were left at least once, and which those are."""
    count = int(np.count_nonzero(moves))
    if count < MIN_MOVES:
        raise ValueError(f"the mid moved {count} times, {MIN_MOVES} are needed")
    before, after = np.concatenate((before, _mirrored(before))), np.concatenate((after, _mirrored(after)))
    moves = np.concatenate((moves, -moves))
    seen = np.unique(before)
    # A state that was only ever entered has no way out: such transitions are left out.
    known = np.isin(after, seen)
    before, after, moves = np.searchsorted(seen, before[known]), np.searchsorted(seen, after[known]), moves[known]
    sizes = np.unique(moves[moves != 0.0])
    n = len(seen)
    q, r1, r2 = np.zeros((n, n)), np.zeros((n, len(sizes))), np.zeros((n, n))
    stays = moves == 0.0
    np.add.at(q, (before[stays], after[stays]), 1.0)
    np.add.at(r2, (before[~stays], after[~stays]), 1.0)
    np.add.at(r1, (before[~stays], np.searchsorted(sizes, moves[~stays])), 1.0)
    left = np.maximum(q.sum(axis=1, keepdims=True) + r2.sum(axis=1, keepdims=True), 1.0)
    return Chain(q=q / left, r1=r1 / left, sizes=sizes, r2=r2 / left), seen


def _mirrored(states: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same spread with the sides exchanged."""
    return states + BINS - 1 - 2 * (states % BINS)

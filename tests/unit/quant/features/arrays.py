"""Independent array forms of what the streaming features calculate, by definition and without any state.

Inputs are (bars,), oldest first; results are (bars,), NaN where there is none.
"""

import numpy as np
import talib

from quant.features.scale import NORMAL_SCALAR
from tests.unit.quant.features.test_ew import explicit

DAY = 86_400 * 10**9


def price_deviation(prices):
    """EW deviation of price differences (span 35, 10 at least), floored at the 5% quantile of its last 500."""
    steps, n = np.diff(prices), len(prices)
    raw = np.full(n, np.nan)
    for i in range(10, n):
        # Weights older than 1,500 bars are below 1e-37.
        raw[i] = explicit(steps[max(0, i - 1500) : i], 1 - 2 / 36)[1]
    sigma = raw.copy()
    for i in range(11, n):
        sigma[i] = max(raw[i], np.quantile(raw[max(10, i - 500) : i], 0.05))
    return np.where(sigma > 0, sigma, np.nan)


def learned(raw, prior=NORMAL_SCALAR):
    """clip(k·x, ±20)/20 with k the prior until 500 earlier values that are not zero, and 10/mean|x| of them after."""
    counted = np.isfinite(raw) & (raw != 0)
    seen = np.concatenate(([0], np.cumsum(counted)[:-1]))
    total = np.concatenate(([0.0], np.cumsum(np.where(counted, np.abs(raw), 0.0))[:-1]))
    k = np.where(seen < 500, prior, 10 * seen / np.maximum(total, 1e-300))
    return np.clip(k * raw / 20, -1, 1)


def momentum(prices):
    sigma, scores = price_deviation(prices), []
    for bars in (24, 96, 288):
        raw = np.full(len(prices), np.nan)
        raw[bars:] = (prices[bars:] - prices[:-bars]) / (sigma[bars:] * np.sqrt(bars))
        scores.append(learned(raw))
    return nanmean(scores)


def nanmean(columns):
    stacked = np.array(columns)
    there = np.isfinite(stacked)
    return np.where(
        there.any(axis=0), np.where(there, stacked, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1), np.nan
    )


def ew_ratio(above, below, span=20):
    keep, result = 1 - 2 / (span + 1), np.full(len(above), np.nan)
    for i in range(len(above)):
        weights = keep ** np.arange(min(i, 800), -1, -1)
        part = slice(max(0, i - 800), i + 1)
        bottom = weights @ below[part]
        result[i] = weights @ above[part] / bottom if bottom > 0 else np.nan
    return result


def vwap_distance(ts_open, high, low, close, volume):
    typical, days, result = (high + low + close) / 3, ts_open // DAY, np.full(len(close), np.nan)
    for i in range(len(close)):
        mine = (days[: i + 1] == days[i]) & (volume[: i + 1] > 0)
        if mine.sum() < 10:
            continue
        v, t = volume[: i + 1][mine], typical[: i + 1][mine]
        mean = (v @ t) / v.sum()
        sigma = np.sqrt(v @ (t - mean) ** 2 / v.sum())
        if sigma > 0:
            result[i] = (close[i] - mean) / sigma
    return result


def swings(high, low, k=5):
    """Bars that are the highest or lowest among their k neighbours on each side."""
    n = len(high)
    tops = [i for i in range(k, n - k) if high[i] == high[i - k : i + k + 1].max()]
    bottoms = [i for i in range(k, n - k) if low[i] == low[i - k : i + k + 1].min()]
    return tops, bottoms


def liquidity(high, low, close, k=5):
    """Every bar looks back at the whole history: which of the last five levels stand, and which it sweeps."""
    atr, n = talib.ATR(high, low, close, 14), len(close)
    tops, bottoms = swings(high, low, k)
    result, last = np.full(n, np.nan), 0.0
    standing: dict[int, list[float]] = {1: [], -1: []}
    for t in range(n):
        pushed = {1: 0.0, -1: 0.0}
        for side, extreme in ((1, high[t]), (-1, low[t])):
            kept = []
            for level in standing[side]:
                wick, outside = side * (extreme - level), side * (close[t] - level)
                if np.isfinite(atr[t]) and outside < 0 and wick >= 0.3 * atr[t]:
                    pushed[side] = max(pushed[side], wick)
                elif outside <= 0:
                    kept.append(level)
            fresh = t - k in (tops if side == 1 else bottoms)
            level = (high if side == 1 else low)[t - k]
            if fresh and high[t - 2 * k : t + 1].max() > low[t - 2 * k : t + 1].min() and level not in kept:
                kept.append(level)
            standing[side] = kept[-5:]
        if not np.isfinite(atr[t]) or atr[t] == 0:
            continue
        if pushed[1] or pushed[-1]:
            last = min(1, pushed[-1] / atr[t]) - min(1, pushed[1] / atr[t])
        else:
            last *= 2 ** (-1 / 5)
        result[t] = last
    return result


def structure(high, low, close, k=5):
    """(break of structure, fair-value gap)."""
    atr, n = talib.ATR(high, low, close, 14), len(close)
    tops, bottoms = swings(high, low, k)
    broken, gaps, last = np.full(n, np.nan), np.full(n, np.nan), 0.0
    used = set()
    for t in range(n):
        if not np.isfinite(atr[t]) or atr[t] == 0:
            continue
        event = 0.0
        for side, found, levels in ((1, tops, high), (-1, bottoms, low)):
            known = [i for i in found if i + k < t and high[i - k : i + k + 1].max() > low[i - k : i + k + 1].min()]
            if known and (side, known[-1]) not in used:
                beyond = side * (close[t] - levels[known[-1]])
                if beyond > 0.1 * atr[t]:
                    used.add((side, known[-1]))
                    event += side * min(1, beyond / atr[t])
        last = event or last * 2 ** (-1 / 10)
        broken[t] = last
        gaps[t] = gap(high, low, close, atr, t)
    return broken, gaps


def gap(high, low, close, atr, t):
    """The last gap of each side before bar t that no close has voided."""
    value = 0.0
    for side in (1, -1):
        for i in range(t - 1, 1, -1):
            bottom, top = (high[i - 2], low[i]) if side == 1 else (high[i], low[i - 2])
            if np.isfinite(atr[i]) and atr[i] > 0 and top - bottom >= 0.25 * atr[i]:
                far = bottom if side == 1 else top
                void = any(side * (close[j] - far) < 0 for j in range(i + 1, t + 1))
                if not void and bottom <= close[t] <= top:
                    value += side * 0.5
                break
    return value

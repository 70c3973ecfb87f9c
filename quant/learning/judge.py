"""Whether a trained model has earned a place: sentences that say why not."""

from collections.abc import Mapping
from typing import Any

MIN_DEFLATED = 0.95
MAX_P = 0.05
# A few thousand rows of noise score this much by chance.
MAX_SHUFFLED_SKILL = 0.01
# Of the balanced share of directions told right over one half, and of skill.
MAX_EDGE = 0.10
MAX_SKILL = 0.10


def refusals(metrics: Mapping[str, Any]) -> list[str]:
    """Why a model should not be promoted, by its metrics of training; empty where nothing speaks against it."""
    holdout, forward, folds = metrics["holdout"], metrics["walk_forward"], metrics["cross_validation"]
    found = []
    if folds["skill"] <= 0.0 or forward["skill"] <= 0.0:
        found.append(
            f"Cross-validated it knows no more than the shares of the classes (skill {folds['skill']:+.2%} over "
            f"{folds['splits']} splits, {forward['skill']:+.2%} walking forward)."
        )
    if holdout["skill"] <= 0.0:
        found.append(f"On the holdout it is worse than the shares of the classes (skill {holdout['skill']:+.2%}).")
    if holdout["p_value"] >= MAX_P:
        found.append(
            f"Its sense of direction on the holdout may be chance (p {holdout['p_value']:.3f}, needs {MAX_P})."
        )
    if holdout["skill"] <= holdout["baseline_skill"]:
        found.append(
            f"A logistic regression is as good (skill {holdout['baseline_skill']:+.2%} against {holdout['skill']:+.2%})."
        )
    found.extend(_too_good(holdout))
    found.extend(_money(holdout))
    if metrics["shuffled_skill"] > MAX_SHUFFLED_SKILL:
        found.append(
            f"A model of shuffled labels has a skill of {metrics['shuffled_skill']:+.2%}: something leaks into the features."
        )
    alone = sorted(metrics["single_features"].items(), key=lambda item: -item[1])
    if alone:
        best = ", ".join(f"{name} {area:.2f}" for name, area in alone[:3])
        found.append(
            f"{len(alone)} features tell ups from downs alone, with an area under the curve above .6 ({best}): rule out "
            "a leak."
        )
    return found


def _too_good(holdout: Mapping[str, Any]) -> list[str]:
    """What no honest model of prices reaches."""
    told = holdout.get("direction")
    found = []
    if told is not None and told - 0.5 > MAX_EDGE:
        found.append(
            f"It tells {told:.1%} of ups and downs right on the holdout: more than {0.5 + MAX_EDGE:.0%} is a leak until "
            "shown otherwise. Look for a feature that knows what followed."
        )
    # Whether a barrier is touched at all is told by volatility: such skill alone knows nothing of where prices go.
    if holdout["skill"] > MAX_SKILL and holdout["p_value"] < MAX_P:
        found.append(
            f"A skill of {holdout['skill']:+.1%} on the holdout is more than markets allow: above {MAX_SKILL:.0%} it is a "
            "leak until shown otherwise."
        )
    return found


def _money(holdout: Mapping[str, Any]) -> list[str]:
    if holdout["mean_bps"] is None:
        return [f"It would have traded {holdout['trades']} times on the holdout: nothing to judge."]
    found = []
    if holdout["mean_bps"] <= 0.0:
        found.append(
            f"After costs its {holdout['trades']} trades on the holdout lost {-holdout['mean_bps']:.1f} bps each."
        )
    if (holdout["deflated"] or 0.0) < MIN_DEFLATED:
        known = "unknown" if holdout["deflated"] is None else f"{holdout['deflated']:.2f}"
        found.append(f"Its deflated Sharpe ratio on the holdout is {known}, needs {MIN_DEFLATED}.")
    return found

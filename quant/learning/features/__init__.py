"""What a model sees: one definition, bar by bar and over a history.

`FEATURES` are those of the bars, which every instrument has, and then those of the market, NaN where it gives none.
"""

from quant.learning.features.build import BAR_FEATURES, FEATURES, SCHEMA_HASH, FeatureBuilder, feature_arrays
from quant.learning.features.market import MARKET_FEATURES, market_features
from quant.learning.history import BarHistory

__all__ = [
    "BAR_FEATURES",
    "FEATURES",
    "MARKET_FEATURES",
    "SCHEMA_HASH",
    "BarHistory",
    "FeatureBuilder",
    "feature_arrays",
    "market_features",
]

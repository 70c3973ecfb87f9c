"""Learning: features, labels, splits in time, fits, the registry of versions, and serving.

LightGBM and scikit-learn are imported where they are needed and not before: they take a second.
"""

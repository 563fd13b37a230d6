"""A verdict in words and figures: sentences, scope, cautions, baselines, budget and cost."""

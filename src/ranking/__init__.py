"""How ranking works: logs, a simulator that knows the truth, models, metrics, the funnel and score fusion."""

"""Score fusion (分数融合): many predictions, one order. Chapter 5."""

from ranking.fusion.formulas import (
    click_times_rest,
    commerce_product,
    contributions,
    expected_totals,
    order,
    per_impression,
    product_of_powers,
    rank_fusion,
    ranks,
    top_k,
    weighted_sum,
)

__all__ = [
    "click_times_rest",
    "commerce_product",
    "contributions",
    "expected_totals",
    "order",
    "per_impression",
    "product_of_powers",
    "rank_fusion",
    "ranks",
    "top_k",
    "weighted_sum",
]

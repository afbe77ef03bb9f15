"""Score fusion (分数融合): many predictions, one order. Chapter 5."""

from ranking.fusion.formulas import (
    click_times_rest,
    commerce_product,
    contributions,
    product_of_powers,
    rank_fusion,
    weighted_sum,
)
from ranking.fusion.learnt import ShownRows, linear_fusion, shown_rows
from ranking.fusion.ranks import order, percentiles, ranks, top_k
from ranking.fusion.totals import expected_totals, per_impression

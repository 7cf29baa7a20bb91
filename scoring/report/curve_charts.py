"""Draws the curves of several models in one chart each, as all reports show them."""

from __future__ import annotations

from collections.abc import Mapping

from scoring.metrics.curves import Curves
from scoring.report.svg import Axis, chart, legend, round_end


def curve_charts(curves: Mapping[str, Curves], prevalence: float) -> str:
    """Draws `curves`, by model. `prevalence`: the share of positives, which a blind choice
    finds."""
    p_end = round_end(max(0.01, *(max(x, y) for c in curves.values() for x, y in c.calibration)))
    lift_end = round_end(max(2.0, *(y for c in curves.values() for _, y in c.lift)))
    pr_points = (y for c in curves.values() for x, y in c.precision_recall if x > 0.01)
    pr_end = min(1.0, round_end(max(0.05, *pr_points)))
    drawn = [
        chart(
            "ROC",
            Axis("share of negatives called", 1.0),
            Axis("share of positives called", 1.0),
            {name: points.roc for name, points in curves.items()},
            guide=((0, 0), (1, 1)),
        ),
        chart(
            "Precision and recall",
            Axis("recall", 1.0),
            Axis("precision", pr_end),
            {name: points.precision_recall for name, points in curves.items()},
            guide=((0, prevalence), (1, prevalence)),
        ),
        chart(
            "Lift",
            Axis("share of leads called", 1.0),
            Axis("times as good as calling blindly", lift_end),
            {name: points.lift for name, points in curves.items()},
            guide=((0, 1), (1, 1)),
        ),
        chart(
            "Calibration, 10 bins of equal mass",
            Axis("probability said", p_end),
            Axis("share that ordered", p_end),
            {name: points.calibration for name, points in curves.items()},
            guide=((0, 0), (p_end, p_end)),
            dots=True,
        ),
    ]
    return f"<p>{legend(list(curves))}</p><div class=charts>{''.join(drawn)}</div>"

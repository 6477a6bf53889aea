"""A view of MLflow's runs page (columns, order, charts) in the format of MLflow's own "share" function.

MLflow keeps a shared view as the experiment's tag `mlflow.sharedViewState.KEY` and opens it by `?viewStateShareKey=KEY`. The
format is not documented: it is read from the page's scripts of MLflow 3.17 and tested in a browser.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TAG_PREFIX = "mlflow.sharedViewState."
_BY_START = "attributes.start_time"
_SHOWN_RUNS = 20  # in the charts
_RESULTS, _CURVES, _SETTINGS = "Results", "Curves", "Settings"


@dataclass(frozen=True)
class View:
    """What the runs page shows.

    Attributes:
        metrics: metric columns, the most important first; the first two have bar charts.
        facts: further columns, as MLflow names them: "tags.`data`".
        swept: params that differ between the runs of a sweep; columns and axes of the parallel coordinates.
        curves: metrics drawn over the steps.
        best_first: runs sorted by the first metric. MLflow shows children under their parent only when sorted by start time.
        only: ids of the runs to show; empty: all.
        widths: of columns, in pixels.
    """

    metrics: tuple[str, ...]
    facts: tuple[str, ...] = ()
    swept: tuple[str, ...] = ()
    curves: tuple[str, ...] = ()
    best_first: bool = False
    only: tuple[str, ...] = ()
    widths: Mapping[str, int] = field(default_factory=dict)

    def encode(self) -> str:
        """The tag's value: JSON, compressed as MLflow does (a database may limit a tag to 5,000 characters)."""
        text = json.dumps(self._state(), separators=(",", ":"))
        return "deflate;" + base64.b64encode(zlib.compress(text.encode(), 9)).decode()

    def _state(self) -> dict[str, Any]:
        columns = [
            *(column("metrics", key) for key in self.metrics),
            *(column("params", key) for key in self.swept),
            *self.facts,
        ]
        charts = self._charts()
        drawn = {chart["metricSectionId"] for chart in charts}
        sections = [section for section in _SECTIONS if section["uuid"] in drawn]
        quoted = ",".join(f"'{run_id}'" for run_id in self.only)
        return {
            "searchFilter": f"attributes.run_id IN ({quoted})" if quoted else "",
            "orderByKey": column("metrics", self.metrics[0]) if self.best_first and self.metrics else _BY_START,
            "orderByAsc": False,
            "selectedColumns": columns,
            "columnOrder": [RUN_NAME, "runDateAndNestInfo", *columns, "duration"],
            "columnWidths": {"runDateAndNestInfo": 145, **self.widths},
            "compareRunCharts": charts,
            # MLflow puts all other charts into the last two
            "compareRunSections": [*sections, _section("Model metrics"), _section("System metrics")],
            "isAccordionReordered": True,
            "runsHiddenMode": "FIRST_20_RUNS",
            "hideEmptyCharts": True,
        }

    def _charts(self) -> list[dict[str, Any]]:
        charts = [_chart("BAR", _RESULTS, key, metricKey=key) for key in self.metrics[:2]]
        # over steps: MLflow 3.17 draws a validation at another one's value of the metric `epoch`
        charts += [
            _chart("LINE", _CURVES, key, metricKey=key, selectedMetricKeys=[key], **_LINE) for key in self.curves
        ]
        if self.swept and self.metrics:
            shown = list(reversed(self.metrics[:2]))  # the last axis colours the lines
            charts.append(
                _chart(
                    "PARALLEL",
                    _SETTINGS,
                    "parallel",
                    selectedParams=list(self.swept),
                    selectedMetrics=shown,
                    showAllRuns=True,
                )
            )
        return charts


RUN_NAME = "attributes.`Run Name`"
_LINE: dict[str, Any] = {
    "lineSmoothness": 0,
    "xAxisScaleType": "linear",
    "scaleType": "linear",
    "range": {},
    "xAxisKey": "step",
    "selectedXAxisMetricKey": "",
    "yAxisKey": "metric",
    "yAxisExpressions": [],
    "ignoreOutliers": False,
    "useGlobalXaxisKey": True,
    "useGlobalLineSmoothing": True,
}


def width_of(*texts: str) -> int:
    """The width in pixels of a column that holds these texts."""
    return min(max(int(7.3 * max(map(len, texts))) + 28, 78), 180)


def name_width(*names: str) -> int:
    """The same of the runs' names, which are indented. The widest leaves room for the first three metrics in a window of 1,400."""
    return min(max(int(6.4 * max(map(len, names), default=0)) + 155, 230), 450)


def column(group: str, name: str) -> str:
    """MLflow's name of a column; `group`: "metrics", "params", "tags" or "attributes"."""
    return f"{group}.`{name}`"


def _chart(kind: str, section: str, name: str, **rest: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": f"imgfp-{kind}-{name}",
        "metricSectionId": _section_id(section),
        "runsCountToCompare": _SHOWN_RUNS,
        "deleted": False,
        "isGenerated": False,
        **rest,
    }


def _section(name: str, **layout: int) -> dict[str, Any]:
    return {
        "uuid": _section_id(name),
        "name": name,
        "display": True,
        "isReordered": False,
        "deleted": False,
        "isGenerated": False,
        **layout,
    }


def _section_id(name: str) -> str:
    return f"imgfp-{name.lower().replace(' ', '-')}"


_SECTIONS = (
    _section(_RESULTS, columns=2, cardHeight=320),
    _section(_CURVES, columns=2, cardHeight=320),
    _section(_SETTINGS, columns=1, cardHeight=360),
)

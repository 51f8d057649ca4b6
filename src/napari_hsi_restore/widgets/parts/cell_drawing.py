"""The cell that a search thinks of: edges grow and fade with the architecture weights."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QHelpEvent, QPainter, QPainterPath, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_hsi_restore.events import EDGES, CellState
from napari_hsi_restore.search_space.genotype import NODES, Genotype
from napari_hsi_restore.widgets.parts.operation_names import (
    KIND_COLORS,
    KIND_WORDS,
    OPERATION_NAMES,
    OperationKind,
    OperationName,
)
from napari_hsi_restore.widgets.parts.theme import PlotColors

_SIZE = QSize(340, 400)
_LEAST = QSize(280, 330)
_GRAPH_SHARE = 0.5
_MARGIN = 8.0
_RADIUS = 13.0
_WIDEST = 11.0
_LEGEND_PX = 18.0
_HEAD_PX = 22.0
_ROW_NAME_PX = 40.0
_LEAD = 1.2
"""So many times the even weight is more than chance [ours]."""

Weights = tuple[tuple[float, ...], ...]


@dataclasses.dataclass(frozen=True)
class Choice:
    """The strongest operation into one node.

    Attributes
    ----------
    edge : int
        Index in `EDGES`.
    operation : OperationName
    weight : float
        0..1, of all that could lead into the node.
    leads : bool
        Whether it has left the even weight that all begin with behind.
    """

    edge: int
    operation: OperationName
    weight: float
    leads: bool


def strongest(weights: Sequence[Sequence[float]]) -> list[Choice]:
    """What each node would take if the search ended now.

    Parameters
    ----------
    weights : sequence of sequence of float
        As in `CellState`.
    """
    chosen = []
    for node in range(1, NODES + 1):
        even = 1.0 / (node * len(OPERATION_NAMES))
        options = [
            Choice(edge, OPERATION_NAMES[place], weight, weight > _LEAD * even)
            for edge, (_, end) in enumerate(EDGES)
            if end == node
            for place, weight in enumerate(weights[edge])
        ]
        chosen.append(max(options, key=lambda option: option.weight))
    return chosen


def weights_of(genotype: Genotype) -> Weights:
    """Weights, as in `CellState`, of a cell that is decided."""
    names = [operation.name for operation in OPERATION_NAMES]
    rows = [[0.0] * len(names) for _ in EDGES]
    for node, edge in enumerate(genotype.nodes, start=1):
        rows[EDGES.index((edge.source, node))][names.index(edge.operation)] = 1.0
    return tuple(map(tuple, rows))


class CellDrawing(QWidget):
    """A graph of the cell above, the weight of every operation on every edge below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._weights: Weights | None = None
        self._found = False
        self._text, self._background = QColor("#888888"), QColor("#262930")
        self.setAccessibleName("Cell")
        self.setMinimumSize(_LEAST)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._describe()

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Prefer a square above a table."""
        return _SIZE

    def set_colors(self, colors: PlotColors) -> None:
        """Follow a theme."""
        self._text, self._background = QColor(colors.text), QColor(colors.background)
        self.update()

    def show_state(self, state: CellState) -> None:
        """Show what a search thinks now."""
        self._show(state.weights, found=False)

    def show_found(self, genotype: Genotype) -> None:
        """Show the cell that a search has decided for."""
        self._show(weights_of(genotype), found=True)

    def forget(self) -> None:
        """Show no cell."""
        self._show(None, found=False)

    @property
    def weights(self) -> Weights | None:
        """What is shown: a row for each of `EDGES`, or None."""
        return self._weights

    @property
    def found(self) -> bool:
        """Whether the cell that is shown is decided."""
        return self._found

    def _show(self, weights: Weights | None, found: bool) -> None:
        if (weights, found) != (self._weights, self._found):
            self._weights, self._found = weights, found
            self._describe()
            self.update()

    def _describe(self) -> None:
        if self._weights is None:
            self.setAccessibleDescription("No search has begun")
            return
        leaders = strongest(self._weights)
        if not any(choice.leads for choice in leaders):
            self.setAccessibleDescription("Undecided: all operations have the same weight")
            return
        parts = [
            f"node {node}: from node {EDGES[choice.edge][0]}, {choice.operation.kind} "
            f"{choice.operation.words}, {choice.weight:.0%}"
            for node, choice in enumerate(leaders, start=1)
        ]
        self.setAccessibleDescription("; ".join(parts))

    # Painting ----------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Draw graph, legend and table."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self._background)
        weights = self._weights
        if weights is None:
            painter.setPen(self._text)
            painter.drawText(
                QRectF(self.rect()).adjusted(20, 20, -20, -20),
                Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
                "The cell appears here when the search begins: ten edges between five nodes, "
                "with eight operations on each. Those that help grow, the others fade.",
            )
        else:
            self._draw_graph(painter, weights)
            self._draw_legend(painter)
            self._draw_table(painter, weights)
        painter.end()

    def _node(self, node: int) -> QPointF:
        area = self._graph_area()
        step = (area.width() - 4 * _RADIUS) / NODES
        return QPointF(area.left() + 2 * _RADIUS + node * step, area.center().y())

    def _graph_area(self) -> QRectF:
        width = self.width() - 2 * _MARGIN
        return QRectF(_MARGIN, _MARGIN, width, _GRAPH_SHARE * self.height() - _MARGIN)

    def _draw_graph(self, painter: QPainter, weights: Weights) -> None:
        leaders = {choice.edge: choice for choice in strongest(weights)}
        shares = [sum(row) for row in weights]
        for edge in sorted(range(len(EDGES)), key=lambda place: shares[place]):
            share = min(1.0, shares[edge])
            if share < 0.005:
                continue
            color = QColor(_kind_color(weights[edge]) or self._text)
            color.setAlphaF(0.12 + 0.88 * share**0.8)
            pen = QPen(color, 0.8 + _WIDEST * share)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(self._path(edge))
        self._draw_nodes(painter)
        for edge, choice in leaders.items():
            if choice.leads:
                self._draw_label(painter, edge, choice)

    def _path(self, edge: int) -> QPainterPath:
        start, end = (self._node(node) for node in EDGES[edge])
        path = QPainterPath(start)
        path.quadTo(self._control(edge), end)
        return path

    def _control(self, edge: int) -> QPointF:
        """Control point of an edge: longer ones are higher arcs, by turns above and below."""
        first, last = EDGES[edge]
        start, end = self._node(first), self._node(last)
        middle = (start + end) / 2
        height = self._graph_area().height()
        lift = {1: 0.0, 2: 0.48, 3: -0.72, 4: 0.92}[last - first]
        return QPointF(middle.x(), middle.y() - lift * height)

    def _draw_nodes(self, painter: QPainter) -> None:
        for node in range(NODES + 1):
            painter.setPen(QPen(self._text, 1.5))
            painter.setBrush(self._background)
            painter.drawEllipse(self._node(node), _RADIUS, _RADIUS)
            box = QRectF(0, 0, 2 * _RADIUS, 2 * _RADIUS)
            box.moveCenter(self._node(node))
            painter.setPen(self._text)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "in" if node == 0 else str(node))

    def _draw_label(self, painter: QPainter, edge: int, choice: Choice) -> None:
        text = choice.operation.short
        if not self._found:
            text += f" {choice.weight:.0%}"
        box = QRectF(painter.fontMetrics().boundingRect(text)).adjusted(-3, -1, 3, 1)
        place = self._path(edge).pointAtPercent(0.5)
        first, last = EDGES[edge]
        if last - first == 1:
            # Between neighbours there is no room on the edge itself, nor for all on one side.
            place += QPointF(0, (_RADIUS + 5) * (1 if first % 2 else -1))
        box.moveCenter(place)
        area = self._graph_area()
        box.moveLeft(min(max(box.left(), area.left()), area.right() - box.width()))
        ground = QColor(self._background)
        ground.setAlpha(215)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(box, 3, 3)
        painter.setPen(self._text)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _draw_legend(self, painter: QPainter) -> None:
        x, y = _MARGIN, self._graph_area().bottom() + 2
        usual, small = painter.font(), QFont(painter.font())
        small.setPointSizeF(max(7.0, usual.pointSizeF() - 1.5))
        painter.setFont(small)
        width = (self.width() - 2 * _MARGIN) / len(KIND_COLORS)
        for kind, color in KIND_COLORS.items():
            painter.fillRect(QRectF(x, y + 4, 9, 9), QColor(color))
            painter.setPen(self._text)
            box = QRectF(x + 12, y, width - 12, _LEGEND_PX)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, kind)
            x += width
        painter.setFont(usual)

    def _table_area(self) -> QRectF:
        top = self._graph_area().bottom() + _LEGEND_PX + _HEAD_PX + 4
        left = _MARGIN + _ROW_NAME_PX
        return QRectF(
            left, top, self.width() - _MARGIN - left, max(40.0, self.height() - _MARGIN - top)
        )

    def _cell_box(self, edge: int, operation: int) -> QRectF:
        area = self._table_area()
        width, height = area.width() / len(OPERATION_NAMES), area.height() / len(EDGES)
        return QRectF(area.left() + operation * width, area.top() + edge * height, width, height)

    def _draw_table(self, painter: QPainter, weights: Weights) -> None:
        usual, small = painter.font(), QFont(painter.font())
        small.setPointSizeF(max(6.0, usual.pointSizeF() - 2.5))
        painter.setFont(small)
        leaders = [choice for choice in strongest(weights) if choice.leads]
        chosen = {(choice.edge, choice.operation.name) for choice in leaders}
        for place, operation in enumerate(OPERATION_NAMES):
            head = self._cell_box(0, place)
            head.moveBottom(head.top())
            head.setTop(head.bottom() - _HEAD_PX)
            painter.setPen(QColor(operation.color))
            painter.drawText(head, Qt.AlignmentFlag.AlignCenter, _narrow(operation.short))
        for edge, (first, last) in enumerate(EDGES):
            row = self._cell_box(edge, 0)
            row.setRect(_MARGIN, row.top(), _ROW_NAME_PX - 4, row.height())
            painter.setPen(self._text)
            name = f"{'in' if first == 0 else first} → {last}"
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, name)
            for place, operation in enumerate(OPERATION_NAMES):
                box = self._cell_box(edge, place).adjusted(1, 1, -1, -1)
                color = QColor(operation.color)
                # The square root shows the small weights that a search begins with.
                color.setAlphaF(min(1.0, 0.05 + 0.95 * math.sqrt(max(0.0, weights[edge][place]))))
                painter.fillRect(box, color)
                if (edge, operation.name) in chosen:
                    painter.setPen(QPen(self._text, 1.5))
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.drawRect(box)
        painter.setFont(usual)

    # Tool tips ---------------------------------------------------------------

    def words_at(self, point: QPointF) -> str:
        """What lies at a point of the table, or an empty text."""
        if self._weights is None:
            return ""
        for edge, (first, last) in enumerate(EDGES):
            for place, operation in enumerate(OPERATION_NAMES):
                if self._cell_box(edge, place).contains(point):
                    start = "the input" if first == 0 else f"node {first}"
                    weight = self._weights[edge][place]
                    return (
                        f"From {start} to node {last}: {operation.kind}, {operation.words} "
                        f"({operation.name}), weight {weight:.1%}. It looks at "
                        f"{KIND_WORDS[operation.kind]}."
                    )
        return ""

    def event(self, event: QEvent | None) -> bool:
        """Explain what the mouse rests on."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = self.words_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), words or _TIP, self)
            return True
        handled: bool = super().event(event)
        return handled


_TIP = (
    "One cell of the network. An edge is as wide as its share in what its node takes in; its "
    "colour is that of the kind of operation that leads on it, and the label the strongest "
    "operation of the node. Below, every square is one operation on one edge; the framed ones "
    "would be taken if the search ended now."
)


def _kind_color(row: Sequence[float]) -> str | None:
    """Colour of the kind that leads on an edge, or None while none does."""
    if max(row) <= _LEAD * sum(row) / len(row):
        return None
    sums: dict[OperationKind, float] = dict.fromkeys(KIND_COLORS, 0.0)
    for operation, weight in zip(OPERATION_NAMES, row, strict=True):
        # Four of the eight are spatial: kinds are compared by their best operation.
        sums[operation.kind] = max(sums[operation.kind], weight)
    return KIND_COLORS[max(sums, key=lambda kind: sums[kind])]


def _narrow(short: str) -> str:
    return short.replace(" wide", "w").replace(" ", "\n")

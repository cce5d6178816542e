"""A bar chart of ratios as an SVG file. The axis is logarithmic: twice as slow and twice as fast look alike."""

import html
import math

BAR, GAP, LABELS, PLOT, TOP, RIGHT = 9, 9, 190, 560, 62, 60
COLOURS = ("#2f6fab", "#d9822b", "#5a9e5a", "#8a5fa8", "#b04a4a", "#777777")
STYLE = ("text{font:12px sans-serif;fill:#222}.t{font-size:15px;font-weight:bold}.s{font-size:9px}"
         ".g{stroke:#ddd}.one{stroke:#222}")


class Axis:
    """Powers of two that hold all values."""

    def __init__(self, values):
        self.low = math.floor(math.log2(min([*values, 1])))
        self.high = max(math.ceil(math.log2(max([*values, 1]))), self.low + 1)

    def x(self, value):
        return LABELS + PLOT * (math.log2(value) - self.low) / (self.high - self.low)

    def ticks(self):
        return [2.0 ** power for power in range(self.low, self.high + 1)]


def text(x, y, words, extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {extra}>{html.escape(words)}</text>'


def grid(axis, bottom):
    for tick in axis.ticks():
        x = axis.x(tick)
        kind = "one" if tick == 1 else "g"
        yield f'<line class="{kind}" x1="{x:.1f}" y1="{TOP - 4}" x2="{x:.1f}" y2="{bottom}"/>'
        yield text(x, bottom + 15, f"{tick:g}x", 'text-anchor="middle"')


def legend(series):
    x = LABELS
    for index, name in enumerate(series):
        yield f'<rect x="{x}" y="34" width="11" height="11" fill="{COLOURS[index % len(COLOURS)]}"/>'
        yield text(x + 15, 44, name)
        x += 30 + 8 * len(name)


def bars(axis, series, groups):
    y = TOP
    for label, values in groups:
        yield text(LABELS - 8, y + BAR * len(series) / 2 + 4, label, 'text-anchor="end"')
        for index, value in enumerate(values):
            if value:
                start, end = sorted((axis.x(1), axis.x(value)))
                colour = COLOURS[index % len(COLOURS)]
                yield (f'<rect x="{start:.1f}" y="{y}" width="{max(end - start, 0.5):.1f}" height="{BAR - 1}" '
                       f'fill="{colour}"><title>{html.escape(label)}, {html.escape(series[index])}: {value:.2f}</title>'
                       "</rect>")
                yield text(end + 3, y + BAR - 2, f"{value:.2f}", 'class="s"')
            y += BAR
        y += GAP


def write(path, title, series, groups):
    """`groups`: pairs of a label and one ratio (or None) for each name in `series`."""
    known = [value for _, values in groups for value in values if value]
    axis = Axis(known)
    bottom = TOP + len(groups) * (BAR * len(series) + GAP)
    width = LABELS + PLOT + RIGHT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom + 25}" '
             f'viewBox="0 0 {width} {bottom + 25}">',
             f"<style>{STYLE}</style>", '<rect width="100%" height="100%" fill="#fff"/>',
             text(12, 20, title, 'class="t"'), *legend(series), *grid(axis, bottom), *bars(axis, series, groups),
             "</svg>"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts) + "\n")

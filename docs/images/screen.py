#!/usr/bin/env python3
"""Reads a terminal screen with its colours (`tmux capture-pane -e -p`) and writes it as SVG."""
import html
import re
import sys

COLOURS = ["#24292f", "#d1242f", "#1a7f37", "#9a6700", "#0969da", "#8250df", "#1b7c83", "#6e7781"]
BRIGHT = ["#57606a", "#d1242f", "#1a7f37", "#9a6700", "#0969da", "#8250df", "#1b7c83", "#24292f"]
CELL, LINE, EDGE = 7.8, 18, 14


def style(codes, state):
    """Applies the numbers of one SGR sequence to state: colour, bold, dim."""
    for code in codes or [0]:
        if code == 0:
            state.clear()
        elif code in (1, 2):
            state["bold" if code == 1 else "dim"] = True
        elif code == 22:
            state.pop("bold", None), state.pop("dim", None)
        elif 30 <= code <= 37:
            state["colour"] = COLOURS[code - 30]
        elif 90 <= code <= 97:
            state["colour"] = BRIGHT[code - 90]
        elif code == 39:
            state.pop("colour", None)


def span(text, state):
    marks = f' fill="{state["colour"]}"' if "colour" in state else ""
    marks += ' font-weight="bold"' if "bold" in state else ""
    marks += ' opacity="0.65"' if "dim" in state else ""
    return f"<tspan{marks}>{html.escape(text)}</tspan>"


def main():
    rows = [line.rstrip("\n") for line in sys.stdin]
    while rows and not re.sub(r"\x1b\[[0-9;]*m", "", rows[-1]).strip():
        rows.pop()
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", row) for row in rows]
    width = max(map(len, plain), default=0) * CELL + 2 * EDGE
    height = len(rows) * LINE + 2 * EDGE
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}">',
        '<rect width="100%" height="100%" rx="6" fill="#f6f8fa" stroke="#d0d7de"/>',
        '<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13" fill="#24292f"'
        ' xml:space="preserve">',
    ]
    state = {}
    for number, row in enumerate(rows):
        parts = []
        for index, piece in enumerate(re.split(r"\x1b\[([0-9;]*)m", row)):
            if index % 2:
                style([int(code) for code in piece.split(";") if code], state)
            elif piece:
                parts.append(span(piece, state))
        if parts:
            y = EDGE + (number + 1) * LINE - 5
            out.append(f'<text x="{EDGE}" y="{y}">{"".join(parts)}</text>')
    out += ["</g>", "</svg>"]
    print("\n".join(out))


main()

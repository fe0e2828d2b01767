#!/usr/bin/python3
"""Draws the solutions of an inversion: every pair of inputs, or one line per solution across all inputs (parallel coordinates).

    postproc/plot_inversion.py out/CASE/CASE_inverse.csv [-k pairs|parallel] [-c COLUMN] [-n 1000] [-o FILE.png]

Reads the table that -invert writes (CSV or HDF5). Colours: COLUMN; by default the distance to the data, where it is not known the value (intervals have several), else the
first input. Pairs by default up to 5 inputs that vary, parallel coordinates beyond; axes of the latter run from the smallest to the largest value among the solutions.
Of more than n solutions every k-th is drawn. Writes FILE.png (default: the table's name with .png for its ending).
"""
import argparse
import csv
import pathlib
import sys

import h5py
import numpy as np
from sna_file import SnaFileError, figure_style, main_guard

MOST_PAIRS = 5  # inputs


def read_table(path):
    """(names, rows) of a table of solutions."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise SnaFileError(f"{path}: no such file" if not path.exists() else f"{path}: is a folder; give the table in it")
    if path.suffix == ".csv":
        try:
            with open(path, newline="") as f:
                rows = list(csv.reader(f))
            return rows[0], np.array(rows[1:], dtype=float).reshape(-1, len(rows[0]))
        except (ValueError, IndexError, UnicodeDecodeError):
            raise SnaFileError(f"{path}: not a table of numbers with a line of names") from None
    try:
        with h5py.File(path) as f:
            columns = f["samples"].attrs["columns"]
            return (columns.decode() if isinstance(columns, bytes) else str(columns)).split(","), f["samples"][:]
    except (OSError, KeyError):
        raise SnaFileError(f"{path}: not a table that -invert wrote") from None


def parts(path, names):
    """(inputs, unknowns): a table has nx inputs, k unknowns, k nx derivatives, k residuals, then `iterations`."""
    k = sum(name == "residual" or name.startswith("residual_") for name in names)
    if "iterations" not in names or k == 0 or (names.index("iterations") - 2 * k) % (k + 1):
        raise SnaFileError(f"{path}: not a table that -invert wrote: it lacks its columns residual and iterations")
    nx = (names.index("iterations") - 2 * k) // (k + 1)
    return names[:nx], names[nx : nx + k]


def ranges(values):
    """Text of one value, or of the interval that they fill."""
    low, high = values.min(), values.max()
    return f"{low:.5g}" if high - low <= 1e-4 * max(abs(low), abs(high)) else f"{low:.5g} to {high:.5g}"


def pairs(plt, table, inputs, colour):
    n = len(inputs)
    figure, axes = plt.subplots(n - 1, n - 1, figsize=(2 + 2.1 * (n - 1), 1.2 + 2.1 * (n - 1)), layout="constrained", squeeze=False)
    for row, axis_row in enumerate(axes):
        for column, axis in enumerate(axis_row):
            if column > row:
                axis.set_visible(False)
                continue
            points = axis.scatter(table[inputs[column]], table[inputs[row + 1]], c=colour, cmap="viridis", s=10, linewidths=0)
            axis.tick_params(labelbottom=row == n - 2, labelleft=column == 0, labelsize=8)
            axis.ticklabel_format(axis="both", style="sci", scilimits=(-3, 4))
            if row == n - 2:
                axis.set_xlabel(inputs[column])
            if column == 0:
                axis.set_ylabel(inputs[row + 1])
    return figure, figure.colorbar(points, ax=axes, pad=0.02, aspect=40)


def parallel(plt, table, inputs, colour):
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize

    values = np.column_stack([table[name] for name in inputs])
    low, high = values.min(axis=0), values.max(axis=0)
    shares = (values - low) / (high - low)
    order = np.argsort(-colour)  # the smallest, which are the nearest to the data, on top
    norm = Normalize(colour.min(), colour.max())
    figure, axis = plt.subplots(figsize=(max(5, 1.2 * len(inputs)), 4.4), layout="constrained")
    lines = [np.column_stack([np.arange(len(inputs)), shares[i]]) for i in order]
    axis.add_collection(LineCollection(lines, colors=plt.get_cmap("viridis")(norm(colour[order])), linewidths=0.7, alpha=0.6))
    axis.set(xlim=(0, len(inputs) - 1), ylim=(-0.02, 1.02), yticks=[])
    axis.set_xticks(range(len(inputs)), labels=[f"{a:.4g}\n{name}" for a, name in zip(low, inputs)])
    top = axis.secondary_xaxis("top")
    top.set_xticks(range(len(inputs)), labels=[f"{b:.4g}" for b in high])
    axis.spines["left"].set_visible(False)
    axis.grid(axis="x", alpha=1, color="0.6")
    return figure, figure.colorbar(ScalarMappable(norm, "viridis"), ax=axis, pad=0.02)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="table of solutions (.csv, .h5)")
    parser.add_argument("-k", "--kind", choices=("pairs", "parallel"), help="what to draw (default: pairs up to five inputs)")
    parser.add_argument("-c", "--colour", metavar="COLUMN", help="column to colour by")
    parser.add_argument("-n", type=int, default=1000, help="solutions to draw at most (default: 1000)")
    parser.add_argument("-o", "--output", help="picture to write (.png, .pdf, .svg)")
    arguments = parser.parse_args()
    plt = figure_style()
    names, rows = read_table(arguments.file)
    inputs, unknowns = parts(arguments.file, names)
    if len(rows) == 0:
        raise SnaFileError(f"{arguments.file}: has no solutions")
    drawn = rows[:: -(-len(rows) // max(1, arguments.n))]
    table = dict(zip(names, drawn.T))
    varying = [name for name in inputs if np.ptp(table[name]) > 0]
    if len(varying) < 2:
        raise SnaFileError(f"{arguments.file}: {len(varying)} of the inputs vary among {len(drawn)} solutions; there is nothing to draw in two dimensions")
    spread = [u for u in unknowns if np.ptp(table[u]) > 1e-4 * np.abs(table[u]).max()]
    by = arguments.colour or ("distance" if "distance" in table else (spread + varying)[0])
    if by not in table:
        raise SnaFileError(f"{arguments.file}: no column {by}; columns: {', '.join(names)}")
    kind = arguments.kind or ("pairs" if len(varying) <= MOST_PAIRS else "parallel")
    figure, bar = (pairs if kind == "pairs" else parallel)(plt, table, varying, table[by])
    bar.set_label("distance to the data (1: edge of 95 %)" if by == "distance" else by)
    fixed = [f"{name} = {table[name][0]:.5g}" for name in inputs if name not in varying]
    title = f"{len(rows)} solutions of " + ", ".join(f"{u} = {ranges(rows[:, names.index(u)])}" for u in unknowns)
    figure.suptitle(title + (f"\nat {', '.join(fixed)}" if fixed else ""), fontsize=11)
    output = arguments.output or pathlib.Path(arguments.file).with_suffix(".png")
    figure.savefig(output)
    print(f"wrote {output}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

#!/usr/bin/python3
"""Draws the slices of a run: one row per field (solution, reference, error), one column per instant.

    postproc/plot_slices.py out/CASE/CASE.h5 [-s SLICE] [-f u,error] [-c 5] [-o FILE.png]

Colours are the same in all pictures of a row; the error has a scale of its own, symmetric about zero. Slices along one axis become curves, those of three axes
are cut at the middle of the third.
"""
import argparse
import re
import sys

import numpy as np
from sna_file import SnaFile, SnaFileError, figure_style, main_guard


def planes(s, field, steps):
    arrays = [s.values(field, i) for i in steps]
    return [a[a.shape[0] // 2] for a in arrays] if len(s.axes) == 3 else arrays


def draw_curves(plt, s, fields, steps, title):
    rows = [f for f in fields if f != "error"], [f for f in fields if f == "error"]
    rows = [r for r in rows if r]
    figure, axes = plt.subplots(len(rows), 1, figsize=(7, 3 * len(rows)), squeeze=False, sharex=True, layout="constrained")
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(steps)))
    for axis, row in zip(axes[:, 0], rows):
        for colour, i in zip(colours, steps):
            for field in row:
                label = field + (f", {s.times[i]:.3g}" if len(steps) > 1 else "")
                axis.plot(s.grid[s.axes[0]], s.values(field, i), "--" if field == "reference" else "-", color="k" if field == "reference" else colour, label=label,
                          linewidth=1.0 if field == "reference" else 1.8)
        axis.set_ylabel(" / ".join(row))
        if len(steps) * len(row) > 1:
            axis.legend(fontsize=8)
    axes[-1, 0].set_xlabel(s.axes[0])
    figure.suptitle(title)
    return figure


def draw_planes(plt, s, fields, steps, title):
    x, y = s.grid[s.axes[0]], s.grid[s.axes[1]]
    height = 2.5 * min(2.0, max(0.5, (y[-1] - y[0]) / (x[-1] - x[0])))
    equal = 0.5 <= (y[-1] - y[0]) / (x[-1] - x[0]) <= 2
    figure, axes = plt.subplots(len(fields), len(steps), figsize=(2.6 * len(steps) + 1.2, height * len(fields) + 0.8), squeeze=False, sharex=True, sharey=True, layout="constrained")
    for row, field in zip(axes, fields):
        arrays = planes(s, field, steps)
        low, high = min(np.nanmin(a) for a in arrays), max(np.nanmax(a) for a in arrays)  # nan: outside the domain
        top = max(abs(low), abs(high)) or 1.0
        signed = field == "error" or low < -0.05 * top  # a field of both signs gets a diverging map with zero in its middle
        limits = dict(vmin=-top, vmax=top, cmap="RdBu_r") if signed else dict(vmin=low, vmax=high if high > low else low + 1, cmap="viridis")
        for axis, array, i in zip(row, arrays, steps):
            image = axis.imshow(array, extent=(x[0], x[-1], y[0], y[-1]), aspect="equal" if equal else "auto", interpolation="bilinear", **limits)
            axis.grid(False)
            if axis in axes[0] and s.times.size > 1:
                axis.set_title(f"{s.over or 'time'} = {s.times[i]:.3g}")
            if axis in axes[-1]:
                axis.set_xlabel(s.axes[0])
        row[0].set_ylabel(s.axes[1])
        figure.colorbar(image, ax=row, pad=0.01, aspect=18).set_label(field)
    figure.suptitle(title)
    return figure


def fixed(s):
    """The fixed directions with short numbers: omega=2.094 for omega=2.0943951023931953."""
    return re.sub(r"(?<==)-?\d+\.?\d*(e[-+]?\d+)?", lambda m: f"{float(m.group()):.4g}", s.at)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="result of sna_solver (.h5)")
    parser.add_argument("-s", "--slice", help="name of the slice (default: all)")
    parser.add_argument("-f", "--fields", help="comma-separated (default: all: u, reference, error)")
    parser.add_argument("-c", "--columns", type=int, default=5, help="instants at most (default 5), spread evenly; the first and last are among them")
    parser.add_argument("-o", "--output", help="picture to write (default: FILE_SLICE.png beside the file); needs -s where there are several slices")
    arguments = parser.parse_args()
    with SnaFile(arguments.file) as file:
        slices = file.slices
        if not slices:
            raise SnaFileError(f"{arguments.file}: no slices; name some under output: slice: in the deck")
        if arguments.slice and arguments.slice not in slices:
            raise SnaFileError(f"{arguments.file}: no slice {arguments.slice}; there are: {', '.join(slices)}")
        chosen = [arguments.slice] if arguments.slice else list(slices)
        if arguments.output and len(chosen) > 1:
            raise SnaFileError(f"one output for {len(chosen)} slices: choose one with -s ({', '.join(chosen)})")
        if arguments.columns < 1:
            raise SnaFileError("--columns must be at least 1")
        plt = figure_style()
        for name in chosen:
            s = slices[name]
            fields = [f.strip() for f in arguments.fields.split(",")] if arguments.fields else s.fields
            wrong = [f for f in fields if f not in s.fields]
            if wrong:
                raise SnaFileError(f"slice {name} has no field {wrong[0]}; there are: {', '.join(s.fields)}")
            steps = np.unique(np.linspace(0, s.times.size - 1, min(arguments.columns, s.times.size)).astype(int))
            title = f"{file.case}, slice {name}" + (f"   ({fixed(s)})" if s.at else "")
            figure = (draw_curves if len(s.axes) == 1 else draw_planes)(plt, s, fields, steps, title)
            output = arguments.output or file.path.with_name(f"{file.path.stem}_{name}.png")
            figure.savefig(output)
            plt.close(figure)
            print(f"wrote {output}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

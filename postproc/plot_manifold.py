#!/usr/bin/python3
"""Draws a solution over a plane of two parameters: small multiples of the plane x, y, a column per value of one parameter and a row per value of the other, with reference and error beside.

    postproc/plot_manifold.py out/CASE/CASE.h5 [--at "z=0"] [--over t=0,1] [--columns omega=3] [--rows kappa=0.001,0.01] [--plane x,y] [-n 97] [-o FILE.png]

A name with a list of numbers gives the values, a name with one whole number that many values from end to end. Defaults fit the plume in six directions: plane x, y; a block for each of three instants t;
three values of omega and of kappa; other directions at `--at` or in the middle of their domains. Values may be expressions: omega=0,pi/3,2*pi/3.
numpy evaluates the field in the file and the deck's reference. Colours: one scale for solution and reference in all pictures; one for the errors of each block. The largest error of each picture stands in its corner.
"""
import argparse
import re
import sys

import numpy as np
from sna_file import SnaFile, SnaFileError, evaluate_expression, figure_style, main_guard


def values_of(text, file, what):
    """(direction, values) of "omega=3" or "omega=0,pi/3"."""
    name, equals, rest = text.partition("=")
    d = next((d for d in file.field.directions if d.name == name.strip()), None)
    if not d or not equals or not rest.strip():
        raise SnaFileError(f"{what} {text}: wants a direction and values, as in omega=3 or omega=0,pi/3; directions: {', '.join(d.name for d in file.field.directions)}")
    words = [w.strip() for w in rest.split(",")]
    if len(words) == 1 and re.fullmatch(r"[1-9]\d*", words[0]):
        return d.name, np.linspace(d.lo, d.hi, int(words[0])) if words[0] != "1" else np.array([(d.lo + d.hi) / 2])
    values = np.array([float(evaluate_expression(w, file.constants())) for w in words])
    if np.any(values < d.lo - 1e-12) or np.any(values > d.hi + 1e-12):
        raise SnaFileError(f"{what} {text}: {d.name} lies between {d.lo:g} and {d.hi:g}")
    return d.name, np.clip(values, d.lo, d.hi)


def draw(plt, file, plane, over, columns, rows, at, n):
    directions = {d.name: d for d in file.field.directions}
    x, y = (np.linspace(directions[p].lo, directions[p].hi, n) for p in plane)
    X, Y = np.meshgrid(x, y)
    fixed = {name: np.full(X.shape, at.get(name, (d.lo + d.hi) / 2)) for name, d in directions.items()}
    with_reference = bool(file.options.get("pde_reference"))
    fields = ["solution", "reference", "error"] if with_reference else ["solution"]

    def pictures(instant, column, row):
        points = {**fixed, plane[0]: X, plane[1]: Y, over[0]: np.full(X.shape, instant), columns[0]: np.full(X.shape, column), rows[0]: np.full(X.shape, row)}
        u = file.solution(points)
        if not with_reference:
            return [u]
        v = file.expression("pde_reference", points) + 0 * X
        return [u, v, u - v]

    blocks = [[[pictures(t, c, r) for c in columns[1]] for r in rows[1]] for t in over[1]]
    main = [a for block in blocks for line in block for cell in line for a in cell[:2]]
    low, high = min(a.min() for a in main), max(a.max() for a in main)
    signed = low < -0.05 * max(abs(low), abs(high))
    style = dict(vmin=-max(-low, high), vmax=max(-low, high), cmap="RdBu_r") if signed else dict(vmin=low, vmax=high if high > low else low + 1, cmap="viridis")

    nr, nc = len(rows[1]), len(columns[1])
    figure = plt.figure(figsize=(1.25 * nc * len(fields) + 1.6, (1.25 * nr + 0.35) * len(over[1]) + 0.7), layout="constrained")
    parts = np.atleast_1d(figure.subfigures(len(over[1]), 1, hspace=0.02))
    for part, block, instant in zip(parts, blocks, over[1]):
        part.suptitle(f"{over[0]} = {instant:.3g}", x=0.01, ha="left", fontsize=10)
        panels = np.atleast_1d(part.subfigures(1, len(fields), wspace=0.01))
        worst = max(abs(cell[-1]).max() for line in block for cell in line) or 1.0
        for k, (panel, field) in enumerate(zip(panels, fields)):
            axes = panel.subplots(nr, nc, squeeze=False, sharex=True, sharey=True)
            for i, line in enumerate(axes):
                for j, axis in enumerate(line):
                    a = block[i][j][k]
                    kind = dict(vmin=-worst, vmax=worst, cmap="RdBu_r") if field == "error" else style
                    image = axis.imshow(a, extent=(x[0], x[-1], y[0], y[-1]), aspect="auto", interpolation="bilinear", **kind)
                    axis.set_box_aspect(1)
                    axis.grid(False)
                    axis.set(xticks=[], yticks=[])
                    for side in axis.spines.values():
                        side.set_visible(False)
                    if field == "error":
                        axis.text(0.03, 0.03, f"{abs(a).max():.0e}", transform=axis.transAxes, fontsize=6)
                    if i == 0:
                        axis.set_title(f"{columns[0]} {columns[1][j]:.3g}", fontsize=7, pad=2)
                    if j == 0:
                        axis.set_ylabel(f"{rows[0]} {rows[1][i]:.2g}", fontsize=7, labelpad=2)
            panel.suptitle(field, fontsize=9)
            panel.colorbar(image, ax=axes, pad=0.02, aspect=24, shrink=0.9).ax.tick_params(labelsize=6)
    held = ", ".join(f"{name} = {a.flat[0]:.3g}" for name, a in fixed.items() if name not in (*plane, over[0], columns[0], rows[0]))
    error = f", relative $L_2$ error {file.results['error_l2']:.1e} over all directions" if "error_l2" in file.results else ""
    figure.suptitle(f"{file.case}: plane {plane[0]}, {plane[1]}{'; ' + held if held else ''}{error}", fontsize=10)
    if with_reference:
        errors = [abs(cell[2]).max() for block in blocks for line in block for cell in line]
        print(f"largest error {max(errors):.3e} in {len(errors)} pictures of {n} x {n} points; largest reference {max(a.max() for a in main):.3e}")
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="result of sna_solver with model: vsna (.h5)")
    parser.add_argument("--plane", default="x,y", help="directions of each picture (default x,y)")
    parser.add_argument("--over", default="t=3", help="direction and values of the blocks (default t=3)")
    parser.add_argument("--columns", default="omega=3", help="direction and values of the columns (default omega=3)")
    parser.add_argument("--rows", default="kappa=3", help="direction and values of the rows (default kappa=3)")
    parser.add_argument("--at", default="", help='values of other directions: "z=0, p=1" (default: middle of the domain)')
    parser.add_argument("-n", "--points", type=int, default=97, help="points along each side of a picture (default 97)")
    parser.add_argument("-o", "--output", help="picture to write (default: FILE_manifold.png beside the file)")
    arguments = parser.parse_args()
    if not 2 <= arguments.points <= 2000:
        raise SnaFileError("--points must be in 2..2000")
    plt = figure_style()
    with SnaFile(arguments.file) as file:
        if file.options.get("coordinates"):
            raise SnaFileError(f"{arguments.file}: its deck has coordinates, which are not read here; draw its slices with plot_slices.py")
        names = [d.name for d in file.field.directions]
        plane = [p.strip() for p in arguments.plane.split(",")]
        if len(plane) != 2 or not set(plane) <= set(names):
            raise SnaFileError(f"--plane {arguments.plane}: wants two of {', '.join(names)}")
        over, columns, rows = (values_of(getattr(arguments, k), file, f"--{k}") for k in ("over", "columns", "rows"))
        if len({*plane, over[0], columns[0], rows[0]}) < 5:
            raise SnaFileError(f"plane, over, columns and rows must be five different directions, not {', '.join([*plane, over[0], columns[0], rows[0]])}")
        at = {}
        for text in filter(None, (word.strip() for word in arguments.at.split(","))):
            name, value = values_of(text if "." in text else text + ".0" if re.search(r"=\s*-?\d+$", text) else text, file, "--at")
            at[name] = value[0]
        figure = draw(plt, file, plane, over, columns, rows, at, arguments.points)
        output = arguments.output or file.path.with_name(f"{file.path.stem}_manifold.png")
        figure.savefig(output)
        print(f"wrote {output}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

#!/usr/bin/python3
"""Draws the fields of a voxel cell: the middle plane of voxels normal to x, to y and to z, one row per field.

    postproc/plot_voxels.py out/CASE/CASE.h5 [FILE.h5 ...] [-g GRID] [-f energy,stress_11] [-o FILE.png]

Colours are the same in all three planes of a row; a field of both signs gets a diverging map with zero in its middle. Lines are the borders of the phases.
"""
import argparse
import sys

import numpy as np
from sna_file import SnaFile, SnaFileError, figure_style, main_guard

ACROSS, UP = (1, 0, 0), (2, 2, 1)  # axes of the plane normal to x, y, z


def default_fields(grid):
    others = [s for s in grid.scalars if s != "phase"]
    return others[:1] or list(grid.scalars)[:1]


def draw(plt, grid, fields, title):
    middle = [n // 2 for n in grid.n]
    size = grid.hi - grid.lo
    widths = size[list(ACROSS)]
    if widths.max() > 4 * widths.min():  # otherwise all panels have one scale
        widths = np.full(3, max(size[a] for a in ACROSS))
    height = 9 * min(0.7, max(0.15, max(size[u] for u in UP) / widths.sum())) + 0.7
    figure, axes = plt.subplots(len(fields), 3, figsize=(11, height * len(fields) + 0.4), squeeze=False, layout="constrained", width_ratios=widths)
    for number, (row, field) in enumerate(zip(axes, fields)):
        planes = [grid.plane(field, a, middle[a]) for a in range(3)]
        low, high = min(np.nanmin(p) for p in planes), max(np.nanmax(p) for p in planes)
        top = max(abs(low), abs(high)) or 1.0
        signed = min(-low, high) > 0.05 * top
        limits = dict(vmin=-top, vmax=top, cmap="RdBu_r") if signed else dict(vmin=low, vmax=high if high > low else low + 1, cmap="viridis")
        for axis, (panel, plane) in enumerate(zip(row, planes)):
            a, u = ACROSS[axis], UP[axis]
            extent = (grid.lo[a], grid.hi[a], grid.lo[u], grid.hi[u])
            image = panel.imshow(plane, extent=extent, aspect="equal", interpolation="nearest", **limits)
            panel.grid(False)
            if "phase" in grid.fields and field != "phase":
                borders(panel, grid.plane("phase", axis, middle[axis]), extent)
            panel.set(xlabel="xyz"[a], ylabel="xyz"[u])
            if number == 0:
                panel.set_title(f"{'xyz'[axis]} = {grid.lo[axis] + (middle[axis] + 0.5) * size[axis] / grid.n[axis]:.4g}")
        figure.colorbar(image, ax=row, pad=0.01, aspect=18).set_label(field)
    figure.suptitle(title)
    return figure


def borders(panel, phase, extent):
    """Lines between voxels of different phase."""
    x, y = (np.linspace(low, high, n + 1) for (low, high), n in zip((extent[:2], extent[2:]), phase.shape[::-1]))
    j, i = np.nonzero(phase[:, 1:] != phase[:, :-1])
    style = dict(color="k", linewidth=0.6)
    panel.vlines(x[i + 1], y[j], y[j + 1], **style)
    j, i = np.nonzero(phase[1:] != phase[:-1])
    panel.hlines(y[j + 1], x[i], x[i + 1], **style)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="file", help="result of sna_solver with fields on voxels (.h5)")
    parser.add_argument("-g", "--grid", help="name of the grid (default: all)")
    parser.add_argument("-f", "--fields", help="comma-separated (default: the first); of a vector its length or NAME_x, of a tensor NAME_11 ... NAME_12")
    parser.add_argument("-o", "--output", help="picture to write (default: FILE_GRID.png beside the file); only where there is one grid")
    arguments = parser.parse_args()
    plt = figure_style()
    for path in arguments.files:
        with SnaFile(path) as file:
            grids = file.grids
            if not grids:
                raise SnaFileError(f"{path}: no fields on voxels; ask for some in the deck")
            if arguments.grid and arguments.grid not in grids:
                raise SnaFileError(f"{path}: no grid {arguments.grid}; there are: {', '.join(grids)}")
            chosen = [arguments.grid] if arguments.grid else list(grids)
            if arguments.output and len(chosen) * len(arguments.files) > 1:
                raise SnaFileError(f"one output for {len(chosen) * len(arguments.files)} grids: choose one file and one with -g ({', '.join(chosen)})")
            for name in chosen:
                grid = grids[name]
                fields = [f.strip() for f in arguments.fields.split(",")] if arguments.fields else default_fields(grid)
                figure = draw(plt, grid, fields, f"{file.case}, {name}   {' x '.join(map(str, grid.n))} voxels")
                output = arguments.output or file.path.with_name(f"{file.path.stem}_{name}.png")
                figure.savefig(output)
                plt.close(figure)
                print(f"wrote {output}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

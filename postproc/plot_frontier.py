#!/usr/bin/python3
"""Draws the relative L2 error of runs against their number of parameters: one curve per format, its fitted slope, and the envelope of all.

    postproc/plot_frontier.py out/*/*.h5 [-o FILE.png]

A run takes part with `error_l2` (its deck has a reference). Formats are what the run delivers: CP, tensor train, or one converted from the other. The slope s of
error ~ parameters^s is a least-squares fit through all runs of a format; the envelope is the least error of at most so many parameters.

The frontier of the plume in six directions, five CP ranks at fixed cells and seven tolerances of the tensor train, each with cells that suffice:

    for rank in 8 16 32 64 128; do
      scripts/run inputs/vsna/advection_diffusion_6d.deck -case cp_$rank -vsna_rank $rank -insitu_every 0 -quiet
    done
    for run in 1e-2,32,12,8,4 3e-3,40,14,8,5 1e-3,48,16,10,5 3e-4,56,20,12,6 1e-4,72,24,16,6 5e-5,80,28,16,7 2e-5,96,32,18,8; do
      IFS=, read -r rtol xyz t omega kappa <<<"$run"
      scripts/run inputs/vsna/advection_diffusion_6d_tt.deck -case tt_$rtol -vsna_rtol $rtol -insitu_every 0 -quiet \\
        -dim_x_cells $xyz -dim_y_cells $xyz -dim_z_cells $xyz -dim_t_cells $t -dim_omega_cells $omega -dim_kappa_cells $kappa
    done
    postproc/plot_frontier.py out/cp_*/cp_*.h5 out/tt_*/tt_*.h5 -o frontier.png
"""
import argparse
import math
import sys

import numpy as np
from sna_file import SnaFile, SnaFileError, figure_style, main_guard

NAMES = {"cp": "CP", "tensor_train": "tensor train"}
COLOURS = {"CP": "tab:orange", "tensor train": "tab:blue", "CP from tensor train": "tab:red", "tensor train from CP": "tab:green"}


def read(path):
    """(format, parameters, error, what sets the accuracy: "R=64", "rtol 1e-4") of one run."""
    with SnaFile(path) as file:
        options, results = file.options, file.results
    for name in ("parameters", "error_l2"):
        if name not in results:
            raise SnaFileError(f"{path}: no result {name}" + ("; its deck has no reference" if name == "error_l2" else ""))
        if not (math.isfinite(results[name]) and results[name] > 0):
            raise SnaFileError(f"{path}: {name} = {results[name]:g} cannot stand on a logarithmic axis")
    solved = options.get("vsna_format", "cp")
    given = options.get("vsna_convert", "none")
    given = solved if given == "none" else given
    kind = NAMES.get(given, given) + ("" if given == solved else f" from {NAMES.get(solved, solved)}")
    label = f"R={results['rank']:.0f}" if given == "cp" and "rank" in results else "rtol " + options.get("vsna_rtol", "")
    return kind, results["parameters"], results["error_l2"], label


def slope(parameters, errors):
    """Least-squares slope of log error against log parameters; nan where all runs have the same number of parameters."""
    if min(parameters) == max(parameters):
        return math.nan
    x, y = np.log(parameters), np.log(errors)
    x -= x.mean()
    return float(x @ y / (x @ x))


def envelope(points):
    """The points (parameters, error) that no other one beats in both, by parameters."""
    best = []
    for n, error in sorted(points):
        if not best or error < best[-1][1]:
            best.append((n, error))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="+", help="results of sna_solver (.h5)")
    parser.add_argument("-o", "--output", default="frontier.png", help="picture to write (.png, .pdf, .svg; default: frontier.png)")
    arguments = parser.parse_args()
    formats = {}
    for path in arguments.file:
        kind, *point = read(path)
        formats.setdefault(kind, []).append(point)

    plt = figure_style()
    figure, axis = plt.subplots(figsize=(7.5, 5), layout="constrained")
    best = envelope([(n, error) for points in formats.values() for n, error, _ in points])
    axis.step(*zip(*best), where="post", color="0.82", linewidth=4, zorder=0, solid_capstyle="round", label="envelope")
    for kind, points in sorted(formats.items()):
        points.sort()
        n, errors, labels = zip(*points)
        s = slope(n, errors)
        text = f"{kind}, slope {s:.2f}" if math.isfinite(s) else kind
        colour = axis.plot(n, errors, "o-", markersize=5, color=COLOURS.get(kind), label=text)[0].get_color()
        for x, y, label in points:
            axis.annotate(label, (x, y), (6, 4), textcoords="offset points", fontsize=8, color=colour)
        print(f"{text}: {len(points)} run{'s' if len(points) > 1 else ''}, {n[0]:.0f} .. {n[-1]:.0f} parameters, error {max(errors):.2e} .. {min(errors):.2e}")
    axis.set(xscale="log", yscale="log", xlabel="parameters", ylabel=r"relative $L_2$ error")
    axis.margins(x=0.1)
    axis.legend(loc="lower left")
    try:
        figure.savefig(arguments.output)
    except ValueError as error:  # a kind of picture that matplotlib does not know
        raise SnaFileError(f"{arguments.output}: {error}") from None
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

#!/usr/bin/python3
"""Draws the relative L2 error of runs against their number of parameters: isolines of rank, the frontier of each format, and finite elements beside them.

    postproc/plot_frontier.py FILE.h5 [...] [-o FILE.png]        results of sna_solver, or tables of scripts/sweep

The figure of the plume in six directions:

    scripts/sweep inputs/vsna/advection_diffusion_6d_tt.deck inputs/vsna/sweep/frontier.txt
    postproc/plot_frontier.py out/frontier/sweep.h5 -o frontier.png

A run takes part with `error_l2` (its deck has a reference). Its format is what it delivers, cp or tensor_train; within it are kinds: solved directly, or converted (cp_from_tensor_train), and with splines
of another degree than 3 (..._degree_5). Isoline: runs of one kind with equal rank (cp) or equal tolerance (tensor_train), whose cells differ. Its slope s of error ~ parameters^s is fitted from its coarsest run to the first one that is
within a factor 1.5 of its best; further cells only cost numbers there: the rank is saturated.
Frontier of a format or kind: its runs that no other one of it beats in both. Its slope is fitted to those with an error below --below (0.1): above it nothing is approximated yet.

FEM: the number of parameters of the full tensor product of cubic B-splines for the error E, the product of n_d = cells + 3 (less 2 with Dirichlet conditions). Assumed: the best approximation in L2, no
solver's loss, and E split evenly: direction d alone, the others exact, may have E / sqrt(directions). That error of 1-D projections is computed from the deck's reference along lines drawn at random.
The dotted line is the slope of the paper's frontier, -0.68 (arXiv 2603.12244, Figure 3), through the first point of the CP frontier; its height is not in the paper's text.
"""
import argparse
import math
import re
import sys
from types import SimpleNamespace

import numpy as np
from collect import read_runs
from compare_reference import draw_points
from sna_file import SnaFileError, bspline_values, evaluate_expression, figure_style, main_guard

PAPER = -0.68
TITLES = {"cp": "CP", "tensor_train": "tensor train"}
COLOURS = {"cp": "tab:orange", "tensor_train": "tab:blue"}
MARKERS = "osD^vP"
SATURATED = 1.5  # an isoline ends, for its slope, at the first run within this factor of its best
LINES, NODES = 1000, 1280  # of the 1-D projections: random lines per direction, points along each


# ---- Runs, isolines, frontiers ----


def read(paths):
    """{format: {kind: [(parameters, error, level)]}}, where level is what an isoline has in common: "R=64", "rtol 1e-4"; and the options of the first run."""
    formats, runs = {}, read_runs(paths)
    for run in runs:
        for name in ("parameters", "error_l2"):
            if name not in run.results:
                raise SnaFileError(f"{run.file}: no result {name}" + ("; its deck has no reference" if name == "error_l2" else ""))
            if not (math.isfinite(run.results[name]) and run.results[name] > 0):
                raise SnaFileError(f"{run.file}: {name} = {run.results[name]:g} cannot stand on a logarithmic axis")
        solved = run.options.get("vsna_format", "cp")
        given = run.options.get("vsna_convert", "none")
        given = solved if given == "none" else given
        level = f"R={run.results['rank']:.0f}" if given == "cp" and "rank" in run.results else "rtol " + run.options.get("vsna_rtol", "")
        degrees = sorted({v for k, v in run.options.items() if re.fullmatch(r"dim_\w+_degree", k)} - {"3"})
        kind = (given if given == solved else f"{given}_from_{solved}") + (f"_degree_{'_'.join(degrees)}" if degrees else "")
        formats.setdefault(given, {}).setdefault(kind, []).append((run.results["parameters"], run.results["error_l2"], level))
    return formats, runs[0].options if runs else {}


def slope(parameters, errors):
    """Least-squares slope of log error against log parameters; nan where all runs have the same number of parameters."""
    if len(parameters) < 2 or min(parameters) == max(parameters):
        return math.nan
    x, y = np.log(parameters), np.log(errors)
    x -= x.mean()
    return float(x @ y / (x @ x))


def envelope(points):
    """The points (parameters, error, ...) that no other one beats in both, by parameters."""
    best = []
    for point in sorted(points):
        if not best or point[1] < best[-1][1]:
            best.append(point)
    return best


def isolines(points):
    """{level: its points by parameters}, of levels with several."""
    lines = {}
    for point in sorted(points):
        lines.setdefault(point[2], []).append(point)
    return {level: line for level, line in lines.items() if len(line) > 1}


def isoline_slope(line):
    errors = [point[1] for point in line]
    end = next(i for i, error in enumerate(errors) if error <= SATURATED * min(errors)) + 1
    return slope([point[0] for point in line[:end]], errors[:end])


# ---- Finite elements ----


def reference_of(options):
    """The directions and the reference as a function of {direction: points}, from effective options; None without a reference."""
    names = {}
    for name in re.findall(r"\w+", options.get("param", "")):
        names[name] = evaluate_expression(options[f"param_{name}"], names)
    text = options.get("pde_reference")
    if not text or options.get("coordinates"):
        return None, None
    directions = []
    for name in re.findall(r"\w+", options["dim"]):
        ends = [evaluate_expression(end.strip().strip('"'), names) for end in options[f"dim_{name}_domain"].strip("[] ").split(",")]
        directions.append(SimpleNamespace(name=name, lo=float(ends[0]), hi=float(ends[1]), dropped=options.get(f"dim_{name}_bc", "").count("dirichlet")))
        if directions[-1].dropped == 1 and "none" not in options[f"dim_{name}_bc"]:
            directions[-1].dropped = 2  # one word for both ends
    return directions, lambda points: evaluate_expression(text, {**names, **points}) + 0.0 * points[directions[0].name]


def spline_errors(directions, exact, rng):
    """For each direction (cells, relative L2 errors of projecting the reference on cubic splines in it alone)."""
    density = None
    for _ in range(4):  # where the square of the reference lives
        points, weight = draw_points(directions, 40000, density, rng)
        mass = exact(points) ** 2 * weight
        density = {}
        for d in directions:
            bin_ = np.minimum(((points[d.name] - d.lo) * 40 / (d.hi - d.lo)).astype(int), 39)
            density[d.name] = 0.8 * np.bincount(bin_, mass, 40) / mass.sum() + 0.2 / 40
    nodes, gauss = np.polynomial.legendre.leggauss(5)
    s = ((np.arange(NODES // 5)[:, None] + (nodes + 1) / 2) / (NODES // 5)).ravel()
    root = np.sqrt(np.tile(gauss, NODES // 5))[:, None]
    cells = np.unique(np.round(2 ** np.arange(0, 8.01, 0.25)).astype(int))
    result = {}
    for d in directions:
        points, weight = draw_points([e for e in directions if e is not d], LINES, {k: v for k, v in density.items() if k != d.name}, rng)
        grid = {name: np.broadcast_to(x, (NODES, LINES)) for name, x in points.items()}
        u = root * exact({**grid, d.name: np.broadcast_to((d.lo + (d.hi - d.lo) * s)[:, None], (NODES, LINES))}) * np.sqrt(weight)
        errors = []
        for n in cells:
            cell = np.minimum((s * n).astype(int), n - 1)
            knots = np.concatenate([[0.0] * 3, np.arange(n + 1) / n, [1.0] * 3])
            B = np.zeros((NODES, n + 3))
            B[np.arange(NODES)[:, None], cell[:, None] + np.arange(4)] = bspline_values(s, 3, knots, cell + 3)
            q = np.linalg.qr(root * (B[:, 1:-1] if d.dropped == 2 else B))[0]
            errors.append(np.linalg.norm(u - q @ (q.T @ u)) / np.linalg.norm(u))
        result[d.name] = cells, np.minimum.accumulate(errors)
    return result


def fem_parameters(error, directions, splines):
    """Size of the full tensor product with this error; nan beyond 256 cells."""
    size = 1.0
    for d in directions:
        cells, errors = splines[d.name]
        share = error / math.sqrt(len(directions))
        if errors[-1] > share:
            return math.nan
        i = int(np.argmax(errors <= share))
        n = float(cells[0]) if i == 0 else math.exp(np.interp(math.log(share), np.log(errors[[i, i - 1]]), np.log(cells[[i, i - 1]])))
        size *= n + 3 - d.dropped
    return size


# ---- Figure ----


def fit_text(name, s, points):
    return f"slope {name} {s:.2f}: {len(points)} run{'s' if len(points) != 1 else ''}" + (f", {points[0][0]:.0f} .. {points[-1][0]:.0f} parameters, error {points[0][1]:.2e} .. {points[-1][1]:.2e}" if points else "")


def frontier_slope(points, below):
    """The frontier, its slope, and the part of it that is fitted."""
    best = envelope(points)
    fitted = [point for point in best if point[1] <= below]
    return best, slope([point[0] for point in fitted], [point[1] for point in fitted]), fitted


def draw_format(axis, form, kinds, below):
    """Points, isolines and the frontier of one format; prints the slopes; returns the frontier."""
    colour = COLOURS.get(form)
    best, s, fitted = frontier_slope([point for points in kinds.values() for point in points], below)
    print(fit_text(form, s, fitted))
    axis.plot(*zip(*[point[:2] for point in best]), color=colour, linewidth=5, alpha=0.25, solid_capstyle="round", label=f"{TITLES.get(form, form)}: frontier" + (f", slope {s:.2f}" if math.isfinite(s) else ""))
    for number, (kind, points) in enumerate(sorted(kinds.items())):
        marker = MARKERS[number % len(MARKERS)]
        points.sort()
        _, own, part = frontier_slope(points, below)
        if len(kinds) > 1:
            print(fit_text(kind if kind != form else f"{form}_direct", own, part))
        words = re.sub(r"_degree_(\w+)", r", degree \1", kind).replace("_from_tensor_train", " from tensor train").replace("_from_cp", " from CP")
        words = ("CP directly" if form == "cp" else TITLES[form]) if words == form and len(kinds) > 1 else TITLES.get(words, re.sub(r"^(cp|tensor_train)", lambda m: TITLES[m.group()], words))
        axis.plot(*zip(*[point[:2] for point in points]), marker, color=colour, markersize=4.5, markerfacecolor="white" if marker != "o" else colour,
                  label=words + (f", slope {own:.2f}" if math.isfinite(own) and len(kinds) > 1 else ""))
        lines = isolines(points)
        for level, line in lines.items():
            s = isoline_slope(line)
            axis.plot(*zip(*[point[:2] for point in line]), "-", color=colour, linewidth=0.8, alpha=0.7)
            axis.annotate(f"{level} ({s:.1f})" if math.isfinite(s) else level, line[-1][:2], (6, 2), textcoords="offset points", fontsize=7, color=colour)
            print(fit_text(f"isoline {kind} {level.replace(' ', '=')}", s, line))
        if not lines:
            axis.plot(*zip(*[point[:2] for point in points]), "-", color=colour, linewidth=1.2)
            for n, error, level in points:
                axis.annotate(level, (n, error), (-5, -8) if number != 1 else (6, 3), textcoords="offset points", fontsize=6.5, color=colour, ha="right" if number != 1 else "left")
    return best


def draw_fem(axis, options, errors, frontiers):
    directions, exact = reference_of(options)
    if not directions:
        print("no finite elements: they need a reference in the coordinates of the deck")
        return
    splines = spline_errors(directions, exact, np.random.default_rng(1))
    errors = np.geomspace(max(errors), min(errors), 25)
    sizes = np.array([fem_parameters(error, directions, splines) for error in errors])
    known = np.isfinite(sizes)
    if known.sum() < 2:
        return
    s = slope(sizes[known], errors[known])
    axis.plot(sizes[known], errors[known], "--", color="0.35", label=f"{len(directions)}-D cubic B-spline FEM (best approximation), slope {s:.2f}")
    print(f"slope fem {s:.2f}: {sizes[known][0]:.2e} .. {sizes[known][-1]:.2e} parameters, error {errors[known][0]:.2e} .. {errors[known][-1]:.2e}")
    for form, best in frontiers.items():
        ratios = ", ".join(f"{fem_parameters(error, directions, splines) / n:.1e} at {error:.1e}" for n, error, _ in (best[0], best[-1]))
        print(f"fem over {form}: parameters at equal error {ratios}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="+", help="results of sna_solver or tables of scripts/sweep (.h5)")
    parser.add_argument("-o", "--output", default="frontier.png", help="picture to write (.png, .pdf, .svg; default: frontier.png)")
    parser.add_argument("--below", type=float, default=0.1, help="errors up to which a frontier's slope is fitted (default 0.1)")
    parser.add_argument("--no-fem", action="store_true", help="without finite elements")
    arguments = parser.parse_args()
    formats, options = read(arguments.file)
    if not formats:
        raise SnaFileError(f"{arguments.file[0]}: holds no run")

    plt = figure_style()
    figure, axis = plt.subplots(figsize=(9, 5.6), layout="constrained")
    frontiers = {form: draw_format(axis, form, kinds, arguments.below) for form, kinds in sorted(formats.items())}
    errors = [error for best in frontiers.values() for _, error, _ in best]
    if not arguments.no_fem:
        draw_fem(axis, options, errors, frontiers)
    if "cp" in frontiers:
        n, error, _ = frontiers["cp"][0]
        x = np.array([n, 1e3 * n])
        axis.plot(x, error * (x / n) ** PAPER, ":", color="0.35", label=f"slope of the paper's frontier, {PAPER}")
    axis.set(xscale="log", yscale="log", xlabel="parameters", ylabel=r"relative $L_2$ error")
    axis.margins(x=0.06)
    axis.legend(loc="best", fontsize=8)
    try:
        figure.savefig(arguments.output)
    except ValueError as error:  # a kind of picture that matplotlib does not know
        raise SnaFileError(f"{arguments.output}: {error}") from None
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

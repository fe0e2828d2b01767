#!/usr/bin/python3
"""Compares a solution with a formula, independently of the solver: numpy evaluates the stored field and the deck's expressions.

    postproc/compare_reference.py out/CASE/CASE.h5 [-n 200000] [-r "EXPRESSION"] [-o FILE.png]

Prints the relative L2 error over the whole domain with its standard error (Monte Carlo, importance-sampled per direction with the reference's own square)
and the largest error seen, and draws the error against the value of the reference, and the local error along each direction (its rms over the bins is the error).
"""
import argparse
import sys

import numpy as np
from sna_file import SnaFile, SnaFileError, evaluate_expression, figure_style, main_guard

BINS = 40
UNIFORM = 0.3  # share of the points that are uniform in the whole domain: bounds every weight, so that no far corner is missed


def draw_points(directions, count, density, rng):
    """`count` points from a mixture: uniform, or direction by direction from piecewise constant densities. The mean of f * weight is the integral of f."""
    points, relative, volume = {}, np.ones(count), 1.0
    uniform = rng.random(count) < (UNIFORM if density else 1.0)
    for d in directions:
        p = density[d.name] if density else np.full(BINS, 1.0 / BINS)
        bin_ = np.where(uniform, rng.integers(BINS, size=count), rng.choice(BINS, count, p=p))
        points[d.name] = d.lo + (d.hi - d.lo) * (bin_ + rng.random(count)) / BINS
        relative *= p[bin_] * BINS
        volume *= d.hi - d.lo
    return points, volume / (UNIFORM + (1 - UNIFORM) * relative if density else relative)


def compare(file, count, reference=None, seed=1):
    """Relative L2 error, standard error, and the samples (points, weight, u, v)."""
    directions = file.field.directions
    constants = file.constants()

    def exact(points):
        if reference is None:
            return file.expression("pde_reference", points) + np.zeros(points[directions[0].name].size)
        return evaluate_expression(reference, {**constants, **points}) + np.zeros(points[directions[0].name].size)

    # Where does the square of the reference live? Marginals from rounds of samples, each drawn with the marginals of the round before.
    rng = np.random.default_rng(seed)
    density = None
    for _ in range(4):
        points, weight = draw_points(directions, max(20000, count // 10), density, rng)
        mass = exact(points) ** 2 * weight
        if not np.all(np.isfinite(mass)):
            raise SnaFileError("the reference is not finite everywhere in the domain")
        if mass.sum() == 0:
            break
        density = {}
        for d in directions:
            bin_ = np.minimum(((points[d.name] - d.lo) * BINS / (d.hi - d.lo)).astype(int), BINS - 1)
            p = np.bincount(bin_, mass, BINS)
            density[d.name] = 0.8 * p / p.sum() + 0.2 / BINS
    points, weight = draw_points(directions, count, density, rng)
    u, v = file.solution(points), exact(points)
    square, norm = (u - v) ** 2 * weight, v**2 * weight
    ratio = square.mean() / norm.mean()
    # Delta method for the square root of a ratio of means.
    error = np.sqrt(ratio)
    spread = (square - ratio * norm).std() / np.sqrt(count) / norm.mean() / (2 * error) if error > 0 else 0.0
    return error, spread, (points, weight, u, v)


def draw(file, samples, title, output):
    points, weight, u, v = samples
    directions = file.field.directions
    plt = figure_style()
    columns = min(4, len(directions) + 1)
    rows = -(-(len(directions) + 1) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.1 * columns, 2.8 * rows), squeeze=False, layout="constrained")
    axes = axes.ravel()
    axes[0].hexbin(v, u - v, gridsize=60, bins="log", cmap="viridis", mincnt=1, linewidths=0)
    axes[0].set(xlabel="reference", ylabel="u - reference")
    for axis, d in zip(axes[1:], directions):
        bin_ = np.minimum(((points[d.name] - d.lo) * BINS / (d.hi - d.lo)).astype(int), BINS - 1)
        top, bottom = np.bincount(bin_, (u - v) ** 2 * weight, BINS), np.bincount(bin_, v**2 * weight, BINS)
        middle = d.lo + (d.hi - d.lo) * (np.arange(BINS) + 0.5) / BINS
        axis.plot(middle, np.sqrt(top / bottom.sum() * BINS), drawstyle="steps-mid", color=plt.get_cmap("viridis")(0.35))
        axis.set(xlabel=d.name, ylabel="relative error", yscale="log")
        axis.yaxis.set_minor_formatter(plt.matplotlib.ticker.NullFormatter() if np.ptp(np.log10(top[top > 0])) > 1 else plt.matplotlib.ticker.LogFormatterSciNotation(minor_thresholds=(2, 0.5)))
    for axis in axes[len(directions) + 1 :]:
        axis.remove()
    figure.suptitle(title)
    figure.savefig(output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="result of sna_solver (.h5)")
    parser.add_argument("-n", "--points", type=int, default=200000, help="samples (default 200000)")
    parser.add_argument("-r", "--reference", help="formula in the directions and the deck's constants (default: the deck's pde_reference)")
    parser.add_argument("-o", "--output", help="picture to write (default: FILE_reference.png beside the file)")
    parser.add_argument("--no-plot", action="store_true", help="numbers only")
    arguments = parser.parse_args()
    if arguments.points < 100:
        raise SnaFileError("--points must be at least 100")
    with SnaFile(arguments.file) as file:
        error, spread, samples = compare(file, arguments.points, arguments.reference)
        _, _, u, v = samples
        print(f"relative_l2_error {error:.6e}")
        print(f"standard_error    {spread:.1e}")
        print(f"largest_error     {np.abs(u - v).max():.6e}")
        print(f"largest_reference {np.abs(v).max():.6e}")
        if "error_l2" in file.results:
            print(f"solver_error_l2   {file.results['error_l2']:.6e}   (difference: {abs(file.results['error_l2'] - error) / max(spread, 1e-300):.1f} standard errors)")
        if not arguments.no_plot:
            output = arguments.output or file.path.with_name(file.path.stem + "_reference.png")
            draw(file, samples, f"{file.case}: relative $L_2$ error {error:.3e} ± {spread:.0e}", output)
            print(f"wrote {output}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

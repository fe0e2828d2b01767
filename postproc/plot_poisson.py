#!/usr/bin/python3
"""Draws the squared L2 error of runs against their degrees of freedom: one curve per form, basis and degree, and the range that the KHRONOS paper reports.

    postproc/plot_poisson.py out/poisson/*/*.h5 [-o FILE.png] [--markdown]

The runs are those of inputs/vsna/sweep/poisson.txt: -(u_xx + u_yy) = f with u = sin(pi x) sin(pi y), one product, so that the degrees of freedom are the functions
along x plus those along y:

    scripts/sweep inputs/vsna/poisson_2d.deck inputs/vsna/sweep/poisson.txt

The paper (Batley and Saha, KHRONOS, arXiv 2505.13315v2, abstract): squared L2 errors of 5e-4 down to 6e-11 across 16 to 512 degrees of freedom on a Poisson
equation in the plane. --markdown prints the table of doc/problems.md.
"""
import argparse
import sys

from sna_file import SnaFile, SnaFileError, figure_style, main_guard

PAPER = ((16, 5e-4), (512, 6e-11))
COLOURS = {"2": "tab:blue", "3": "tab:orange", "4": "tab:green", "5": "tab:red"}


def read(path):
    """(form, basis with its degree), degrees of freedom, squared L2 error of one run."""
    with SnaFile(path) as file:
        options, results = file.options, file.results
    for name in ("parameters", "error_l2", "reference_norm"):
        if name not in results:
            raise SnaFileError(f"{path}: no result {name}")
    basis = options.get("dim_x_basis", "bspline")
    kind = f"degree {options.get('dim_x_degree', '3')}" if basis == "bspline" else basis
    form = {"galerkin": "Galerkin"}.get(options.get("pde_form"), "least squares")
    return (form, kind), results["parameters"], (results["error_l2"] * results["reference_norm"]) ** 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="+", help="results of sna_solver (.h5)")
    parser.add_argument("-o", "--output", default="poisson.png", help="picture to write (.png, .pdf, .svg; default: poisson.png)")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    arguments = parser.parse_args()
    curves = {}
    for path in arguments.file:
        key, n, error = read(path)
        curves.setdefault(key, {})[n] = error

    if arguments.markdown:
        sizes = sorted({n for curve in curves.values() for n in curve})
        print("| degrees of freedom | " + " | ".join(f"{n:.0f}" for n in sizes) + " |\n|" + "---|" * (len(sizes) + 1))
        for key, curve in sorted(curves.items()):
            print(f"| {key[0]}, {key[1]} | " + " | ".join(f"{curve[n]:.1e}" if n in curve else "" for n in sizes) + " |")

    plt = figure_style()
    figure, axis = plt.subplots(figsize=(7.5, 5), layout="constrained")
    axis.plot(*zip(*PAPER), "k*--", markersize=9, label="KHRONOS paper, ends of its range")
    for (form, kind), curve in sorted(curves.items()):
        points = sorted(curve.items())
        axis.plot(*zip(*points), "o-" if form == "Galerkin" else "s:", markersize=4, color=COLOURS.get(kind[-1], "tab:purple"), label=f"{form}, {kind}")
    axis.set(xscale="log", yscale="log", xlabel="degrees of freedom", ylabel=r"squared $L_2$ error")
    ticks = sorted({n for curve in curves.values() for n in curve} | {n for n, _ in PAPER})
    axis.set_xticks(ticks, [f"{n:.0f}" for n in ticks])
    axis.minorticks_off()
    axis.legend(fontsize=8)
    try:
        figure.savefig(arguments.output)
    except ValueError as error:  # a kind of picture that matplotlib does not know
        raise SnaFileError(f"{arguments.output}: {error}") from None
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

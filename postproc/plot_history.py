#!/usr/bin/python3
"""Draws the convergence of runs: the residual of each sweep against sweeps and seconds, coloured by rank.

    postproc/plot_history.py out/CASE/CASE.h5 [MORE.h5 ...] [-o FILE.png]

One file: the colour shows the rank and grey lines the rungs of the rank ladder. Several: one curve per file, for comparison. The residual falls with
the cell size and is not the error of u; the error against the reference stands in the title where the run has one.
"""
import argparse
import sys

import numpy as np
from sna_file import SnaFile, SnaFileError, figure_style, main_guard


def describe(file):
    results = file.results
    text = f"{file.case}: rank {results['rank']:.0f}" if "rank" in results else file.case
    if "error_l2" in results:
        text += f", relative $L_2$ error {results['error_l2']:.2e}"
    if "seconds" in results:
        text += f", {results['seconds']:.2f} s"
    return text


def draw_one(plt, figure, axes, file):
    history = file.history
    sweep, residual, rank, seconds = (history[k] for k in ("sweep", "residual", "rank", "seconds"))
    joint = history["phase"] != 0 if "phase" in history else np.ones(sweep.size, bool)
    norm = plt.matplotlib.colors.LogNorm(max(1, rank.min()), max(rank.max(), rank.min() + 1))
    for axis, x in zip(axes, (sweep, seconds)):
        axis.plot(x, residual, color="0.75", linewidth=0.8, zorder=1)
        axis.scatter(x[~joint], residual[~joint], c=rank[~joint], norm=norm, cmap="viridis", s=9, marker="v", linewidths=0, label="enrichment (new columns only)")
        points = axis.scatter(x[joint], residual[joint], c=rank[joint], norm=norm, cmap="viridis", s=14, linewidths=0, label="sweep over all columns")
        for i in np.flatnonzero(np.diff(rank)):
            axis.axvline(x[i + 1], color="0.85", linewidth=0.7, zorder=0)
    bar = figure.colorbar(points, ax=axes, pad=0.015, aspect=30)
    ranks = np.unique(rank)
    ticks = ranks if ranks.size <= 8 else ranks[np.unique(np.linspace(0, ranks.size - 1, 8).astype(int))]
    bar.set_ticks(ticks, labels=[f"{t:.0f}" for t in ticks])
    bar.ax.minorticks_off()
    bar.set_label("rank")
    axes[0].legend(loc="upper right")
    figure.suptitle(describe(file))


def draw_many(axes, files):
    for file in files:
        history = file.history
        for axis, x in zip(axes, (history["sweep"], history["seconds"])):
            axis.plot(x, history["residual"], label=describe(file))
    axes[0].legend(loc="upper right", fontsize=8)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="+", help="result of sna_solver (.h5)")
    parser.add_argument("-o", "--output", help="picture to write (.png, .pdf, .svg; default: FILE_history.png beside the first file)")
    arguments = parser.parse_args()
    files = [SnaFile(name) for name in arguments.file]
    for file in files:
        if file.history.get("residual", np.empty(0)).size == 0:
            raise SnaFileError(f"{file.path}: its history is empty")
    plt = figure_style()
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    if len(files) == 1:
        draw_one(plt, figure, axes, files[0])
    else:
        draw_many(axes, files)
    axes[0].set(yscale="log", xlabel="sweep", ylabel=r"residual  $\Vert Lu-f\Vert \,/\, \Vert Lu_0-f\Vert$")
    axes[1].set(xlabel="solve time in s")
    output = arguments.output or files[0].path.with_name(files[0].path.stem + "_history.png")
    figure.savefig(output)
    print(f"wrote {output}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

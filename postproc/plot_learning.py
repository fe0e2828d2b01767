#!/usr/bin/python3
"""Draws what a run of `model: khronos` learned: prediction against target of the test rows, and the convergence of the training.

    postproc/plot_learning.py out/CASE/CASE.h5 [-o FILE.png]

Left, one picture per target: the test rows (at most 5,000 of them), the line of equality, R^2. Right: 1 - R^2 of the training rows against training
seconds, coloured by phase. A classification shows how many rows of each class were taken for which.
"""
import argparse
import pathlib
import sys

import h5py
import numpy as np
from sna_file import SnaFile, SnaFileError, figure_style, main_guard

PHASES = ("adam", "subset", "lm", "als", "lbfgs")


def parity(axis, name, target, prediction):
    some = np.linspace(0, target.size - 1, min(target.size, 5000)).astype(int)
    r2 = 1 - np.sum((target - prediction) ** 2) / np.sum((target - target.mean()) ** 2)
    ends = [min(target.min(), prediction.min()), max(target.max(), prediction.max())]
    axis.plot(ends, ends, color="0.6", linewidth=0.8)
    axis.plot(target[some], prediction[some], ".", markersize=3, alpha=0.5, markeredgewidth=0)
    axis.set(xlabel=f"{name}, test rows", ylabel="predicted", title=f"1 - $R^2$ = {1 - r2:.2e}" if r2 > 0.99 else f"$R^2$ = {r2:.3f}")


def confusion(axis, labels, target, prediction):
    count = np.zeros((len(labels), len(labels)), int)
    np.add.at(count, (target.astype(int), prediction.astype(int)), 1)
    axis.imshow(count, cmap="Blues")
    for (i, j), n in np.ndenumerate(count):
        axis.text(j, i, str(n), ha="center", va="center", color="white" if n > count.max() / 2 else "black")
    axis.set_xticks(range(len(labels)), labels, rotation=45)
    axis.set_yticks(range(len(labels)), labels)
    axis.set(xlabel="predicted class", ylabel="class", title=f"{np.trace(count) / max(1, count.sum()):.1%} of the test rows")


def convergence(axis, history):
    left, phase = 1 - history["r2"], history["phase"].astype(int)
    seconds = history["seconds"]
    for k in np.unique(phase):
        chosen = (phase == k) & (left > 0)
        axis.plot(seconds[chosen], left[chosen], ".", markersize=5, label=PHASES[k] if k < len(PHASES) else str(k))
    axis.set(xlabel="training seconds", ylabel="1 - $R^2$ of the phase's rows", yscale="log", title="training")
    axis.legend()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="result of sna_solver (.h5)")
    parser.add_argument("-o", "--output", help="picture to write (.png, .pdf, .svg; default: FILE_learning.png beside the file)")
    arguments = parser.parse_args()
    plt = figure_style()
    file = SnaFile(arguments.file)
    with h5py.File(arguments.file) as h5:
        if "model/targets" not in h5:
            raise SnaFileError(f"{arguments.file}: not a result of `model: khronos`")
        text = lambda name: [x for x in h5[name].asstr()[()].split("\n") if x] if name in h5 else []
        labels = text("model/labels")
        tests = []
        if "test" in h5:
            columns = h5["test"].attrs["columns"]
            columns = (columns.decode() if isinstance(columns, bytes) else columns).split(",")
            tests = list(zip(columns, h5["test"][()].T))
        history = {k: h5["history"][k][()] for k in h5["history"]}
    by_name = dict(tests)
    names = [c[: -len("_predicted")] for c in by_name if c.endswith("_predicted")]
    names = [n for n in names if n in by_name]
    figure, axes = plt.subplots(1, len(names) + 1, figsize=(4.2 * (len(names) + 1), 3.8), squeeze=False, constrained_layout=True)
    for axis, name in zip(axes[0], names):
        if labels:
            confusion(axis, labels, by_name[name], by_name[f"{name}_predicted"])
        else:
            parity(axis, name, by_name[name], by_name[f"{name}_predicted"])
    convergence(axes[0][-1], history)
    figure.suptitle(f"{file.case}: {file.results.get('parameters', 0):.0f} parameters, {file.results.get('train_seconds', 0):.3g} s of training")
    output = arguments.output or str(pathlib.Path(arguments.file).with_suffix("")) + "_learning.png"
    figure.savefig(output)
    print(f"wrote {output}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

#!/usr/bin/python3
"""Draws what a model of signals says: histories inverted for a property beside true ones, and the R^2 of its folds beside other models.

    postproc/plot_thermal.py out/thermal_history/thermal_history.h5 [ys.h5 uts.h5 ...] [-p peers.csv] [-n 3] [-o FILE.png]

The first file is the result of a run with signals; the others hold inversions of it (-invert ys=400 -invert_output ys.h5), one panel each: mean and range of the
inverted histories, and the n true ones whose property is nearest to the value. Truth comes from the run's data file, or from the result itself where the program
made the data. The bars come from a table with the columns data, model, r2_test, parameters and seconds, as postproc/peers/tabular.py writes it; of rows with the same data and model
the last one counts. `data` is the run's data, and with several targets ends in the target's name (thermal_history_ys). Bars begin at R^2 = -0.4.

Writes FILE.png and FILE_r2.png (default: CASE_inverse.png and CASE_r2.png beside the result).
"""
import argparse
import csv
import pathlib
import re
import sys

import h5py
import numpy as np
from sna_file import SnaFile, SnaFileError, figure_style, main_guard

RECORD = 80  # seconds of a synthetic history
NOISE = {"ys": 7, "uts": 10}  # MPa, of the synthetic properties
LEAST = -0.4  # R^2 below are told, not drawn


def columns_of(path, h5, names):
    """Columns {name: numbers} of the first of the tables `names` that the file has."""
    name = next((n for n in names if n in h5), None)
    if name is None or "columns" not in h5[name].attrs:
        raise SnaFileError(f"{path}: no table {' or '.join(names)} with the attribute columns")
    text = h5[name].attrs["columns"]
    text = text.decode() if isinstance(text, bytes) else str(text)
    return dict(zip(text.split(","), h5[name][:].T))


def signals_of(path, tables, signals="/signals"):
    """(columns of the table, signals: one row per row of the table) of an HDF5 file."""
    if not pathlib.Path(path).is_file():
        raise SnaFileError(f"{path}: no such file")
    try:
        h5 = h5py.File(path, "r")
    except OSError as error:
        raise SnaFileError(f"{path}: not a readable HDF5 file ({error})") from None
    with h5:
        if signals not in h5:
            raise SnaFileError(f"{path}: no signals in {signals}; inversions write them to HDF5 (-invert_output FILE.h5), models of signals alone have them")
        table, rows = columns_of(path, h5, tables), h5[signals][:]
    if any(len(c) != len(rows) for c in table.values()):
        raise SnaFileError(f"{path}: {len(rows)} signals, and a table of another length")
    return table, rows


def truth_of(run):
    """(columns, signals) that the run was trained and tested with."""
    given = run.options.get("data_file", "")
    if not given:
        return signals_of(run.path, ["/table"])
    path, _, table = given.partition(":/")
    return signals_of(path, ["/" + (table or "table")], run.options.get("data_signals", "/signals"))


# ---- Inversions ----


def draw_inversion(axes, time, run, path, truth, nearest):
    values, inverted = signals_of(path, ["/table", "/samples"])
    known, signals = truth
    targets = [name for name in values if name in known]
    if not targets:
        raise SnaFileError(f"{path}: none of the properties {', '.join(known)} was inverted")
    if inverted.shape[1] != signals.shape[1]:
        raise SnaFileError(f"{path}: signals of {inverted.shape[1]} times, and those of {run.path} have {signals.shape[1]}")
    if not len(inverted):
        raise SnaFileError(f"{path}: the inversion found no solution")
    middle = {name: values[name].mean() for name in targets}
    off = sum(((known[name] - middle[name]) / known[name].std()) ** 2 for name in targets)
    rows = np.argsort(off, kind="stable")[:nearest]

    axes.fill_between(time, inverted.min(axis=0), inverted.max(axis=0), color="C0", alpha=0.22, linewidth=0, label=f"range of {len(inverted)} inverted")
    axes.plot(time, inverted.mean(axis=0), color="C0", zorder=3, label="mean of the inverted")
    for k, row in enumerate(rows):
        told = ", ".join(f"{name} {known[name][row]:.4g}" for name in targets)
        axes.plot(time, signals[row], color="0.6" if k else "k", linewidth=0.8 if k else 1.2, zorder=1 if k else 2, label=f"true, {told}")
    axes.set(title=", ".join(f"{name} = {middle[name]:.4g}" for name in targets), xlim=(time[0], time[-1]))
    axes.legend()


def draw_inversions(plt, run, paths, nearest):
    truth = truth_of(run)
    length = truth[1].shape[1]
    synthetic = run.options.get("data_function") == "thermal_history"
    time = (np.arange(length) + 0.5) * RECORD / length if synthetic else np.arange(length)
    figure, panels = plt.subplots(len(paths), 1, figsize=(9, 3.3 * len(paths)), squeeze=False, sharex=True, layout="constrained")
    for axes, path in zip(panels[:, 0], paths):
        draw_inversion(axes, time, run, path, truth, nearest)
        axes.set_ylabel("temperature, K" if synthetic else "signal")
    panels[-1, 0].set_xlabel("time after the coupon's layer, s" if synthetic else "time index")
    figure.suptitle(f"{run.case}: histories for a property" + (" (synthetic data)" if synthetic else ""))
    return figure


# ---- Scores ----


def own_scores(run):
    """{target: R^2 of the folds, or of the test rows}."""
    results = run.results
    kind = "r2_folds" if "r2_folds" in results else "r2_test"
    if kind not in results:
        raise SnaFileError(f"{run.path}: no result r2_test or r2_folds")
    each = {name[len(kind) + 1 :]: value for name, value in results.items() if re.fullmatch(rf"{kind}_\w+", name) and not name.endswith("_deviation")}
    targets = re.findall(r"[^\s,\[\]]+", run.options.get("data_targets", "")) or ["target"]
    return kind, each or {targets[0]: results[kind]}


def read_peers(path):
    """[(data, model, R^2, parameters)]."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise SnaFileError(f"{path}: not a readable CSV file ({error})") from None
    missing = [name for name in ("data", "model", "r2_test", "parameters") if not rows or name not in rows[0]]
    if missing:
        raise SnaFileError(f"{path}: no column {', '.join(missing)}; postproc/peers/tabular.py writes such tables")
    try:
        return [(r["data"], r["model"], float(r["r2_test"]), float(r["parameters"])) for r in rows]
    except (TypeError, ValueError) as error:
        raise SnaFileError(f"{path}: {error}") from None


def draw_scores(plt, run, path):
    kind, own = own_scores(run)
    peers = [p for p in read_peers(path) if not p[1].lower().startswith("khronos")]
    data = run.options.get("data_function") or pathlib.Path(run.options.get("data_file", "").partition(":/")[0]).stem
    ceiling = {}
    if data == "thermal_history":
        known = truth_of(run)[0]
        ceiling = {name: max(0, 1 - (noise / known[name].std()) ** 2) for name, noise in NOISE.items() if name in known}
    found = {}
    for target in own:
        names = {data, f"{data}_{target}"} if len(own) == 1 else {f"{data}_{target}"}
        found[target] = {model: (r2, parameters) for where, model, r2, parameters in peers if where in names}
    if not any(found.values()):
        names = ", ".join(sorted({p[0] for p in peers}))
        raise SnaFileError(f"{path}: nothing about {' or '.join(f'{data}_{t}' for t in own)}; data in it: {names}")

    most = max(map(len, found.values()))
    figure, panels = plt.subplots(1, len(own), figsize=(4.4 * len(own), 1.6 + 0.4 * (1 + most)), squeeze=False, layout="constrained")
    for axes, (target, score) in zip(panels[0], own.items()):
        rows = sorted([("KHRONOS", score, run.results["parameters"] / len(own)), *((m, *v) for m, v in found[target].items())], key=lambda row: row[1])
        axes.barh(range(len(rows)), [r[1] for r in rows], color=["C0" if r[0] == "KHRONOS" else "0.7" for r in rows])
        for y, (_, r2, parameters) in enumerate(rows):
            axes.text(max(r2, 0) + 0.02, y, f"{r2:.2f}, {parameters:,.0f}", va="center", fontsize=8, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
        axes.set(yticks=range(len(rows)), yticklabels=[r[0] for r in rows], ylim=(-0.6, most + 0.6), xlabel="R$^2$", title=target)
        axes.set(xlim=(LEAST, 1.4), xticks=[0, 0.2, 0.4, 0.6, 0.8, 1])
        axes.axvline(0, color="k", linewidth=0.6)
        if target in ceiling:
            axes.axvline(ceiling[target], color="C1", linestyle="--", linewidth=1)
            axes.set_title(f"{target}; dashed: the noise allows {ceiling[target]:.2f}")
        axes.grid(False, axis="y")
    figure.suptitle(f"{run.case}: R$^2$ {'over folds' if kind == 'r2_folds' else 'of the test rows'}, and parameters")
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="result of sna_solver with signals (.h5)")
    parser.add_argument("inverse", nargs="*", help="inversions of it (.h5)")
    parser.add_argument("-p", "--peers", help="table of other models (.csv)")
    parser.add_argument("-n", "--nearest", type=int, default=3, help="true histories per picture (default 3)")
    parser.add_argument("-o", "--output", help="picture to write (default: CASE_inverse.png beside the result)")
    arguments = parser.parse_args()
    if not arguments.inverse and not arguments.peers:
        parser.error("nothing to draw: give inversions (.h5), a table of other models (-p), or both")
    if arguments.nearest < 1:
        parser.error("-n: at least 1")
    plt = figure_style()
    with SnaFile(arguments.file) as run:
        output = pathlib.Path(arguments.output or run.path.with_name(f"{run.path.stem}_inverse.png"))
        scores = output.with_name(f"{output.stem}_r2.png") if arguments.output else run.path.with_name(f"{run.path.stem}_r2.png")
        if arguments.inverse:
            draw_inversions(plt, run, arguments.inverse, arguments.nearest).savefig(output)
            print(f"wrote {output}")
        if arguments.peers:
            draw_scores(plt, run, arguments.peers).savefig(scores)
            print(f"wrote {scores}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

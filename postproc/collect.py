#!/usr/bin/python3
"""Collects runs into one table: a row per run, a column per option that differs among them and per result.

    postproc/collect.py out/*/*.h5 [-o TABLE]            writes TABLE.h5 and TABLE.csv (default: runs)

scripts/sweep does this with its cases (sweep.h5, sweep.csv). Both files hold the same numbers, to the last bit; a result that a run does not have is nan, in the CSV empty.

    from collect import read_runs
    for run in read_runs(["out/frontier/sweep.h5"]):     # tables and results alike
        run.case, run.options["vsna_rank"], run.results["error_l2"], run.texts

Layout of TABLE.h5, row i of every data set belonging to run i: /case and /file (texts), /option/<key> (texts: effective values that differ among the runs), /result/<name> (numbers),
/text/<name> (results that are words); /common: the options that are equal in all runs, `key: value` lines.
"""
import argparse
import csv
import math
import os
import pathlib
import sys
from dataclasses import dataclass, field

import h5py
import numpy as np
from sna_file import SnaFile, SnaFileError, main_guard, parse_effective

# Options that do not say what was computed: names, pictures, how long a run may last.
IDLE = ("case", "output_dir", "check", "force", "quiet", "restart", "max_wall_time")
IDLE_GROUPS = ("checkpoint_", "insitu_")


@dataclass
class Run:
    case: str
    file: str = ""
    options: dict = field(default_factory=dict)  # {key: text}, effective
    results: dict = field(default_factory=dict)  # {name: number}
    texts: dict = field(default_factory=dict)  # {name: text}


def telling(options):
    """The options that say what a run computes."""
    return {k: v for k, v in options.items() if k not in IDLE and not k.startswith(IDLE_GROUPS)}


def read_run(path):
    with SnaFile(path) as file:
        return Run(file.case, str(path), file.options, file.results, file.texts)


def read_runs(paths):
    """Runs of result files and of tables, in order."""
    runs = []
    for path in paths:
        try:
            with h5py.File(path) as f:
                table = "case" in f and "common" in f
        except OSError:
            table = False  # SnaFile says what is wrong
        runs += _read_table(path) if table else [read_run(path)]
    return runs


def _read_table(path):
    with h5py.File(path) as f:
        common = parse_effective(f["common"].asstr()[()])
        runs = [Run(case, file) for case, file in zip(f["case"].asstr()[:], f["file"].asstr()[:])]
        options, texts, results = ({k: v.asstr()[:] for k, v in f["option"].items()}, {k: v.asstr()[:] for k, v in f["text"].items()}, {k: v[:] for k, v in f["result"].items()})
    for i, run in enumerate(runs):
        run.options = {**common, **{k: v[i] for k, v in options.items() if v[i]}}
        run.texts = {k: v[i] for k, v in texts.items() if v[i]}
        run.results = {k: float(v[i]) for k, v in results.items() if not math.isnan(v[i])}
    return runs


def _keys(dicts):
    """Keys of all, in the order of their first appearance."""
    return list(dict.fromkeys(k for d in dicts for k in d))


def write_table(runs, base):
    """Writes base.h5 and base.csv, each whole or not at all; returns the keys of the options that differ."""
    options = [telling(run.options) for run in runs]
    keys = _keys(options)
    differ = [k for k in keys if len({o.get(k, "") for o in options}) > 1]
    texts, results = _keys(run.texts for run in runs), _keys(run.results for run in runs)
    folder = pathlib.Path(base).parent
    files = [os.path.relpath(run.file, folder) for run in runs]
    part = f"{base}.part"

    with h5py.File(part, "w") as f:
        def column(name, values):
            f.create_dataset(name, data=np.array(values, dtype=object), dtype=h5py.string_dtype())

        column("case", [run.case for run in runs])
        column("file", files)
        for group in ("option", "text", "result"):
            f.create_group(group, track_order=True)
        for k in differ:
            column(f"option/{k}", [o.get(k, "") for o in options])
        for k in texts:
            column(f"text/{k}", [run.texts.get(k, "") for run in runs])
        for k in results:
            f[f"result/{k}"] = np.array([run.results.get(k, math.nan) for run in runs])
        f.create_dataset("common", data="".join(f"{k}: {options[0][k]}\n" for k in keys if k not in differ), dtype=h5py.string_dtype())
    os.replace(part, f"{base}.h5")

    def number(value):
        return "" if value is None or math.isnan(value) else repr(value)

    with open(part, "w", newline="") as f:
        table = csv.writer(f, lineterminator="\n")
        table.writerow(["case", *differ, *texts, *results])
        for run, o in zip(runs, options):
            table.writerow([run.case, *(o.get(k, "") for k in differ), *(run.texts.get(k, "") for k in texts), *(number(run.results.get(k)) for k in results)])
    os.replace(part, f"{base}.csv")
    return differ


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="+", help="results of sna_solver, or tables (.h5)")
    parser.add_argument("-o", "--output", default="runs", help="name of the tables, without ending (default: runs)")
    arguments = parser.parse_args()
    runs = read_runs(arguments.file)
    if not runs:
        raise SnaFileError(f"{arguments.file[0]}: the table is empty")
    differ = write_table(runs, arguments.output)
    print(f"wrote {arguments.output}.h5 and {arguments.output}.csv: {len(runs)} run{'s' if len(runs) > 1 else ''}; options that differ: {', '.join(differ) or 'none'}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

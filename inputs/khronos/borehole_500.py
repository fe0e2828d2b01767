#!/usr/bin/python3
"""Writes borehole_500.csv beside itself: 500 rows of the borehole function (8 inputs, flow in m^3 a year) with 1 % of noise, the example of csv_table.deck.

Inputs are a Latin hypercube over the ranges of doc/khronos.md, the noise is normal and 1 % of each value; 6 significant digits, always the same file.
"""
import pathlib

import numpy as np

RANGES = {"rw": (0.05, 0.15), "r": (100, 50000), "tu": (63070, 115600), "hu": (990, 1110), "hl": (700, 820), "tl": (63.1, 116), "l": (1120, 1680),
          "kw": (9855, 12045)}
ROWS = 500

random = np.random.RandomState(1)  # numpy keeps the numbers of this generator for ever
t = (np.array([random.permutation(ROWS) for _ in RANGES]) + random.random_sample((len(RANGES), ROWS))) / ROWS
x = {name: lo + (hi - lo) * t[i] for i, (name, (lo, hi)) in enumerate(RANGES.items())}
log = np.log(x["r"] / x["rw"])
flow = 2 * np.pi * x["tu"] * (x["hu"] - x["hl"]) / (log * (1 + 2 * x["l"] * x["tu"] / (log * x["rw"] ** 2 * x["kw"]) + x["tu"] / x["tl"]))
x["flow"] = flow * (1 + 0.01 * random.standard_normal(ROWS))
np.savetxt(pathlib.Path(__file__).with_suffix(".csv"), np.transpose(list(x.values())), "%.6g", ",", header=",".join(x), comments="")

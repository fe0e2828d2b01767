"""The files of a run: groups of the HDF5 file, the deck verbatim, provenance, history, results equal to the printed ones, and an XDMF file whose every reference is there."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import xml.etree.ElementTree as xml

from run_case import Checks, run, shipped

import h5py
import numpy as np
from sna_file import SnaFile

checks = Checks()
for name, slices in (("heat_4d", {"plate": (2, 6), "cooling": (1, 1)}), ("poisson_2d", {"plane": (2, 1)})):
    deck = shipped(name)
    done = run(deck, args=["-vsna_rank", 2])
    if not checks.solved(done, name):
        continue
    folder = f"out/{name}"
    expected = {"out", folder, f"{folder}/{name}.h5", f"{folder}/{name}.log"} | {f"{folder}/{name}_{s}.xmf" for s in slices}
    checks.that(set(done.files) == expected, f"{name}: files {sorted(set(done.files) ^ expected) or 'as documented'}", done)
    with SnaFile(done.h5) as file:
        checks.that(file.deck == deck, f"{name}: the deck is stored verbatim")
        checks.that(file.options["vsna_rank"] == "2", f"{name}: the effective options hold the command line: vsna_rank {file.options.get('vsna_rank')}")
        run_attributes = " ".join(file.run)
        print("      /run attributes:", run_attributes)
        for word in ("hash", "version", "petsc", "hdf5", "mpi", "ranks", "host", "time"):
            checks.that(word in run_attributes.lower(), f"{name}: /run tells {word}")
        checks.that(set(file.results) == set(done.results) and all(abs(v - done.results[k]) <= 1e-12 * abs(v) for k, v in file.results.items()), f"{name}: /result equals the printed results", done)
        for key in "error_l2 error_standard_error residual rank parameters sweeps seconds ranks memory_mb".split():
            checks.that(np.isfinite(file.results.get(key, np.nan)), f"{name}: result {key} {file.results.get(key)}")
        checks.that(file.results["ranks"] == 2, f"{name}: ranks")
        history = file.history
        checks.that(set("sweep rank phase residual drop step seconds".split()) <= set(history), f"{name}: history columns {sorted(history)}")
        checks.that(len({v.size for v in history.values()}) == 1 and history["sweep"].size == file.results["sweeps"], f"{name}: one row per sweep")
        checks.that(np.all(np.diff(history["seconds"]) >= 0) and np.all(np.diff(history["sweep"]) > 0), f"{name}: history grows")
        # Monotone objective: within a rung the residual never rises beyond round-off.
        same = np.diff(history["rank"]) == 0
        rise = np.diff(history["residual"])[same] / history["residual"][:-1][same]
        checks.that(rise.size == 0 or rise.max() < 1e-6, f"{name}: the residual never rises within a rung (most {rise.max() if rise.size else 0:.1e})")
        checks.that(abs(history["residual"][-1] - file.results["residual"]) <= 1e-12 * file.results["residual"], f"{name}: the last residual is the result")
        for s, (axes, steps) in slices.items():
            checks.that(len(file.slices[s].axes) == axes and file.slices[s].times.size == steps, f"{name}: slice {s}")
            checks.that(file.slices[s].fields == ["u", "reference", "error"], f"{name}: fields {file.slices[s].fields}")
            tree = xml.parse(done.cwd / folder / f"{name}_{s}.xmf")
            items = [i for i in tree.iter("DataItem") if i.get("Format") == "HDF"]  # the XML ones hold origin and spacing
            checks.that(len(items) == 3 * steps, f"{name}: {s}.xmf names {len(items)} arrays")
            with h5py.File(done.h5) as raw:
                for item in items:
                    path, _, dataset = item.text.strip().partition(":")
                    data = raw[dataset]
                    dims = tuple(int(n) for n in item.get("Dimensions").split())
                    if not (np.prod(dims) == data.size and (done.cwd / folder / path).resolve() == done.h5.resolve() and "/" in path):
                        checks.that(False, f"{name}: {item.text.strip()} {dims} {data.shape}")
                        break
            times = [float(t.get("Value")) for t in tree.iter("Time")]
            checks.that(np.allclose(times, file.slices[s].times), f"{name}: times of {s}.xmf {times}")
checks.end()

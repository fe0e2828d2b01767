"""Restart files that are missing, empty, truncated, corrupted, foreign, of another case or deck: refused with exit code 2 and a message that names the file, nothing left behind.
A restart with allowed differences (sweeps, output, pictures) goes on."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import shutil

from run_case import Checks, files_below, fresh_folder, run, shipped

import h5py

checks = Checks()
DECK = shipped("heat_4d")
base = run(DECK, args=["-vsna_rank", 2, "-checkpoint_every", 5])
if not (checks.solved(base) and checks.that(base.restart is not None, "leaves a restart file where checkpoints are asked for")):
    checks.end()
good = base.restart.read_bytes()


def attempt(title, content, patterns, deck=DECK, options=(), np=2):
    folder = fresh_folder()
    if content is not None:
        (folder / "r.restart.h5").write_bytes(content)
    done = run(deck, np=np, cwd=folder, args=["-vsna_rank", 2, *options, "-restart", "r.restart.h5"])
    checks.refused(done, patterns, title)
    if content is not None:
        checks.that((folder / "r.restart.h5").read_bytes() == content, f"{title}: the file is untouched")


def edited(change):
    path = fresh_folder() / "e.h5"
    path.write_bytes(good)
    with h5py.File(path, "r+") as f:
        change(f)
    return path.read_bytes()


attempt("missing", None, r"r\.restart\.h5")
attempt("empty", b"", r"r\.restart\.h5")
attempt("text", b"hello\n" * 100, r"r\.restart\.h5.*(HDF5|not)")
for share in (0.1, 0.5, 0.9, 0.999):
    attempt(f"truncated to {share:.1%}", good[: int(len(good) * share)], r"r\.restart\.h5")
attempt("superblock destroyed", b"\0" * 512 + good[512:], r"r\.restart\.h5")
middle = len(good) // 2
attempt("a hole of zeros", good[: middle - 4096] + b"\xff" * 8192 + good[middle + 4096 :], r"r\.restart\.h5")


def foreign(f):
    for key in list(f):
        del f[key]
    for key in list(f.attrs):
        del f.attrs[key]
    f["data"] = [1.0, 2.0]


attempt("foreign HDF5 file", edited(foreign), r"r\.restart\.h5")


def find(f, wanted):
    """The first dataset of at least two dimensions below the groups that hold factors."""
    found = []
    f.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) and item.ndim == 2 else None)
    return found[wanted]


def shrink(f):
    name = find(f, 0)
    data, attributes = f[name][:-1], dict(f[name].attrs)
    del f[name]
    f[name] = data
    f[name].attrs.update(attributes)


def poison(f):
    name = find(f, 0)
    f[name][0, 0] = float("nan")


attempt("a factor of the wrong size", edited(shrink), r"r\.restart\.h5")
attempt("NaN in a factor", edited(poison), r"r\.restart\.h5.*(NaN|nan|finite)")
for title, options, pattern in (("other cells", ["-dim_x_cells", 20], r"dim_x_cells"), ("another degree", ["-dim_x_degree", 4], r"dim_x_degree"), ("another domain", ["-dim_t_domain", "0,2"], r"dim_t_domain"),
                                ("another term", ["-pde_term_rate", "2*d(t)"], r"pde_term_rate"), ("another seed or recipe", ["-vsna_als_tikhonov", 1e-10], r"vsna_als_tikhonov")):
    attempt(f"restart with {title}", good, [pattern, r"r\.restart\.h5|restart"], options=options)
attempt("restart with another deck", good, r"restart", deck=shipped("poisson_2d"))
attempt("query of a corrupted file", good[: len(good) // 2], r"r\.restart\.h5", options=["-sample", "p.csv"])

for title, content, pattern in (("missing", None, r"p\.csv"), ("empty", "", r"p\.csv"), ("no such column", "x,y,t,q\n0,0,0,0.5\n", r"q|kappa"), ("too few columns", "x,y,t\n0,0,0\n", r"kappa"), ("not a number", "x,y,t,kappa\n0,0,zero,0.5\n", r"p\.csv:2"),
                                ("ragged", "x,y,t,kappa\n0,0,0,0.5\n0,0,0\n", r"p\.csv:3"), ("NaN", "x,y,t,kappa\n0,0,nan,0.5\n", r"p\.csv|nan|NaN")):
    folder = fresh_folder()
    (folder / "r.restart.h5").write_bytes(good)
    if content is not None:
        (folder / "p.csv").write_text(content)
    done = run(None, np=2, cwd=folder, args=["-restart", "r.restart.h5", "-sample", "p.csv", "-sample_output", "v.csv"])
    checks.refused(done, pattern, f"points: {title}")

folder = fresh_folder()
(folder / "r.restart.h5").write_bytes(good)
(folder / "p.csv").write_text("x,y,t,kappa\n0.5,0.5,0,0.5\n0.5,0.5,7,0.5\n")
outside = run(None, np=2, cwd=folder, args=["-restart", "r.restart.h5", "-sample", "p.csv", "-sample_output", "v.csv"])
rows = (folder / "v.csv").read_text().splitlines() if (folder / "v.csv").exists() else []
checks.that(outside.exit == 0 and len(rows) == 3 and "nan" not in rows[1] and rows[2].endswith("nan") and "1 points lie outside" in outside.out, f"points: one outside the domain is nan and counted: {rows}", outside)

# Allowed differences.
folder = fresh_folder()
shutil.copy(base.restart, folder / "r.restart.h5")
more = run(DECK, cwd=folder, args=["-vsna_rank", 2, "-restart", "r.restart.h5", "-output_dir", "elsewhere", "-output_slice_plate_n", "9,9", "-error_points", 4096, "-checkpoint_seconds", 5, "-vsna_als_final_sweeps", 25, "-insitu_every", 0])
checks.that(more.exit == 0 and (folder / "elsewhere/heat_4d/heat_4d.h5").exists(), f"a restart with another output is allowed: exit {more.exit}", more)
checks.end()

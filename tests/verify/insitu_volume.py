"""Pictures of a voxel cell while it is solved, with the real sna_view and the default script: the solid's surface, the field in colours, thinned grids, flat cells.   timeout: 600

The numbers of the run are the same with and without pictures.
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import SKIP, VIEW, Checks, fresh_folder, run

if not VIEW or not os.access(VIEW, os.X_OK):
    print("skipped: no sna_view (environment variable SNA_VIEW)")
    sys.exit(SKIP)
import matplotlib.image
import numpy as np

# A slab of fluid between solid walls z < 1/4 and z > 3/4: the flow is fastest in the middle of the cell.
DECK = """---
model: homogenize
case: channel
physics: [permeability]
shape: {kind: channel, axis: z, width: 0.5, n: [16, 12, 16]}
phase:
  - wall: {value: 1, flow: solid}
  - water: {value: 0, flow: fluid}
homogenize: {load: [1]}
insitu: {every: 1, size: [640, 480], timeout: 250}
"""
SCRIPT = """
import numpy
from paraview import catalyst
from paraview import simple as pv
from paraview.vtk.util.numpy_support import vtk_to_numpy

def catalyst_execute(info):
    frame = dict(word.split("=", 1) for word in catalyst.get_execute_params())
    source = pv.PVTrivialProducer(registrationName=frame["slice"])
    source.UpdatePipeline()
    data = source.GetClientSideObject().GetOutputDataObject(0)
    arrays = {name: vtk_to_numpy(data.GetPointData().GetArray(name)) for name in frame["fields"].split(",")}
    numpy.savez("out/channel/frame.npz", dimensions=data.GetDimensions(), bounds=data.GetBounds(), **arrays)

options = catalyst.Options()
"""
checks = Checks()


def pictures(done):
    return sorted((done.cwd / "out" / "channel").glob("*.png"))


def near(image, colour, tolerance=0.1):
    return np.abs(image - np.array(colour)).max(axis=2) < tolerance


def same(a, b):
    return all(a.results[k] == b.results[k] for k in a.results if k.startswith("k") or k == "iterations")


done = run(DECK, np=2, pictures=True, timeout=500)
plain = run(DECK, np=2)
checks.solved(done)
checks.that(same(done, plain) and any(k.startswith("k1") for k in done.results), "the same numbers with and without pictures", done)
files = pictures(done)
checks.that(files and f"in situ: {len(files)} pictures in out/channel" in done.out, f"pictures {[f.name for f in files]}", done)
if files:
    image = matplotlib.image.imread(files[0])[:, :, :3]
    checks.that(image.shape == (480, 640, 3), f"size {image.shape}")
    checks.that(near(image, (1, 1, 1)).mean() > 0.3, "white paper")
    left = image[:, : int(0.75 * 640)]  # without the colour bar
    grey = (np.ptp(left, axis=2) < 0.06) & (left.mean(axis=2) > 0.5) & (left.mean(axis=2) < 0.9)
    checks.that(grey.mean() > 0.02, f"the solid's surface is grey: {grey.mean():.3f} of the picture")
    green = (left[:, :, 1] > left[:, :, 0] + 0.1) & (left[:, :, 1] > left[:, :, 2])  # the upper half of viridis
    rows = np.where(green)[0]
    checks.that(green.mean() > 0.01, f"the flow is coloured: {green.mean():.3f} of the picture")
    shade = np.where(grey)[0]
    checks.that(rows.size and shade.size and np.percentile(shade, 1) < np.percentile(rows, 5) and np.percentile(shade, 99) > np.percentile(rows, 95),
                "and lies between the walls")
    log = (files[0].parent / "view.log").read_text()
    bad = "rror" in log or "Traceback" in log
    checks.that(not bad, "no complaints in view.log" + (log[-300:] if bad else ""))

# What a script of one's own gets: at most insitu_points points per axis, at centres of voxels, x fastest; the walls are solid.
folder = fresh_folder()
(folder / "mine.py").write_text(SCRIPT)
thin = run(DECK, np=2, cwd=folder, args=["-insitu_points", 8, "-insitu_script", "mine.py"], pictures=True, timeout=500)
checks.solved(thin, "a script of one's own")
got = np.load(folder / "out/channel/frame.npz") if (folder / "out/channel/frame.npz").exists() else None
if checks.that(got is not None, "it was called", thin):
    n = got["dimensions"]
    checks.that(tuple(n) == (8, 6, 8) and set(got) >= {"speed", "solid"}, f"thinned to {n}, fields {sorted(set(got) - {'dimensions', 'bounds'})}")
    low, high = got["bounds"][0::2], got["bounds"][1::2]
    index = [16 * (a + (b - a) * np.arange(m) / (m - 1)) - 0.5 for a, b, m in zip(low, high, n)]  # voxels of edge 1/16
    checks.that(all(np.allclose(i, np.round(i), atol=1e-9) and i[0] >= 0 for i in index), f"points at centres of voxels {low} to {high}")
    z = np.round(index[2])
    walls = ((z < 4) | (z >= 12)).astype(float)
    checks.that(np.array_equal(got["solid"].reshape(n[::-1]), np.broadcast_to(walls[:, None, None], n[::-1])), "the walls are solid, the fluid is not")
    checks.that(got["speed"].reshape(n[::-1])[walls == 1].max() == 0 and got["speed"].reshape(n[::-1])[walls == 0].min() > 0, "only the fluid moves")

# A cell of one layer of voxels is a plane.
flat = run(DECK.replace("[16, 12, 16]", "[24, 1, 16]"), np=1, pictures=True, timeout=500)
checks.solved(flat, "a flat cell")
files = pictures(flat)
checks.that(bool(files), f"a flat cell: pictures {[f.name for f in files]}", flat)
if files:
    image = matplotlib.image.imread(files[0])[:, :, :3]
    checks.that(len(np.unique((image * 255).astype(int).reshape(-1, 3), axis=0)) > 50, "a flat cell: colours")
checks.end()

"""Fields on voxels: what the result file and the .xmf hold of laminates whose fields are known, on 1 to 3 ranks; the same in ParaView's two readers; plot_voxels.py.   timeout: 400

Laminates of two materials without Poisson effect, Young's moduli and conductivities 1 and 4, half of each. Normal x, mean strain e11 = 1: the stress is the
harmonic mean 1.6 everywhere, the strain is 1.6/E. Normal z: the strain is 1 everywhere, the stress E, the flux for a mean gradient along x is k.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import SOURCE, Checks, fresh_folder, run

import h5py
import numpy as np
from sna_file import SnaFile

DECK = """---
model: homogenize
case: laminate
physics: [elasticity, conductivity]
shape: {{kind: laminate, axis: {axis}, fraction: 0.5, n: {n}}}
phase:
  - soft: {{value: 0, young: 1, poisson: 0, conductivity: 1}}
  - hard: {{value: 1, young: 4, poisson: 0, conductivity: 4}}
voxels: {{length: {length}}}
homogenize: {{fields: [displacement, strain, stress, energy, flux], load: [11, 1], rtol: 1e-10}}
"""
CASES = (("x", (12, 5, 3), (2.0, 1.0, 0.5), 1), ("x", (12, 5, 3), (2.0, 1.0, 0.5), 3), ("z", (4, 5, 12), (1.0, 0.5, 3.0), 2), ("z", (1, 3, 8), (0.1, 0.3, 0.8), 2))
READ = """
import sys
from paraview import simple as pv
from paraview.vtk.util.numpy_support import vtk_to_numpy
import numpy
out = {}
for name, reader in (("xdmf2", pv.XDMFReader(FileNames=[sys.argv[1]])), ("xdmf3", pv.Xdmf3ReaderS(FileName=[sys.argv[1]]))):
    reader.UpdatePipeline()
    data = reader.GetClientSideObject().GetOutputDataObject(0)
    out[name + " bounds"], out[name + " dimensions"] = data.GetBounds(), data.GetDimensions()
    for i in range(data.GetCellData().GetNumberOfArrays()):
        array = data.GetCellData().GetArray(i)
        out[name + " " + array.GetName()] = vtk_to_numpy(array)
numpy.savez(sys.argv[2], **out)
"""
checks = Checks()


def near(array, expected, what, done=None, tolerance=1e-6):
    worst = float(np.abs(np.asarray(array, float) - expected).max())
    checks.below(worst, tolerance, what, done)


def check_fields(done, axis, n, label):
    with h5py.File(done.h5) as file:
        phase = file["/field/phase"]
        checks.that(phase.shape == n[::-1] and phase.dtype == np.uint8 and phase.chunks == (1, n[1], n[0]), f"{label}: phase {phase.shape} {phase.dtype}, a chunk per plane")
        phase = phase[:]
        line = phase[0, 0, :] if axis == "x" else phase[:, 0, 0]
        checks.that(line.sum() == line.size // 2 and line.max() == 1, f"{label}: half of the voxels along {axis} are hard: {line}")
        checks.that(np.array_equal(phase, np.broadcast_to(line[None, None, :] if axis == "x" else line[:, None, None], phase.shape)), f"{label}: and the same along the others")
        E = np.where(phase == 1, 4.0, 1.0)
        strain, stress, energy, flux = (file["/field/" + f] for f in ("elasticity/strain", "elasticity/stress", "elasticity/energy", "conductivity/flux"))
        checks.that(stress.shape == n[::-1] + (6,) and stress.dtype == np.float32 and flux.shape == n[::-1] + (3,) and energy.shape == n[::-1], f"{label}: shapes of a tensor, a vector, a scalar")
        s11, e11, q1 = (1.6 + 0 * E, 1.6 / E, 1.6 + 0 * E) if axis == "x" else (E, 1 + 0 * E, E)
        zero = np.zeros(phase.shape + (5,))
        near(stress[:], np.concatenate([s11[..., None], zero], -1), f"{label}: stress", done)
        near(strain[:], np.concatenate([e11[..., None], zero], -1), f"{label}: strain", done)
        near(energy[:], 0.5 * s11 * e11, f"{label}: energy", done)
        near(np.abs(flux[:]), np.concatenate([q1[..., None], zero[..., :2]], -1), f"{label}: flux", done)


def check_reader(done, n, length, label):
    with SnaFile(done.h5) as file:
        grid = file.grids["elasticity"]
        checks.that(set(file.grids) == {"elasticity", "conductivity"} and grid.n == n, f"{label}: sna_file finds the grids {list(file.grids)} of {grid.n} voxels")
        near(np.concatenate([grid.lo, grid.hi]), np.concatenate([np.zeros(3), length]), f"{label}: box", done, 1e-12)
        for axis, index in enumerate((n[0] // 2, n[1] - 1, 0)):
            where = [slice(None)] * 3
            where[2 - axis] = index
            near(grid.plane("displacement", axis, index), np.linalg.norm(grid.values("displacement")[tuple(where)], axis=-1), f"{label}: plane normal to {'xyz'[axis]}")


def check_xmf(done, n, length, label, paraview):
    for physics, expected in (("elasticity", 1 + 1 + 6 + 6 + 1), ("conductivity", 1 + 1 + 1)):
        path = done.cwd / "out" / "laminate" / f"laminate_{physics}.xmf"
        items = [i for i in xml.parse(path).iter("DataItem") if i.get("Format") == "HDF"]
        checks.that(len(items) == expected, f"{label}: {path.name} names {len(items)} arrays")
        with h5py.File(done.h5) as file:
            for item in items:
                data, dims = file[item.text.strip().partition(":")[2]], tuple(int(d) for d in item.get("Dimensions").split())
                if dims != data.shape:
                    checks.that(False, f"{label}: {item.text.strip()} {dims} {data.shape}")
    pvpython = shutil.which("pvpython")
    if not pvpython or not paraview:
        print("      (ParaView's readers were not tried)")
        return
    folder = fresh_folder()
    (folder / "read.py").write_text(READ)
    environment = {k: v for k, v in os.environ.items() if k not in ("ASAN_OPTIONS", "LSAN_OPTIONS")}
    said = subprocess.run([pvpython, folder / "read.py", done.cwd / "out/laminate/laminate_elasticity.xmf", folder / "read.npz"], env=environment, capture_output=True, text=True, timeout=200)
    if not checks.that((folder / "read.npz").exists(), f"{label}: ParaView reads the .xmf {said.stderr[-300:] if said.returncode else ''}"):
        return
    read = np.load(folder / "read.npz")
    with h5py.File(done.h5) as file:
        fields = {f: file[f"/field/elasticity/{f}"][:] for f in ["displacement", "energy"] + [t + "_" + v for t in ("stress", "strain") for v in "11 22 33 23 13 12".split()]}
        fields["phase"] = file["/field/phase"][:]
    for reader in ("xdmf2", "xdmf3"):
        checks.that(tuple(read[f"{reader} dimensions"]) == tuple(m + 1 for m in n), f"{label}: {reader} sees nodes {read[f'{reader} dimensions']}")
        near(read[f"{reader} bounds"], np.stack([np.zeros(3), length], -1).ravel(), f"{label}: {reader}: bounds", None, 1e-12)
        names = {key.split()[1] for key in read if key.startswith(reader)} - {"bounds", "dimensions"}
        checks.that(names == set(fields), f"{label}: {reader} sees the fields {sorted(names ^ set(fields)) or 'of the file'}")
        for name in names & set(fields):
            data = read[f"{reader} {name}"]
            if not np.array_equal(data.ravel(), fields[name].ravel()):  # x fastest in both
                checks.that(False, f"{label}: {reader}: values of {name}")


def check_components(done, label):
    with h5py.File(done.h5) as file:
        for tensor in ("stress", "strain"):
            values = file[f"/field/elasticity/{tensor}"][:]
            checks.that(len({float(v) for v in values.reshape(-1, 6).std(axis=0)}) == 6, f"{label}: six components of {tensor}, all different")
            for c, name in enumerate("11 22 33 23 13 12".split()):
                checks.that(np.array_equal(file[f"/field/elasticity/{tensor}_{name}"][:], values[..., c]), f"{label}: {tensor}_{name} is component {c}")


for axis, n, length, ranks in CASES:
    label = f"normal {axis}, {'x'.join(map(str, n))}, {ranks} ranks"
    done = run(DECK.format(axis=axis, n=list(n), length=list(length)), np=ranks)
    if not checks.solved(done, label):
        continue
    folder = "out/laminate"
    expected = {"out", folder} | {f"{folder}/laminate{s}" for s in (".h5", ".log", "_elasticity.xmf", "_conductivity.xmf")}
    checks.that(set(done.files) == expected, f"{label}: files {sorted(set(done.files) ^ expected) or 'as documented'}", done)
    checks.that("2 .xmf for ParaView" in done.out, f"{label}: the closing line counts the .xmf", done)
    check_fields(done, axis, n, label)
    check_reader(done, n, length, label)
    check_xmf(done, n, length, label, False)
# Fields that differ in all components.
n, length = (8, 6, 10), (0.8, 0.6, 1.0)
done = run(DECK.format(axis="x", n=list(n), length=list(length)).replace("kind: laminate, axis: x", "kind: gyroid").replace("rtol: 1e-10", "rtol: 1e-3"), np=2)
if checks.solved(done, "a gyroid"):
    check_components(done, "a gyroid")
    check_reader(done, n, length, "a gyroid")
    check_xmf(done, n, length, "a gyroid", True)


def plot(*words):
    return subprocess.run([sys.executable, "-B", str(SOURCE / "postproc" / "plot_voxels.py"), *map(str, words)], capture_output=True, text=True, timeout=120)


p = plot(done.h5)
pictures = [done.h5.with_name(f"laminate_{g}.png") for g in ("elasticity", "conductivity")]
checks.that(p.returncode == 0 and all(f.exists() and f.read_bytes()[:4] == b"\x89PNG" for f in pictures), f"plot_voxels {p.stderr.strip()}")
p = plot(done.h5, "-g", "elasticity", "-f", "stress_11,displacement,displacement_y,phase", "-o", done.cwd / "one.png")
checks.that(p.returncode == 0 and (done.cwd / "one.png").stat().st_size > 5000, f"plot_voxels with choices {p.stderr.strip()}")
for words, message in (((done.h5, "-g", "heat"), "no grid heat; there are: "), ((done.h5, "-f", "stress"), "no field stress; there are: "), ((done.h5, "-o", "a.png"), "one output for 2 grids")):
    p = plot(*words)
    checks.that(p.returncode == 2 and message in p.stderr and p.stderr.count("\n") == 1, f"plot_voxels: {p.stderr.strip()[:100]}")
bare = run(DECK.format(axis="x", n=[4, 4, 4], length=[1, 1, 1]).replace("fields: [displacement, strain, stress, energy, flux], ", ""))
p = plot(bare.h5)
checks.that(p.returncode == 2 and "no fields on voxels" in p.stderr, f"a run without fields: {p.stderr.strip()[-60:]}")
checks.end()

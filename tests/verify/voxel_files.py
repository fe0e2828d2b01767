"""Voxel files that other programs wrote (NumPy, h5py, VTK, Pillow), in every format, order and type, mean the same cell to the solver. The cell is a laminate
normal to y of 5 x 7 x 12 voxels, sigma22 = <1/s>^-1 and sigma11 = sigma33 = <s> exactly: an axis mistaken for another one or a number out of place spoils it."""
import itertools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import h5py
import numpy as np

from run_case import Checks, fresh_folder, run

checks = Checks()
DECK = """---
model: homogenize
case: cell
physics: conductivity
voxels: {file: cell.npy}
phase:
  - weak: {value: 0, conductivity: 1}
  - strong: {value: 1, conductivity: 10}
homogenize: {rtol: 1e-8}
"""
folder = fresh_folder()
cell = np.zeros((5, 7, 12), np.uint8)  # cell[i, j, k]
cell[:, :3, :] = 1
along, across = (3 * 10 + 4 * 1) / 7, 7 / (3 / 10 + 4 / 1)
ranks = itertools.cycle([1, 2, 3])


def same(text, file, *options):
    np_ = next(ranks)
    done = run(DECK.replace("cell.npy", file), np=np_, cwd=folder, args=[*options, "-force"])
    if "built without libtiff" in done.out + done.err:
        print(f"skipped: {text}: the solver was built without libtiff")
        return
    if checks.solved(done, f"{text}, {np_} ranks"):
        for name, expected in (("sigma11", along), ("sigma22", across), ("sigma33", along), ("fraction_strong", 3 / 7)):
            checks.close(done.results.get(name, float("nan")), expected, 1e-9, f"  {name}", done)


# Raw and NumPy
(folder / "x.raw").write_bytes(cell.tobytes(order="F"))
(folder / "z.raw").write_bytes(cell.tobytes(order="C"))
same("raw, x fastest", "x.raw", "-voxels_n", "5,7,12")
same("raw, z fastest", "z.raw", "-voxels_n", "5,7,12", "-voxels_order", "z_fastest")
for kind, order in (("u1", "C"), ("?", "F"), (">i4", "C"), ("<f8", "F")):
    np.save(folder / "cell.npy", np.array(cell, dtype=kind, order=order))
    same(f"npy, {kind}, order {order}", "cell.npy", "-voxels_n", "5,7,12")
np.save(folder / "cell.npy", cell * 90.5 + 20)
same("npy with grey values", "cell.npy", "-voxels_threshold", "100")
np.save(folder / "cells.npy", np.stack([1 - cell, cell, cell * 0]))
same("npy, the second of three", "cells.npy", "-voxels_cell", "1")

# HDF5: [z][y][x]
with h5py.File(folder / "cell.h5", "w") as f:
    f.create_dataset("cell", data=cell.T > 0, chunks=(5, 4, 3), compression="gzip", shuffle=True)
    f["line"] = np.arange(4)
same("HDF5, booleans, compressed, the only image", "cell.h5")
with h5py.File(folder / "cells.h5", "w") as f:
    f["set/cells"] = np.stack([1 - cell.T, cell.T]).astype(">u2")
    f["other"] = 1 - cell.T
same("HDF5, a stack of 16-bit numbers", "cells.h5:/set/cells", "-voxels_cell", "1")

# VTK: its own writer where there is one
try:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkIOXML import vtkXMLImageDataWriter
except ImportError:
    print("skipped: no vtkmodules, .vti files are not tried")
else:
    for mode, compressor, kind, points in (("Ascii", "None", "u1", False), ("Binary", "ZLib", "i2", True), ("Appended", "ZLib", "f4", False),
                                           ("Appended", "None", "u1", False)):
        image = vtkImageData()
        image.SetDimensions(*(n + (not points) for n in cell.shape))
        values = numpy_to_vtk(cell.astype(kind).ravel(order="F"), deep=1)
        values.SetName("phase")
        (image.GetPointData() if points else image.GetCellData()).AddArray(values)
        writer = vtkXMLImageDataWriter()
        writer.SetFileName(str(folder / "cell.vti"))
        writer.SetInputData(image)
        getattr(writer, f"SetDataModeTo{mode}")()
        getattr(writer, f"SetCompressorTypeTo{compressor}")()
        writer.SetEncodeAppendedData(compressor == "ZLib")
        writer.Write()
        same(f"vti, {mode}, {compressor}, {kind}, {'points' if points else 'cells'}", "cell.vti", "-voxels_array", "phase")

# TIFF: pages are z, rows y, columns x
try:
    from PIL import Image
except ImportError:
    print("skipped: no Pillow, TIFF stacks are not tried")
else:
    for kind, compression in (("u1", None), ("?", "group4"), ("u2", "tiff_lzw")):
        pages = [Image.fromarray(cell[:, :, k].T.astype(kind)) for k in range(12)]
        pages[0].save(folder / "cell.tif", save_all=True, append_images=pages[1:], compression=compression)
        same(f"tif, {kind}, {compression}", "cell.tif")
checks.end()

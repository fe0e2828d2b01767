"""Reads the HDF5 files of sna_solver: the one place in Python that knows their layout.

    from sna_file import SnaFile
    with SnaFile("out/poisson_2d/poisson_2d.h5") as f:
        f.results["error_l2"]            # figures of the run
        f.history["residual"]            # one number per sweep
        s = f.slices["plane"]            # s.axes, s.grid, s.times, s.fields, s.values("u", step)
        f.field.evaluate({"x": ..., "y": ...})   # the separable field at any points, in numpy
        c = f.cells                      # generated cells: len(c), c.columns["C11"], c.octant(i), c.cell(i)
        g = f.grids["elasticity"]        # voxels: g.n, g.lo, g.hi, g.values("stress"), g.plane("stress_11", axis, index)
        f.beam["C11"]                    # one number per cell of a beam; its voxels are f.grids["beam"]

The field of a time-dependent problem is u minus its initial condition (the lift); solution() adds it.

File layout: /run (deck, effective; attributes), /result/<name>, /history/<column>, /field, /slice/<name>/<step>/<field>, /grid/<name> (box;
attributes fields, datasets: where they are), /cells (octant, state; properties, extra, origin with attribute columns). /beam (attribute columns). Arrays of slices and grids are stored slowest axis first: values()[j, i] belongs to second axis j, first axis i.
"""
import math
import pathlib
import re
import sys

import h5py
import numpy as np


class SnaFileError(Exception):
    """The file is missing, is not a result of sna_solver, or lacks what was asked for."""


def _text(value):
    if isinstance(value, (bytes, np.bytes_)):
        return value.decode(errors="replace")
    if isinstance(value, np.ndarray):
        return _text(value.flat[0])
    return str(value)


def _unquote(value):
    """The text of a YAML scalar in double quotes."""
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if quoted else value


def _names(value):
    """Entries of a list of names, "[s, r0]"."""
    return re.findall(r"\w+", value)


# ---- B-splines and separable fields ----


def bspline_values(x, degree, cells, lo, hi, order=0):
    """Clamped B-splines on uniform cells at points x: (first function of each point, values of shape (points, degree+1)).

    `order` = 1, 2, ...: derivatives. Cox-de Boor recursion; points on the upper end belong to the last cell.
    """
    x = np.asarray(x, dtype=float)
    knots = np.concatenate([[lo] * degree, lo + (hi - lo) * np.arange(cells + 1) / cells, [hi] * degree])
    cell = np.clip(np.floor((x - lo) * cells / (hi - lo)).astype(int), 0, cells - 1)
    if order > degree:
        return cell, np.zeros((x.size, degree + 1))
    values = np.ones((x.size, 1))
    for p in range(1, degree - order + 1):  # values of degree p from those of degree p-1
        new = np.zeros((x.size, p + 1))
        for a in range(p):
            left, right = knots[cell + degree - p + 1 + a], knots[cell + degree + 1 + a]
            share = values[:, a] / (right - left)
            new[:, a] += (right - x) * share
            new[:, a + 1] += (x - left) * share
        values = new
    for p in range(degree - order + 1, degree + 1):  # a derivative of degree p is a difference of degree p-1
        new = np.zeros((x.size, p + 1))
        for a in range(p):
            left, right = knots[cell + degree - p + 1 + a], knots[cell + degree + 1 + a]
            share = p * values[:, a] / (right - left)
            new[:, a] -= share
            new[:, a + 1] += share
        values = new
    return cell, values


class Direction:
    """One direction of a field: its B-spline basis."""

    def __init__(self, name, attributes):
        self.name = name
        self.degree, self.cells = int(attributes["degree"]), int(attributes["cells"])
        self.lo, self.hi = float(attributes["lo"]), float(attributes["hi"])
        self.drop_first, self.drop_last = bool(attributes["drop_first"]), bool(attributes["drop_last"])
        self.size = self.cells + self.degree - self.drop_first - self.drop_last


class Field:
    """Function of the directions in a separable format; `_block` combines the values of 1-D functions at points."""

    def __init__(self, directions):
        self.directions = directions

    def evaluate(self, points, derivative=None):
        """Values at points: {name: array} or an array of shape (N, directions). `derivative`: {name: order}."""
        if not isinstance(points, dict):
            points = {d.name: np.asarray(points)[:, i] for i, d in enumerate(self.directions)}
        columns = np.broadcast_arrays(*(np.asarray(points[d.name], dtype=float) for d in self.directions))
        shape, columns = columns[0].shape, [c.ravel() for c in columns]
        out, block = np.empty(columns[0].size), 16384
        for begin in range(0, out.size, block):
            x = {d.name: c[begin : begin + block] for d, c in zip(self.directions, columns)}
            out[begin : begin + block] = self._block(x, derivative or {})
        return out.reshape(shape)

    @staticmethod
    def _functions(d, C, x, order):
        """Values at x of the functions with coefficients C (n_d x m): shape (N, m)."""
        full = np.zeros((d.cells + d.degree, C.shape[1]))
        full[int(d.drop_first) : int(d.drop_first) + d.size] = C
        first, values = bspline_values(x, d.degree, d.cells, d.lo, d.hi, order)
        return sum(values[:, a, None] * full[first + a] for a in range(d.degree + 1))


class CpField(Field):
    """u(x) = sum_r prod_d sum_i C_d[i, r] B^d_i(x_d): factors[d] has shape (n_d, R)."""

    def __init__(self, directions, factors):
        super().__init__(directions)
        self.factors = factors

    def _block(self, x, derivative):
        product = 1.0
        for d, C in zip(self.directions, self.factors):
            product = product * self._functions(d, C, x[d.name], derivative.get(d.name, 0))
        return product.sum(axis=1)


class TrainField(Field):
    """u(x) = G_0 G_1 ..., matrices of functions along `order`: leaves[name] has shape (n, m), cores[name] (m, right rank, left rank)."""

    def __init__(self, directions, order, leaves, cores):
        super().__init__(directions)
        self.order, self.leaves, self.cores = order, leaves, cores

    def _block(self, x, derivative):
        of = {d.name: d for d in self.directions}
        row = np.ones((next(iter(x.values())).size, 1))
        for name in self.order:
            g = self._functions(of[name], self.leaves[name], x[name], derivative.get(name, 0))
            row = sum(g[:, j, None] * (row @ core.T) for j, core in enumerate(self.cores[name]))
        return row[:, 0]


# ---- Expressions of the deck, in numpy ----

_erf = np.vectorize(math.erf, otypes=[float])
_FUNCTIONS = {name: getattr(np, name) for name in "sin cos tan sinh cosh tanh exp log log10 sqrt cbrt abs sign".split()}
_FUNCTIONS.update(asin=np.arcsin, acos=np.arccos, atan=np.arctan, erf=_erf, erfc=lambda x: 1 - _erf(x), pi=np.pi, min=np.minimum,
                  max=np.maximum, pow=np.power, atan2=np.arctan2)


def evaluate_expression(text, names):
    """A formula of the deck with numpy arrays for its names. Conditions (?:, &&, ||) are left to the solver."""
    if re.search(r"[?&|]", text):
        raise SnaFileError(f"conditions in an expression are not read here: {text}")
    unknown = sorted(set(re.findall(r"\b[A-Za-z_]\w*", re.sub(r"\b\d+\.?\d*[eE][-+]?\d+", "1", text))) - set(_FUNCTIONS) - set(names))
    if unknown:
        raise SnaFileError(f"unknown name {', '.join(unknown)} in {text}")
    try:
        return eval(compile(text.replace("^", "**"), text, "eval"), {"__builtins__": {}}, {**_FUNCTIONS, **names})
    except SyntaxError as error:
        raise SnaFileError(f"cannot read the expression {text}: {error.msg}") from None


# ---- Files ----


class Slice:
    """One slice of the solution: axes (names, fastest first), grid (coordinates by axis), times, fields (unknown first), values."""

    def __init__(self, name, group):
        self.name, self._group = name, group
        self.axes = [a.strip() for a in _text(group.attrs["axes"]).split(",")]
        self.at = _text(group.attrs.get("at", ""))  # "z=0, kappa=0.001": the directions that are fixed
        self.over = _text(group.attrs.get("over", ""))  # the direction that the steps go through, or ""
        self.grid = {a: group["axis"][a][:] for a in self.axes}
        self._steps = sorted((k for k in group if k != "axis"), key=int)
        self.times = np.array([float(group[k].attrs["time"]) for k in self._steps])
        names = list(group[self._steps[0]]) if self._steps else []
        last = [f for f in ("reference", "error") if f in names]
        self.fields = [f for f in names if f not in last] + last

    def values(self, field, step):
        """Array of shape (n of the last axis, ..., n of the first axis)."""
        try:
            return self._group[self._steps[step]][field][:]
        except (KeyError, IndexError):
            raise SnaFileError(f"slice {self.name} has no field {field} at step {step}; fields: {', '.join(self.fields)}") from None


VOIGT = ["11", "22", "33", "23", "13", "12"]


class Grid:
    """Fields on voxels: lo and hi (outer faces), n (voxels along x, y, z), fields {name: components}, scalars.

    Arrays have the shape (nz, ny, nx): values()[k, j, i] belongs to voxel i along x.
    """

    def __init__(self, name, group, file):
        self.name, self._file = name, file
        self.lo, self.hi = group["box"][:]
        names, datasets = (_text(group.attrs[a]).split(",") for a in ("fields", "datasets"))
        self._dataset = dict(zip(names, datasets))
        self.n = tuple(int(n) for n in self._data(names[0]).shape[2::-1])
        self.fields = {f: int(np.prod(self._data(f).shape[3:])) for f in names}
        suffixes = {1: [""], 3: ["", "_x", "_y", "_z"], 6: ["_" + v for v in VOIGT]}
        # What can be drawn: a scalar, the length of a vector and its components, the components of a tensor.
        self.scalars = {f + s: (f, i if c == 6 else i - 1 if c == 3 else None) for f, c in self.fields.items() for i, s in enumerate(suffixes[c])}

    def _data(self, field):
        if field not in self._dataset or self._dataset[field] not in self._file:
            raise SnaFileError(f"grid {self.name} has no field {field}; fields: {', '.join(self._dataset)}")
        return self._file[self._dataset[field]]

    def values(self, field, index=...):
        """A field, (nz, ny, nx) or (nz, ny, nx, components); `index` selects, as in [k, j, i]."""
        return self._data(field)[index]

    def plane(self, scalar, axis, index):
        """One plane of voxels of a member of `scalars`, normal to axis 0 (x), 1 (y) or 2 (z); only this plane is read."""
        if scalar not in self.scalars:
            raise SnaFileError(f"grid {self.name} has no field {scalar}; there are: {', '.join(self.scalars)}")
        field, component = self.scalars[scalar]
        where = [slice(None)] * 3
        where[2 - axis] = index
        array = self.values(field, tuple(where))
        if component is None:
            return array
        return np.linalg.norm(array, axis=-1) if component < 0 else array[..., component]


class Cells:
    """The data set of `model: microstructure`: columns {name: one number per cell}, octants, whole cells, all (z, y, x); cells that were not made are left out."""

    def __init__(self, group):
        self._octant = group["octant"]
        self._rows = np.flatnonzero(group["state"][:] == 1)
        self.n = 2 * self._octant.shape[1]
        self.columns = {}
        for name in ("properties", "extra", "origin"):
            data = group[name][:]
            self.columns.update((c, data[self._rows, i]) for i, c in enumerate(_text(group[name].attrs["columns"]).split(",")))

    def __len__(self):
        return self._rows.size

    def octant(self, i):
        return self._octant[self._rows[i]]

    def cell(self, i):
        """The octant (0, 0, 0) of a cell lies at its corner; mirror images make up the rest."""
        return np.pad(self.octant(i), (0, self.n // 2), mode="symmetric")


class SnaFile:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        if not self.path.exists():
            raise SnaFileError(f"{path}: no such file")
        if self.path.is_dir():
            raise SnaFileError(f"{path}: is a folder; give the .h5 file in it")
        try:
            self._file = h5py.File(self.path, "r")
        except OSError as error:
            raise SnaFileError(f"{path}: not a readable HDF5 file ({error})") from None
        if "run" not in self._file:
            self._file.close()
            raise SnaFileError(f"{path}: an HDF5 file, but not one of sna_solver (it has no group /run)")

    def close(self):
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _group(self, name):
        if name not in self._file:
            raise SnaFileError(f"{self.path}: no group /{name}")
        return self._file[name]

    @property
    def case(self):
        return self.options.get("case", self.path.stem)

    @property
    def deck(self):
        """The deck, verbatim."""
        return _text(self._group("run")["deck"][()])

    @property
    def run(self):
        """Provenance: program version, git hash, ranks, host, start time ..."""
        return {k: (_text(v) if not isinstance(v, (int, float, np.number)) else v) for k, v in self._group("run").attrs.items()}

    @property
    def options(self):
        """Effective options {key: text}: the deck with the command line over it and the defaults."""
        text = _text(self._group("run")["effective"][()])
        pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
        return {key.strip(): _unquote(re.sub(r"\s+# default$", "", value).strip()) for key, value in pairs}

    @property
    def results(self):
        return {k: float(v[()]) for k, v in self._group("result").items()}

    @property
    def history(self):
        return {k: v[:] for k, v in self._group("history").items()}

    @property
    def slices(self):
        return {k: Slice(k, v) for k, v in self._file["slice"].items()} if "slice" in self._file else {}

    @property
    def grids(self):
        return {k: Grid(k, v, self._file) for k, v in self._file["grid"].items()} if "grid" in self._file else {}

    @property
    def cells(self):
        if "cells" not in self._file or "octant" not in self._file["cells"]:
            raise SnaFileError(f"{self.path}: no generated cells; they come from decks with model: microstructure")
        return Cells(self._file["cells"])

    @property
    def beam(self):
        """Columns {name: one number per cell}, from root to tip."""
        if "beam" not in self._file:
            raise SnaFileError(f"{self.path}: no beam; it comes from decks with model: homogenize and beam: {{cells: ...}}")
        data = self._file["beam"]
        return dict(zip(_text(data.attrs["columns"]).split(","), data[:].T))

    @property
    def field(self):
        group = self._group("field")
        kind = _text(group.attrs["format"])
        names = [n.strip() for n in _text(group.attrs["directions"]).split(",")]
        directions = [Direction(n, group[n].attrs) for n in names]
        if kind == "cp":
            return CpField(directions, [group[n][:] for n in names])
        if kind == "tensor_train":
            order = [n.strip() for n in _text(group.attrs["order"]).split(",")]
            return TrainField(directions, order, {n: group[n][:] for n in names}, {n: group["core"][n][:] for n in names})
        raise SnaFileError(f"{self.path}: fields of format {kind} are not read here")

    def constants(self):
        """Values of the deck's `param:`, in order."""
        options, names = self.options, {}
        for name in _names(options.get("param", "")):
            names[name] = evaluate_expression(options[f"param_{name}"], names)
        return names

    def expression(self, key, points):
        """The deck's expression under `key` (such as pde_reference) at points {direction: array}."""
        if not self.options.get(key):
            raise SnaFileError(f"{self.path}: the deck has no {key}")
        return evaluate_expression(self.options[key], {**self.constants(), **points})

    def solution(self, points):
        """The unknown at points {direction: array}: the field plus the initial condition."""
        u = self.field.evaluate(points)
        for name in _names(self.options.get("pde_initial", "")):
            u = u + self.expression(f"pde_initial_{name}", points)
        return u


def main_guard(main):
    """Runs a script's main(): errors of files and writing are one line and exit code 2."""
    try:
        sys.exit(main())
    except (SnaFileError, OSError) as error:
        print(f"{pathlib.Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        sys.exit(2)


def figure_style():
    """matplotlib without a display, with one look for all plots; returns pyplot."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"figure.dpi": 130, "savefig.dpi": 150, "font.size": 10, "axes.titlesize": 10, "axes.spines.top": False, "axes.spines.right": False,
                         "axes.grid": True, "grid.alpha": 0.25, "grid.linewidth": 0.6, "legend.frameon": False, "image.origin": "lower", "lines.linewidth": 1.6})
    return plt

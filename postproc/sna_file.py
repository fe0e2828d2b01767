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

The field of a problem is u minus its initial condition and other lifts; solution() adds them.

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


def parse_effective(text):
    """{key: text} of an effective deck, as in /run/effective or printed by -check."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
    return {key.strip(): _unquote(re.sub(r"\s+# default$", "", value).strip()) for key, value in pairs}


def _names(value):
    """Entries of a list of names, "[s, r0]"."""
    return re.findall(r"\w+", value)


# ---- Bases and separable fields ----


def bspline_values(x, degree, knots, span, order=0):
    """Values at x of the degree+1 B-splines that live on [knots[span], knots[span+1]], span one number per point: shape (points, degree+1).

    `order` = 1, 2, ...: derivatives. Cox-de Boor recursion.
    """
    if order > degree:
        return np.zeros((x.size, degree + 1))
    values = np.ones((x.size, 1))
    for p in range(1, degree - order + 1):  # values of degree p from those of degree p-1
        new = np.zeros((x.size, p + 1))
        for a in range(p):
            left, right = knots[span - p + 1 + a], knots[span + 1 + a]
            share = values[:, a] / (right - left)
            new[:, a] += (right - x) * share
            new[:, a + 1] += (x - left) * share
        values = new
    for p in range(degree - order + 1, degree + 1):  # a derivative of degree p is a difference of degree p-1
        new = np.zeros((x.size, p + 1))
        for a in range(p):
            left, right = knots[span - p + 1 + a], knots[span + 1 + a]
            share = p * values[:, a] / (right - left)
            new[:, a] -= share
            new[:, a + 1] += share
        values = new
    return values


def _graded(breaks, cells):
    """The grading of break points on another number of cells: points and how often each is a knot. Repeated ones stay."""
    if breaks is None:
        return None, np.ones(cells + 1, dtype=int)
    unique, times = np.unique(breaks, return_counts=True)
    old = unique.size - 1
    ends = [0, *(np.flatnonzero(times[1:-1] > 1) + 1), old]  # pieces between repeated points
    points, counts, done = [unique[0]], [1], 0
    for piece, (i, j) in enumerate(zip(ends[:-1], ends[1:])):
        rest = len(ends) - 2 - piece
        upto = min(max(math.floor(j * cells / old + 0.5), done + 1), cells - rest)
        points.extend(np.interp(i + (j - i) * np.arange(1, upto - done + 1) / (upto - done), np.arange(old + 1), unique))
        counts.extend([1] * (upto - done - 1) + [times[j]])
        done = upto
    return np.array(points), np.array(counts)


class Direction:
    """One direction of a field: its basis. functions() gives the values of functions spanned by it."""

    def __init__(self, name, attributes):
        self.name = name
        if "resolution" not in attributes:
            raise SnaFileError(f"direction {name}: a field of an earlier version of the program; solve the deck again")
        self.family, self.end = _text(attributes["basis"]), [_text(attributes[k]) for k in ("end_lo", "end_hi")]
        self.robin = [float(attributes[k]) for k in ("robin_lo", "robin_hi")]
        self.degree, self.resolution = int(attributes["degree"]), int(attributes["resolution"])
        self.lo, self.hi = float(attributes["lo"]), float(attributes["hi"])

    @staticmethod
    def of(name, group):
        data = group[name]
        family = _text(data.attrs["basis"])
        if family == "bspline":
            return Splines(name, data.attrs, group["breakpoint"][name][:] if f"breakpoint/{name}" in group else None)
        if family == "fourier":
            return Fourier(name, data.attrs)
        if family in ("chebyshev", "legendre"):
            return Polynomials(name, data.attrs)
        raise SnaFileError(f"direction {name}: the basis {family} is not read here")


class Splines(Direction):
    """B-splines on `breaks`; T (all functions x active ones) holds the conditions at the ends."""

    def __init__(self, name, attributes, breakpoints=None):
        super().__init__(name, attributes)
        p, cells, length = self.degree, self.resolution, self.hi - self.lo
        points, times = _graded(breakpoints, cells)
        self.cells, self.breaks = cells, self.lo + length * np.arange(cells + 1) / cells if points is None else points
        inner = np.repeat(self.breaks[1:-1], times[1:-1])
        self.knots = np.concatenate([[self.lo] * (p + 1), inner, [self.hi] * (p + 1)])
        self.span = p + np.concatenate([[0], np.cumsum(times[1:-1])])
        if self.end[0] == "periodic":
            raw = inner.size + 1
            self.knots = np.concatenate([self.knots[raw : raw + p] - length, self.knots[p : p + raw + 1], self.knots[p + 1 : 2 * p + 1] + length])
            place = np.arange(raw)
            self.T = np.eye(raw)[:, np.argsort(np.where(2 * place < raw, 2 * place, 2 * (raw - 1 - place) + 1))]
        else:
            self.T = self._conditions(inner.size + p + 1)
        self.size = self.T.shape[1]

    def _conditions(self, raw):
        p, T, keeps = self.degree, np.eye(raw), []
        for e, (kind, robin) in enumerate(zip(self.end, self.robin)):
            if kind not in ("neumann", "robin"):
                continue
            x, span = np.array([self.hi if e else self.lo]), self.span[[-1 if e else 0]]
            condition = (1 if e else -1) * bspline_values(x, p, self.knots, span, 1)[0] + robin * bspline_values(x, p, self.knots, span)[0]
            of_drop, of_keep = condition[[-1, -2] if e else [0, 1]]
            scale = max(abs(of_drop), abs(of_keep))
            keeps.append((raw - 2 if e else 1, raw - 1 if e else 0, of_drop / scale, -of_keep / scale))
        for keep, drop, own, other in keeps:
            T[:, keep] *= own
            T[drop, keep] = other * math.prod(k[2] for k in keeps if k[0] == keep and k[1] != drop)
        drops = [{"free": 0, "clamped": 2}.get(kind, 1) for kind in self.end]
        return T[:, drops[0] : raw - drops[1]]

    def functions(self, C, x, order=0):
        """Values at x of the functions with coefficients C (size x m): shape (points, m). Beyond the ends the end cells' formulas continue."""
        full = self.T @ C
        span = self.span[np.clip(np.searchsorted(self.breaks, x, side="right") - 1, 0, self.cells - 1)]
        values = bspline_values(x, self.degree, self.knots, span, order)
        return sum(values[:, a, None] * full[(span - self.degree + a) % full.shape[0]] for a in range(self.degree + 1))


class Fourier(Direction):
    """Sines and cosines of L2 norm 1."""

    def __init__(self, name, attributes):
        super().__init__(name, attributes)
        self.size, n = self.resolution, np.arange(self.resolution)
        if self.end[0] == "periodic":
            self.wave, self.sine = 2 * ((n + 1) // 2), (n > 0) & (n % 2 == 0)
        else:
            lo, hi = (e == "dirichlet" for e in self.end)
            self.wave, self.sine = n + 0.5 * (lo + hi), np.full(n.size, lo)

    def functions(self, C, x, order=0):
        length = self.hi - self.lo
        size = np.sqrt(np.where(self.wave == 0, 1, 2) / length) * (np.pi * self.wave / length) ** order
        return (size * np.cos(np.pi * self.wave * (x[:, None] - self.lo) / length + np.pi / 2 * (order - self.sine))) @ C


class Polynomials(Direction):
    """Polynomials under the conditions of both ends, orthonormal in L2, ordered by degree, leading coefficient positive (both families)."""

    def __init__(self, name, attributes):
        super().__init__(name, attributes)
        self.size, m = self.resolution, self.resolution + 4
        d = np.arange(m)
        value, slope, odd = np.sqrt(d + 0.5), np.sqrt(d + 0.5) * d * (d + 1) / 2, (-1.0) ** d
        rows = []
        if self.end[0] == "periodic":
            rows = [(1 - odd) * value, (1 + odd) * slope]
        else:
            for e, (kind, robin) in enumerate(zip(self.end, self.robin)):
                v, outward = (value, slope) if e else (odd * value, odd * slope)
                rows += {"free": [], "dirichlet": [v], "neumann": [outward], "clamped": [v, outward], "robin": [outward + robin * (self.hi - self.lo) / 2 * v]}[kind]
        found = []
        for k in range(m):  # what the unit vector of degree k has in the null space of the conditions on degrees 0..k
            unit = np.eye(k + 1)[k]
            if rows:
                A = np.array([r[: k + 1] / np.linalg.norm(r[:12]) for r in rows])
                U, S, _ = np.linalg.svd(A.T, full_matrices=False)
                U = U[:, S > 1e-13 * max(1, S[0])]
                for _ in range(2):
                    unit = unit - U @ (U.T @ unit)
            if np.linalg.norm(unit) > 1e-12 and len(found) < self.size:
                found.append(np.pad(unit / np.linalg.norm(unit), (0, m - k - 1)))
        self.legendre = np.array(found).T * value[:, None] * np.sqrt(2 / (self.hi - self.lo))

    def functions(self, C, x, order=0):
        half = (self.hi - self.lo) / 2
        coefficients = np.polynomial.legendre.legder(self.legendre @ C, order) if order else self.legendre @ C
        return np.polynomial.legendre.legval((x - self.lo) / half - 1, coefficients).T / half**order


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


class CpField(Field):
    """u(x) = sum_r prod_d sum_i C_d[i, r] B^d_i(x_d): factors[d] has shape (n_d, R)."""

    def __init__(self, directions, factors):
        super().__init__(directions)
        self.factors = factors

    def _block(self, x, derivative):
        product = 1.0
        for d, C in zip(self.directions, self.factors):
            product = product * d.functions(C, x[d.name], derivative.get(d.name, 0))
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
            g = of[name].functions(self.leaves[name], x[name], derivative.get(name, 0))
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
        return parse_effective(_text(self._group("run")["effective"][()]))

    @property
    def results(self):
        return {k: float(v[()]) for k, v in self._group("result").items()}

    @property
    def texts(self):
        """Results that are words, such as order and ranks_tt of a tensor train."""
        return {k: _text(v) for k, v in self._group("result").attrs.items()}

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
        directions = [Direction.of(n, group) for n in names]
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
        """The unknown at points {direction: array}: the field plus the initial condition, the initial rate times the time since the start, and the lift."""
        u = self.field.evaluate(points)
        for key in ("pde_initial", "pde_lift", "pde_rate"):
            for name in _names(self.options.get(key, "")):
                share = self.expression(f"{key}_{name}", points)
                if key == "pde_rate":
                    time = next(d for d in self.field.directions if self.options.get(f"dim_{d.name}_initial") == "true")
                    share = share * (points[time.name] - time.lo)
                u = u + share
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

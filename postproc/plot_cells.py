#!/usr/bin/python3
"""Draws generated cells: a dozen of them in space, and the properties that the data set covers against the volume fraction.

    postproc/plot_cells.py out/cells/cells.h5 [-o FILE.png] [-c 0,7,12 | -n 12]

Writes FILE.png and, where the cells have labels, FILE_coverage.png (default: CASE_cells.png and CASE_coverage.png beside the file). The cells shown are spread
evenly over the volume fractions. Lines in the coverage are upper bounds: Hashin and Shtrikman for the bulk modulus, which hold for every cell with cubic symmetry;
theirs for an isotropic material with C11 and C44, which single cells may exceed; Voigt's, which none can.
"""
import argparse
import sys

import numpy as np
from sna_file import SnaFile, SnaFileError, figure_style, main_guard

STEEL, CUT = np.array([0.58, 0.68, 0.80]), np.array([0.90, 0.62, 0.36])  # inner surfaces, faces of the cell
SUN = np.array([0.45, -0.55, 0.85])  # towards it, (x, y, z)


# ---- A picture of one cell: rays through the smoothed image, until it is half solid ----


def blur(a, times):
    """Weights 1, 2, 1 along each axis, periodic."""
    for _ in range(times):
        for axis in range(3):
            a = 0.5 * a + 0.25 * (np.roll(a, 1, axis) + np.roll(a, -1, axis))
    return a


def trilinear(a, p):
    """a (x, y, z), periodic, with values at voxel centres, at points p (N, 3) in voxels."""
    n = a.shape[0]
    q = p - 0.5
    low = np.floor(q).astype(np.intp)
    f = q - low
    low %= n
    high = (low + 1) % n
    total = np.zeros(len(p))
    for c in range(8):
        where, weight = [], 1.0
        for axis in range(3):
            up = c >> axis & 1
            where.append((high if up else low)[:, axis])
            weight = weight * (f[:, axis] if up else 1 - f[:, axis])
        total += weight * a[tuple(where)]
    return total


def halve(a):
    """The same field on voxels of half the edge."""
    for axis in range(3):
        pair = (0.75 * a + 0.25 * np.roll(a, 1, axis), 0.75 * a + 0.25 * np.roll(a, -1, axis))
        a = np.stack(pair, axis=axis + 1).reshape([2 * m if k == axis else m for k, m in enumerate(a.shape)])
    return a


def march(a, fine, start, direction, length, step):
    """Distance at which each ray meets a = 0.5 from below, inf where it does not; `length`: how far it stays in the cell. fine: halve(a)."""
    last = fine.shape[0] - 1
    found = np.full(len(start), np.inf)
    rays = np.flatnonzero(length >= 0)
    first = trilinear(a, start[rays]) >= 0.5
    found[rays[first]] = 0
    rays = rays[~first]
    for t in np.arange(step, length.max() + step, step):
        rays = rays[length[rays] >= t]
        if not rays.size:
            break
        cell = np.clip((2 * (start[rays] + t * direction)).astype(np.intp), 0, last)
        hit = fine[cell[:, 0], cell[:, 1], cell[:, 2]] >= 0.5
        found[rays[hit]] = t
        rays = rays[~hit]
    hit = np.flatnonzero(np.isfinite(found) & (found > 0))
    high = found[hit]
    low = np.maximum(high - 2 * step, 0)
    for _ in range(6):
        middle = 0.5 * (low + high)
        solid = trilinear(a, start[hit] + middle[:, None] * direction) >= 0.5
        high, low = np.where(solid, middle, high), np.where(solid, low, middle)
    found[hit] = high
    return found


def render(cell, pixels):
    """An RGBA picture of a cell (z, y, x), seen from above its corner (1, 0)."""
    a = blur(np.ascontiguousarray(cell.transpose(2, 1, 0)).astype(float), 2)
    n, fine = a.shape[0], halve(a).astype(np.float32)
    shade = blur(a, 40)  # how much solid is near: dark in deep pores
    gradient = [0.5 * (np.roll(a, -1, axis) - np.roll(a, 1, axis)) for axis in range(3)]
    view = np.array([-0.62, 0.74, -0.52])
    view /= np.linalg.norm(view)
    right = np.cross(view, [0, 0, 1])
    right /= np.linalg.norm(right)
    up = np.cross(right, view)
    sun = SUN / np.linalg.norm(SUN)

    half = 0.87 * n
    s, t = np.meshgrid(np.linspace(-half, half, pixels), np.linspace(half, -half, pixels))
    origin = 0.5 * n + s.ravel()[:, None] * right + t.ravel()[:, None] * up - 2 * n * view
    with np.errstate(divide="ignore"):
        t0, t1 = (0 - origin) / view, (n - origin) / view
    enter, leave = np.minimum(t0, t1), np.maximum(t0, t1)
    begin, end = enter.max(axis=1), leave.min(axis=1)
    inside = np.flatnonzero(begin < end)
    start = origin[inside] + begin[inside, None] * view
    face = enter[inside].argmax(axis=1)

    distance = march(a, fine, start, view, (end - begin)[inside], 0.4)
    hit = np.flatnonzero(np.isfinite(distance))
    point = start[hit] + distance[hit, None] * view
    capped = distance[hit] == 0
    normal = -np.stack([trilinear(g, point) for g in gradient], axis=1)
    normal[capped] = 0
    normal[capped, face[hit][capped]] = -np.sign(view[face[hit][capped]])
    normal /= np.linalg.norm(normal, axis=1)[:, None] + 1e-12

    # Light: the sun where nothing stands before it, the sky from above, less of both where there is much solid around.
    away = point + 1.5 * normal
    with np.errstate(divide="ignore"):
        length = np.min(np.where(sun > 0, (n - away) / sun, -away / sun), axis=1)
    shadow = np.isfinite(march(a, fine, away, sun, length, 1.0))
    lambert = np.clip(normal @ sun, 0, 1) * np.where(shadow, 0.15, 1.0)
    sky = 0.5 + 0.5 * normal[:, 2]
    open_ = np.where(capped, 1, np.clip(1.25 - 0.9 * trilinear(shade, point + 3 * normal), 0.25, 1))
    halfway = sun - view
    halfway /= np.linalg.norm(halfway)
    gloss = np.clip(normal @ halfway, 0, 1) ** 40 * np.where(shadow | capped, 0, 0.25)
    colour = np.where(capped[:, None], CUT, STEEL)
    light = open_ * (0.32 + 0.22 * sky + 0.60 * lambert)
    picture = np.zeros((pixels * pixels, 4))
    picture[inside[hit], :3] = np.clip(colour * light[:, None] + gloss[:, None], 0, 1)
    picture[inside[hit], 3] = 1
    return picture.reshape(pixels, pixels, 4)


def render_smooth(cell, pixels):
    """Four rays per pixel."""
    fine = render(cell, 2 * pixels)
    quads = fine.reshape(pixels, 2, pixels, 2, 4).astype(float)
    alpha = quads[..., 3].sum(axis=(1, 3))
    colour = (quads[..., :3] * quads[..., 3:]).sum(axis=(1, 3)) / np.maximum(alpha, 1)[..., None]
    return np.concatenate([colour, alpha[..., None] / 4], axis=2)


def choose(cells, count):
    """Cells at evenly spread volume fractions."""
    order = np.argsort(cells.columns["volume_fraction"], kind="stable")
    return order[np.unique(np.linspace(0, order.size - 1, min(count, order.size)).round().astype(int))]


def draw_cells(plt, cells, chosen, title, pixels):
    columns = min(4, len(chosen))
    rows = -(-len(chosen) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.75 * columns, 3.05 * rows + 0.3), squeeze=False, layout="constrained")
    for axis in axes.flat:
        axis.axis("off")
    for axis, i in zip(axes.flat, chosen):
        axis.imshow(render_smooth(cells.cell(i), pixels), origin="upper", interpolation="antialiased")
        text = f"volume fraction {cells.columns['volume_fraction'][i]:.3f}"
        c11, k = cells.columns["C11"][i], cells.columns["permeability"][i]
        if np.isfinite(c11):
            text += f"\n$C_{{11}}$ = {c11:.3g}"
        if np.isfinite(k):
            text += (",  " if np.isfinite(c11) else "\n") + f"$k$ = {k:.2g} $L^2$"
        axis.set_title(text, fontsize=9)
    figure.suptitle(title)
    return figure


# ---- Coverage ----


def bounds(phi, young, poisson):
    """Hashin and Shtrikman's upper bounds of bulk and shear modulus for a porous isotropic material."""
    K, G = young / (3 * (1 - 2 * poisson)), young / (2 * (1 + poisson))
    return 4 * G * K * phi / (4 * G + 3 * K * (1 - phi)), G * phi / (1 + (1 - phi) * 6 * (K + 2 * G) / (9 * K + 8 * G)), K, G


def draw_coverage(plt, cells, young, poisson, title):
    c = cells.columns
    phi = c["volume_fraction"]
    elastic, flow = np.isfinite(c["C11"]).any(), np.isfinite(c["permeability"]).any()
    figure, axes = plt.subplots(2 if elastic and flow else 1, 2 if elastic else 1, figsize=(9.5 if elastic else 5, 7.5 if elastic and flow else 4), squeeze=False, layout="constrained")
    panels = list(axes.flat)
    line = np.linspace(max(0, phi.min() - 0.03), min(1, phi.max() + 0.03), 100)
    style = dict(s=10 if phi.size > 300 else 18, linewidths=0, alpha=0.8)
    if elastic:
        K_hs, G_hs, K, G = bounds(line, young, poisson)
        zener = 2 * c["C44"] / (c["C11"] - c["C12"])
        style.update(c=np.log2(zener), cmap="coolwarm", vmin=-max(abs(np.log2(zener))), vmax=max(abs(np.log2(zener))))
        isotropic = "Hashin-Shtrikman, isotropic"
        for name, value, curves in (("$C_{11}$", c["C11"], [(line * (K + 4 * G / 3), ":", "Voigt"), (K_hs + 4 * G_hs / 3, "--", isotropic)]),
                                    ("$K=(C_{11}+2C_{12})/3$", (c["C11"] + c["C22"] + c["C33"] + 2 * (c["C12"] + c["C13"] + c["C23"])) / 9, [(line * K, ":", "Voigt"), (K_hs, "-", "Hashin-Shtrikman")]),
                                    ("$C_{44}$", c["C44"], [(line * G, ":", "Voigt"), (G_hs, "--", isotropic)])):
            panel = panels.pop(0)
            points = panel.scatter(phi, value, **style)
            for curve, dashes, label in curves:
                panel.plot(line, curve, dashes, color="0.25", linewidth=1.2, label=label)
            panel.set_ylabel(name + (f"   ($E$ = {young:g})" if young != 1 else " $/E$"))
            panel.set_ylim(bottom=0)
            panel.legend(loc="upper left", fontsize=8)
            if not panels or (len(panels) == 1 and not flow):
                break
        ticks = np.linspace(-style["vmax"], style["vmax"], 5)
        figure.colorbar(points, ax=axes, ticks=ticks, aspect=35, pad=0.01).ax.set_yticklabels([f"{2 ** t:.2f}" for t in ticks])
        figure.axes[-1].set_ylabel("Zener ratio $2C_{44}/(C_{11}-C_{12})$")
    if flow:
        panel = panels.pop(0)
        panel.scatter(phi, c["permeability"], **style)
        panel.set(yscale="log", ylabel="permeability $k/L^2$")
    for panel in panels:
        panel.axis("off")
    for panel in axes.flat:
        panel.set_xlabel("volume fraction of solid")
    figure.suptitle(title)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="result of sna_solver with generated cells (.h5)")
    parser.add_argument("-c", "--cells", help="comma-separated numbers of the cells to show")
    parser.add_argument("-n", "--number", type=int, default=12, help="how many to show (default 12)")
    parser.add_argument("-p", "--pixels", type=int, default=320, help="edge of one picture (default 320)")
    parser.add_argument("-o", "--output", help="picture to write; the coverage goes to NAME_coverage beside it")
    arguments = parser.parse_args()
    if arguments.number < 1 or arguments.pixels < 16:
        raise SnaFileError("-n must be at least 1 and -p at least 16")
    plt = figure_style()
    with SnaFile(arguments.file) as file:
        cells = file.cells
        if not len(cells):
            raise SnaFileError(f"{arguments.file}: holds no finished cell")
        chosen = choose(cells, arguments.number)
        if arguments.cells:
            try:
                chosen = [int(word) for word in arguments.cells.split(",")]
            except ValueError:
                raise SnaFileError(f"-c {arguments.cells}: numbers with commas between them, as in -c 0,7,12") from None
            if not all(0 <= i < len(cells) for i in chosen):
                raise SnaFileError(f"-c {arguments.cells}: cells are numbered 0 to {len(cells) - 1}")
        base = file.path.parent / file.path.stem
        output = arguments.output or f"{base}_cells.png"
        name, dot, ending = output.rpartition(".")
        coverage = f"{name}_coverage.{ending}" if arguments.output else f"{base}_coverage.png"
        options = file.options
        figure = draw_cells(plt, cells, chosen, f"{file.case}: {len(cells)} cells of ${cells.n}^3$ voxels, family {options.get('generator_family', '')}", arguments.pixels)
        figure.savefig(output)
        print(f"wrote {output}")
        labelled = any(np.isfinite(cells.columns[c]).any() for c in ("C11", "permeability"))
        if labelled:
            figure = draw_coverage(plt, cells, float(options["label_young"]), float(options["label_poisson"]), f"{file.case}: {len(cells)} cells")
            figure.savefig(coverage)
            print(f"wrote {coverage}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

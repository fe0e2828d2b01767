#!/usr/bin/python3
"""Draws a beam of cells: its voxels, stiffness of the cells against the target, deflection under a force at the tip.

    postproc/plot_beam.py out/beam/beam.h5 [-o FILE.png]

Writes FILE.png (default: CASE_beam.png beside the file). The strip is the middle plane of the cells, root on the left, in as many lines as it needs; the colour of
the solid is its cell's C11. Deflections are of bending, over that of the target at the tip; the dotted line has E1 instead of C11, and shear.
"""
import argparse
import sys

import numpy as np
from sna_file import SnaFile, SnaFileError, figure_style, main_guard

PER_LINE = 20  # cells


def deflection(modulus, shear, edge):
    """At the ends of the cells: force 1 at the tip, section edge x edge; shear: moduli, or None for bending alone."""
    n = modulus.size
    stiffness = modulus * edge**4 / 12
    moment = edge * (n - np.arange(n))  # at the root's side of each cell
    turn = (moment * edge - edge**2 / 2) / stiffness
    slope = np.concatenate([[0], np.cumsum(turn)])
    step = slope[:-1] * edge + (moment * edge**2 / 2 - edge**3 / 6) / stiffness
    if shear is not None:
        step = step + edge / (5 / 6 * shear * edge**2)
    return np.concatenate([[0], np.cumsum(step)])


def strips(plt, figure, panels, grid, beam, norm):
    """The middle plane, cut into lines of PER_LINE cells."""
    plane = grid.plane("phase", 1, grid.n[1] // 2)
    colours = plt.get_cmap("viridis")(norm(np.repeat(beam["C11"], grid.n[2])))
    picture = np.where((plane == 1)[..., None], colours[None], 1.0)
    width = PER_LINE * grid.n[2]
    for number, panel in enumerate(panels):
        part = picture[:, number * width : (number + 1) * width]
        first = number * PER_LINE
        cells = part.shape[1] // grid.n[2]
        panel.imshow(part, extent=(first, first + cells, 0, 1), interpolation="antialiased")
        panel.set(xlim=(first, first + min(PER_LINE, beam["C11"].size)), yticks=[], xticks=range(first, first + cells + 1, 5))
        panel.grid(False)
        for side in panel.spines.values():
            side.set_visible(False)


def draw(plt, file):
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    beam, grid, results = file.beam, file.grids["beam"], file.results
    n, edge = beam["C11"].size, grid.hi[1]
    lines = -(-n // PER_LINE)
    figure = plt.figure(figsize=(12, 4.6 + 0.8 * lines), layout="constrained")
    cells = np.arange(n + 1)
    norm = Normalize(0, beam["C11"].max())
    outer = figure.add_gridspec(lines + 2, 2, height_ratios=[0.8] * lines + [2.8, 1.6])
    panels = [figure.add_subplot(outer[i, :]) for i in range(lines)]
    strips(plt, figure, panels, grid, beam, norm)
    panels[0].set_title("middle plane, root on the left; coloured by C11 of the cell", loc="left")
    figure.colorbar(ScalarMappable(norm, "viridis"), ax=panels, pad=0.01, aspect=8).set_label("C11")

    stiffness = figure.add_subplot(outer[lines, 0])
    stiffness.stairs(beam["C11"], cells, baseline=None, color="C0", linewidth=1.6, label="cells")
    stiffness.plot(cells[:-1] + 0.5, beam["target"], color="C1", label="target")
    stiffness.set(ylabel="C11", ylim=(0, None), title=f"R$^2$ {results['beam_r2']:.4f}")
    stiffness.tick_params(labelbottom=False)
    stiffness.legend()
    local = figure.add_subplot(outer[lines + 1, 0], sharex=stiffness)
    local.bar(cells[:-1] + 0.5, 100 * beam["error"], width=0.8, color="C0")
    local.axhline(0, color="k", linewidth=0.6)
    local.set(xlabel="cell", ylabel="error of C11, %", xlim=(0, n))
    local.set_title(f"rms {100 * results['beam_local_error_rms']:.1f} %, largest {100 * results['beam_local_error_max']:.1f} %")

    bend = figure.add_subplot(outer[lines:, 1])
    wanted = deflection(beam["target"], None, edge)
    bend.plot(cells, -wanted / wanted[-1], color="C1", label="target")
    bend.plot(cells, -deflection(beam["C11"], None, edge) / wanted[-1], color="C0", linestyle="--", label="cells, C11")
    bend.plot(cells, -deflection(beam["E1"], beam["G"], edge) / wanted[-1], color="0.4", linestyle=":", label="cells, E1 and shear")
    bend.set(xlabel="cell", ylabel="deflection / that of the target at the tip", xlim=(0, n))
    bend.set_title(f"tip {100 * results['beam_tip_error']:+.2f} %, curvature {100 * results['beam_energy_error']:.2f} % off the target")
    bend.legend()
    figure.align_ylabels([stiffness, local])
    figure.suptitle(f"{file.case}: {n} cells of {grid.n[2]}$^3$ voxels")
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="result of sna_solver with a beam (.h5)")
    parser.add_argument("-o", "--output", help="picture to write (default: CASE_beam.png beside the file)")
    arguments = parser.parse_args()
    plt = figure_style()
    with SnaFile(arguments.file) as file:
        if "beam" not in file.grids:
            raise SnaFileError(f"{arguments.file}: no beam; it comes from decks with model: homogenize and beam: {{cells: ...}}")
        figure = draw(plt, file)
        output = arguments.output or file.path.with_name(f"{file.path.stem}_beam.png")
    figure.savefig(output)
    print(f"wrote {output}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main_guard(main)

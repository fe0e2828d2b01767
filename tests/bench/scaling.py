#!/usr/bin/python3
"""Speed-up on 1 and 2 ranks, agreement on 4, and what one sweep sends, for the kinds of work that the VSNA does; prints the tables of doc/scaling.md.

    cmake --build build --target mpi_count && tests/bench/scaling.py [--repeat 5] [--quick]

Kinds: CP sweeps at ranks 32, 64, 128; tensor-train half sweeps; compression of a train to CP; a frontier of cases (scripts/sweep's way: the same cases one after
the other on 2 ranks, or two at a time on 1 rank each). Runs on 1 and 2 ranks alternate; a ratio is that of the medians, its spread that of neighbours. 4 ranks on fewer cores
say nothing about speed and are run for their answer alone. Communication is counted by MPI's profiling interface (tests/bench/mpi_count.c), a sweep's as
the difference of two runs that differ in sweeps. Everything is measured in one call of this script.
"""
import argparse
import concurrent.futures
import os
import pathlib
import platform
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import SOLVER, fresh_folder, need_solver, run, shipped
from vsna import cpu, git_hash

QUIET = ["-quiet", "-output_slice_mid_frames", 2, "-output_slice_mid_n", "9,9", "-insitu_every", 0, "-error_points", 1024]
COUNT = pathlib.Path(SOLVER).resolve().parent / "tests" / "libmpi_count.so"


def solve(deck, np, options, env=None):
    done = run(shipped(deck), np=np, args=[*QUIET, *options], env=env)
    if done.exit != 0:
        raise SystemExit(f"{deck} {options} on {np} ranks: exit {done.exit}\n{done.tail()}")
    return done


def counted(deck, options, np=2):
    """Messages, their bytes, collectives, their bytes: sums over the ranks."""
    path = fresh_folder() / "count.txt"
    solve(deck, np, options, env={"SNA_MPI_COUNT": str(path), "LD_PRELOAD": str(COUNT)})
    rows = [[float(x) for x in line.split()[1:]] for line in path.read_text().splitlines()]
    return [sum(column) for column in zip(*rows)]


def alternate(deck, options, key, repeat):
    """Medians of the seconds on 1 and 2 ranks, and the ratio of each neighbouring pair."""
    one, two = [], []
    for _ in range(repeat):
        one.append(solve(deck, 1, options).results[key])
        two.append(solve(deck, 2, options).results[key])
    ratios = sorted(a / b for a, b in zip(one, two))
    return statistics.median(one), statistics.median(two), ratios


def row(name, t1, t2, ratios):
    print(f"| {name} | {t1:.3f} | {t2:.3f} | {t1 / t2:.2f} | {ratios[0]:.2f} .. {ratios[-1]:.2f} | {50 * t1 / t2:.0f} % |", flush=True)


def frontier(ranks, at_once, cases):
    """Wall time of all cases with `at_once` of them side by side."""
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda options: solve("advection_diffusion_6d", ranks, options), cases))
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small cases, for trying the script")
    args = parser.parse_args()
    need_solver()
    if not COUNT.is_file():
        raise SystemExit(f"scaling.py: no {COUNT}; make it with: cmake --build build --target mpi_count")
    repeat = 1 if args.quick else args.repeat
    sweeps = 8
    fixed = lambda rank, n: ["-vsna_rank", rank, "-vsna_ladder", rank, "-vsna_als_final_sweeps", n, "-vsna_als_rtol", 0]
    cp_ranks = (16, 32) if args.quick else (32, 64, 128, 192)
    rtol = 1e-2 if args.quick else 1e-4
    tt = ["-vsna_rtol", rtol]
    convert = [*tt, "-vsna_convert", "cp", "-vsna_convert_rank", 32 if args.quick else 128]

    print(f"Machine: {cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}; {git_hash()}; median of {repeat} pairs; load at the start {os.getloadavg()[0]:.1f}\n")
    print("| work | 1 rank, s | 2 ranks, s | speed-up | of neighbours | efficiency |\n|---|---|---|---|---|---|")
    for rank in cp_ranks:
        row(f"CP, rank {rank}, {sweeps} sweeps", *alternate("advection_diffusion_6d", fixed(rank, sweeps), "seconds", repeat))
    row(f"tensor train, rtol {rtol:g}", *alternate("advection_diffusion_6d_tt", tt, "seconds", repeat))
    row(f"compression of it to CP, rank {convert[-1]}", *alternate("advection_diffusion_6d_tt", convert, "seconds_convert", repeat))
    cases = [["-vsna_rank", r, "-dim_x_cells", c, "-dim_y_cells", c, "-dim_z_cells", c] for c in (24, 32) for r in ((8, 12) if args.quick else (24, 32, 48))]
    alone, two, pairs = [], [], []
    for _ in range(max(1, repeat // 2)):
        alone.append(frontier(1, 1, cases))
        two.append(frontier(2, 1, cases))
        pairs.append(frontier(1, 2, cases))
    median = statistics.median
    row(f"frontier, {len(cases)} cases, each on 2 ranks", median(alone), median(two), sorted(a / b for a, b in zip(alone, two)))
    row(f"the same, two at a time on 1 rank each", median(alone), median(pairs), sorted(a / b for a, b in zip(alone, pairs)))

    print("\nThe answer on 4 ranks (oversubscribed) against 1: ", end="")
    rank = cp_ranks[0]
    for name, deck, options in (("CP", "advection_diffusion_6d", fixed(rank, sweeps)), ("tensor train", "advection_diffusion_6d_tt", ["-vsna_rtol", 1e-2])):
        one, four = solve(deck, 1, options).results, solve(deck, 4, options).results
        print(f"{name}: objectives differ by {abs(four['objective'] - one['objective']) / one['objective']:.1e}; ", end="", flush=True)
    print(f"load at the end {os.getloadavg()[0]:.1f}\n")

    print("| sent by both ranks of 2 | messages | MB | collectives | MB |\n|---|---|---|---|---|")
    for rank in cp_ranks:
        few, many = (counted("advection_diffusion_6d", fixed(rank, n)) for n in (4, 4 + sweeps))
        per = [(b - a) / sweeps for a, b in zip(few, many)]
        print(f"| CP, rank {rank}, per sweep | {per[0]:.0f} | {per[1] / 1e6:.2f} | {per[2]:.0f} | {per[3] / 1e6:.2f} |", flush=True)
    whole = counted("advection_diffusion_6d_tt", tt)
    halves = solve("advection_diffusion_6d_tt", 2, tt).results["sweeps"]
    print(f"| tensor train, rtol {rtol:g}, per half sweep (of {halves:.0f}) | " + " | ".join(f"{x / scale / halves:.{digits}f}" for x, scale, digits in zip(whole, (1, 1e6, 1, 1e6), (0, 2, 0, 2))) + " |")
    more = [b - a for a, b in zip(whole, counted("advection_diffusion_6d_tt", convert))]
    print(f"| compression to CP, rank {convert[-1]}, in all | {more[0]:.0f} | {more[1] / 1e6:.2f} | {more[2]:.0f} | {more[3] / 1e6:.2f} |")


main()

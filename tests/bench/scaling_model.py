#!/usr/bin/python3
"""The cost model of doc/scaling.md: seconds of one CP sweep of the standard problem and its speed-up, on 1 to 1,000 ranks.

    tests/bench/scaling_model.py [--rate 25e9] [--memory 10e9] [--network 10e9] [--latency 2e-6]

The columns for 1 and 2 ranks are the program's algorithm (two-ended block-band Cholesky, Hadamard products on every rank); the others are a projection of what
doc/scaling.md describes and the program does not have: chunks of block rows by nested dissection, dense panels shared inside a chunk, Gram and Hadamard matrices
shared by columns. Nothing but the first two was measured.
"""
import argparse
import math

PAIRS = (16, 16, 4, 4, 4, 4)      # ordered pairs of 1-D operators in x, y, z, t, omega, kappa
SYMMETRIC = (10, 10, 3, 3, 3, 3)  # those that have to be formed
PRODUCTS, P = 21, 3               # pairs of terms k <= l; degree of the splines
FILL = 3.4                        # flops of a chunk between two separators over those of a band


def sweep(R, cells, ranks, rate, memory, network, latency):
    """Seconds of one sweep, bytes that one rank sends in it, bytes of the largest local system on one rank: the best cut of the ranks into chunks."""
    n, best = cells + P, None
    for chunks in [c for c in (1, 2, 4, 8, 16, 32, 64, 128) if c <= ranks and (c <= 2 or n >= 4 * P * c)]:
        inside = ranks // chunks
        if ranks <= 2 and inside > 1:
            continue
        seconds = sent = 0.0
        for pairs, symmetric in zip(PAIRS, SYMMETRIC):
            rows = n / chunks
            band = 12.25 * rows * R**3 * (FILL if chunks > 2 else 1)
            separator = 0 if chunks == 1 else max(1, math.log2(chunks)) * (3 * R) ** 3 * (1 / 3 if chunks == 2 else 7 / 3)
            seconds += (band + separator) / (rate * inside)
            seconds += (8 * pairs + 16) * rows * R**2 * 8 / 4 / memory / inside  # assembly and triangular solves: limited by memory
            shared = 1 if ranks <= 2 else ranks
            seconds += (PRODUCTS * 5 * R**2 * 8 / 3 / memory) / shared           # Hadamard products, three factors in one pass
            seconds += symmetric * (14 * n * R + 2 * n * R**2) / rate / shared
            if ranks > 1:
                message = n * R / 2 * 8 if ranks == 2 else symmetric * R**2 * 8 * 2 / (1 if ranks < 8 else ranks / 8)
                panels = 0 if inside == 1 else rows * 4 * R * R * 8 * 2 / math.sqrt(inside)
                steps = 0 if inside == 1 else rows * R / 64
                middle = 0 if chunks == 1 else 9 * R**2 * 8 * max(1, math.log2(chunks)) / inside
                sent += message + panels + middle
                seconds += (message + panels + middle) / network + latency * (2 * math.log2(ranks) + 2 * steps * math.log2(max(2, inside)))
        held = 8 * (P + 1) * n * R**2 * (FILL if chunks > 2 else 1) / ranks
        if best is None or seconds < best[0]:
            best = (seconds, sent, held, chunks)
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=25e9, help="flops of one core in matrix products of these sizes (bench_band)")
    parser.add_argument("--memory", type=float, default=10e9, help="bytes a second of one core from memory")
    parser.add_argument("--network", type=float, default=10e9, help="bytes a second of one rank")
    parser.add_argument("--latency", type=float, default=2e-6, help="seconds of a message")
    args = parser.parse_args()
    ranks = (1, 2, 4, 16, 64, 256, 1000)
    print("| rank R | cells | seconds on 1 | " + " | ".join(f"x on {p}" for p in ranks[1:]) + " | GB of the largest system on 1 | sent per rank of 1000, GB |")
    print("|---" * (len(ranks) + 4) + "|")
    for R, cells in ((64, 32), (128, 32), (256, 64), (512, 128), (1000, 500), (2000, 1000)):
        made = [sweep(R, cells, p, args.rate, args.memory, args.network, args.latency) for p in ranks]
        one = made[0][0]
        print(f"| {R} | {cells} | {one:.3g} | " + " | ".join(f"{one / m[0]:.3g}" for m in made[1:]) + f" | {made[0][2] / 1e9:.3g} | {made[-1][1] / 1e9:.2g} |")


main()

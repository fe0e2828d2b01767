// Relative L2 distance of two functions over a box: by a tensor Gauss rule, or by randomised quasi-Monte Carlo with its
// standard error.
//
// Quasi-Monte Carlo: the Kronecker sequence x_i = frac(shift + i alpha), alpha_d the square root of the d-th prime
// (Richtmyer, LA-1342, 1951; Niederreiter, Random Number Generation and Quasi-Monte Carlo Methods, SIAM 1992, ch. 3),
// for any number of points and directions. Powers of one number (the "R_d sequence") were tried and stall in 3 and 5
// directions. Each random shift (Cranley & Patterson, SIAM J. Numer. Anal. 13 (1976) 904) gives an unbiased estimate of
// both integrals, and 16 of them the spread. Importance sampling by the inverse of a piecewise-linear distribution.
// With A_s, B_s the estimates of ||u-v||^2 and ||v||^2 from shift s, Q = mean A / mean B, by the delta method:
//   error = sqrt(Q),   var Q = sum_s (A_s - Q B_s)^2 / (16*15 (mean B)^2),   standard error = sqrt(var Q)/(2 error)
//
// Points are dealt to the ranks in fixed chunks whose sums are added in the order of the chunks: the number of ranks
// does not change a bit.
#include <sna/sna.h>
#include <math.h>

#define BLOCK      4096 // points of one call of the functions
#define MAX_CHUNKS 4096 // sums kept for each shift
#define NSHIFT     16
#define SEED       0x5eed0f5afULL
#define UNIFORM    0.2 // share of uniform points in an importance density, which bounds the weights

// Fills the coordinates and weights of points first..first+n-1 of group g (a shift, or the whole grid).
typedef void (*PointRule)(const void *rule, PetscInt g, PetscInt64 first, PetscInt n, double *const x[], double w[]);

// sums[2*g] = sum of w (u-v)^2 and sums[2*g+1] = sum of w v^2 over the `points` points of group g.
static PetscErrorCode SumGroups(MPI_Comm comm, PetscInt nd, PetscInt ngroup, PetscInt64 points, PointRule fill,
  const void *rule, SnaFunction u, void *uctx, SnaFunction v, void *vctx, double sums[])
{
  const PetscInt64 nblock = (points + BLOCK - 1) / BLOCK, per_chunk = (nblock + MAX_CHUNKS - 1) / MAX_CHUNKS;
  const PetscInt   nchunk = (PetscInt)((nblock + per_chunk - 1) / per_chunk), nsum = 2 * ngroup * nchunk;
  double          *work, *chunk, *x[SNA_MAX_DIM], *w, *uvalue, *vvalue;
  PetscMPIInt      rank, size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscMalloc1((size_t)(nd + 3) * BLOCK, &work));
  for (PetscInt d = 0; d < nd; d++) x[d] = work + d * BLOCK;
  w      = work + nd * BLOCK;
  uvalue = w + BLOCK;
  vvalue = uvalue + BLOCK;
  PetscCall(PetscCalloc1(nsum, &chunk));
  for (PetscInt c = rank; c < ngroup * nchunk; c += size) {
    const PetscInt   g   = c / nchunk;
    const PetscInt64 end = PetscMin(points, (c % nchunk + 1) * per_chunk * BLOCK);

    for (PetscInt64 first = (c % nchunk) * per_chunk * BLOCK; first < end; first += BLOCK) {
      const PetscInt n          = (PetscInt)PetscMin(BLOCK, end - first);
      double         difference = 0, reference = 0;

      fill(rule, g, first, n, x, w);
      PetscCall(u(uctx, n, (const double *const *)x, uvalue));
      PetscCall(v(vctx, n, (const double *const *)x, vvalue));
      for (PetscInt i = 0; i < n; i++) {
        difference += w[i] * (uvalue[i] - vvalue[i]) * (uvalue[i] - vvalue[i]);
        reference += w[i] * vvalue[i] * vvalue[i];
      }
      chunk[2 * c] += difference;
      chunk[2 * c + 1] += reference;
    }
  }
  // One rank alone has a nonzero entry, so this sum is exact.
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, chunk, (PetscMPIInt)nsum, MPI_DOUBLE, MPI_SUM, comm));
  for (PetscInt g = 0; g < ngroup; g++) {
    sums[2 * g] = sums[2 * g + 1] = 0;
    for (PetscInt c = g * nchunk; c < (g + 1) * nchunk; c++) {
      sums[2 * g] += chunk[2 * c];
      sums[2 * g + 1] += chunk[2 * c + 1];
    }
  }
  PetscCall(PetscFree(chunk));
  PetscCall(PetscFree(work));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Tensor quadrature
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  PetscInt             nd;
  const PetscInt      *nq;
  const double *const *x, *const *w;
} GridRule;

static void FillGrid(const void *rule, PetscInt g, PetscInt64 first, PetscInt n, double *const x[], double w[])
{
  const GridRule *grid = (const GridRule *)rule;
  PetscInt        q[SNA_MAX_DIM];

  (void)g;
  for (PetscInt d = grid->nd - 1; d >= 0; d--) { // the last direction runs fastest
    q[d] = (PetscInt)(first % grid->nq[d]);
    first /= grid->nq[d];
  }
  for (PetscInt i = 0; i < n; i++) {
    w[i] = 1;
    for (PetscInt d = 0; d < grid->nd; d++) {
      x[d][i] = grid->x[d][q[d]];
      w[i] *= grid->w[d][q[d]];
    }
    for (PetscInt d = grid->nd - 1; d >= 0 && ++q[d] == grid->nq[d]; d--) q[d] = 0;
  }
}

PetscErrorCode SnaErrorOnGrid(MPI_Comm comm, PetscInt nd, const PetscInt nq[], const double *const x[],
  const double *const w[], SnaFunction u, void *uctx, SnaFunction v, void *vctx, SnaErrorEstimate *e)
{
  const GridRule grid   = {nd, nq, x, w};
  PetscInt64     points = 1;
  double         sums[2];

  PetscFunctionBeginUser;
  PetscCheck(nd >= 1 && nd <= SNA_MAX_DIM, comm, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " directions", nd);
  for (PetscInt d = 0; d < nd; d++) {
    PetscCheck(
      nq[d] >= 1, comm, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " points in direction %" PetscInt_FMT, nq[d], d);
    PetscCheck(points <= (INT64_MAX / 2 - BLOCK) / nq[d], comm, PETSC_ERR_ARG_OUTOFRANGE,
      "The grid has more points than can be counted");
    points *= nq[d];
  }
  PetscCall(SumGroups(comm, nd, 1, points, FillGrid, &grid, u, uctx, v, vctx, sums));
  e->norm           = PetscSqrtReal(sums[1]);
  e->error          = sums[1] > 0 ? PetscSqrtReal(sums[0] / sums[1]) : PetscSqrtReal(sums[0]);
  e->standard_error = 0;
  e->points         = points;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Quasi-Monte Carlo
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  PetscInt      nd;
  const double *lo, *hi;
  uint64_t      alpha[SNA_MAX_DIM];         // in units of 2^-64, so that multiples wrap without rounding
  uint64_t      shift[NSHIFT][SNA_MAX_DIM]; // likewise
  PetscInt      nbin[SNA_MAX_DIM];
  double       *edge[SNA_MAX_DIM]; // distribution at the nbin+1 edges of the bins, 0 at the first and 1 at the last
} QmcRule;

static uint64_t ToFraction(double x) // in [0, 1)
{
  return (uint64_t)ldexp(x, 64);
}

// The point of the unit interval below which `u` of the probability lies; *w is multiplied by 1/density.
static double Invert(PetscInt nbin, const double edge[], double u, double *w)
{
  PetscInt below = 0, above = nbin; // edge[below] <= u < edge[above]

  while (above - below > 1) {
    const PetscInt middle = below + (above - below) / 2;

    if (edge[middle] <= u)
      below = middle;
    else
      above = middle;
  }
  const double probability = edge[above] - edge[below];

  *w /= probability * (double)nbin;
  return ((double)below + (u - edge[below]) / probability) / (double)nbin;
}

static void FillQmc(const void *rule, PetscInt g, PetscInt64 first, PetscInt n, double *const x[], double w[])
{
  const QmcRule *qmc    = (const QmcRule *)rule;
  double         volume = 1;

  for (PetscInt d = 0; d < qmc->nd; d++) volume *= qmc->hi[d] - qmc->lo[d];
  for (PetscInt i = 0; i < n; i++) {
    w[i] = volume;
    for (PetscInt d = 0; d < qmc->nd; d++) {
      const uint64_t fraction = qmc->shift[g][d] + (uint64_t)(first + i) * qmc->alpha[d];
      const double   u        = ((double)(fraction >> 12) + 0.5) * 0x1p-52;
      const double   s        = qmc->nbin[d] > 1 ? Invert(qmc->nbin[d], qmc->edge[d], u, &w[i]) : u;

      x[d][i] = qmc->lo[d] + (qmc->hi[d] - qmc->lo[d]) * s;
    }
  }
}

// nbin = 1 stands for the uniform density. Entries that are negative (round-off of small masses) or not finite count
// as zero.
static PetscErrorCode SetDistribution(PetscInt nbin, const double bin[], PetscInt *n, double **edge)
{
  double sum = 0;

  PetscFunctionBeginUser;
  *n = 1;
  PetscCall(PetscMalloc1(nbin + 1, edge));
  for (PetscInt c = 0; c < nbin; c++) {
    (*edge)[c] = sum;
    if (bin[c] > 0 && !PetscIsInfOrNanReal(bin[c])) sum += bin[c];
  }
  if (sum > 0 && !PetscIsInfOrNanReal(sum)) *n = nbin;
  for (PetscInt c = 0; c<nbin && * n> 1; c++)
    (*edge)[c] = (1 - UNIFORM) * (*edge)[c] / sum + UNIFORM * (double)c / (double)nbin;
  (*edge)[nbin] = 1;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaErrorQmc(MPI_Comm comm, PetscInt nd, const double lo[], const double hi[], const PetscInt nbin[],
  const double *const bin[], PetscInt points, SnaFunction u, void *uctx, SnaFunction v, void *vctx, SnaErrorEstimate *e)
{
  const PetscInt64 per_shift = PetscMax(1, points / NSHIFT);
  const double prime[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
    97, 101, 103, 107, 109, 113, 127, 131};
  QmcRule      qmc;
  double       sums[2 * NSHIFT], a = 0, b = 0, variance = 0, q;

  PetscFunctionBeginUser;
  _Static_assert(PETSC_STATIC_ARRAY_LENGTH(prime) == SNA_MAX_DIM, "one prime for each direction");
  PetscCheck(nd >= 1 && nd <= SNA_MAX_DIM, comm, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " directions", nd);
  PetscCheck(points >= 1, comm, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " points", points);
  qmc.nd = nd;
  qmc.lo = lo;
  qmc.hi = hi;
  for (PetscInt d = 0; d < nd; d++) {
    qmc.alpha[d] = ToFraction(fmod(sqrt(prime[d]), 1));
    for (int s = 0; s < NSHIFT; s++) qmc.shift[s][d] = ToFraction(SnaRandomUniform(SEED, (uint64_t)s, (uint64_t)d));
    qmc.nbin[d] = 1;
    qmc.edge[d] = NULL;
    if (bin && bin[d]) PetscCall(SetDistribution(nbin[d], bin[d], &qmc.nbin[d], &qmc.edge[d]));
  }
  PetscCall(SumGroups(comm, nd, NSHIFT, per_shift, FillQmc, &qmc, u, uctx, v, vctx, sums));
  for (PetscInt d = 0; d < nd; d++) PetscCall(PetscFree(qmc.edge[d]));

  for (int s = 0; s < NSHIFT; s++) {
    sums[2 * s] /= (double)per_shift;
    sums[2 * s + 1] /= (double)per_shift;
    a += sums[2 * s] / NSHIFT;
    b += sums[2 * s + 1] / NSHIFT;
  }
  if (b > 0)
    q = a / b;
  else
    q = a; // ||v|| = 0: the absolute error
  for (int s = 0; s < NSHIFT; s++) {
    const double deviation = b > 0 ? (sums[2 * s] - q * sums[2 * s + 1]) / b : sums[2 * s] - q;

    variance += deviation * deviation / (NSHIFT * (NSHIFT - 1));
  }
  e->norm           = PetscSqrtReal(b);
  e->error          = PetscSqrtReal(q);
  e->standard_error = e->error > 0 ? PetscSqrtReal(variance) / (2 * e->error) : 0;
  e->points         = NSHIFT * per_shift;
  PetscFunctionReturn(0);
}

// prolong.c - tensor trains on other bases: L2 projection of the leaves, and the distance to coarser bases.
//
//   leaf_new = M_new^{-1} X leaf,   X_ij = int B^new_i B_j
//
// The integrals run over the pieces that the cells of both bases make together, with the points of the more demanding one: they are exact for splines and
// polynomials on one interval, and exact to round-off for sines and cosines. A projection of every direction is the orthogonal projection of the function on the
// product of the new spaces.
#include "tt_impl.h"

// Two bases of one interval on a common quadrature: point q has weight w[q], and basis s (0 or 1) the values value[s][q*local + a] of the functions
// index[s][q][a] (-1: dropped).
typedef struct {
  SnaBasisInfo     info[2];
  PetscInt         nq;
  const PetscInt **index[2];
  double          *w, *value[2];
} Pair;

// End of cell c in [0, 1]. Quotients of integers for equal cells: where two bases share a break point it is the same number.
static double CellEnd(SnaBasis b, const SnaBasisInfo *info, PetscInt c)
{
  if (info->nbreak == 0) return (double)(c + 1) / (double)info->cells;
  return (SnaBasisCellStart(b, c + 1) - info->lo) / (info->hi - info->lo);
}

static PetscErrorCode PairCreate(SnaBasis a, SnaBasis b, Pair *pair)
{
  const double   same     = 1e-12; // break points nearer than this share of the interval are one
  const SnaBasis basis[2] = {a, b};
  PetscInt       done[2]  = {0, 0};
  double        *node, *weight, left = 0;

  PetscFunctionBeginUser;
  for (int s = 0; s < 2; s++) PetscCall(SnaBasisGetInfo(basis[s], &pair->info[s]));
  const PetscInt ca = pair->info[0].cells, cb = pair->info[1].cells;
  const PetscInt points = PetscMax(pair->info[0].points, pair->info[1].points);
  const double   lo = pair->info[0].lo, hi = pair->info[0].hi;

  PetscCheck(lo == pair->info[1].lo && hi == pair->info[1].hi, PETSC_COMM_SELF, PETSC_ERR_ARG_INCOMP,
    "Direction %s: the bases have different intervals", pair->info[0].name);
  PetscCall(PetscMalloc2(points, &node, points, &weight));
  PetscCall(SnaGaussLegendre(points, node, weight));
  PetscCall(PetscMalloc1((size_t)(ca + cb) * (size_t)points, &pair->w));
  for (int s = 0; s < 2; s++) {
    PetscCall(PetscMalloc2((size_t)(ca + cb) * (size_t)points, &pair->index[s],
      (size_t)(ca + cb) * (size_t)points * (size_t)pair->info[s].local, &pair->value[s]));
  }
  pair->nq = 0;
  while (done[0] < ca && done[1] < cb) {
    const double ea = CellEnd(a, &pair->info[0], done[0]), eb = CellEnd(b, &pair->info[1], done[1]);
    const double right = PetscMin(ea, eb), h = (hi - lo) * (right - left);

    for (PetscInt g = 0; right - left > same && g < points; g++, pair->nq++) {
      pair->w[pair->nq] = 0.5 * h * weight[g];
      for (int s = 0; s < 2; s++) {
        PetscInt cell;

        PetscCall(SnaBasisEvaluate(basis[s], lo + (hi - lo) * left + 0.5 * h * (1 + node[g]), 0, &cell,
          pair->value[s] + pair->nq * pair->info[s].local));
        PetscCall(SnaBasisGetIndex(basis[s], cell, &pair->index[s][pair->nq]));
      }
    }
    left = right;
    if (ea <= right + same) done[0]++;
    if (eb <= right + same) done[1]++;
  }
  PetscCall(PetscFree2(node, weight));
  PetscFunctionReturn(0);
}

static PetscErrorCode PairDestroy(Pair *pair)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(pair->w));
  for (int s = 0; s < 2; s++) PetscCall(PetscFree2(pair->index[s], pair->value[s]));
  PetscFunctionReturn(0);
}

// f[j] = sum_i B_i(x_q) C[i*m + j] for the functions of basis s.
static void ValuesAt(const Pair *pair, int s, PetscInt q, PetscInt m, const double *C, double *f)
{
  const PetscInt local = pair->info[s].local;

  for (PetscInt j = 0; j < m; j++) f[j] = 0;
  for (PetscInt a = 0; a < local; a++) {
    const PetscInt i = pair->index[s][q][a];

    if (i < 0) continue;
    for (PetscInt j = 0; j < m; j++) f[j] += pair->value[s][q * local + a] * C[i * m + j];
  }
}

// projected (n_1 x m) = L2 projection on basis 1, which is direction d of `to`, of the m functions C (n_0 x m) of basis 0.
static PetscErrorCode Project(
  const Pair *pair, SnaTtSpace to, PetscInt d, PetscInt m, const double *C, double *projected)
{
  const PetscInt n = pair->info[1].n, p = pair->info[1].band, local = pair->info[1].local;
  double        *f, *L;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(m, &f));
  PetscCall(PetscArrayzero(projected, (size_t)n * (size_t)m));
  for (PetscInt q = 0; q < pair->nq; q++) {
    ValuesAt(pair, 0, q, m, C, f);
    for (PetscInt a = 0; a < local; a++) {
      const PetscInt i = pair->index[1][q][a];
      const double   v = pair->w[q] * pair->value[1][q * local + a];

      if (i < 0) continue;
      for (PetscInt j = 0; j < m; j++) projected[i * m + j] += v * f[j];
    }
  }
  PetscCall(SnaTtMassCholesky_Private(to, d, &L));
  SnaTtMassSolve_Private(n, p, L, m, projected);
  SnaTtMassSolveT_Private(n, p, L, m, projected);
  PetscCall(PetscFree(L));
  PetscCall(PetscFree(f));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtProlong(SnaTtSpace from, SnaTtSpace to, SnaTt tt, PetscInt c, SnaTt *prolonged)
{
  SnaTt t;

  PetscFunctionBeginUser;
  PetscCall(SnaTtCheck_Private(from, tt));
  PetscCheck(from->nd == to->nd, PETSC_COMM_SELF, PETSC_ERR_ARG_INCOMP, "Spaces of different directions");
  PetscCall(SnaTtDuplicate(tt, &t));
  for (PetscInt k = 0; k < t->nd; k++) {
    const PetscInt d = t->dir[k], n = to->info[d].n, m = t->m[k], kept = PetscMin(n, m);
    double        *old = t->leaf[k], *leaf, *R;
    Pair           pair;

    if (!old) {
      PetscCall(PetscCalloc1((size_t)m * (size_t)m, &old));
      for (PetscInt i = 0; i < m; i++) old[i * m + i] = 1;
    }
    PetscCall(PetscMalloc1((size_t)n * (size_t)m, &leaf));
    PetscCall(PetscMalloc1((size_t)kept * (size_t)m, &R));
    PetscCall(PairCreate(from->basis[d], to->basis[d], &pair));
    PetscCall(Project(&pair, to, d, m, old, leaf));
    PetscCall(PairDestroy(&pair));
    PetscCall(SnaTtOrthonormaliseColumns_Private(to, d, m, leaf, R));
    PetscCall(SnaTtMultiplyMode_Private(t, k, PETSC_TRUE, kept, R));
    PetscCall(PetscFree(old));
    PetscCall(PetscFree(R));
    t->leaf[k] = leaf;
    t->n[k]    = n;
    t->m[k]    = kept;
  }
  PetscCall(SnaTtOrthonormaliseCores_Private(t, c));
  *prolonged = t;
  PetscFunctionReturn(0);
}

// L2 distance of the m functions C to the basis of the same kind at another resolution, root of the sum of squares; negative where there is no such basis.
static PetscErrorCode CoarserDistance(
  SnaBasis basis, PetscInt resolution, PetscInt m, const double *C, double *distance)
{
  SnaBasisInfo info;
  SnaBasis     coarse;
  SnaTtSpace   space;
  Pair         pair;
  PetscBool    ok;
  double      *projected, *f, *g, sum = 0;
  char         message[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(basis, &info));
  const SnaBasisSpec spec = {.family = info.family,
    .degree                          = info.degree,
    .resolution                      = resolution,
    .lo                              = info.lo,
    .hi                              = info.hi,
    .end                             = {info.end[0], info.end[1]},
    .nbreak                          = info.nbreak,
    .breakpoint                      = info.breakpoint};

  *distance = -1;
  PetscCall(SnaBasisCheck(&spec, &ok, message));
  if (!ok) PetscFunctionReturn(0);
  PetscCall(SnaBasisCreateLike(basis, resolution, &coarse));
  PetscCall(SnaTtSpaceCreate(1, &coarse, &space));
  PetscCall(PairCreate(basis, coarse, &pair));
  PetscCall(PetscMalloc3((size_t)space->info[0].n * (size_t)m, &projected, m, &f, m, &g));
  PetscCall(Project(&pair, space, 0, m, C, projected));
  // Pointwise: the difference of the squared norms would lose what is below 1e-8.
  for (PetscInt q = 0; q < pair.nq; q++) {
    ValuesAt(&pair, 0, q, m, C, f);
    ValuesAt(&pair, 1, q, m, projected, g);
    for (PetscInt j = 0; j < m; j++) sum += pair.w[q] * PetscSqr(f[j] - g[j]);
  }
  *distance = PetscSqrtReal(sum);
  PetscCall(PetscFree3(projected, f, g));
  PetscCall(PairDestroy(&pair));
  PetscCall(SnaTtSpaceDestroy(&space));
  PetscCall(SnaBasisDestroy(&coarse));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtSplineError(
  SnaTtSpace space, SnaTt tt, PetscInt c, PetscInt halved[], double error[], double quarter[])
{
  SnaTt t;

  PetscFunctionBeginUser;
  PetscCall(SnaTtCheck_Private(space, tt));
  PetscCall(SnaTtDuplicate(tt, &t));
  for (PetscInt k = c; k > 0; k--) PetscCall(SnaTtMoveCentre(t, k, PETSC_FALSE));
  for (PetscInt k = 0; k < t->nd; k++) {
    const PetscInt d = t->dir[k], n = t->n[k], m = t->m[k], rq = t->r[k] * t->r[k + 1], rank = PetscMin(rq, m);
    const PetscInt N = space->info[d].resolution;
    double        *Q, *R, *work, *C;

    PetscCheck(t->leaf[k], PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE, "Site %" PetscInt_FMT " is not orthonormal", k);
    // core as (a,b) x j = Q R: the function is Q times the columns of leaf R^T, and Q is orthonormal.
    PetscCall(PetscMalloc4((size_t)rq * (size_t)m, &Q, (size_t)rank * (size_t)m, &R, SnaTtQRWork_Private(rq, m), &work,
      (size_t)n * (size_t)rank, &C));
    PetscCall(PetscArraycpy(Q, t->core[k], (size_t)rq * (size_t)m));
    PetscCall(SnaTtQR_Private(rq, m, Q, R, work));
    PetscCall(SnaTtGemm_Private("N", "N", rank, n, m, R, rank, t->leaf[k], m, 0, C, rank));
    const PetscBool spline = (PetscBool)(space->info[d].degree > 0);

    halved[d]  = N < 4 ? 0 : spline ? N / 2 : 3 * N / 4;
    error[d]   = -1;
    quarter[d] = -1;
    if (N >= 4) PetscCall(CoarserDistance(space->basis[d], halved[d], rank, C, &error[d]));
    if (N >= (spline ? 8 : 4))
      PetscCall(CoarserDistance(space->basis[d], spline ? N / 4 : N / 2, rank, C, &quarter[d]));
    if (error[d] < 0) error[d] = halved[d] = 0; // too few to be halved
    PetscCall(PetscFree4(Q, R, work, C));
    if (k + 1 < t->nd) PetscCall(SnaTtMoveCentre(t, k, PETSC_TRUE));
  }
  PetscCall(SnaTtDestroy(&t));
  PetscFunctionReturn(0);
}

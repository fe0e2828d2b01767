// order.c - orders of the directions along a train.
//
// Whatever the order, the states of L at a cut and the rank of a given function there depend only on the set S of directions on its left. A sum over sites of
// costs cost(S, d), direction d placed right of the set S, is therefore minimised over all orders by dynamic programming over sets,
//
//   togo(S) = min_d cost(S, d) + togo(S + d),    togo(all) = 0.
//
// By the operator: cost = couplings of directions that the cut right of d divides.  By a solution: the flops of one product with the local operator in the core of d,
//   cost = N (S_k^2 r_k + P^2 m_d + S_{k+1}^2 r_{k+1}),  N = r_k m_d r_{k+1},     S, P: states and transitions of L; r: ranks; m_d: mode rank.
// Galerkin: L is the operator of the local problems itself, and nothing is squared.
// The ranks of all cuts come from the expanded core by Gram matrices: singular values below 1e-8 of the norm are lost, which an order does not need.
#include "operator.h"
#include "tt_impl.h"

#define MAX_EXHAUSTIVE 12                // directions for which all sets are visited
#define MAX_CORE       ((size_t)1 << 20) // numbers of the expanded core
#define CORE           ((size_t)1 << 16) // beyond this many the mode ranks are truncated harder, up to 8 tol
#define MAX_WORK       1e11              // 2^nd * core^(3/2), about the flops of the Gram matrices of all cuts

// States of L at the cut with the directions of `left` on its left; state[t] (may be NULL): which of them term t passes.
static PetscErrorCode FindStates(SnaLsq lsq, PetscInt left, PetscInt state[], PetscInt *count)
{
  const PetscInt nk = lsq->nk;
  PetscInt      *side[2], *start, *col, n[2] = {PetscMin(nk, 1), PetscMin(nk, 1)};
  PetscBool     *row_covered, *col_covered;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc2((size_t)nk, &side[0], (size_t)nk, &side[1])); // which left and right product a term has
  for (PetscInt d = 0; d < lsq->nd; d++) {
    const PetscInt i = left & (1 << d) ? 0 : 1;

    PetscCall(SnaTtNumberPairs_Private(nk, side[i], lsq->dir[d].op, side[i], &n[i]));
  }
  PetscCall(PetscCalloc2((size_t)n[0] + 2, &start, (size_t)nk, &col));
  for (PetscInt t = 0; t < nk; t++) start[side[0][t] + 2]++;
  for (PetscInt i = 0; i < n[0]; i++) start[i + 2] += start[i + 1];
  for (PetscInt t = 0; t < nk; t++) col[start[side[0][t] + 1]++] = side[1][t];
  PetscCall(PetscMalloc2((size_t)n[0], &row_covered, (size_t)n[1], &col_covered));
  PetscCall(SnaTtVertexCover_Private(n[0], n[1], start, col, row_covered, col_covered));
  *count = 0;
  for (PetscInt i = 0; i < n[0]; i++) *count += row_covered[i] ? 1 : 0;
  for (PetscInt i = 0; i < n[1]; i++) *count += col_covered[i] ? 1 : 0;
  for (PetscInt t = 0; t < nk && state; t++) state[t] = row_covered[side[0][t]] ? side[0][t] : n[0] + side[1][t];
  PetscCall(PetscFree2(row_covered, col_covered));
  PetscCall(PetscFree2(start, col));
  PetscCall(PetscFree2(side[0], side[1]));
  PetscFunctionReturn(0);
}

// Sets of directions that the solution is expected to couple: touched[0..n).
//
// A term couples the directions in which it is not the identity. In an evolution problem (one direction, "time", whose first derivative stands alone in a term) the solution is
// exp(-t (other terms)) of the initial state: time belongs to every set, and to each direction without derivatives (a parameter), on which it depends through its product with time.
// A symmetric weak form has no direction of time.
static PetscErrorCode Couplings(SnaLsq lsq, PetscInt *n, PetscInt touched[])
{
  PetscInt time = -1, candidates = 0, differentiated = 0;

  PetscFunctionBeginUser;
  for (PetscInt t = 0; t < lsq->nk; t++) {
    touched[t] = 0;
    for (PetscInt d = 0; d < lsq->nd; d++) {
      const SnaLsqDirection *D = &lsq->dir[d];

      if (D->op[t] != D->identity) touched[t] |= 1 << d;
      if (D->derivative[D->op[t]] > 0) differentiated |= 1 << d;
    }
    for (PetscInt d = 0; d < lsq->nd; d++)
      if (touched[t] == 1 << d && lsq->dir[d].derivative[lsq->dir[d].op[t]] == 1) {
        time = d;
        candidates++;
      }
  }
  *n = lsq->nk;
  if (candidates != 1 || lsq->galerkin) PetscFunctionReturn(0);
  for (PetscInt t = 0; t < lsq->nk; t++) touched[t] |= 1 << time;
  for (PetscInt d = 0; d < lsq->nd; d++)
    if (!(differentiated & (1 << d))) touched[(*n)++] = 1 << d | 1 << time;
  PetscFunctionReturn(0);
}

// Couplings that the cut with the directions of `left` on its left divides.
static PetscInt Divided(PetscInt n, const PetscInt touched[], PetscInt left)
{
  PetscInt count = 0;

  for (PetscInt t = 0; t < n; t++) count += (touched[t] & left) && (touched[t] & ~left);
  return count;
}

PetscErrorCode SnaTtOrderFromOperator(SnaLsq lsq, PetscInt dir[])
{
  const PetscInt nd = lsq->nd, full = (1 << nd) - 1;
  PetscInt       n, *touched, *togo = NULL; // togo: here with the cost of the cut of S itself

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)(lsq->nk + nd), &touched));
  PetscCall(Couplings(lsq, &n, touched));
  if (nd <= MAX_EXHAUSTIVE) {
    PetscCall(PetscMalloc1((size_t)full + 1, &togo));
    for (PetscInt S = full; S >= 0; S--) {
      togo[S] = S == full ? 0 : PETSC_MAX_INT;
      for (PetscInt d = 0; d < nd; d++)
        if (!(S & (1 << d))) togo[S] = PetscMin(togo[S], togo[S | (1 << d)]);
      togo[S] += Divided(n, touched, S);
    }
  }
  // The first of the best directions every time: of all best orders, an order and its reverse among them, the first.
  for (PetscInt k = 0, S = 0; k < nd; S |= 1 << dir[k], k++) {
    PetscInt best = PETSC_MAX_INT;

    for (PetscInt d = 0; d < nd; d++) {
      PetscInt cost;

      if (S & (1 << d)) continue;
      cost = togo ? togo[S | (1 << d)] : Divided(n, touched, S | (1 << d));
      if (cost >= best) continue;
      best   = cost;
      dir[k] = d;
    }
  }
  PetscCall(PetscFree(togo));
  PetscCall(PetscFree(touched));
  PetscFunctionReturn(0);
}

static size_t CoreSize(SnaTt tt)
{
  size_t size = 1;

  for (PetscInt k = 0; k < tt->nd; k++) size = size > MAX_CORE ? size : size * (size_t)tt->m[k];
  return size;
}

// All cores multiplied: T[j_0 + m_0*(j_1 + m_1*(j_2 + ..))], sites in the order of the train.
static PetscErrorCode Expand(SnaTt tt, double **T)
{
  double  *left, *right, *core;
  PetscInt count = 1;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(1, &left));
  left[0] = 1;
  for (PetscInt k = 0; k < tt->nd; k++) {
    const PetscInt r = tt->r[k], q = tt->r[k + 1], m = tt->m[k];

    PetscCall(PetscMalloc1((size_t)r * (size_t)q * (size_t)m, &core)); // r x (m q)
    PetscCall(PetscMalloc1((size_t)count * (size_t)q * (size_t)m, &right));
    for (PetscInt b = 0; b < q; b++)
      for (PetscInt j = 0; j < m; j++)
        PetscCall(PetscArraycpy(core + r * (j + m * b), tt->core[k] + r * (b + q * j), (size_t)r));
    PetscCall(SnaTtGemm_Private("N", "N", count, m * q, r, left, count, core, r, 0, right, count));
    PetscCall(PetscFree(left));
    PetscCall(PetscFree(core));
    left = right;
    count *= m;
  }
  *T = left;
  PetscFunctionReturn(0);
}

// Least rank at which the sum of the other eigenvalues of the Gram matrix G (n x n) is at most tol^2. Pivoted Cholesky leaves the small ones out.
static PetscErrorCode RankOfGram(PetscInt n, const double *G, double tol, PetscInt *rank)
{
  const PetscBLASInt nb = (PetscBLASInt)n, one = 1;
  const double       unit = 1, minus = -1, zero = 0;
  PetscBLASInt       r = 0, lwork, info;
  double            *L, *B, *rest, *eigenvalue, *work, trace = 0, left, tail2, floor2, length;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)n * (size_t)n, &L, (size_t)n, &rest));
  for (PetscInt i = 0; i < n; i++) {
    rest[i] = G[i + n * i];
    trace += rest[i];
  }
  floor2 = PetscMax(0.01 * PetscSqr(tol), 1e-15 * trace);
  for (left = trace; left > floor2 && r < nb; r++) {
    double  *l = L + n * r;
    PetscInt p = 0;

    for (PetscInt i = 0; i < n; i++)
      if (rest[i] > rest[p]) p = i;
    if (rest[p] <= 0) break;
    PetscCall(PetscArraycpy(l, G + n * p, (size_t)n));
    if (r > 0) PetscCallBLAS("dgemv", BLASgemv_("N", &nb, &r, &minus, L, &nb, L + p, &nb, &unit, l, &one));
    length = PetscSqrtReal(rest[p]);
    left   = 0;
    for (PetscInt i = 0; i < n; i++) {
      l[i] /= length;
      rest[i] = i == p ? 0 : PetscMax(0, rest[i] - l[i] * l[i]);
      left += rest[i];
    }
  }
  lwork = 3 * PetscMax(r, 1);
  PetscCall(PetscMalloc3((size_t)r * (size_t)r, &B, (size_t)r, &eigenvalue, (size_t)lwork, &work));
  if (r > 0) {
    PetscCallBLAS("dgemm", BLASgemm_("T", "N", &r, &r, &nb, &unit, L, &nb, L, &nb, &zero, B, &r));
    PetscCallBLAS("dsyev", LAPACKsyev_("N", "U", &r, B, &r, eigenvalue, work, &lwork, &info));
    PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "dsyev: info %d", (int)info);
  }
  *rank = r;
  tail2 = left;
  for (PetscInt i = 0; i < r && tail2 + eigenvalue[i] <= PetscSqr(tol); i++, (*rank)--) tail2 += eigenvalue[i];
  *rank = PetscMax(*rank, 1);
  PetscCall(PetscFree3(B, eigenvalue, work));
  PetscCall(PetscFree2(L, rest));
  PetscFunctionReturn(0);
}

// Positions in T of all combinations of the modes of the directions in `set`, whose strides are given.
static PetscErrorCode Offsets(
  PetscInt nd, PetscInt set, const PetscInt m[], const PetscInt stride[], PetscInt *n, PetscInt **offset)
{
  PetscFunctionBeginUser;
  *n = 1;
  for (PetscInt d = 0; d < nd; d++)
    if (set & (1 << d)) *n *= m[d];
  PetscCall(PetscMalloc1((size_t)*n, offset));
  (*offset)[0] = 0;
  *n           = 1;
  for (PetscInt d = 0; d < nd; d++) {
    if (!(set & (1 << d))) continue;
    for (PetscInt i = *n; i < *n * m[d]; i++) (*offset)[i] = (*offset)[i - *n] + stride[d];
    *n *= m[d];
  }
  PetscFunctionReturn(0);
}

// rank[S] of the cut between the directions of S and the others, for all sets S. The train's leaves are orthonormal.
static PetscErrorCode CutRanks(SnaTt tt, double tol, PetscInt rank[])
{
  const PetscInt nd = tt->nd, full = (1 << nd) - 1;
  PetscInt       stride[SNA_MAX_DIM], m[SNA_MAX_DIM];
  double        *T;

  PetscFunctionBeginUser;
  PetscCall(Expand(tt, &T));
  for (PetscInt k = 0, s = 1; k < nd; s *= tt->m[k], k++) {
    stride[tt->dir[k]] = s;
    m[tt->dir[k]]      = tt->m[k];
  }
  rank[0] = rank[full] = 1;
  for (PetscInt S = 1; S < full; S += 2) { // direction 0 is on the left
    PetscInt     n[2], *offset[2];
    double      *X, *G; // n[0] x n[1], n[0] <= n[1];  G = X X^T, lower triangle filled in
    const double unit = 1, zero = 0;
    PetscBLASInt nb, cb;

    PetscCall(Offsets(nd, S, m, stride, &n[0], &offset[0]));
    PetscCall(Offsets(nd, full ^ S, m, stride, &n[1], &offset[1]));
    if (n[0] > n[1]) {
      PetscInt size = n[0], *o = offset[0];

      n[0]      = n[1];
      n[1]      = size;
      offset[0] = offset[1];
      offset[1] = o;
    }
    PetscCall(PetscMalloc2((size_t)n[0] * (size_t)n[1], &X, (size_t)n[0] * (size_t)n[0], &G));
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++) X[i + n[0] * j] = T[offset[0][i] + offset[1][j]];
    nb = (PetscBLASInt)n[0];
    cb = (PetscBLASInt)n[1];
    PetscCallBLAS("dsyrk", BLASsyrk_("L", "N", &nb, &cb, &unit, X, &nb, &zero, G, &nb));
    for (PetscInt j = 0; j < n[0]; j++)
      for (PetscInt i = 0; i < j; i++) G[i + n[0] * j] = G[j + n[0] * i];
    PetscCall(RankOfGram(n[0], G, tol, &rank[S]));
    rank[full ^ S] = rank[S];
    PetscCall(PetscFree2(X, G));
    PetscCall(PetscFree(offset[0]));
    PetscCall(PetscFree(offset[1]));
  }
  PetscCall(PetscFree(T));
  PetscFunctionReturn(0);
}

// What the work of an order depends on: ranks, states and the states that terms pass, of all sets; mode ranks of the directions.
typedef struct {
  SnaLsq    lsq;
  PetscInt *rank, *nstate, *state; // state[S*nk + t]
  PetscInt  m[SNA_MAX_DIM];
} Costs;

static PetscErrorCode Cost(const Costs *c, PetscInt S, PetscInt d, double *cost)
{
  const PetscInt nk = c->lsq->nk, R = S | (1 << d);
  const double   r = c->rank[S], q = c->rank[R], m = c->m[d];
  double         left = c->nstate[S], right = c->nstate[R], middle;
  PetscInt      *id, transitions;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)nk, &id));
  PetscCall(SnaTtNumberPairs_Private(nk, c->state + S * nk, c->state + R * nk, id, &transitions));
  PetscCall(SnaTtNumberPairs_Private(nk, id, c->lsq->dir[d].op, id, &transitions));
  PetscCall(PetscFree(id));
  middle = (double)transitions;
  if (!c->lsq->galerkin) {
    left *= left;
    middle *= middle;
    right *= right;
  }
  *cost = r * m * q * (left * r + middle * m + right * q);
  PetscFunctionReturn(0);
}

static PetscErrorCode LeastWork(const Costs *c, PetscInt dir[], double work[2])
{
  const PetscInt nd = c->lsq->nd, full = (1 << nd) - 1;
  double        *togo;
  PetscInt      *next;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)full + 1, &togo, (size_t)full + 1, &next));
  work[0] = 0;
  for (PetscInt k = 0, S = 0; k < nd; S |= 1 << dir[k], k++) {
    double cost;

    PetscCall(Cost(c, S, dir[k], &cost));
    work[0] += cost;
  }
  for (PetscInt S = full; S >= 0; S--) {
    togo[S] = S == full ? 0 : PETSC_MAX_REAL;
    for (PetscInt d = 0; d < nd; d++) { // integers, so ties are exact and the first direction wins
      double cost;

      if (S & (1 << d)) continue;
      PetscCall(Cost(c, S, d, &cost));
      cost += togo[S | (1 << d)];
      if (cost >= togo[S]) continue;
      togo[S] = cost;
      next[S] = d;
    }
  }
  work[1] = togo[0];
  for (PetscInt k = 0, S = 0; k < nd; S |= 1 << dir[k], k++) dir[k] = next[S];
  PetscCall(PetscFree2(togo, next));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtOrderFromSolution(
  SnaTtSpace space, SnaLsq lsq, SnaTt tt, double tol, PetscInt dir[], double work[2], PetscBool *known)
{
  const PetscInt nd = tt->nd, nset = nd <= MAX_EXHAUSTIVE ? 1 << nd : 1;
  const double   tol_cut = tol / PetscSqrtReal((double)PetscMax(nd - 1, 1));
  Costs          c       = {.lsq = lsq};
  SnaTt          copy;
  double         size;

  PetscFunctionBeginUser;
  *known  = PETSC_FALSE;
  work[0] = work[1] = 0;
  PetscCall(PetscArraycpy(dir, tt->dir, (size_t)nd));
  if (nd > MAX_EXHAUSTIVE) PetscFunctionReturn(0);
  PetscCall(SnaTtDuplicate(tt, &copy));
  PetscCall(SnaTtOrthonormalise(space, copy, 0));
  PetscCall(SnaTtTruncateModes(space, copy, 0, tol));
  for (PetscInt factor = 2; factor <= 8 && CoreSize(copy) > CORE; factor *= 2)
    PetscCall(SnaTtTruncateModes(space, copy, 0, (double)factor * tol));
  size = (double)CoreSize(copy);
  if (CoreSize(copy) <= MAX_CORE && (double)nset * size * PetscSqrtReal(size) <= MAX_WORK) {
    PetscCall(PetscMalloc3((size_t)nset, &c.rank, (size_t)nset, &c.nstate, (size_t)nset * (size_t)lsq->nk, &c.state));
    for (PetscInt k = 0; k < nd; k++) c.m[tt->dir[k]] = copy->m[k];
    for (PetscInt S = 0; S < nset; S++) PetscCall(FindStates(lsq, S, c.state + S * lsq->nk, &c.nstate[S]));
    PetscCall(CutRanks(copy, tol_cut, c.rank));
    PetscCall(LeastWork(&c, dir, work));
    PetscCall(PetscFree3(c.rank, c.nstate, c.state));
    *known = PETSC_TRUE;
  }
  PetscCall(SnaTtDestroy(&copy));
  PetscFunctionReturn(0);
}

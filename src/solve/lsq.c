// lsq.c - the least-squares functional F(u) = ||L u + g||^2 of a separable problem as tables of 1-D integrals.
//
// With L = sum_k s_k (x)_d O_{k,d} and g = sum_m t_m (x)_d q_{m,d}, F needs only M^d_{ab} = int (O_a B_i)(O_b B_j), f^d_{aq} = int (O_a B_i) q
// and c^d_{qq'} = int q q' (doc/theory.md). The K^2 pairs of terms meet in far fewer different 1-D pairs: the distinct operators of each
// direction are found here by comparing their values on the quadrature points, whatever the deck called them. Minimising F is als.c's work.
#include <sna/solve.h>

#define SAME_FUNCTION 1e-13 // two functions scaled to maximum 1 are one function below this difference

typedef struct { // a 1-D function on the quadrature points, scaled so that its largest value is +1
  double  *g;
  PetscInt derivative;
} Function1D;

// Scales the term's values in one direction to maximum 1; *scale = 0 for a function that vanishes on all points. The sign comes from the first
// point of at least half the maximum: an odd function has its maximum at both ends, and round-off decides which is larger.
static void Normalise(PetscInt nq, const double *value, double *g, double *scale)
{
  double largest = 0, sign = 0;

  for (PetscInt q = 0; q < nq; q++) largest = PetscMax(largest, PetscAbsReal(value ? value[q] : 1.0));
  for (PetscInt q = 0; q < nq && sign == 0; q++) {
    const double v = value ? value[q] : 1.0;
    if (PetscAbsReal(v) >= 0.5 * largest) sign = v < 0 ? -1 : 1;
  }
  *scale = sign * largest;
  for (PetscInt q = 0; q < nq; q++) g[q] = largest > 0 ? (value ? value[q] : 1.0) / *scale : 0;
}

// Index of (g, derivative) in list[0..*n), appended when new.
static PetscErrorCode FindOrAppend(
  PetscInt nq, const double *g, PetscInt derivative, PetscInt *n, Function1D list[], PetscInt *index)
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < *n; i++) {
    double difference = 0;
    if (list[i].derivative != derivative) continue;
    for (PetscInt q = 0; q < nq; q++) difference = PetscMax(difference, PetscAbsReal(list[i].g[q] - g[q]));
    if (difference <= SAME_FUNCTION) {
      *index = i;
      PetscFunctionReturn(0);
    }
  }
  PetscCall(PetscMalloc1(nq, &list[*n].g));
  PetscCall(PetscArraycpy(list[*n].g, g, nq));
  list[*n].derivative = derivative;
  *index              = (*n)++;
  PetscFunctionReturn(0);
}

static PetscBool IsOne(PetscInt nq, const double *g)
{
  for (PetscInt q = 0; q < nq; q++)
    if (PetscAbsReal(g[q] - 1) > SAME_FUNCTION) return PETSC_FALSE;
  return PETSC_TRUE;
}

// Keeps the terms that do not vanish: coefficients with the scales moved in, and per direction the index of the distinct 1-D function.
static PetscErrorCode CollapseTerms(PetscInt nd, const SnaTabulation tabs[], PetscInt nterm, const SnaLsqTerm term[],
  PetscInt *nkept, double coefficient[], PetscInt *index[], PetscInt ndistinct[], Function1D *distinct[])
{
  double  *g[SNA_MAX_DIM];
  PetscInt kept = 0;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < nd; d++) PetscCall(PetscMalloc1(tabs[d].nq, &g[d]));
  for (PetscInt k = 0; k < nterm; k++) {
    double s = term[k].coefficient;
    for (PetscInt d = 0; d < nd; d++) {
      double scale;
      Normalise(tabs[d].nq, term[k].value[d], g[d], &scale);
      s *= scale;
    }
    if (s == 0) continue;
    for (PetscInt d = 0; d < nd; d++)
      PetscCall(FindOrAppend(tabs[d].nq, g[d], term[k].derivative[d], &ndistinct[d], distinct[d], &index[d][kept]));
    coefficient[kept++] = s;
  }
  for (PetscInt d = 0; d < nd; d++) PetscCall(PetscFree(g[d]));
  *nkept = kept;
  PetscFunctionReturn(0);
}

// Every two operators meet in some pair of terms: all ordered pairs are numbered, those with a <= b first.
static PetscErrorCode NumberPairs(PetscInt nk, SnaLsqDirection *D)
{
  PetscInt lower;

  PetscFunctionBeginUser;
  D->npair  = D->nop * D->nop;
  D->nupper = D->nop * (D->nop + 1) / 2;
  lower     = D->nupper;
  PetscCall(PetscMalloc4(D->npair, &D->pair, D->npair, &D->pair_a, D->npair, &D->pair_b, D->npair, &D->transpose));
  for (PetscInt a = 0, upper = 0; a < D->nop; a++)
    for (PetscInt b = a; b < D->nop; b++, upper++) {
      D->pair[a * D->nop + b] = upper;
      D->pair[b * D->nop + a] = a == b ? upper : lower++;
    }
  for (PetscInt a = 0; a < D->nop; a++) {
    for (PetscInt b = 0; b < D->nop; b++) {
      const PetscInt i = D->pair[a * D->nop + b];
      D->pair_a[i]     = a;
      D->pair_b[i]     = b;
      D->transpose[i]  = D->pair[b * D->nop + a];
    }
  }
  PetscCall(PetscCalloc1(D->nupper, &D->transposed));
  for (PetscInt k = 0; k < nk; k++)
    for (PetscInt l = k; l < nk; l++)
      if (D->op[k] > D->op[l]) D->transposed[D->pair[D->op[l] * D->nop + D->op[k]]] = PETSC_TRUE;
  PetscFunctionReturn(0);
}

static PetscErrorCode Integrate(
  const SnaTabulation *tab, const double *weight, const Function1D op[], const Function1D rhs[], SnaLsqDirection *D)
{
  const PetscInt nq = tab->nq;
  double        *g;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(nq, &g));
  PetscCall(PetscCalloc1(D->npair, &D->M));
  for (PetscInt i = 0; i < D->npair; i++) {
    const Function1D *a = &op[D->pair_a[i]], *b = &op[D->pair_b[i]];
    for (PetscInt q = 0; q < nq; q++) g[q] = a->g[q] * b->g[q] * (weight ? weight[q] : 1.0);
    PetscCall(PetscCalloc1(D->n * (size_t)(2 * D->p + 1), &D->M[i]));
    PetscCall(SnaIntegrateMatrix(D->basis, tab, a->derivative, b->derivative, g, D->M[i]));
  }
  PetscCall(PetscMalloc1(PetscMax(1, D->nop * D->nrhs * D->n), &D->f));
  for (PetscInt a = 0; a < D->nop; a++) {
    for (PetscInt r = 0; r < D->nrhs; r++) {
      for (PetscInt q = 0; q < nq; q++) g[q] = op[a].g[q] * rhs[r].g[q] * (weight ? weight[q] : 1.0);
      PetscCall(SnaIntegrateVector(D->basis, tab, op[a].derivative, g, &D->f[(a * D->nrhs + r) * D->n]));
    }
  }
  PetscCall(PetscMalloc1(PetscMax(1, D->nrhs * D->nrhs), &D->c));
  for (PetscInt r = 0; r < D->nrhs; r++) {
    for (PetscInt s = 0; s < D->nrhs; s++) {
      double sum = 0;
      for (PetscInt q = 0; q < nq; q++) sum += tab->w[q] * (weight ? weight[q] : 1.0) * rhs[r].g[q] * rhs[s].g[q];
      D->c[r * D->nrhs + s] = sum;
    }
  }
  PetscCall(PetscFree(g));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLsqCreate(PetscInt nd, const SnaBasis bases[], const SnaTabulation tabs[],
  const double *const weight[], PetscInt nk, const SnaLsqTerm op[], PetscInt nm, const SnaLsqTerm rhs[], SnaLsq *lsq)
{
  SnaLsq      L;
  Function1D *ops[SNA_MAX_DIM], *qs[SNA_MAX_DIM];
  PetscInt    nops[SNA_MAX_DIM] = {0}, nqs[SNA_MAX_DIM] = {0}, *op_index[SNA_MAX_DIM], *rhs_index[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCheck(
    nd >= 1 && nd <= SNA_MAX_DIM, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " directions", nd);
  PetscCall(PetscNew(&L));
  L->nd = nd;
  PetscCall(PetscMalloc2(nk, &L->s, PetscMax(nm, 1), &L->t));
  for (PetscInt d = 0; d < nd; d++) {
    PetscCall(PetscMalloc1(nk, &ops[d]));
    PetscCall(PetscMalloc1(PetscMax(nm, 1), &qs[d]));
    PetscCall(PetscMalloc2(nk, &L->dir[d].op, PetscMax(nm, 1), &L->dir[d].rhs));
    op_index[d]  = L->dir[d].op;
    rhs_index[d] = L->dir[d].rhs;
  }
  PetscCall(CollapseTerms(nd, tabs, nk, op, &L->nk, L->s, op_index, nops, ops));
  PetscCall(CollapseTerms(nd, tabs, nm, rhs, &L->nm, L->t, rhs_index, nqs, qs));
  for (PetscInt d = 0; d < nd; d++) {
    SnaLsqDirection *D = &L->dir[d];
    SnaBasisInfo     info;
    PetscCall(SnaBasisGetInfo(bases[d], &info));
    D->basis = bases[d];
    D->n     = info.n;
    D->p     = info.degree;
    D->nop   = nops[d];
    D->nrhs  = nqs[d];
    PetscCall(PetscMalloc1(D->nop, &D->derivative));
    D->identity = -1;
    for (PetscInt a = 0; a < D->nop; a++) {
      D->derivative[a] = ops[d][a].derivative;
      if (D->derivative[a] == 0 && IsOne(tabs[d].nq, ops[d][a].g)) D->identity = a;
    }
    PetscCall(NumberPairs(L->nk, D));
    PetscCall(Integrate(&tabs[d], weight ? weight[d] : NULL, ops[d], qs[d], D));
    for (PetscInt i = 0; i < nops[d]; i++) PetscCall(PetscFree(ops[d][i].g));
    for (PetscInt i = 0; i < nqs[d]; i++) PetscCall(PetscFree(qs[d][i].g));
    PetscCall(PetscFree(ops[d]));
    PetscCall(PetscFree(qs[d]));
  }
  for (PetscInt m = 0; m < L->nm; m++) {
    for (PetscInt o = 0; o < L->nm; o++) {
      double product = L->t[m] * L->t[o];
      for (PetscInt d = 0; d < nd; d++) product *= L->dir[d].c[L->dir[d].rhs[m] * L->dir[d].nrhs + L->dir[d].rhs[o]];
      L->c0 += product;
    }
  }
  *lsq = L;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLsqDestroy(SnaLsq *lsq)
{
  SnaLsq L = *lsq;

  PetscFunctionBeginUser;
  if (!L) PetscFunctionReturn(0);
  for (PetscInt d = 0; d < L->nd; d++) {
    SnaLsqDirection *D = &L->dir[d];
    for (PetscInt i = 0; i < D->npair; i++) PetscCall(PetscFree(D->M[i]));
    PetscCall(PetscFree(D->M));
    PetscCall(PetscFree(D->f));
    PetscCall(PetscFree(D->c));
    PetscCall(PetscFree(D->transposed));
    PetscCall(PetscFree(D->derivative));
    PetscCall(PetscFree4(D->pair, D->pair_a, D->pair_b, D->transpose));
    PetscCall(PetscFree2(D->op, D->rhs));
  }
  PetscCall(PetscFree2(L->s, L->t));
  PetscCall(PetscFree(*lsq));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLsqGetCounts(SnaLsq lsq, PetscInt d, PetscInt *nop, PetscInt *npair, PetscInt *nrhs)
{
  PetscFunctionBeginUser;
  PetscCheck(d >= 0 && d < lsq->nd, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "direction %" PetscInt_FMT, d);
  if (nop) *nop = lsq->dir[d].nop;
  if (npair) *npair = lsq->dir[d].npair;
  if (nrhs) *nrhs = lsq->dir[d].nrhs;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLsqGetConstant(SnaLsq lsq, double *c0)
{
  PetscFunctionBeginUser;
  *c0 = lsq->c0;
  PetscFunctionReturn(0);
}

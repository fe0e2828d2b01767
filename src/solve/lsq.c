// lsq.c - the least-squares functional F(u) = ||L u + g||^2 of a separable problem as tables of 1-D integrals.
//
// With L = sum_k s_k (x)_d O_{k,d} and g = sum_m t_m (x)_d q_{m,d}, F needs only M^d_{ab} = int (O_a B_i)(O_b B_j), f^d_{aq} = int (O_a B_i) q
// and c^d_{qq'} = int q q' (doc/theory.md). The K^2 pairs of terms meet in far fewer different 1-D pairs: the distinct operators of each
// direction are found here by comparing their values on the quadrature points, whatever the deck called them. Minimising F is als.c's work.
#include "lsq_impl.h"

// Every two operators meet in some pair of terms: all ordered pairs are numbered, those with a <= b first.
static PetscErrorCode NumberPairs(PetscInt nk, SnaLsqDirection *D)
{
  PetscInt lower;

  PetscFunctionBeginUser;
  D->npair  = D->nop * D->nop;
  D->nupper = D->nop * (D->nop + 1) / 2;
  lower     = D->nupper;
  PetscCall(PetscMalloc3(D->npair, &D->pair, D->npair, &D->pair_a, D->npair, &D->pair_b));
  PetscCall(PetscMalloc1(D->npair, &D->transpose));
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

static PetscErrorCode Integrate(const SnaTabulation *tab, const double *weight, const SnaLsqFunction op[],
  const SnaLsqFunction rhs[], SnaLsqDirection *D)
{
  const PetscInt nq = tab->nq;
  double        *g;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(nq, &g));
  PetscCall(PetscCalloc1(D->npair, &D->M));
  for (PetscInt i = 0; i < D->npair; i++) {
    const SnaLsqFunction *a = &op[D->pair_a[i]], *b = &op[D->pair_b[i]];
    for (PetscInt q = 0; q < nq; q++) g[q] = a->g[q] * b->g[q] * (weight ? weight[q] : 1.0);
    PetscCall(PetscCalloc1(D->n * (size_t)(2 * D->p + 1), &D->M[i]));
    PetscCall(SnaIntegrateMatrix(D->basis, tab, a->key, b->key, g, D->M[i]));
  }
  PetscCall(PetscMalloc1(PetscMax(1, D->nvec * D->n), &D->f));
  for (PetscInt a = 0; a < D->nop; a++) {
    for (PetscInt r = 0; r < D->nrhs; r++) {
      for (PetscInt q = 0; q < nq; q++) g[q] = op[a].g[q] * rhs[r].g[q] * (weight ? weight[q] : 1.0);
      PetscCall(SnaIntegrateVector(D->basis, tab, op[a].key, g, &D->f[(a * D->nrhs + r) * D->n]));
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

// The tables that the solvers use: F sums the pairs (k, l) of operator terms, those with k > l by transposes, and the pairs (k, m) with the
// right-hand side.
static PetscErrorCode ListTerms(SnaLsq L)
{
  const PetscInt nk = L->nk, nm = L->nm;
  PetscInt       i = 0;

  PetscFunctionBeginUser;
  L->nquad = nk * (nk + 1) / 2;
  L->nlin  = nk * nm;
  PetscCall(PetscMalloc3(L->nquad, &L->quad_s, L->nquad, &L->twice, L->nlin, &L->lin_t));
  PetscCall(PetscMalloc1((size_t)nk * (size_t)nk, &L->all));
  for (PetscInt d = 0; d < L->nd; d++) PetscCall(PetscMalloc2(L->nquad, &L->dir[d].quad, L->nlin, &L->dir[d].lin));
  for (PetscInt k = 0; k < nk; k++) {
    for (PetscInt l = k; l < nk; l++, i++) {
      L->quad_s[i]       = L->s[k] * L->s[l];
      L->twice[i]        = (PetscBool)(k < l);
      L->all[k * nk + l] = i;
      if (k < l) L->all[l * nk + k] = -1 - i;
      for (PetscInt d = 0; d < L->nd; d++) {
        SnaLsqDirection *D = &L->dir[d];
        D->quad[i]         = D->pair[D->op[k] * D->nop + D->op[l]];
      }
    }
    for (PetscInt m = 0; m < nm; m++) {
      L->lin_t[k * nm + m] = L->s[k] * L->t[m];
      for (PetscInt d = 0; d < L->nd; d++)
        L->dir[d].lin[k * nm + m] = L->dir[d].op[k] * L->dir[d].nrhs + L->dir[d].rhs[m];
    }
  }
  L->nall = nk * nk;
  PetscFunctionReturn(0);
}

static PetscErrorCode Collapse(PetscInt nd, const SnaTabulation tabs[], PetscBool derivatives, PetscInt nterm,
  const SnaLsqTerm term[], PetscInt *nkept, double coefficient[], PetscInt *const index[], SnaLsqFunctions list[])
{
  SnaLsqProduct *product;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1(nterm, &product));
  for (PetscInt k = 0; k < nterm; k++) {
    product[k].coefficient = term[k].coefficient;
    for (PetscInt d = 0; d < nd; d++) {
      product[k].value[d] = term[k].value[d];
      product[k].nq[d]    = tabs[d].nq;
      product[k].key[d]   = derivatives ? term[k].derivative[d] : 0;
    }
  }
  PetscCall(SnaLsqCollapse_Private(nd, nterm, product, nkept, coefficient, index, list));
  PetscCall(PetscFree(product));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLsqCreate(PetscInt nd, const SnaBasis bases[], const SnaTabulation tabs[],
  const double *const weight[], PetscInt nk, const SnaLsqTerm op[], PetscInt nm, const SnaLsqTerm rhs[], SnaLsq *lsq)
{
  SnaLsq          L;
  SnaLsqFunctions ops[SNA_MAX_DIM] = {{0}}, qs[SNA_MAX_DIM] = {{0}};
  PetscInt       *op_index[SNA_MAX_DIM], *rhs_index[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCheck(
    nd >= 1 && nd <= SNA_MAX_DIM, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " directions", nd);
  PetscCall(PetscNew(&L));
  L->nd = nd;
  PetscCall(PetscMalloc2(nk, &L->s, PetscMax(nm, 1), &L->t));
  for (PetscInt d = 0; d < nd; d++) {
    PetscCall(PetscMalloc2(nk, &L->dir[d].op, PetscMax(nm, 1), &L->dir[d].rhs));
    op_index[d]  = L->dir[d].op;
    rhs_index[d] = L->dir[d].rhs;
  }
  PetscCall(Collapse(nd, tabs, PETSC_TRUE, nk, op, &L->nk, L->s, op_index, ops));
  PetscCall(Collapse(nd, tabs, PETSC_FALSE, nm, rhs, &L->nm, L->t, rhs_index, qs));
  for (PetscInt d = 0; d < nd; d++) {
    SnaLsqDirection *D = &L->dir[d];
    SnaBasisInfo     info;
    PetscCall(SnaBasisGetInfo(bases[d], &info));
    D->basis = bases[d];
    D->n     = info.n;
    D->p     = info.band;
    D->nop   = ops[d].n;
    D->nrhs  = qs[d].n;
    D->nvec  = D->nop * D->nrhs;
    PetscCall(PetscMalloc1(D->nop, &D->derivative));
    D->identity = -1;
    for (PetscInt a = 0; a < D->nop; a++) {
      D->derivative[a] = ops[d].f[a].key;
      if (D->derivative[a] == 0 && SnaLsqIsOne_Private(&ops[d].f[a])) D->identity = a;
    }
    PetscCall(NumberPairs(L->nk, D));
    PetscCall(Integrate(&tabs[d], weight ? weight[d] : NULL, ops[d].f, qs[d].f, D));
    PetscCall(SnaLsqFunctionsDestroy_Private(&ops[d]));
    PetscCall(SnaLsqFunctionsDestroy_Private(&qs[d]));
  }
  PetscCall(ListTerms(L));
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
    PetscCall(PetscFree3(D->pair, D->pair_a, D->pair_b));
    PetscCall(PetscFree(D->transpose));
    PetscCall(PetscFree2(D->op, D->rhs));
    PetscCall(PetscFree2(D->quad, D->lin));
  }
  PetscCall(PetscFree3(L->quad_s, L->twice, L->lin_t));
  PetscCall(PetscFree(L->all));
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

// lsq_evaluate.c - the quadratic and the linear part of a functional at a sum of products u = sum_r prod_d sum_i C_d[i,r] B_i(x_d):
//
//   u^T A u = sum_i (twice_i ? 2 : 1) s_i sum_{r,s} prod_d (C_d^T M^d_{quad[i]} C_d)[r,s],     sum_j t_j sum_r prod_d (C_d^T f^d_{lin[j]})[r]
//
// by blocks of columns s, so that memory stays at npair * R * COLUMNS numbers. Not for the sweeps, which keep their Gram matrices (als_gram.c).
#include <petscsys.h>
#include <petscblaslapack.h>
#include <sna/solve.h>

#define COLUMNS 32

// G[k] (R x m, at G + k*R*COLUMNS) = C^T M_k C(:, s0..s0+m) for all matrices of a direction; Y: n x m of work.
static PetscErrorCode GramBlock(
  const SnaLsqDirection *D, PetscInt R, const double *C, PetscInt s0, PetscInt m, double *Y, double *G)
{
  const PetscBLASInt mb = (PetscBLASInt)m, Rb = (PetscBLASInt)R, nb = (PetscBLASInt)D->n;
  const double       one = 1, zero = 0;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < D->npair; k++) {
    for (PetscInt i = 0; i < D->n; i++) {
      double *restrict y = Y + i * m;
      for (PetscInt s = 0; s < m; s++) y[s] = 0;
      for (PetscInt j = PetscMax(0, i - D->p); j <= PetscMin(D->n - 1, i + D->p); j++) {
        const double v           = D->M[k][i * (2 * D->p + 1) + j - i + D->p];
        const double *restrict c = C + j * R + s0;
        for (PetscInt s = 0; s < m; s++) y[s] += v * c[s];
      }
    }
    PetscCallBLAS("dgemm", BLASgemm_("N", "T", &mb, &Rb, &nb, &one, Y, &mb, C, &Rb, &zero, G + k * R * COLUMNS, &mb));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Linear(SnaLsq L, PetscInt R, const double *const C[], double *linear)
{
  PetscFunctionBeginUser;
  *linear = 0;
  for (PetscInt j = 0; j < L->nlin; j++) {
    for (PetscInt r = 0; r < R; r++) {
      double product = L->lin_t[j];
      for (PetscInt d = 0; d < L->nd; d++) {
        const SnaLsqDirection *D   = &L->dir[d];
        const double          *f   = D->f + D->lin[j] * D->n;
        double                 sum = 0;
        for (PetscInt i = 0; i < D->n; i++) sum += f[i] * C[d][i * R + r];
        product *= sum;
      }
      *linear += product;
    }
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLsqEvaluate(SnaLsq L, PetscInt R, const double *const C[], double *quadratic, double *linear)
{
  double  *G[SNA_MAX_DIM], *Y, *product;
  PetscInt rows = 1;

  PetscFunctionBeginUser;
  *quadratic = 0;
  PetscCall(Linear(L, R, C, linear));
  if (R == 0) PetscFunctionReturn(0);
  for (PetscInt d = 0; d < L->nd; d++) {
    PetscCall(PetscMalloc1((size_t)L->dir[d].npair * (size_t)(R * COLUMNS), &G[d]));
    rows = PetscMax(rows, L->dir[d].n);
  }
  PetscCall(PetscMalloc2(rows * (size_t)COLUMNS, &Y, R * (size_t)COLUMNS, &product));
  for (PetscInt s0 = 0; s0 < R; s0 += COLUMNS) {
    const PetscInt m = PetscMin(COLUMNS, R - s0);
    for (PetscInt d = 0; d < L->nd; d++) PetscCall(GramBlock(&L->dir[d], R, C[d], s0, m, Y, G[d]));
    for (PetscInt i = 0; i < L->nquad; i++) {
      double sum = 0;
      for (PetscInt e = 0; e < R * m; e++) product[e] = 1;
      for (PetscInt d = 0; d < L->nd; d++) {
        const double *restrict g = G[d] + L->dir[d].quad[i] * R * COLUMNS;
        for (PetscInt e = 0; e < R * m; e++) product[e] *= g[e];
      }
      for (PetscInt e = 0; e < R * m; e++) sum += product[e];
      *quadratic += (L->twice[i] ? 2 : 1) * L->quad_s[i] * sum;
    }
  }
  PetscCall(PetscFree2(Y, product));
  for (PetscInt d = 0; d < L->nd; d++) PetscCall(PetscFree(G[d]));
  PetscFunctionReturn(0);
}

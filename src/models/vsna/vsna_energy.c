// vsna_energy.c - the quadratic functional F = w^T A w + 2 b^T w + c0 of a separable field, and how far the field is from the best one of a linear space.
//
// With Gram matrices G^d_i = C_d^T M^d_i C_d and h^d_j = C_d^T f^d_j of a sum of R products
//
//   w^T A w = sum_i s_i 1^T (prod*_d G^d_i) 1,     b^T w = sum_j t_j 1^T prod*_d h^d_j
//
// and along a tensor train the same sums are chains of small matrices. The fields that differ from w in the factors of direction d alone are a linear
// space; its Galerkin solution x solves (sum_i M^d_i (x) W_i) x = - sum_j f^d_j (x) prod*_{e!=d} h^e_j, the local problem of alternating least squares, and
// lies F(w) - F(x) = (x - w)^T A (x - w) below w.
#include "vsna.h"

// Y = M C, band storage, m columns.
static void BandTimes(PetscInt n, PetscInt p, const double *M, PetscInt m, const double *C, double *Y)
{
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt j = 0; j < m; j++) Y[i * m + j] = 0;
    for (PetscInt c = PetscMax(0, i - p); c <= PetscMin(n - 1, i + p); c++)
      for (PetscInt j = 0; j < m; j++) Y[i * m + j] += M[i * (2 * p + 1) + c - i + p] * C[c * m + j];
  }
}

// G = C^T M C and h = C^T f of one direction.
static PetscErrorCode Gram(const SnaLsqDirection *D, PetscInt matrix, PetscInt m, const double *C, double *G)
{
  double *Y;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)D->n * (size_t)m, &Y));
  BandTimes(D->n, D->p, D->M[matrix], m, C, Y);
  PetscCall(PetscArrayzero(G, (size_t)m * (size_t)m));
  for (PetscInt i = 0; i < D->n; i++)
    for (PetscInt r = 0; r < m; r++)
      for (PetscInt s = 0; s < m; s++) G[r * m + s] += C[i * m + r] * Y[i * m + s];
  PetscCall(PetscFree(Y));
  PetscFunctionReturn(0);
}

static void Project(const SnaLsqDirection *D, PetscInt vector, PetscInt m, const double *C, double *h)
{
  const double *f = D->f + vector * D->n;

  for (PetscInt j = 0; j < m; j++) h[j] = 0;
  for (PetscInt i = 0; i < D->n; i++)
    for (PetscInt j = 0; j < m; j++) h[j] += f[i] * C[i * m + j];
}

typedef struct { // a field of format cp and its Gram matrices, made when first asked for
  SnaLsq   lsq;
  PetscInt R;
  double  *C[SNA_MAX_DIM], **G[SNA_MAX_DIM];
} Products;

static PetscErrorCode ProductsCreate(SnaLsq lsq, SnaField field, Products *p)
{
  PetscFunctionBeginUser;
  p->lsq = lsq;
  PetscCall(SnaFieldGetCP(field, &p->R, p->C));
  for (PetscInt d = 0; d < lsq->nd; d++) PetscCall(PetscCalloc1(PetscMax(1, lsq->dir[d].npair), &p->G[d]));
  PetscFunctionReturn(0);
}

static PetscErrorCode ProductsDestroy(Products *p)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < p->lsq->nd; d++) {
    for (PetscInt i = 0; i < p->lsq->dir[d].npair; i++) PetscCall(PetscFree(p->G[d][i]));
    PetscCall(PetscFree(p->G[d]));
    PetscCall(PetscFree(p->C[d]));
  }
  PetscFunctionReturn(0);
}

// W[r][s] = s_i prod_d G^d over the directions but `skip` (-1: none), of quadratic term i.
static PetscErrorCode Hadamard(Products *p, PetscInt i, PetscInt skip, double *W)
{
  const PetscInt size = p->R * p->R;

  PetscFunctionBeginUser;
  for (PetscInt rs = 0; rs < size; rs++) W[rs] = p->lsq->quad_s[i];
  for (PetscInt d = 0; d < p->lsq->nd; d++) {
    const SnaLsqDirection *D = &p->lsq->dir[d];
    const PetscInt         m = D->quad[i];
    if (d == skip) continue;
    if (!p->G[d][m]) {
      PetscCall(PetscMalloc1((size_t)size, &p->G[d][m]));
      PetscCall(Gram(D, m, p->R, p->C[d], p->G[d][m]));
    }
    for (PetscInt rs = 0; rs < size; rs++) W[rs] *= p->G[d][m][rs];
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode LinearCP(const Products *p, PetscInt j, PetscInt skip, double *H)
{
  const SnaLsq   lsq = p->lsq;
  const PetscInt R   = p->R;
  double        *h;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(R, &h));
  for (PetscInt r = 0; r < R; r++) H[r] = lsq->lin_t[j];
  for (PetscInt d = 0; d < lsq->nd; d++) {
    if (d == skip) continue;
    Project(&lsq->dir[d], lsq->dir[d].lin[j], R, p->C[d], h);
    for (PetscInt r = 0; r < R; r++) H[r] *= h[r];
  }
  PetscCall(PetscFree(h));
  PetscFunctionReturn(0);
}

static PetscErrorCode EnergyCP(SnaLsq lsq, SnaField field, double *quadratic, double *linear)
{
  PetscInt R;
  double  *C[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCall(SnaFieldGetCP(field, &R, C));
  PetscCall(SnaLsqEvaluate(lsq, R, (const double *const *)C, quadratic, linear));
  for (PetscInt d = 0; d < lsq->nd; d++) PetscCall(PetscFree(C[d]));
  PetscFunctionReturn(0);
}

// next (q x q) = sum_jj' core_j^T E core_j' G[j][j'], core_j being r x q.
static PetscErrorCode Push(
  PetscInt r, PetscInt m, PetscInt q, const double *core, const double *G, const double *E, double *next)
{
  double *T, *S;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)r * (size_t)q * (size_t)m, &T, (size_t)r * (size_t)q, &S));
  PetscCall(PetscArrayzero(T, (size_t)r * (size_t)q * (size_t)m));
  for (PetscInt j = 0; j < m; j++) // T_j = E core_j
    for (PetscInt b = 0; b < q; b++)
      for (PetscInt c = 0; c < r; c++)
        for (PetscInt a = 0; a < r; a++) T[(j * q + b) * r + a] += E[c * r + a] * core[(j * q + b) * r + c];
  PetscCall(PetscArrayzero(next, (size_t)q * (size_t)q));
  for (PetscInt j = 0; j < m; j++) {
    PetscCall(PetscArrayzero(S, (size_t)r * (size_t)q));
    for (PetscInt k = 0; k < m; k++)
      for (PetscInt i = 0; i < r * q; i++) S[i] += G[j * m + k] * T[k * r * q + i];
    for (PetscInt b = 0; b < q; b++)
      for (PetscInt c = 0; c < q; c++)
        for (PetscInt a = 0; a < r; a++) next[c * q + b] += core[(j * q + b) * r + a] * S[c * r + a];
  }
  PetscCall(PetscFree2(T, S));
  PetscFunctionReturn(0);
}

static PetscErrorCode EnergyTT(SnaLsq lsq, SnaField field, double *quadratic, double *linear)
{
  SnaTt tt;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldGetTT(field, &tt));
  for (PetscInt i = 0; i < lsq->nquad + lsq->nlin; i++) {
    const PetscBool square = (PetscBool)(i < lsq->nquad);
    const PetscInt  l      = square ? i : i - lsq->nquad;
    double         *E, *next;
    PetscCall(PetscMalloc1(1, &E));
    E[0] = square ? lsq->quad_s[l] * (lsq->twice[l] ? 2 : 1) : lsq->lin_t[l];
    for (PetscInt k = 0; k < tt->nd; k++) {
      const SnaLsqDirection *D = &lsq->dir[tt->dir[k]];
      const PetscInt         r = tt->r[k], q = tt->r[k + 1], m = tt->m[k];
      double                *leaf = tt->leaf[k], *identity = NULL, *G;
      if (!leaf) {
        PetscCall(PetscCalloc1((size_t)m * (size_t)m, &identity));
        for (PetscInt j = 0; j < m; j++) identity[j * m + j] = 1;
        leaf = identity;
      }
      PetscCall(PetscMalloc1((size_t)m * (size_t)m, &G));
      PetscCall(PetscCalloc1((size_t)q * (size_t)q, &next));
      if (square) {
        PetscCall(Gram(D, D->quad[l], m, leaf, G));
        PetscCall(Push(r, m, q, tt->core[k], G, E, next));
      } else {
        Project(D, D->lin[l], m, leaf, G);
        for (PetscInt j = 0; j < m; j++)
          for (PetscInt b = 0; b < q; b++)
            for (PetscInt a = 0; a < r; a++) next[b] += G[j] * E[a] * tt->core[k][(j * q + b) * r + a];
      }
      PetscCall(PetscFree(identity));
      PetscCall(PetscFree(G));
      PetscCall(PetscFree(E));
      E = next;
    }
    *(square ? quadratic : linear) += E[0];
    PetscCall(PetscFree(E));
  }
  PetscFunctionReturn(0);
}

// Quadratic and linear part of F at the field: F = quadratic + 2 linear + c0.
PetscErrorCode VsnaEnergy(SnaLsq lsq, SnaField field, double *quadratic, double *linear)
{
  const char *format;
  PetscBool   train;

  PetscFunctionBeginUser;
  *quadratic = *linear = 0;
  PetscCall(SnaFieldGetFormat(field, &format));
  PetscCall(PetscStrcmp(format, VsnaFormatTT.name, &train));
  PetscCall((train ? EnergyTT : EnergyCP)(lsq, field, quadratic, linear));
  PetscFunctionReturn(0);
}

// a(x - w, x - w), x the Galerkin solution among the fields that differ from w in the factors C[d] alone. *known = PETSC_FALSE where that system cannot be solved.
static PetscErrorCode Gain(Products *p, PetscInt d, double tikhonov, double *gain, PetscBool *known)
{
  const SnaLsq           lsq  = p->lsq;
  const SnaLsqDirection *D    = &lsq->dir[d];
  const PetscInt         size = D->n * (2 * D->p + 1), R = p->R;
  const double         **M, **W;
  double                *H, *x, *y, mean;
  PetscInt               nk = 0;
  PetscBool              failed;
  SnaKron                A;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(2 * (size_t)lsq->nquad, &M, 2 * (size_t)lsq->nquad, &W));
  for (PetscInt i = 0; i < lsq->nquad; i++) {
    for (PetscInt side = 0; side < (lsq->twice[i] ? 2 : 1); side++, nk++) { // the term, then its transpose
      double *m, *w;
      PetscCall(PetscCalloc1(size, &m));
      PetscCall(PetscMalloc1((size_t)R * (size_t)R, &w));
      PetscCall(Hadamard(p, i, d, w));
      for (PetscInt r = 0; r < D->n; r++) {
        for (PetscInt c = PetscMax(0, r - D->p); c <= PetscMin(D->n - 1, r + D->p); c++) {
          const PetscInt a = side ? c : r, b = side ? r : c;
          m[r * (2 * D->p + 1) + c - r + D->p] = D->M[D->quad[i]][a * (2 * D->p + 1) + b - a + D->p];
        }
      }
      for (PetscInt r = 0; r < R && side; r++) {
        for (PetscInt s = 0; s < r; s++) {
          const double swap = w[r * R + s];
          w[r * R + s]      = w[s * R + r];
          w[s * R + r]      = swap;
        }
      }
      M[nk] = m;
      W[nk] = w;
    }
  }
  PetscCall(PetscMalloc3((size_t)D->n * (size_t)R, &x, (size_t)D->n * (size_t)R, &y, R, &H));
  PetscCall(PetscArrayzero(x, (size_t)D->n * (size_t)R));
  for (PetscInt j = 0; j < lsq->nlin; j++) {
    PetscCall(LinearCP(p, j, d, H));
    for (PetscInt i = 0; i < D->n; i++)
      for (PetscInt r = 0; r < R; r++) x[i * R + r] -= D->f[D->lin[j] * D->n + i] * H[r];
  }
  PetscCall(SnaKronCreate(PETSC_COMM_SELF, D->n, D->p, R, "vsna_", &A));
  PetscCall(SnaKronSetTerms(A, nk, M, W, R, 0));
  PetscCall(SnaKronGetMeanDiagonal(A, &mean));
  PetscCall(SnaKronApply(A, p->C[d], y)); // the correction, so that the shift moves it and not the solution
  PetscCall(SnaKronSetTerms(A, nk, M, W, R, tikhonov * mean));
  for (PetscInt i = 0; i < D->n * R; i++) x[i] -= y[i];
  PetscCall(PetscArraycpy(y, x, D->n * R));
  PetscCall(SnaKronSolve(A, y, y, &failed));
  *known = (PetscBool)!failed;
  *gain  = 0;
  for (PetscInt i = 0; i < D->n * R && !failed; i++) *gain += x[i] * y[i];
  PetscCall(SnaKronDestroy(&A));
  for (PetscInt k = 0; k < nk; k++) {
    PetscCall(PetscFree(*(double **)(uintptr_t)&M[k]));
    PetscCall(PetscFree(*(double **)(uintptr_t)&W[k]));
  }
  PetscCall(PetscFree2(M, W));
  PetscCall(PetscFree3(x, y, H));
  PetscFunctionReturn(0);
}

// The largest of the directions' gains, dealt to the ranks.
PetscErrorCode VsnaLargestGain(SnaModel model, SnaLsq lsq, double *gain, PetscInt *direction)
{
  const Vsna *v = (const Vsna *)model->data;
  Products    p;
  double      all[SNA_MAX_DIM] = {0};
  PetscMPIInt size, rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  PetscCall(ProductsCreate(lsq, v->field, &p));
  for (PetscInt d = (PetscInt)rank; d < v->nd; d += (PetscInt)size) {
    PetscBool known = PETSC_FALSE;
    PetscCall(Gain(&p, d, v->als_options.tikhonov, &all[d], &known));
    if (!known) all[d] = PETSC_INFINITY;
  }
  PetscCall(ProductsDestroy(&p));
  PetscCall(SnaWaitForAll(model->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, all, (PetscMPIInt)v->nd, MPI_DOUBLE, MPI_SUM, model->comm));
  *direction = 0;
  for (PetscInt d = 1; d < v->nd; d++)
    if (all[d] > all[*direction]) *direction = d;
  *gain = all[*direction];
  PetscFunctionReturn(0);
}

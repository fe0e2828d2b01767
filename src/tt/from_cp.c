// from_cp.c - CP as a tensor train.
//
//   sum_r weight_r prod_k V_k[:,r],   V_k = leaf_k Y_k with unit columns, leaf_k an L2-orthonormal basis of the columns (singular vectors of L^T V_k, M = L L^T)
//
// The core of site k is Y_k in the mode, diagonal in r on both sides. It is never formed: R^2 m numbers. From both ends the Khatri-Rao products Z = S_k o Y_k
// ((r_k m_k) x R) become Q S_{k+1} by QR, or stay as they are (Q = I) while they have fewer rows than columns; in the middle the two meet:
//
//   core_c[a,b,j] = sum_r L[a,r] weight_r Y_c[j,r] S[b,r]
//
// Exact to round-off of the largest product. Nothing is truncated but zero columns and null directions of the leaves.
#include "tt_impl.h"

#define NULL_DIRECTION 1e-13 // singular values below this share of the largest

// Leaf and Y (m x R) of the columns C[:,column[r]], r < R, scaled to norm 1; weight[r] *= their norms.
static PetscErrorCode Leaf(SnaTtSpace space, PetscInt d, PetscInt stride, PetscInt R, const PetscInt column[],
  const double *C, double *weight, PetscInt *m, double **leaf, double **Y)
{
  const PetscInt n = space->info[d].n, p = space->info[d].band;
  double        *L, *V, *U, *S;

  PetscFunctionBeginUser;
  PetscCall(SnaTtMassCholesky_Private(space, d, &L));
  PetscCall(PetscMalloc3((size_t)n * (size_t)R, &V, (size_t)n * (size_t)PetscMin(n, R), &U, PetscMin(n, R), &S));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt r = 0; r < R; r++) V[i * R + r] = C[i * stride + column[r]];
  }
  SnaTtMassMultiplyT_Private(n, p, L, R, V);
  PetscCall(PetscMalloc1((size_t)n * (size_t)R, Y));
  for (PetscInt r = 0; r < R; r++) { // columns of unit norm, column-major
    double norm = 0, *y = *Y + n * r;
    for (PetscInt i = 0; i < n; i++) norm = PetscMax(norm, PetscAbsReal(V[i * R + r]));
    weight[r] *= norm;
    for (PetscInt i = 0; i < n; i++) y[i] = norm > 0 ? V[i * R + r] / norm : (double)(i == 0);
    norm = 0;
    for (PetscInt i = 0; i < n; i++) norm += y[i] * y[i];
    norm = PetscSqrtReal(norm);
    for (PetscInt i = 0; i < n; i++) y[i] /= norm;
    weight[r] *= norm;
  }
  PetscCall(SnaTtLeftSVD_Private(n, R, *Y, U, S));
  for (*m = 1; *m < PetscMin(n, R) && S[*m] > NULL_DIRECTION * S[0];) (*m)++;
  PetscCall(SnaTtGemm_Private("T", "N", *m, R, n, U, n, *Y, n, 0, V, *m));
  PetscCall(PetscArraycpy(*Y, V, *m * R));
  PetscCall(PetscMalloc1((size_t)n * (size_t)*m, leaf));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt j = 0; j < *m; j++) (*leaf)[i * *m + j] = U[i + n * j];
  }
  SnaTtMassSolveT_Private(n, p, L, *m, *leaf);
  PetscCall(PetscFree3(V, U, S));
  PetscCall(PetscFree(L));
  PetscFunctionReturn(0);
}

// The columns without a zero factor; where there are none, column 0 (its weight becomes 0).
static PetscInt NonzeroColumns(SnaTtSpace space, PetscInt R, const double *const C[], PetscInt column[])
{
  PetscInt kept = 0;

  column[0] = 0;
  for (PetscInt r = 0; r < R; r++) {
    PetscBool nonzero = PETSC_TRUE;
    for (PetscInt d = 0; d < space->nd && nonzero; d++) {
      nonzero = PETSC_FALSE;
      for (PetscInt i = 0; i < space->info[d].n && !nonzero; i++) nonzero = (PetscBool)(C[d][i * R + r] != 0);
    }
    if (nonzero) column[kept++] = r;
  }
  return PetscMax(1, kept);
}

// Takes site k into the side S (*rank x R, allocated): its core, orthonormal with the cut towards the centre as columns, and the new side.
static PetscErrorCode Absorb(
  PetscBool left, PetscInt m, PetscInt R, const double *Y, PetscInt *rank, double **S, double **core)
{
  const PetscInt outer = *rank, rows = outer * m, inner = PetscMin(rows, R);
  double        *Z, *T, *work;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)rows * (size_t)R, &Z)); // row (outer rank, mode), the rank fastest
  for (PetscInt c = 0; c < R; c++) {
    for (PetscInt j = 0; j < m; j++) {
      for (PetscInt a = 0; a < outer; a++) Z[a + outer * j + rows * c] = (*S)[a + outer * c] * Y[j + m * c];
    }
  }
  PetscCall(PetscCalloc1((size_t)rows * (size_t)inner, core));
  PetscCall(PetscFree(*S));
  if (rows <= R) {
    *S = Z;
    Z  = NULL;
  } else {
    PetscCall(PetscMalloc1((size_t)R * (size_t)R, &T));
    PetscCall(PetscMalloc1(SnaTtQRWork_Private(rows, R), &work));
    PetscCall(SnaTtQR_Private(rows, R, Z, T, work));
    PetscCall(PetscFree(work));
    *S = T;
  }
  for (PetscInt b = 0; b < inner; b++) {
    for (PetscInt j = 0; j < m; j++) {
      for (PetscInt a = 0; a < outer; a++) {
        const double value = Z ? Z[a + outer * j + rows * b] : (double)(b == a + outer * j);
        (*core)[left ? a + outer * (b + inner * j) : b + inner * (a + outer * j)] = value;
      }
    }
  }
  PetscCall(PetscFree(Z));
  *rank = inner;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtFromCP(SnaTtSpace space, const PetscInt dir[], PetscInt rank, const double *const C[], SnaTt *tt)
{
  const PetscInt nd = space->nd;
  PetscInt       R, *column, left = 0, right = nd - 1, r = 1, q = 1;
  double        *weight, *L, *S, *Y[SNA_MAX_DIM], *scaled;
  SnaTt          t;

  PetscFunctionBeginUser;
  PetscCheck(rank >= 1, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "rank %" PetscInt_FMT, rank);
  PetscCall(PetscMalloc1(rank, &column));
  R = NonzeroColumns(space, rank, C, column);
  PetscCall(PetscNew(&t));
  PetscCall(PetscMalloc1(R, &weight));
  PetscCall(PetscMalloc1(R, &L));
  PetscCall(PetscMalloc1(R, &S));
  for (PetscInt c = 0; c < R; c++) weight[c] = L[c] = S[c] = 1;
  t->nd = nd;
  for (PetscInt k = 0; k < nd; k++) {
    t->dir[k] = dir[k];
    t->n[k]   = space->info[dir[k]].n;
    PetscCall(Leaf(space, dir[k], rank, R, column, C[dir[k]], weight, &t->m[k], &t->leaf[k], &Y[k]));
  }
  t->r[0] = t->r[nd] = 1;
  while (left < right) { // the side whose rank stays smaller goes on
    if (PetscMin(R, r * t->m[left]) <= PetscMin(R, q * t->m[right])) {
      PetscCall(Absorb(PETSC_TRUE, t->m[left], R, Y[left], &r, &L, &t->core[left]));
      t->r[++left] = r;
    } else {
      PetscCall(Absorb(PETSC_FALSE, t->m[right], R, Y[right], &q, &S, &t->core[right]));
      t->r[right--] = q;
    }
  }
  PetscCall(PetscMalloc1((size_t)r * (size_t)R, &scaled));
  PetscCall(PetscMalloc1((size_t)r * (size_t)q * (size_t)t->m[left], &t->core[left]));
  for (PetscInt j = 0; j < t->m[left]; j++) {
    for (PetscInt c = 0; c < R; c++) {
      const double value = weight[c] * Y[left][j + t->m[left] * c];
      for (PetscInt a = 0; a < r; a++) scaled[a + r * c] = value * L[a + r * c];
    }
    PetscCall(SnaTtGemm_Private("N", "T", r, q, R, scaled, r, S, q, 0, t->core[left] + j * r * q, r));
  }
  PetscCall(PetscFree(scaled));
  for (PetscInt k = 0; k < nd; k++) PetscCall(PetscFree(Y[k]));
  PetscCall(PetscFree(weight));
  PetscCall(PetscFree(L));
  PetscCall(PetscFree(S));
  PetscCall(PetscFree(column));
  PetscCall(SnaTtOrthonormalise(space, t, 0));
  *tt = t;
  PetscFunctionReturn(0);
}

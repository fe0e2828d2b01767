// arithmetic.c - tensor trains as vectors: orthonormal form, inner product, random trains.
//
//   centre k -> k+1   core_k as (a,j) x b = Q R,    core_{k+1} <- R core_{k+1}              (and the mirror image)
//   (u, v)            T_0 = 1,  T_{k+1} = sum_{j,j'} core^u_k[:,:,j]^T T_k core^v_k[:,:,j'] S_k[j,j'],  S_k = leaf^u_k^T M leaf^v_k
//
// Oseledets, SIAM J. Sci. Comput. 33 (2011) 2295, sections 3 and 4. The factorisations are unique (diagonal of R not negative), so that a train has one
// orthonormal form per centre. Truncation is round.c.
#include "tt_impl.h"

#define QR_BLOCK 32 // columns that LAPACK's blocked QR may work on at once

size_t SnaTtQRWork_Private(PetscInt m, PetscInt n)
{
  return (size_t)PetscMin(m, n) + QR_BLOCK * (size_t)n;
}

PetscErrorCode SnaTtQR_Private(PetscInt m, PetscInt n, double *A, double *R, double *work)
{
  const PetscInt     k  = PetscMin(m, n);
  const PetscBLASInt mb = (PetscBLASInt)m, nb = (PetscBLASInt)n, kb = (PetscBLASInt)k, lwork = QR_BLOCK * nb;
  PetscBLASInt       info;

  PetscFunctionBeginUser;
  PetscCallBLAS("dgeqrf", LAPACKgeqrf_(&mb, &nb, A, &mb, work, work + k, &lwork, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "dgeqrf: info %d", (int)info);
  for (PetscInt j = 0; j < n; j++) {
    for (PetscInt i = 0; i < k; i++) R[i + k * j] = i <= j ? A[i + m * j] : 0;
  }
  PetscCallBLAS("dorgqr", LAPACKorgqr_(&mb, &kb, &kb, A, &mb, work, work + k, &lwork, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "dorgqr: info %d", (int)info);
  for (PetscInt i = 0; i < k; i++) {
    if (R[i + k * i] >= 0) continue;
    for (PetscInt j = i; j < n; j++) R[i + k * j] = -R[i + k * j];
    for (PetscInt l = 0; l < m; l++) A[l + m * i] = -A[l + m * i];
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtMoveCentre(SnaTt tt, PetscInt c, PetscBool right)
{
  const PetscInt to = right ? c + 1 : c - 1;

  PetscFunctionBeginUser;
  PetscCheck(c >= 0 && c < tt->nd && to >= 0 && to < tt->nd, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "From site %" PetscInt_FMT " to %" PetscInt_FMT " of %" PetscInt_FMT, c, to, tt->nd);
  const PetscInt r = tt->r[c], q = tt->r[c + 1], m = tt->m[c], old = right ? q : r, rows = (right ? r : q) * m;
  const PetscInt rank = PetscMin(rows, old), next_r = tt->r[to], next_q = tt->r[to + 1], next_m = tt->m[to];
  const size_t   next = (size_t)next_r * (size_t)next_q * (size_t)next_m;
  double        *A, *R, *N, *work, *core = tt->core[c], *other = tt->core[to];

  PetscCall(PetscMalloc1((size_t)(rows + rank) * (size_t)old + next + SnaTtQRWork_Private(rows, old), &A));
  R    = A + (size_t)rows * (size_t)old;
  N    = R + (size_t)rank * (size_t)old;
  work = N + next;
  PetscCall(PetscArraycpy(N, other, next));
  if (right) {
    for (PetscInt j = 0; j < m; j++) {
      for (PetscInt b = 0; b < q; b++) PetscCall(PetscArraycpy(A + r * j + rows * b, core + r * (b + q * j), r));
    }
    PetscCall(SnaTtQR_Private(rows, old, A, R, work));
    for (PetscInt j = 0; j < m; j++) {
      for (PetscInt b = 0; b < rank; b++) PetscCall(PetscArraycpy(core + r * (b + rank * j), A + r * j + rows * b, r));
    }
    PetscCall(SnaTtGemm_Private("N", "N", rank, next_q * next_m, old, R, rank, N, old, 0, other, rank));
    tt->r[c + 1] = rank;
  } else {
    for (PetscInt i = 0; i < rows; i++) {
      for (PetscInt a = 0; a < r; a++) A[i + rows * a] = core[a + r * i];
    }
    PetscCall(SnaTtQR_Private(rows, old, A, R, work));
    for (PetscInt i = 0; i < rows; i++) {
      for (PetscInt a = 0; a < rank; a++) core[a + rank * i] = A[i + rows * a];
    }
    for (PetscInt j = 0; j < next_m; j++) {
      PetscCall(SnaTtGemm_Private("N", "T", next_r, rank, old, N + (size_t)j * (size_t)(next_r * old), next_r, R, rank,
        0, other + (size_t)j * (size_t)(next_r * rank), next_r));
    }
    tt->r[c] = rank;
  }
  PetscCall(PetscFree(A));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtMultiplyMode_Private(SnaTt tt, PetscInt k, PetscBool transposed, PetscInt columns, const double *V)
{
  const PetscInt rq = tt->r[k] * tt->r[k + 1], m = tt->m[k];
  double        *core;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)rq * (size_t)columns, &core));
  PetscCall(SnaTtGemm_Private(
    "N", transposed ? "T" : "N", rq, columns, m, tt->core[k], rq, V, transposed ? columns : m, 0, core, rq));
  PetscCall(PetscFree(tt->core[k]));
  tt->core[k] = core;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtOrthonormaliseLeaf_Private(SnaTtSpace space, SnaTt tt, PetscInt k)
{
  const PetscInt n = tt->n[k], m = tt->m[k];
  double        *R;

  PetscFunctionBeginUser;
  if (!tt->leaf[k]) {
    PetscCall(PetscCalloc1((size_t)n * (size_t)n, &tt->leaf[k]));
    for (PetscInt i = 0; i < n; i++) tt->leaf[k][i * n + i] = 1;
  }
  PetscCall(PetscMalloc1((size_t)m * (size_t)m, &R));
  PetscCall(SnaTtOrthonormaliseColumns_Private(space, tt->dir[k], m, tt->leaf[k], R));
  PetscCall(SnaTtMultiplyMode_Private(tt, k, PETSC_TRUE, m, R));
  PetscCall(PetscFree(R));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtOrthonormaliseCores_Private(SnaTt tt, PetscInt c)
{
  PetscFunctionBeginUser;
  PetscCheck(c >= 0 && c < tt->nd, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "Centre %" PetscInt_FMT, c);
  // There and back: one direction alone would leave ranks that the other one does not allow.
  for (PetscInt k = 0; k < tt->nd - 1; k++) PetscCall(SnaTtMoveCentre(tt, k, PETSC_TRUE));
  for (PetscInt k = tt->nd - 1; k > 0; k--) PetscCall(SnaTtMoveCentre(tt, k, PETSC_FALSE));
  for (PetscInt k = 0; k < c; k++) PetscCall(SnaTtMoveCentre(tt, k, PETSC_TRUE));
  PetscFunctionReturn(0);
}

// A core of r q < m columns spans r q of the m modes: core^T = Q R, leaf <- leaf Q, core <- R^T = core Q. Neither unfolding's Gram matrix changes.
static PetscErrorCode ShrinkMode(SnaTt tt, PetscInt k)
{
  const PetscInt n = tt->n[k], m = tt->m[k], rq = tt->r[k] * tt->r[k + 1];
  double        *Q, *R, *work, *leaf;

  PetscFunctionBeginUser;
  if (m <= rq) PetscFunctionReturn(0);
  PetscCall(PetscMalloc3((size_t)m * (size_t)rq, &Q, (size_t)rq * (size_t)rq, &R, SnaTtQRWork_Private(m, rq), &work));
  PetscCall(PetscMalloc1((size_t)n * (size_t)rq, &leaf));
  for (PetscInt i = 0; i < rq; i++) {
    for (PetscInt j = 0; j < m; j++) Q[j + m * i] = tt->core[k][i + rq * j];
  }
  PetscCall(SnaTtQR_Private(m, rq, Q, R, work));
  PetscCall(SnaTtGemm_Private("T", "N", rq, n, m, Q, m, tt->leaf[k], m, 0, leaf, rq));
  PetscCall(SnaTtMultiplyMode_Private(tt, k, PETSC_FALSE, rq, Q));
  PetscCall(PetscFree(tt->leaf[k]));
  tt->leaf[k] = leaf;
  tt->m[k]    = rq;
  PetscCall(PetscFree3(Q, R, work));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtShrinkModes_Private(SnaTt tt)
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < tt->nd; k++) PetscCall(ShrinkMode(tt, k));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtOrthonormalise(SnaTtSpace space, SnaTt tt, PetscInt c)
{
  PetscFunctionBeginUser;
  PetscCall(SnaTtCheck_Private(space, tt));
  for (PetscInt k = 0; k < tt->nd; k++) PetscCall(SnaTtOrthonormaliseLeaf_Private(space, tt, k));
  PetscCall(SnaTtOrthonormaliseCores_Private(tt, c));
  PetscCall(SnaTtShrinkModes_Private(tt));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtCreateRandom(
  SnaTtSpace space, const PetscInt dir[], PetscInt m, PetscInt r, uint64_t seed, SnaTt *tt)
{
  const PetscInt nd             = space->nd;
  PetscInt       n[SNA_MAX_DIM] = {0}, mode[SNA_MAX_DIM] = {0}, rank[SNA_MAX_DIM + 1];
  SnaTt          t;

  PetscFunctionBeginUser;
  rank[0] = rank[nd] = 1;
  for (PetscInt k = 0; k < nd; k++) {
    n[k]    = space->info[dir[k]].n;
    mode[k] = PetscMin(m, n[k]);
    if (k + 1 < nd) rank[k + 1] = PetscMin(r, rank[k] * mode[k]);
  }
  for (PetscInt k = nd - 1; k > 0; k--) rank[k] = PetscMin(rank[k], rank[k + 1] * mode[k]);
  PetscCall(SnaTtCreate(nd, dir, n, mode, rank, NULL, &t));
  for (PetscInt k = 0; k < nd; k++) {
    const PetscInt leaf = n[k] * mode[k], core = rank[k] * mode[k] * rank[k + 1];

    for (PetscInt i = 0; i < leaf; i++) t->leaf[k][i] = SnaRandomNormal(seed, 2 * (uint64_t)k, (uint64_t)i);
    for (PetscInt i = 0; i < core; i++) t->core[k][i] = SnaRandomNormal(seed, 2 * (uint64_t)k + 1, (uint64_t)i);
    PetscCall(SnaTtOrthonormaliseLeaf_Private(space, t, k));
  }
  PetscCall(SnaTtOrthonormaliseCores_Private(t, 0));
  {
    const PetscInt size = t->m[0] * t->r[1];
    double         norm = 0;

    for (PetscInt i = 0; i < size; i++) norm += PetscSqr(t->core[0][i]);
    norm = PetscSqrtReal(norm);
    for (PetscInt i = 0; i < size; i++) t->core[0][i] /= norm;
  }
  *tt = t;
  PetscFunctionReturn(0);
}

// S = leaf_a^T M leaf_b, m_a x m_b column-major.
static PetscErrorCode LeafGram(SnaTtSpace space, SnaTt a, SnaTt b, PetscInt k, double *S)
{
  const PetscInt d = a->dir[k], n = a->n[k], ma = a->m[k], mb = b->m[k], p = space->info[d].band;
  const double  *M = space->mass[d];
  double        *MB;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1((size_t)n * (size_t)mb, &MB)); // row-major, as the leaves
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt l = PetscMax(0, i - p); l < PetscMin(n, i + p + 1); l++) {
      const double v = M[i * (2 * p + 1) + (l - i + p)];

      if (b->leaf[k]) {
        for (PetscInt j = 0; j < mb; j++) MB[i * mb + j] += v * b->leaf[k][l * mb + j];
      } else
        MB[i * mb + l] = v;
    }
  }
  if (a->leaf[k]) {
    PetscCall(SnaTtGemm_Private("N", "T", ma, mb, n, a->leaf[k], ma, MB, mb, 0, S, ma));
  } else {
    for (PetscInt i = 0; i < n; i++) {
      for (PetscInt j = 0; j < mb; j++) S[i + n * j] = MB[i * mb + j];
    }
  }
  PetscCall(PetscFree(MB));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtInner(SnaTtSpace space, SnaTt a, SnaTt b, double *inner)
{
  size_t  cut = 1, gram = 1, part = 1;
  double *T, *S, *TB, *Z;

  PetscFunctionBeginUser;
  PetscCall(SnaTtCheck_Private(space, a));
  PetscCall(SnaTtCheck_Private(space, b));
  for (PetscInt k = 0; k < a->nd; k++) {
    PetscCheck(a->dir[k] == b->dir[k], PETSC_COMM_SELF, PETSC_ERR_ARG_INCOMP, "The trains have different orders");
    cut  = PetscMax(cut, (size_t)a->r[k + 1] * (size_t)b->r[k + 1]);
    gram = PetscMax(gram, (size_t)a->m[k] * (size_t)b->m[k]);
    part = PetscMax(part, (size_t)a->r[k] * (size_t)b->r[k + 1] * (size_t)PetscMax(a->m[k], b->m[k]));
  }
  PetscCall(PetscMalloc4(cut, &T, gram, &S, part, &TB, part, &Z));
  T[0] = 1;
  for (PetscInt k = 0; k < a->nd; k++) {
    const PetscInt ra = a->r[k], qa = a->r[k + 1], ma = a->m[k], rb = b->r[k], qb = b->r[k + 1], mb = b->m[k];

    PetscCall(LeafGram(space, a, b, k, S));
    PetscCall(SnaTtGemm_Private("N", "N", ra, qb * mb, rb, T, ra, b->core[k], rb, 0, TB, ra));
    PetscCall(SnaTtGemm_Private("N", "T", ra * qb, ma, mb, TB, ra * qb, S, ma, 0, Z, ra * qb));
    for (PetscInt j = 0; j < ma; j++) {
      PetscCall(SnaTtGemm_Private("T", "N", qa, qb, ra, a->core[k] + (size_t)j * (size_t)(ra * qa), ra,
        Z + (size_t)j * (size_t)(ra * qb), ra, j > 0, T, qa));
    }
  }
  *inner = T[0];
  PetscCall(PetscFree4(T, S, TB, Z));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtDistance(SnaTtSpace space, SnaTt a, SnaTt b, double *distance)
{
  double aa, ab, bb;

  PetscFunctionBeginUser;
  PetscCall(SnaTtInner(space, a, a, &aa));
  PetscCall(SnaTtInner(space, a, b, &ab));
  PetscCall(SnaTtInner(space, b, b, &bb));
  *distance = PetscSqrtReal(PetscMax(0, (aa - ab) + (bb - ab)));
  PetscFunctionReturn(0);
}

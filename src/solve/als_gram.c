// als_gram.c - Gram matrices, their Hadamard products and the objective of alternating least squares (doc/theory.md).
//
//   G_ab = C^T M_ab C,  h_aq = C^T f_aq,  W_ab = sum_{(k,l)->(a,b)} s_k s_l prod*_{e!=d} G^e_kl,
//   F = sum_kl s_k s_l 1^T (prod*_d G^d_kl) 1 + 2 sum_km s_k t_m 1^T prod*_d h^d_km + c0
//
// Sums over spline rows and over the rows of the Hadamard products run over two fixed halves that are added last, on one rank one after the
// other and on two ranks in parallel, so both give the same bits.
#include "als_impl.h"
#include <petscblaslapack.h>

// Y(rows r0..r1) = M C(:, c0..R), a band matrix times columns of the factor.
static void BandTimesColumns(PetscInt n, PetscInt p, const double *M, PetscInt R, PetscInt c0, const double *C, PetscInt r0, PetscInt r1, double *Y)
{
  const PetscInt m = R - c0;

  for (PetscInt i = r0; i < r1; i++) {
    double *restrict y = Y + (i - r0) * m;
    for (PetscInt s = 0; s < m; s++) y[s] = 0;
    for (PetscInt j = PetscMax(0, i - p); j <= PetscMin(n - 1, i + p); j++) {
      const double           v = M[i * (2 * p + 1) + j - i + p];
      const double *restrict c = C + j * R + c0;
      if (v == 0) continue;
      for (PetscInt s = 0; s < m; s++) y[s] += v * c[s];
    }
  }
}

// The contribution of rows [r0, r1) to the columns [c0, R) of the wanted Gram matrices, packed: first the matrices R x m, then the vectors.
static PetscErrorCode PartialGram(SnaAls als, PetscInt d, PetscInt c0, const double *C, PetscInt r0, PetscInt r1, double *out)
{
  const SnaLsqDirection *D   = &als->lsq->dir[d];
  const PetscInt         R   = als->R, m = R - c0;
  const PetscBLASInt     Rb  = (PetscBLASInt)R, mb = (PetscBLASInt)m, rows = (PetscBLASInt)(r1 - r0);
  const double           one = 1, zero = 0;
  double                *packed = out;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < D->npair; i++) {
    if (c0 == 0 && D->pair_a[i] > D->pair_b[i]) continue; // the transpose of another
    if (rows > 0) {
      BandTimesColumns(D->n, D->p, D->M[i], R, c0, C, r0, r1, als->T);
      // row-major G[r][s] = sum_i C[i][r] T[i][s] is column-major T C^T
      PetscCallBLAS("dgemm", BLASgemm_("N", "T", &mb, &Rb, &rows, &one, als->T, &mb, C + r0 * R, &Rb, &zero, packed, &mb));
    } else PetscCall(PetscArrayzero(packed, R * m));
    packed += R * m;
  }
  for (PetscInt aq = 0; aq < D->nop * D->nrhs; aq++) {
    for (PetscInt s = 0; s < m; s++) packed[s] = 0;
    for (PetscInt i = r0; i < r1; i++) {
      const double  f = D->f[aq * D->n + i];
      const double *c = C + i * R + c0;
      for (PetscInt s = 0; s < m; s++) packed[s] += f * c[s];
    }
    packed += m;
  }
  PetscFunctionReturn(0);
}

static void Transpose(PetscInt rows, PetscInt cols, const double *A, PetscInt lda, double *B, PetscInt ldb)
{
  const PetscInt tile = 16;
  for (PetscInt i0 = 0; i0 < rows; i0 += tile)
    for (PetscInt j0 = 0; j0 < cols; j0 += tile)
      for (PetscInt i = i0; i < PetscMin(rows, i0 + tile); i++)
        for (PetscInt j = j0; j < PetscMin(cols, j0 + tile); j++) B[j * ldb + i] = A[i * lda + j];
}

PetscErrorCode SnaAlsGram_Private(SnaAls als, PetscInt d, PetscInt c0, SnaAlsIterate *it)
{
  const SnaLsqDirection *D = &als->lsq->dir[d];
  const PetscInt         R = als->R, m = R - c0, nvec = D->nop * D->nrhs;
  PetscInt               nmat = 0, length;
  const double          *packed = als->sum;

  PetscFunctionBeginUser;
  PetscCall(PetscLogEventBegin(als->gram, 0, 0, 0, 0));
  for (PetscInt i = 0; i < D->npair; i++) nmat += !(c0 == 0 && D->pair_a[i] > D->pair_b[i]);
  length = nmat * R * m + nvec * m;
  if (als->size == 1) {
    PetscCall(PartialGram(als, d, c0, it->C[d], 0, als->split[d], als->sum));
    PetscCall(PartialGram(als, d, c0, it->C[d], als->split[d], D->n, als->sum2));
    for (PetscInt i = 0; i < length; i++) als->sum[i] += als->sum2[i];
  } else {
    PetscCall(PartialGram(als, d, c0, it->C[d], als->first[d], als->last[d], als->sum));
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, als->sum, (PetscMPIInt)length, MPI_DOUBLE, MPI_SUM, als->comm));
  }
  for (PetscInt i = 0; i < D->npair; i++) {
    double *G = it->G[d] + i * R * R, *Gt = it->G[d] + D->transpose[i] * R * R;
    if (c0 == 0 && D->pair_a[i] > D->pair_b[i]) continue;
    for (PetscInt r = 0; r < R; r++) PetscCall(PetscArraycpy(G + r * R + c0, packed + r * m, m));
    if (c0 > 0) Transpose(c0, m, packed, m, Gt + c0 * R, R); // rows of the new columns against the old ones
    else if (Gt != G) Transpose(R, R, packed, R, Gt, R);
    packed += R * m;
  }
  for (PetscInt aq = 0; aq < nvec; aq++) PetscCall(PetscArraycpy(it->h[d] + aq * R + c0, packed + aq * m, m));
  PetscCall(PetscLogEventEnd(als->gram, 0, 0, 0, 0));
  PetscFunctionReturn(0);
}

// t = scale * prod_i v[i], elementwise; one pass over memory for three factors at a time.
static void MultiplyRows(PetscInt m, double scale, PetscInt nv, const double *const v[], double *restrict t)
{
  PetscInt i = 0;

  if (nv >= 3) {
    const double *restrict a = v[0], *restrict b = v[1], *restrict c = v[2];
    for (PetscInt s = 0; s < m; s++) t[s] = scale * a[s] * b[s] * c[s];
    i = 3;
  } else if (nv == 2) {
    const double *restrict a = v[0], *restrict b = v[1];
    for (PetscInt s = 0; s < m; s++) t[s] = scale * a[s] * b[s];
    i = 2;
  } else {
    for (PetscInt s = 0; s < m; s++) t[s] = nv ? scale * v[0][s] : scale;
    i = 1;
  }
  for (; i + 1 < nv; i += 2) {
    const double *restrict a = v[i], *restrict b = v[i + 1];
    for (PetscInt s = 0; s < m; s++) t[s] *= a[s] * b[s];
  }
  if (i < nv) {
    const double *restrict a = v[i];
    for (PetscInt s = 0; s < m; s++) t[s] *= a[s];
  }
}

// Sum in eight partial sums: the order is fixed, and the loop is one vector wide.
static double Sum(PetscInt n, const double *v)
{
  double   part[8] = {0};
  PetscInt i       = 0;

  for (; i + 8 <= n; i += 8)
    for (PetscInt j = 0; j < 8; j++) part[j] += v[i + j];
  for (; i < n; i++) part[i % 8] += v[i];
  return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}

PetscErrorCode SnaAlsHadamard_Private(SnaAls als, PetscInt d, PetscInt c0)
{
  const SnaLsq           L = als->lsq;
  const SnaLsqDirection *D = &L->dir[d];
  const PetscInt         R = als->R, m = R - c0;
  const double          *v[SNA_MAX_DIM];
  double                *t = als->T; // free between Gram updates

  PetscFunctionBeginUser;
  PetscCall(PetscLogEventBegin(als->hadamard, 0, 0, 0, 0));
  PetscCall(PetscArrayzero(als->W, D->npair * R * m));
  for (PetscInt r = 0; r < R; r++) {
    for (PetscInt k = 0; k < L->nk; k++) {
      for (PetscInt l = 0; l < L->nk; l++) {
        double *restrict W = als->W + (D->pair[D->op[k] * D->nop + D->op[l]] * R + r) * m;
        PetscInt nv        = 0;
        for (PetscInt e = 0; e < L->nd; e++) {
          const SnaLsqDirection *E = &L->dir[e];
          if (e != d) v[nv++] = als->now.G[e] + (E->pair[E->op[k] * E->nop + E->op[l]] * R + r) * R + c0;
        }
        MultiplyRows(m, L->s[k] * L->s[l], nv, v, t);
        for (PetscInt s = 0; s < m; s++) W[s] += t[s];
      }
    }
  }
  PetscCall(PetscArrayzero(als->w, D->nop * D->nrhs * R));
  for (PetscInt k = 0; k < L->nk; k++) {
    for (PetscInt o = 0; o < L->nm; o++) {
      double  *w  = als->w + (D->op[k] * D->nrhs + D->rhs[o]) * R;
      PetscInt nv = 0;
      for (PetscInt e = 0; e < L->nd; e++) {
        const SnaLsqDirection *E = &L->dir[e];
        if (e != d) v[nv++] = als->now.h[e] + (E->op[k] * E->nrhs + E->rhs[o]) * R;
      }
      MultiplyRows(R, L->s[k] * L->t[o], nv, v, t);
      for (PetscInt s = 0; s < R; s++) w[s] += t[s];
    }
  }
  PetscCall(PetscLogEventEnd(als->hadamard, 0, 0, 0, 0));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaAlsObjective_Private(SnaAls als, const SnaAlsIterate *it, double *F)
{
  const SnaLsq   L = als->lsq;
  const PetscInt R = als->R;
  const double  *v[SNA_MAX_DIM];
  double        *t = als->T, half[2] = {0, 0}, linear = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscLogEventBegin(als->objective, 0, 0, 0, 0));
  for (PetscInt part = 0; part < 2; part++) {
    if (als->size == 2 && part != als->rank) continue;
    for (PetscInt r = part ? R / 2 : 0; r < (part ? R : R / 2); r++) {
      for (PetscInt k = 0; k < L->nk; k++) {
        for (PetscInt l = k; l < L->nk; l++) { // P_lk is the transpose of P_kl and has the same sum
          for (PetscInt e = 0; e < L->nd; e++) {
            const SnaLsqDirection *E = &L->dir[e];
            v[e] = it->G[e] + (E->pair[E->op[k] * E->nop + E->op[l]] * R + r) * R;
          }
          MultiplyRows(R, (k == l ? 1 : 2) * L->s[k] * L->s[l], L->nd, v, t);
          half[part] += Sum(R, t);
        }
      }
    }
  }
  if (als->size == 2) PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, half, 2, MPI_DOUBLE, MPI_SUM, als->comm));
  for (PetscInt k = 0; k < L->nk; k++) {
    for (PetscInt o = 0; o < L->nm; o++) {
      for (PetscInt e = 0; e < L->nd; e++) {
        const SnaLsqDirection *E = &L->dir[e];
        v[e] = it->h[e] + (E->op[k] * E->nrhs + E->rhs[o]) * R;
      }
      MultiplyRows(R, L->s[k] * L->t[o], L->nd, v, t);
      linear += Sum(R, t);
    }
  }
  *F = half[0] + half[1] + 2 * linear + L->c0;
  PetscCall(PetscLogEventEnd(als->objective, 0, 0, 0, 0));
  PetscFunctionReturn(0);
}

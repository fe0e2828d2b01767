// als_gram.c - Gram matrices, their Hadamard products and the objective of alternating least squares (doc/theory.md).
//
//   G_p = C^T M_p C,  h_v = C^T f_v,  W_p = sum_{i in p} s_i prod*_{e!=d} G^e_i,
//   F = sum_i s_i 1^T (prod*_d G^d_i) 1 + 2 sum_j t_j 1^T prod*_d h^d_j + c0
//
// over the quadratic terms i (with the transposes of those that stand for two) and the linear terms j of the functional.
//
// Sums over many spline rows and over the rows of the Hadamard products run over two fixed halves that are added last, on one rank one after
// the other and on two ranks in parallel, so both give the same bits.
//
// Few rows: the other rank's rows (n R/2 numbers) are a shorter message than its share of the Gram matrices (npair R^2), and the sum over
// them is done before that message would be. So below SNA_ALS_SHARE_ROWS rows every rank forms the whole sum from exchanged rows.
#include "als_impl.h"
#include <petscblaslapack.h>

// Y(rows r0..r1) = M C(:, c0..R), a band matrix times columns of the factor.
static void BandTimesColumns(PetscInt n, PetscInt p, const double *M, PetscInt R, PetscInt c0, const double *C,
  PetscInt r0, PetscInt r1, double *Y)
{
  const PetscInt m = R - c0;

  for (PetscInt i = r0; i < r1; i++) {
    double *restrict y = Y + (i - r0) * m;
    for (PetscInt s = 0; s < m; s++) y[s] = 0;
    for (PetscInt j = PetscMax(0, i - p); j <= PetscMin(n - 1, i + p); j++) {
      const double v           = M[i * (2 * p + 1) + j - i + p];
      const double *restrict c = C + j * R + c0;
      if (v == 0) continue;
      for (PetscInt s = 0; s < m; s++) y[s] += v * c[s];
    }
  }
}

// The contribution of rows [r0, r1) to the columns [c0, R) of the first nmat Gram matrices, R x m each, and of the vectors, m each.
static PetscErrorCode PartialGram(
  SnaAls als, PetscInt d, PetscInt c0, PetscInt nmat, const double *C, PetscInt r0, PetscInt r1, double *G, double *h)
{
  const SnaLsqDirection *D = &als->lsq->dir[d];
  const PetscInt         R = als->R, m = R - c0;
  const PetscBLASInt     Rb = (PetscBLASInt)R, mb = (PetscBLASInt)m, rows = (PetscBLASInt)(r1 - r0);
  const double           one = 1, zero = 0;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < nmat; i++) {
    if (rows > 0) {
      BandTimesColumns(D->n, D->p, D->M[i], R, c0, C, r0, r1, als->T);
      // row-major G[r][s] = sum_i C[i][r] T[i][s] is column-major T C^T
      PetscCallBLAS(
        "dgemm", BLASgemm_("N", "T", &mb, &Rb, &rows, &one, als->T, &mb, C + r0 * R, &Rb, &zero, G + i * R * m, &mb));
    } else
      PetscCall(PetscArrayzero(G + i * R * m, R * m));
  }
  for (PetscInt aq = 0; aq < D->nvec; aq++) {
    double *restrict sum = h + aq * m;
    for (PetscInt s = 0; s < m; s++) sum[s] = 0;
    for (PetscInt i = r0; i < r1; i++) {
      const double f           = D->f[aq * D->n + i];
      const double *restrict c = C + i * R + c0;
      for (PetscInt s = 0; s < m; s++) sum[s] += f * c[s];
    }
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
  // With all columns only the pairs a <= b are formed, in place, and transposed; otherwise all pairs, whose new columns are then spread.
  const PetscInt R = als->R, m = R - c0, nmat = c0 == 0 ? D->nupper : D->npair, nvec = D->nvec;
  double        *G = c0 == 0 ? it->G[d] : als->sum, *h = c0 == 0 ? it->h[d] : als->sum + nmat * R * m, *G2 = als->sum2,
         *h2 = als->sum2 + nmat * R * m;

  PetscFunctionBeginUser;
  PetscCall(PetscLogEventBegin(als->gram, 0, 0, 0, 0));
  if (D->n < SNA_ALS_SHARE_ROWS) {
    PetscCall(PartialGram(als, d, c0, nmat, it->C[d], 0, D->n, G, h));
  } else if (als->size == 1) {
    PetscCall(PartialGram(als, d, c0, nmat, it->C[d], 0, als->split[d], G, h));
    PetscCall(PartialGram(als, d, c0, nmat, it->C[d], als->split[d], D->n, G2, h2));
    for (PetscInt i = 0; i < nmat * R * m; i++) G[i] += G2[i];
    for (PetscInt i = 0; i < nvec * m; i++) h[i] += h2[i];
  } else {
    PetscCall(PartialGram(als, d, c0, nmat, it->C[d], als->first[d], als->last[d], G, h));
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, G, (PetscMPIInt)(nmat * R * m), MPI_DOUBLE, MPI_SUM, als->comm));
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, h, (PetscMPIInt)(nvec * m), MPI_DOUBLE, MPI_SUM, als->comm));
  }
  if (c0 == 0) {
    for (PetscInt i = 0; i < nmat; i++)
      if (D->transposed[i]) Transpose(R, R, it->G[d] + i * R * R, R, it->G[d] + D->transpose[i] * R * R, R);
  } else {
    for (PetscInt i = 0; i < nmat; i++) {
      double *whole = it->G[d] + i * R * R, *transposed = it->G[d] + D->transpose[i] * R * R;
      for (PetscInt r = 0; r < R; r++) PetscCall(PetscArraycpy(whole + r * R + c0, G + (i * R + r) * m, m));
      Transpose(c0, m, G + i * R * m, m, transposed + c0 * R, R); // rows of the new columns against the old ones
    }
    for (PetscInt aq = 0; aq < nvec; aq++) PetscCall(PetscArraycpy(it->h[d] + aq * R + c0, h + aq * m, m));
  }
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

// W += scale * prod_i v[i]; the last two factors are multiplied in while W is in a register.
static void AddProduct(
  PetscInt m, double scale, PetscInt nv, const double *const v[], double *restrict t, double *restrict W)
{
  if (nv < 2) {
    MultiplyRows(m, scale, nv, v, t);
    for (PetscInt s = 0; s < m; s++) W[s] += t[s];
  } else {
    const double *restrict a = v[nv - 2], *restrict b = v[nv - 1];
    MultiplyRows(m, scale, nv - 2, v, t);
    for (PetscInt s = 0; s < m; s++) W[s] += t[s] * a[s] * b[s];
  }
}

// U := U + V^T and V := U^T of that.
static void AddTransposed(PetscInt R, double *U, double *V)
{
  const PetscInt tile = 16;
  for (PetscInt i0 = 0; i0 < R; i0 += tile)
    for (PetscInt j0 = U == V ? i0 : 0; j0 < R; j0 += tile)
      for (PetscInt i = i0; i < PetscMin(R, i0 + tile); i++)
        for (PetscInt j = U == V ? PetscMax(i, j0) : j0; j < PetscMin(R, j0 + tile); j++)
          U[i * R + j] = V[j * R + i] = U[i * R + j] + V[j * R + i];
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
    for (PetscInt j = 0; j < (c0 == 0 ? L->nquad : L->nall); j++) { // all columns: transposes are added below
      const PetscInt  i     = c0 == 0 ? j : L->all[j] >= 0 ? L->all[j] : -1 - L->all[j];
      const PetscBool other = (PetscBool)(c0 > 0 && L->all[j] < 0);
      const double    scale = L->quad_s[i] * (c0 == 0 && !L->twice[i] ? 0.5 : 1.0);
      double         *W     = als->W + ((other ? D->transpose[D->quad[i]] : D->quad[i]) * R + r) * m;
      PetscInt        nv    = 0;
      for (PetscInt e = 0; e < L->nd; e++) {
        const SnaLsqDirection *E = &L->dir[e];
        if (e != d) v[nv++] = als->now.G[e] + ((other ? E->transpose[E->quad[i]] : E->quad[i]) * R + r) * R + c0;
      }
      AddProduct(m, scale, nv, v, t, W);
    }
  }
  for (PetscInt i = 0; i < D->nupper && c0 == 0; i++)
    AddTransposed(R, als->W + i * R * R, als->W + D->transpose[i] * R * R);
  PetscCall(PetscArrayzero(als->w, D->nvec * R));
  for (PetscInt j = 0; j < L->nlin; j++) {
    PetscInt nv = 0;
    for (PetscInt e = 0; e < L->nd; e++) {
      const SnaLsqDirection *E = &L->dir[e];
      if (e != d) v[nv++] = als->now.h[e] + E->lin[j] * R;
    }
    AddProduct(R, L->lin_t[j], nv, v, t, als->w + D->lin[j] * R);
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
      for (PetscInt i = 0; i < L->nquad; i++) {
        for (PetscInt e = 0; e < L->nd; e++) v[e] = it->G[e] + (L->dir[e].quad[i] * R + r) * R;
        MultiplyRows(R, (L->twice[i] ? 2 : 1) * L->quad_s[i], L->nd, v, t); // a transpose has the same sum
        half[part] += Sum(R, t);
      }
    }
  }
  if (als->size == 2) PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, half, 2, MPI_DOUBLE, MPI_SUM, als->comm));
  for (PetscInt j = 0; j < L->nlin; j++) {
    for (PetscInt e = 0; e < L->nd; e++) v[e] = it->h[e] + L->dir[e].lin[j] * R;
    MultiplyRows(R, L->lin_t[j], L->nd, v, t);
    linear += Sum(R, t);
  }
  *F = half[0] + half[1] + 2 * linear + L->c0;
  PetscCall(PetscLogEventEnd(als->objective, 0, 0, 0, 0));
  PetscFunctionReturn(0);
}

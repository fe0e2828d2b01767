// shares.c - which subsets of the inputs carry the variance of y: functional ANOVA (Hoeffding; Sobol', Math. Comput. Simul. 55 (2001) 271) of separable
// functions under independent inputs, exact for the given one-dimensional rules.
//
//   u = mean + v, mean = E u, E v = 0, splits every product into one term per subset S; terms of different subsets are uncorrelated, and
//
//   products       V_S = sum_{m,m'} g_m g_m' prod_{d in S} C_d[m,m'],  g_m = A_m prod_{d not in S} mean_{m,d},  C_d[m,m'] = E v_{m,d} v_{m',d}
//   tucker         V_S = |G_S|^2: the core contracted with mean_d in the directions outside S and with H_d inside, C_d = H_d H_d^T
//   tensor_train   V_S = trace of the product of maps X -> M_d^T X M_d (outside S, M_d the matrix of means) and X -> sum_k H_dk^T X H_dk (inside)
//
// v at the points of a rule enters by second moments alone, so that the nq points become n_d: with B the splines less their means, sqrt(w) B = Q R (QR),
// H = coefficients * R^T. The variance itself is a sum over the first direction of what depends on it and no later one: no difference of large numbers.
//
// Identity activation only: others mix the subsets.
#include "learn_impl.h"
#include <math.h>
#include <petscblaslapack.h>

#define MAX_PAIRED 1024 // modes whose variance is summed by pairs

typedef struct
{ // functions of all directions: number f of direction d (as in theta) has mean[d][f] and the numbers H[d][f*n_d .. ]
  SnaSeparable s;
  PetscInt     o, count[SNA_MAX_DIM];
  double      *mean[SNA_MAX_DIM], *H[SNA_MAX_DIM];
} Moments;

// ---- One-dimensional integrals ----

// Means of the splines of direction d, and R (n x n, row by row) with R^T R their covariance.
static PetscErrorCode Splines(
  SnaSeparable s, PetscInt d, PetscInt nq, const double point[], const double weight[], double mean[], double R[])
{
  const PetscInt n = s->table[d].n, p = s->table[d].p, m = PetscMax(nq, n);
  double        *B, *tau, *work, values[8];
  PetscBLASInt   bm, bn, lwork, info;

  PetscFunctionBeginUser;
  PetscCall(PetscBLASIntCast(m, &bm));
  PetscCall(PetscBLASIntCast(n, &bn));
  lwork = 32 * bn;
  PetscCall(PetscCalloc3((size_t)(m * n), &B, (size_t)n, &tau, (size_t)lwork, &work));
  for (PetscInt i = 0; i < n; i++) mean[i] = 0;
  for (PetscInt q = 0; q < nq; q++) {
    PetscInt first;

    PetscCall(SnaBasisEvaluate(s->basis[d], PetscMax(0, PetscMin(1, point[q])), 0, &first, values));
    for (PetscInt a = 0; a <= p; a++) {
      B[(first + a) * m + q] = values[a];
      mean[first + a] += weight[q] * values[a];
    }
  }
  for (PetscInt i = 0; i < n; i++)
    for (PetscInt q = 0; q < nq; q++) B[i * m + q] = sqrt(weight[q]) * (B[i * m + q] - mean[i]);
  PetscCallBLAS("LAPACKgeqrf", LAPACKgeqrf_(&bm, &bn, B, &bm, tau, work, &lwork, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK geqrf: %d", (int)info);
  for (PetscInt k = 0; k < n; k++)
    for (PetscInt i = 0; i < n; i++) R[k * n + i] = i < k ? 0 : B[i * m + k];
  PetscCall(PetscFree3(B, tau, work));
  PetscFunctionReturn(0);
}

static PetscErrorCode MomentsCreate(
  SnaSeparable s, PetscInt o, PetscInt nq, const double *const point[], const double *const weight[], Moments *M)
{
  PetscFunctionBeginUser;
  *M = (Moments){.s = s, .o = o};
  for (PetscInt d = 0; d < s->o.nd; d++) {
    const PetscInt n = s->table[d].n;
    double        *mean, *R;

    M->count[d] = (s->start[d + 1] - s->start[d]) / n;
    PetscCall(PetscMalloc2((size_t)n, &mean, (size_t)(n * n), &R));
    PetscCall(PetscMalloc2((size_t)M->count[d], &M->mean[d], (size_t)(M->count[d] * n), &M->H[d]));
    PetscCall(Splines(s, d, nq, point[d], weight[d], mean, R));
    for (PetscInt f = 0; f < M->count[d]; f++) {
      const double *w = s->theta + s->start[d] + f * n;

      M->mean[d][f] = 0;
      for (PetscInt i = 0; i < n; i++) M->mean[d][f] += w[i] * mean[i];
      for (PetscInt k = 0; k < n; k++) {
        double sum = 0;

        for (PetscInt i = k; i < n; i++) sum += R[k * n + i] * w[i];
        M->H[d][f * n + k] = sum;
      }
    }
    PetscCall(PetscFree2(mean, R));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode MomentsDestroy(Moments *M)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < M->s->o.nd; d++) PetscCall(PetscFree2(M->mean[d], M->H[d]));
  PetscFunctionReturn(0);
}

// C[f][g] = sum_k H[f][k] H[g][k] of n functions with nk numbers each.
static void Gram(PetscInt n, PetscInt nk, const double *const H[], double C[])
{
  for (PetscInt f = 0; f < n; f++)
    for (PetscInt g = f; g < n; g++) {
      double sum = 0;

      for (PetscInt k = 0; k < nk; k++) sum += H[f][k] * H[g][k];
      C[f * n + g] = C[g * n + f] = sum;
    }
}

// ---- Products ----

static double WeightOf(const Moments *M, PetscInt m)
{
  SnaSeparable s = M->s;

  return s->o.learned ? s->theta[s->start[s->o.nd] + M->o * s->nmode + m] : s->owner[m] == M->o ? 1 : 0;
}

// Number of mode m among those of direction d.
static PetscInt FunctionOf(SnaSeparable s, PetscInt m, PetscInt d)
{
  for (PetscInt j = s->first[m]; j < s->first[m + 1]; j++)
    if (s->factor[j] >= s->offset[d] && s->factor[j] < s->offset[d + 1]) return s->factor[j] - s->offset[d];
  return -1;
}

// Modes that contain S, with g; the number of them.
static PetscInt ModesOf(const Moments *M, uint32_t S, PetscInt mode[], double g[])
{
  SnaSeparable s = M->s;
  PetscInt     n = 0;

  for (PetscInt m = 0; m < s->nmode; m++) {
    const double weight = WeightOf(M, m);

    if ((s->mode[m] & S) != S || weight == 0) continue;
    mode[n] = m;
    g[n]    = weight;
    for (PetscInt j = s->first[m], d = 0; j < s->first[m + 1]; j++) {
      while (s->factor[j] >= s->offset[d + 1]) d++;
      if (!(S >> d & 1)) g[n] *= M->mean[d][s->factor[j] - s->offset[d]];
    }
    n++;
  }
  return n;
}

static PetscErrorCode VarianceOfProducts(const Moments *M, uint32_t S, double *V)
{
  SnaSeparable   s  = M->s;
  const PetscInt nd = s->o.nd;
  PetscInt      *mode, n, size = 0;
  double        *g, *C, *product;
  const double **H;

  PetscFunctionBeginUser;
  *V = 0;
  PetscCall(PetscMalloc3((size_t)s->nmode, &mode, (size_t)s->nmode, &g, (size_t)s->nmode, &H));
  n = ModesOf(M, S, mode, g);
  for (PetscInt d = 0; d < nd; d++) size += (PetscInt)(S >> d & 1);
  if (size == 1) // one square of a sum of functions; there may be many of them
    for (PetscInt d = 0; d < nd; d++) {
      const PetscInt nk = s->table[d].n;

      for (PetscInt k = 0; k < nk && S >> d & 1; k++) {
        double sum = 0;

        for (PetscInt j = 0; j < n; j++) sum += g[j] * M->H[d][FunctionOf(s, mode[j], d) * nk + k];
        *V += sum * sum;
      }
    }
  else {
    PetscCall(PetscMalloc2((size_t)(n * n), &C, (size_t)(n * n), &product));
    for (PetscInt i = 0; i < n * n; i++) product[i] = g[i / n] * g[i % n];
    for (PetscInt d = 0; d < nd; d++) {
      if (!(S >> d & 1)) continue;
      for (PetscInt j = 0; j < n; j++) H[j] = M->H[d] + FunctionOf(s, mode[j], d) * s->table[d].n;
      Gram(n, s->table[d].n, H, C);
      for (PetscInt i = 0; i < n * n; i++) product[i] *= C[i];
    }
    for (PetscInt i = 0; i < n * n; i++) *V += product[i];
    PetscCall(PetscFree2(C, product));
  }
  PetscCall(PetscFree3(mode, g, H));
  PetscFunctionReturn(0);
}

// Pairs of modes: Var = sum_d sum_{m,m'} (prod_{e<d} E uu') C_d (prod_{e>d} mean mean'); a mode is 1 in directions that it does not have.
static PetscErrorCode TotalOfProducts(const Moments *M, double *V)
{
  SnaSeparable   s  = M->s;
  const PetscInt nd = s->o.nd;
  PetscInt      *mode, *holder, n, nholder;
  double        *left, *right, *C, *mean;
  const double **H;

  PetscFunctionBeginUser;
  *V = 0;
  PetscCall(
    PetscMalloc4((size_t)s->nmode, &mode, (size_t)s->nmode, &holder, (size_t)s->nmode, &mean, (size_t)s->nmode, &H));
  PetscCall(PetscMalloc1((size_t)s->nmode, &right));
  n = ModesOf(M, 0, mode, right);
  PetscCall(PetscMalloc2((size_t)(n * n), &left, (size_t)(n * n), &C));
  for (PetscInt i = 0; i < n * n; i++) left[i] = WeightOf(M, mode[i / n]) * WeightOf(M, mode[i % n]);
  for (PetscInt d = 0; d < nd; d++) {
    nholder = 0;
    for (PetscInt j = 0; j < n; j++) {
      const PetscInt f = FunctionOf(s, mode[j], d);

      right[j] = 1;
      for (PetscInt e = d + 1; e < nd; e++)
        if (s->mode[mode[j]] >> e & 1) right[j] *= M->mean[e][FunctionOf(s, mode[j], e)];
      mean[j] = f < 0 ? 1 : M->mean[d][f];
      if (f < 0) continue;
      H[nholder]        = M->H[d] + f * s->table[d].n;
      holder[nholder++] = j;
    }
    Gram(nholder, s->table[d].n, H, C);
    // E uu' = mean mean' + C: the second part before the first is multiplied in.
    for (PetscInt i = 0; i < nholder; i++)
      for (PetscInt j = 0; j < nholder; j++) {
        const PetscInt at = holder[i] * n + holder[j];

        C[i * nholder + j] *= left[at];
        *V += C[i * nholder + j] * right[holder[i]] * right[holder[j]];
      }
    for (PetscInt i = 0; i < n * n; i++) left[i] *= mean[i / n] * mean[i % n];
    for (PetscInt i = 0; i < nholder; i++)
      for (PetscInt j = 0; j < nholder; j++) left[holder[i] * n + holder[j]] += C[i * nholder + j];
  }
  PetscCall(PetscFree2(left, C));
  PetscCall(PetscFree(right));
  PetscCall(PetscFree4(mode, holder, mean, H));
  PetscFunctionReturn(0);
}

// ---- Tucker ----

// out[k][a][c] = sum_j X[a][j][c] T[j*ld + k], k < nk: the direction that was contracted comes first.
static void Contract(
  PetscInt na, PetscInt r, PetscInt nc, PetscInt nk, const double T[], PetscInt ld, const double X[], double out[])
{
  for (PetscInt i = 0; i < nk * na * nc; i++) out[i] = 0;
  for (PetscInt k = 0; k < nk; k++)
    for (PetscInt a = 0; a < na; a++)
      for (PetscInt j = 0; j < r; j++)
        for (PetscInt c = 0; c < nc; c++) out[(k * na + a) * nc + c] += T[j * ld + k] * X[(a * r + j) * nc + c];
}

// A square root of the r x r moments of direction d, second[j][k]: covariance (and means, as one more column).
static PetscErrorCode Root(const Moments *M, PetscInt d, PetscBool means, double root[])
{
  const PetscInt r = M->count[d], n = M->s->table[d].n;
  PetscBLASInt   br, lwork, info;
  double        *C, *value, *work;
  const double **H;

  PetscFunctionBeginUser;
  PetscCall(PetscBLASIntCast(r, &br));
  lwork = 64 * br;
  PetscCall(PetscMalloc4((size_t)(r * r), &C, (size_t)r, &value, (size_t)lwork, &work, (size_t)r, &H));
  for (PetscInt j = 0; j < r; j++) H[j] = M->H[d] + j * n;
  Gram(r, n, H, C);
  for (PetscInt j = 0; j < r * r && means; j++) C[j] += M->mean[d][j / r] * M->mean[d][j % r];
  PetscCallBLAS("LAPACKsyev", LAPACKsyev_("V", "U", &br, C, &br, value, work, &lwork, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK syev: %d", (int)info);
  for (PetscInt j = 0; j < r; j++)
    for (PetscInt k = 0; k < r; k++) root[j * r + k] = C[k * r + j] * sqrt(PetscMax(0, value[k]));
  PetscCall(PetscFree4(C, value, work, H));
  PetscFunctionReturn(0);
}

// Square of the core contracted from the last direction to the first: with means (kind[d] 0), a root of the covariance (1) or of the second moments (2).
static PetscErrorCode SquareOfCore(const Moments *M, const char kind[], double *const root[2], double *V)
{
  SnaSeparable   s  = M->s;
  const PetscInt nd = s->o.nd, r = s->o.rank;
  PetscInt       size = 1, kept = 1;
  double        *space, *X, *Y;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < nd; d++) size *= r;
  PetscCall(PetscMalloc1(2 * (size_t)size, &space));
  X = space;
  Y = space + size;
  PetscCall(PetscArraycpy(X, s->theta + s->start[nd] + M->o * size, size));
  // What was kept of later directions stands before what is left: [kept][j_1]..[j_d].
  for (PetscInt d = nd - 1; d >= 0; d--) {
    const PetscInt nk = kind[d] ? r : 1, na = size / r;
    double        *swap;

    Contract(na, r, 1, nk, kind[d] ? root[kind[d] - 1] + d * r * r : M->mean[d], nk, X, Y);
    size = na * nk;
    kept *= nk;
    swap = X;
    X    = Y;
    Y    = swap;
  }
  *V = 0;
  for (PetscInt i = 0; i < kept; i++) *V += X[i] * X[i];
  PetscCall(PetscFree(space));
  PetscFunctionReturn(0);
}

// ---- Tensor train ----

// Z = G^T X G for the r_d x r_{d+1} matrix G[a*rb + b] = numbers[(a*rb + b)*stride]; added to Z.
static void AddSandwich(
  PetscInt ra, PetscInt rb, const double numbers[], PetscInt stride, const double X[], double work[], double Z[])
{
  for (PetscInt a = 0; a < ra; a++)
    for (PetscInt b = 0; b < rb; b++) {
      work[a * rb + b] = 0;
      for (PetscInt c = 0; c < ra; c++) work[a * rb + b] += X[a * ra + c] * numbers[(c * rb + b) * stride];
    }
  for (PetscInt a = 0; a < ra; a++)
    for (PetscInt b = 0; b < rb; b++)
      for (PetscInt c = 0; c < rb; c++) Z[b * rb + c] += numbers[(a * rb + b) * stride] * work[a * rb + c];
}

// kind[d] as in SquareOfCore.
static PetscErrorCode SquareOfTrain(const Moments *M, const char kind[], double *V)
{
  SnaSeparable s    = M->s;
  PetscInt     most = 1;
  double      *X, *Z, *work;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d <= s->o.nd; d++) most = PetscMax(most, s->r[d]);
  PetscCall(PetscCalloc3((size_t)(most * most), &X, (size_t)(most * most), &Z, (size_t)(most * most), &work));
  X[0] = 1;
  for (PetscInt d = 0; d < s->o.nd; d++) {
    const PetscInt ra = d ? s->r[d] : 1, rb = s->r[d + 1], n = s->table[d].n, from = d ? 0 : M->o * rb;

    PetscCall(PetscArrayzero(Z, most * most));
    if (kind[d] != 1) AddSandwich(ra, rb, M->mean[d] + from, 1, X, work, Z);
    for (PetscInt k = 0; k < n && kind[d] > 0; k++) AddSandwich(ra, rb, M->H[d] + from * n + k, n, X, work, Z);
    PetscCall(PetscArraycpy(X, Z, most * most));
  }
  *V = X[0];
  PetscCall(PetscFree3(X, Z, work));
  PetscFunctionReturn(0);
}

// ---- All ----

static PetscErrorCode Square(const Moments *M, const char kind[], double *const root[2], double *V)
{
  PetscFunctionBeginUser;
  if (M->s->o.kind == SNA_SEPARABLE_TUCKER)
    PetscCall(SquareOfCore(M, kind, root, V));
  else
    PetscCall(SquareOfTrain(M, kind, V));
  PetscFunctionReturn(0);
}

static PetscErrorCode VarianceOf(const Moments *M, uint32_t S, double *const root[2], double *V)
{
  char kind[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  if (M->s->o.kind == SNA_SEPARABLE_PRODUCTS)
    PetscCall(VarianceOfProducts(M, S, V));
  else {
    for (PetscInt d = 0; d < M->s->o.nd; d++) kind[d] = (char)(S >> d & 1);
    PetscCall(Square(M, kind, root, V));
  }
  PetscFunctionReturn(0);
}

// Variance of the subsets beyond the listed ones that modes of few inputs contain; *ok is false where there are too many.
static PetscErrorCode AddLarger(const Moments *M, PetscInt order, double *V, PetscBool *ok)
{
  SnaSeparable s   = M->s;
  PetscInt     top = 0;

  PetscFunctionBeginUser;
  *ok = PETSC_TRUE;
  for (PetscInt m = 0; m < s->nmode; m++) top = PetscMax(top, s->first[m + 1] - s->first[m]);
  for (PetscInt size = order + 1; size <= top && *ok; size++) {
    SnaInteraction above;

    PetscCall(SnaInteractionCreate(s->o.nd, size, 1, PETSC_TRUE, &above, ok));
    for (PetscInt k = 0; k < above.nsubset; k++) {
      double one;

      PetscCall(VarianceOfProducts(M, above.subset[k], &one));
      *V += one;
    }
    PetscCall(SnaInteractionDestroy(&above));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSeparableGetShares(SnaSeparable s, PetscInt o, PetscInt nq, const double *const point[],
  const double *const weight[], PetscInt order, PetscInt *n, uint32_t **subset, double **share, double *rest,
  PetscBool *ok)
{
  const PetscInt  nd       = s->o.nd;
  const PetscBool products = (PetscBool)(s->o.kind == SNA_SEPARABLE_PRODUCTS);
  SnaInteraction  list     = {0};
  double          total = 0, listed = 0, *root[2];
  char            kind[SNA_MAX_DIM];
  Moments         M;

  PetscFunctionBeginUser;
  *n      = 0;
  *subset = NULL;
  *share  = NULL;
  *rest   = 0;
  *ok     = (PetscBool)(s->o.activation == SNA_IDENTITY);
  if (!*ok) PetscFunctionReturn(0);
  PetscCheck(o >= 0 && o < s->o.nout, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "output %" PetscInt_FMT, o);
  order = PetscMin(order, nd);
  PetscCall(SnaInteractionCreate(nd, order, 1, PETSC_FALSE, &list, ok));
  PetscCheck(
    *ok, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "too many subsets of up to %" PetscInt_FMT " inputs", order);
  PetscCall(MomentsCreate(s, o, nq, point, weight, &M));
  PetscCall(
    PetscMalloc2((size_t)(nd * s->o.rank * s->o.rank), &root[0], (size_t)(nd * s->o.rank * s->o.rank), &root[1]));
  for (PetscInt d = 0; d < nd && s->o.kind == SNA_SEPARABLE_TUCKER; d++)
    for (int k = 0; k < 2; k++) PetscCall(Root(&M, d, (PetscBool)k, root[k] + d * s->o.rank * s->o.rank));
  PetscCall(PetscMalloc1((size_t)list.nsubset, subset));
  PetscCall(PetscMalloc1((size_t)list.nsubset, share));
  for (PetscInt k = 0; k < list.nsubset; k++) {
    (*subset)[k] = list.subset[k];
    PetscCall(VarianceOf(&M, list.subset[k], root, &(*share)[k]));
    listed += (*share)[k];
  }
  *n = list.nsubset;
  if (products && s->nmode <= MAX_PAIRED)
    PetscCall(TotalOfProducts(&M, &total));
  else if (products) {
    total = listed;
    PetscCall(AddLarger(&M, order, &total, ok));
  } else
    for (PetscInt d = 0; d < nd; d++) { // what depends on direction d and on no later one
      double V;

      for (PetscInt e = 0; e < nd; e++) kind[e] = e < d ? 2 : e == d;
      PetscCall(Square(&M, kind, root, &V));
      total += V;
    }
  for (PetscInt k = 0; k < *n; k++) (*share)[k] = total > 0 ? (*share)[k] / total : 0;
  *rest = total > 0 ? 1 - listed / total : 0;
  PetscCall(PetscFree2(root[0], root[1]));
  PetscCall(MomentsDestroy(&M));
  PetscCall(SnaInteractionDestroy(&list));
  PetscFunctionReturn(0);
}

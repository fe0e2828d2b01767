// basis_polynomial.c - polynomials under the conditions of both ends, orthonormal in L2 and ordered by degree.
//
// In coefficients of the orthonormal Legendre polynomials P_i the conditions are A c = 0, A with k <= 4 rows, a_d its column d, and L2 is Euclidean. The function
// of degree d is what is new in the null space of d + 1 columns, orthogonal to the null space of d columns:
//
//   phi_d = alpha_d (P_d - S_d . y_d),   S_d(x) = sum_{i<d} a_i P_i(x),   y_d = (sum_{i<d} a_i a_i^T)^-1 a_d,   alpha_d = (1 + a_d . y_d)^(-1/2)
//
// so that running sums give all of them in O(k) operations each, without a triangular matrix to multiply with. S_d is the Christoffel-Darboux kernel under the
// conditions. At degrees below FIRST the k x k matrix may be singular (a constant has no slope: a degree without a function) or nearly so (a small Robin
// coefficient): there the coefficients come from orthogonal projections.
//
//   legendre   P_i and derivatives: (i+1) P_{i+1} = (2i+1) x P_i - i P_{i-1},   P'_{i+1} = P'_{i-1} + (2i+1) P_i
//   chebyshev  the same functions from their coefficients in T_i:
//              T_{i+1} = 2 x T_i - T_{i-1},   T'_{i+1}/(i+1) = 2 T_i + T'_{i-1}/(i-1)
// Abramowitz & Stegun 22.7, 22.8; Shen, SIAM J. Sci. Comput. 15 (1994) 1489 for conditions by recombination; Boyd, Chebyshev and Fourier Spectral Methods, ch. 2, 6.
#include "basis_impl.h"

#define CONDITIONS    4
#define MAX_FUNCTIONS 192 // then the product of two is within the rules that SnaGaussLegendre() has to round-off
#define MAX_DEGREES   (MAX_FUNCTIONS + CONDITIONS)
#define FIRST         12
#define ZERO          4e-15 // a condition of this size, in units of its larger part at degree 0 or 1, is round-off

typedef struct {
  PetscInt m, k, nfirst;          // degrees 0 .. m-1, conditions, functions of a degree below FIRST
  PetscInt degree[MAX_FUNCTIONS]; // of each function
  double   row[MAX_DEGREES][CONDITIONS], tail[MAX_DEGREES][CONDITIONS], lead[MAX_DEGREES]; // a_d, alpha_d y_d, alpha_d
  double   first[FIRST][FIRST]; // coefficients of the functions of low degree
  double  *chebyshev;           // n * m: coefficients in T_i
} Polynomial;

static PetscErrorCode Check_Polynomial(const SnaBasisSpec *spec, char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  if (spec->nbreak != 0)
    PetscCall(
      PetscSNPrintf(message, SNA_MAX_MESSAGE, "break points are for bspline, a %s basis has none", spec->family));
  else if (spec->resolution > MAX_FUNCTIONS)
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "a %s basis has up to %d functions, not %" PetscInt_FMT ": use bspline or fourier for more", spec->family,
      MAX_FUNCTIONS, spec->resolution));
  PetscFunctionReturn(0);
}

// Column d of A: the conditions on [-1, 1], each in units of its larger part.
static void SetConditions(const SnaBasisInfo *info, PetscInt d, PetscInt *k, double a[CONDITIONS])
{
  const double size = PetscSqrtReal((double)d + 0.5), slope = size * 0.5 * (double)d * (double)(d + 1);
  const double odd = d % 2 ? -1 : 1; // P_d(-x) = odd P_d(x)

  *k = 0;
  if (info->end[0].kind == SNA_END_PERIODIC) {
    a[0] = (1 - odd) * size;
    a[1] = (1 + odd) * slope;
    *k   = 2;
    return;
  }
  for (int e = 0; e < 2; e++) {
    const SnaEnd end   = info->end[e];
    const double value = e ? size : odd * size, outward = e ? slope : odd * slope; // the slope along the outer normal
    const double robin = 0.5 * (info->hi - info->lo) * end.robin, unit = PetscMax(1, PetscAbsReal(robin));

    if (end.kind == SNA_END_DIRICHLET || end.kind == SNA_END_CLAMPED) a[(*k)++] = value;
    if (end.kind == SNA_END_NEUMANN || end.kind == SNA_END_CLAMPED) a[(*k)++] = outward;
    if (end.kind == SNA_END_ROBIN) a[(*k)++] = outward / unit + robin / unit * value;
  }
}

// v less its projections on the n orthonormal vectors Q, and its length; twice, for round-off.
static double Project(PetscInt n, PetscInt size, double Q[][FIRST], double v[])
{
  double norm2 = 0;

  for (int twice = 0; twice < 2; twice++) {
    for (PetscInt q = 0; q < n; q++) {
      double product = 0;

      for (PetscInt i = 0; i < size; i++) product += Q[q][i] * v[i];
      for (PetscInt i = 0; i < size; i++) v[i] -= product * Q[q][i];
    }
  }
  for (PetscInt i = 0; i < size; i++) norm2 += v[i] * v[i];
  return PetscSqrtReal(norm2);
}

static void Scale(PetscInt size, double factor, double v[])
{
  for (PetscInt i = 0; i < size; i++) v[i] *= factor;
}

// The functions of degrees below FIRST, at most n. A degree has one when the null space of the conditions on its columns is larger than the functions that there
// are; it is what the conditions and those functions leave of some unit vector, the one of which most is left.
static void SetFirst(Polynomial *poly, PetscInt n)
{
  double Q[CONDITIONS + FIRST][FIRST],
    v[FIRST]; // orthonormal: the conditions on the columns so far, then the functions

  poly->nfirst = 0;
  for (PetscInt d = 0; d < FIRST && poly->nfirst < n; d++) {
    const PetscInt size = d + 1;
    double        *c = poly->first[poly->nfirst], best = 0, length;
    PetscInt       nq = 0;

    for (PetscInt r = 0; r < poly->k; r++) {
      for (PetscInt i = 0; i < size; i++) Q[nq][i] = poly->row[i][r];
      for (int step = 0; step < 3; step++) {
        length = Project(step ? nq : 0, size, Q, Q[nq]);
        if (length < ZERO) break;
        Scale(size, 1 / length, Q[nq]);
      }
      if (length >= ZERO) nq++;
    }
    if (size - nq <= poly->nfirst) continue;
    for (PetscInt f = 0; f < poly->nfirst; f++) {
      for (PetscInt i = 0; i < size; i++) Q[nq + f][i] = poly->first[f][i];
    }
    for (PetscInt unit = 0; unit < size; unit++) {
      for (PetscInt i = 0; i < size; i++) v[i] = i == unit ? 1 : 0;
      length = Project(nq + poly->nfirst, size, Q, v);
      if (length <= best) continue;
      best = length;
      Scale(size, 1 / length, v);
      length = Project(nq + poly->nfirst, size, Q, v);
      Scale(size, (v[d] < 0 ? -1 : 1) / length, v);
      for (PetscInt i = 0; i < size; i++) c[i] = v[i];
    }
    poly->degree[poly->nfirst++] = d;
  }
}

// y = G^-1 a for a symmetric positive definite G of order k, by Cholesky's method on the matrix with unit diagonal.
static void SolveSmall(PetscInt k, double G[CONDITIONS][CONDITIONS], const double a[], double y[])
{
  double L[CONDITIONS][CONDITIONS], unit[CONDITIONS];

  for (PetscInt i = 0; i < k; i++) unit[i] = 1 / PetscSqrtReal(G[i][i]);
  for (PetscInt i = 0; i < k; i++) {
    y[i] = unit[i] * a[i];
    for (PetscInt j = 0; j <= i; j++) {
      double sum = unit[i] * G[i][j] * unit[j];

      for (PetscInt l = 0; l < j; l++) sum -= L[i][l] * L[j][l];
      L[i][j] = j < i ? sum / L[j][j] : PetscSqrtReal(sum);
    }
    for (PetscInt l = 0; l < i; l++) y[i] -= L[i][l] * y[l];
    y[i] /= L[i][i];
  }
  for (PetscInt i = k - 1; i >= 0; i--) {
    for (PetscInt l = i + 1; l < k; l++) y[i] -= L[l][i] * y[l];
    y[i] /= L[i][i];
  }
  for (PetscInt i = 0; i < k; i++) y[i] *= unit[i];
}

static void SetFunctions(SnaBasis b, Polynomial *poly)
{
  double G[CONDITIONS][CONDITIONS] = {{0}};

  for (PetscInt d = 0; d < MAX_DEGREES; d++) SetConditions(&b->info, d, &poly->k, poly->row[d]);
  SetFirst(poly, b->info.n);
  poly->m = poly->nfirst == b->info.n ? poly->degree[b->info.n - 1] + 1 : FIRST + b->info.n - poly->nfirst;
  for (PetscInt d = 0; d < poly->m; d++) {
    const double *a = poly->row[d];
    double        y[CONDITIONS], sum = 1;

    if (d >= FIRST) {
      poly->degree[poly->nfirst + d - FIRST] = d;
      SolveSmall(poly->k, G, a, y);
      for (PetscInt c = 0; c < poly->k; c++) sum += a[c] * y[c];
      poly->lead[d] = 1 / PetscSqrtReal(sum);
      for (PetscInt c = 0; c < poly->k; c++) poly->tail[d][c] = poly->lead[d] * y[c];
    }
    for (PetscInt i = 0; i < poly->k; i++) {
      for (PetscInt j = 0; j < poly->k; j++) G[i][j] += a[i] * a[j];
    }
  }
}

// values[j] = sum of raw[i], Legendre polynomials of any derivative, over the coefficients of function j on [-1, 1], times scale.
static void FromLegendre(const Polynomial *poly, PetscInt n, const double raw[], double scale, double values[])
{
  double   P[FIRST], S[CONDITIONS] = {0};
  PetscInt j = poly->nfirst;

  for (PetscInt d = 0; d < PetscMin(FIRST, poly->m); d++) {
    P[d] = PetscSqrtReal((double)d + 0.5) * raw[d];
    for (PetscInt c = 0; c < poly->k; c++) S[c] += poly->row[d][c] * P[d];
  }
  for (PetscInt f = 0; f < poly->nfirst; f++) {
    double sum = 0;

    for (PetscInt i = 0; i <= poly->degree[f]; i++) sum += poly->first[f][i] * P[i];
    values[f] = scale * sum;
  }
  for (PetscInt d = FIRST; j < n; d++, j++) {
    const double p   = PetscSqrtReal((double)d + 0.5) * raw[d];
    double       sum = poly->lead[d] * p;

    for (PetscInt c = 0; c < poly->k; c++) {
      sum -= poly->tail[d][c] * S[c];
      S[c] += poly->row[d][c] * p;
    }
    values[j] = scale * sum;
  }
}

// raw[i] = P_i at s for order = 0, otherwise the derivative after `below`.
static void NextLegendre(PetscInt m, PetscInt order, double s, const double below[], double raw[])
{
  raw[0] = order == 0 ? 1 : 0;
  if (m > 1) raw[1] = order == 0 ? s : below[0];
  for (PetscInt i = 1; i < m - 1; i++) {
    const double odd = (double)(2 * i + 1);

    if (order == 0)
      raw[i + 1] = (odd * s * raw[i] - (double)i * raw[i - 1]) / (double)(i + 1);
    else
      raw[i + 1] = raw[i - 1] + odd * below[i];
  }
}

static void NextChebyshev(PetscInt m, PetscInt order, double s, const double below[], double raw[])
{
  raw[0] = order == 0 ? 1 : 0;
  if (m > 1) raw[1] = order == 0 ? s : below[0];
  if (m > 2) raw[2] = order == 0 ? 2 * s * s - 1 : 4 * below[1];
  for (PetscInt i = 2; i < m - 1; i++) {
    if (order == 0)
      raw[i + 1] = 2 * s * raw[i] - raw[i - 1];
    else
      raw[i + 1] = (double)(i + 1) * (2 * below[i] + raw[i - 1] / (double)(i - 1));
  }
}

static PetscErrorCode Evaluate_Polynomial(SnaBasis b, double x, PetscInt order, PetscInt *cell, double values[])
{
  const Polynomial *poly = b->data;
  const PetscInt    n = b->info.n, m = poly->m;
  // From the nearer end, for the sake of the last digits there.
  const double below = 2 * (x - b->info.lo) / (b->info.hi - b->info.lo),
               above = 2 * (b->info.hi - x) / (b->info.hi - b->info.lo), s = below < above ? below - 1 : 1 - above;
  double work[2][MAX_DEGREES], scale = PetscSqrtReal(2 / (b->info.hi - b->info.lo));

  PetscFunctionBeginUser;
  *cell = 0;
  for (PetscInt o = 0; o <= order; o++) {
    double *raw = work[o % 2], *v = values + o * n;

    if (poly->chebyshev) {
      NextChebyshev(m, o, s, work[1 - o % 2], raw);
      for (PetscInt j = 0; j < n; j++) {
        const double *c   = poly->chebyshev + j * m;
        double        sum = 0;

        for (PetscInt i = 0; i <= poly->degree[j]; i++) sum += c[i] * raw[i];
        v[j] = scale * sum;
      }
    } else {
      NextLegendre(m, o, s, work[1 - o % 2], raw);
      FromLegendre(poly, n, raw, scale, v);
    }
    scale *= 2 / (b->info.hi - b->info.lo);
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode SetUp_Legendre(SnaBasis b, const SnaBasisSpec *spec)
{
  Polynomial *poly;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&poly));
  b->data   = poly;
  b->info.n = b->info.local = spec->resolution;
  SetFunctions(b, poly);
  b->info.cells  = 1;
  b->info.points = poly->m;
  PetscFunctionReturn(0);
}

// Coefficients in T_i: P_d(cos t) = sum_{k<=d} h_k h_{d-k} cos((d - 2k) t), h_k = (2k)!/(4^k k!^2) (Abramowitz & Stegun 22.3.13), all of one sign.
static PetscErrorCode SetUp_Chebyshev(SnaBasis b, const SnaBasisSpec *spec)
{
  Polynomial *poly;
  double      h[MAX_DEGREES] = {1};

  PetscFunctionBeginUser;
  PetscCall(SetUp_Legendre(b, spec));
  poly = b->data;
  for (PetscInt k = 1; k < poly->m; k++) h[k] = h[k - 1] * ((double)k - 0.5) / (double)k;
  PetscCall(PetscCalloc1((size_t)b->info.n * (size_t)poly->m, &poly->chebyshev));
  for (PetscInt j = 0; j < b->info.n; j++) {
    const PetscInt top = poly->degree[j];

    for (PetscInt d = 0; d <= top; d++) {
      double c = 0; // of P_d in function j

      if (j < poly->nfirst)
        c = poly->first[j][d];
      else if (d == top)
        c = poly->lead[top];
      else {
        for (PetscInt i = 0; i < poly->k; i++) c -= poly->row[d][i] * poly->tail[top][i];
      }
      c *= PetscSqrtReal((double)d + 0.5);
      for (PetscInt k = 0; k <= d; k++) poly->chebyshev[j * poly->m + PetscAbsInt(d - 2 * k)] += c * h[k] * h[d - k];
    }
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Destroy_Polynomial(SnaBasis b)
{
  Polynomial *poly = b->data;

  PetscFunctionBeginUser;
  PetscCall(PetscFree(poly->chebyshev));
  PetscCall(PetscFree(b->data));
  PetscFunctionReturn(0);
}

const SnaBasisOps SnaBasisLegendre_Private  = {.family = "legendre",
   .check                                              = Check_Polynomial,
   .setup                                              = SetUp_Legendre,
   .evaluate                                           = Evaluate_Polynomial,
   .smooth                                             = SnaBasisSmooth_Modal_Private,
   .destroy                                            = Destroy_Polynomial};
const SnaBasisOps SnaBasisChebyshev_Private = {.family = "chebyshev",
  .check                                               = Check_Polynomial,
  .setup                                               = SetUp_Chebyshev,
  .evaluate                                            = Evaluate_Polynomial,
  .smooth                                              = SnaBasisSmooth_Modal_Private,
  .destroy                                             = Destroy_Polynomial};

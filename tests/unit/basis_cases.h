// basis_cases.h - every family of 1-D bases under every pair of ends, and what several tests do with them.
#ifndef SNA_TEST_BASIS_CASES_H
#define SNA_TEST_BASIS_CASES_H

#include <sna/sna.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define MAX_N     140
#define MAX_ORDER 4
#define Ok(call)  assert_int_equal(call, 0)

static const SnaEnd free_end = {SNA_END_FREE, 0}, dirichlet = {SNA_END_DIRICHLET, 0}, neumann = {SNA_END_NEUMANN, 0},
                    robin = {SNA_END_ROBIN, 0.7}, clamped = {SNA_END_CLAMPED, 0}, periodic = {SNA_END_PERIODIC, 0};

static const double lower = -0.4, upper = 1.3;
static const double grading[] = {-0.4, -0.35, -0.2, 0.1, 0.1, 0.6, 1.1, 1.2, 1.3}; // C^{p-2} at 0.1

static inline void near(double a, double b, double tolerance, const char what[])
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%s: %.17g is not %.17g within %g", what, a, b, tolerance);
}

typedef void (*Visit)(SnaBasis b, const SnaBasisSpec *spec, const char what[]);

static inline void VisitOne(const SnaBasisSpec *spec, Visit visit)
{
  static const char *const end[] = {"free", "dirichlet", "neumann", "robin", "clamped", "periodic"};
  char                     what[200];
  SnaBasis                 b;

  Ok(PetscSNPrintf(what, sizeof(what), "%s degree %d resolution %d %s %s %s", spec->family, (int)spec->degree,
    (int)spec->resolution, spec->nbreak ? "graded" : "", end[spec->end[0].kind], end[spec->end[1].kind]));
  Ok(SnaBasisCreate("x", spec, &b));
  visit(b, spec, what);
  Ok(SnaBasisDestroy(&b));
  assert_null(b);
}

// Resolutions near `resolution`; splines of a degree within [1, degrees].
static inline void VisitEnds(SnaEnd lo, SnaEnd hi, PetscInt resolution, PetscInt degrees, Visit visit)
{
  static const char *const modal[] = {"fourier", "legendre", "chebyshev"};
  SnaBasisSpec             spec    = {.lo = lower, .hi = upper, .end = {lo, hi}, .resolution = resolution};

  for (size_t f = 0; f < 3; f++) {
    PetscBool ok;
    char      message[SNA_MAX_MESSAGE];

    spec.family = modal[f];
    Ok(SnaBasisCheck(&spec, &ok, message));
    if (ok)
      VisitOne(&spec, visit);
    else
      assert_int_equal(f, 0);
  }
  spec.family = "bspline";
  for (spec.degree = 1; spec.degree <= degrees; spec.degree++) {
    spec.nbreak = 0;
    VisitOne(&spec, visit);
    if (spec.degree == 1) continue; // the repeated point would be a jump
    spec.nbreak     = sizeof(grading) / sizeof(grading[0]);
    spec.breakpoint = grading;
    VisitOne(&spec, visit);
  }
}

static inline void VisitAll(PetscInt resolution, PetscInt degrees, Visit visit)
{
  const SnaEnd ends[] = {free_end, dirichlet, neumann, robin, clamped};

  for (int i = 0; i < 5; i++) {
    for (int j = 0; j < 5; j++) VisitEnds(ends[i], ends[j], resolution, degrees, visit);
  }
  VisitEnds(periodic, periodic, resolution, degrees, visit);
}

// m-th derivatives of all functions at x; in the cell of `inside` where x is a border.
static inline void Functions(SnaBasis b, double x, PetscInt m, double f[])
{
  SnaBasisInfo    info;
  const PetscInt *index;
  PetscInt        cell;
  double          v[(MAX_ORDER + 1) * MAX_N];

  Ok(SnaBasisGetInfo(b, &info));
  assert_true(info.n <= MAX_N && info.local <= MAX_N && m <= MAX_ORDER);
  Ok(SnaBasisEvaluate(b, x, m, &cell, v));
  assert_true(cell >= 0 && cell < info.cells);
  Ok(SnaBasisGetIndex(b, cell, &index));
  for (PetscInt i = 0; i < info.n; i++) f[i] = 0;
  for (PetscInt a = 0; a < info.local; a++) {
    assert_true(index[a] >= -1 && index[a] < info.n);
    if (index[a] >= 0) f[index[a]] = v[m * info.local + a];
  }
}

// L f of one end for all functions, and the size of the parts of L f.
static inline double Condition(SnaEnd end, int side, double value, double slope, double *size)
{
  *size = fabs(slope) + fabs(value);
  if (end.kind == SNA_END_DIRICHLET) return value;
  return (side ? slope : -slope) + (end.kind == SNA_END_ROBIN ? end.robin * value : 0);
}

static inline void ConditionsHold(SnaBasis b, const SnaBasisSpec *spec, const char what[])
{
  double       value[2][MAX_N], slope[2][MAX_N], largest = 0;
  SnaBasisInfo info;

  Ok(SnaBasisGetInfo(b, &info));
  for (int e = 0; e < 2; e++) {
    Functions(b, e ? upper : lower, 0, value[e]);
    Functions(b, e ? upper : lower, 1, slope[e]);
  }
  for (PetscInt i = 0; i < info.n; i++)
    largest = PetscMax(largest, fabs(slope[0][i]) + fabs(slope[1][i]) + fabs(value[0][i]) + fabs(value[1][i]));
  // The size of slopes that polynomials of the degree have before conditions are imposed: T_m' = m^2.
  largest = PetscMax(largest, (double)(info.n * info.n));
  for (PetscInt i = 0; i < info.n; i++) {
    for (int e = 0; e < 2; e++) {
      const SnaEnd end = spec->end[e];
      double       size;

      assert_int_equal(end.kind, info.end[e].kind);
      if (end.kind == SNA_END_FREE) continue;
      if (end.kind == SNA_END_PERIODIC) {
        near(value[0][i], value[1][i], 1e-14 * largest, what);
        if (spec->degree != 1) near(slope[0][i], slope[1][i], 1e-14 * largest, what);
        continue;
      }
      near(Condition(end, e, value[e][i], slope[e][i], &size), 0, 1e-14 * largest, what);
      if (end.kind == SNA_END_DIRICHLET || end.kind == SNA_END_CLAMPED) near(value[e][i], 0, 1e-13, what);
    }
  }
}

// Matrices and vectors against a quadrature of their own, functions and band
static inline double Weight(double x)
{
  return 2 + cos(2 * x) + x;
}

static inline void MatricesAgree(SnaBasis b, const SnaBasisSpec *spec, const char what[])
{
  enum { PARTS = 3, RULE = 24 };
  static double dense[3][MAX_N * MAX_N], M[MAX_N * (2 * MAX_N)], vector[MAX_N], f[MAX_N], g[4000];
  double        x[RULE], w[RULE], size[3] = {0};
  SnaTabulation t;
  SnaBasisInfo  info;

  (void)spec;
  Ok(SnaBasisGetInfo(b, &info));
  const PetscInt n = info.n, p = info.band;
  Ok(SnaGaussLegendre(RULE, x, w));
  memset(dense, 0, sizeof(dense));
  memset(vector, 0, sizeof(vector));
  for (PetscInt c = 0; c < info.cells * PARTS; c++) {
    const double start = SnaBasisCellStart(b, c / PARTS), h = (SnaBasisCellStart(b, c / PARTS + 1) - start) / PARTS;

    for (int q = 0; q < RULE; q++) {
      const double at = start + h * (c % PARTS + 0.5 * (1 + x[q])), mass = 0.5 * h * w[q];
      double       v[MAX_N], d[MAX_N];

      Functions(b, at, 0, v);
      Functions(b, at, 1, d);
      for (PetscInt i = 0; i < n; i++) {
        vector[i] += mass * Weight(at) * d[i];
        for (PetscInt j = 0; j < n; j++) {
          dense[0][i * n + j] += mass * v[i] * v[j];
          dense[1][i * n + j] += mass * d[i] * d[j];
          dense[2][i * n + j] += mass * Weight(at) * v[i] * d[j];
        }
      }
    }
  }
  for (int k = 0; k < 3; k++) {
    for (PetscInt i = 0; i < n * n; i++) size[k] = PetscMax(size[k], fabs(dense[k][i]));
  }
  for (PetscInt extra = 0; extra <= 8; extra += 8) { // info.points are enough without a weight
    Ok(SnaTabulationCreate(b, info.points + extra, 1, &t));
    for (PetscInt q = 0; q < t.nq; q++) g[q] = Weight(t.x[q]);
    for (int k = 0; k < (extra ? 3 : 2); k++) {
      Ok(SnaIntegrateMatrix(b, &t, k == 1, k >= 1, k == 2 ? g : NULL, M));
      for (PetscInt i = 0; i < n; i++) {
        for (PetscInt j = 0; j < n; j++) {
          const double entry = PetscAbsInt(i - j) <= p ? M[i * (2 * p + 1) + j - i + p] : 0;

          near(entry, dense[k][i * n + j], 5e-14 * size[k] + 1e-15, what);
        }
        for (PetscInt j = i - p; j <= i + p; j++) {
          if (j < 0 || j >= n) assert_true(M[i * (2 * p + 1) + j - i + p] == 0);
        }
      }
    }
    if (extra) {
      Ok(SnaIntegrateVector(b, &t, 1, g, f));
      for (PetscInt i = 0; i < n; i++) near(f[i], vector[i], 1e-12, what);
    }
    Ok(SnaTabulationDestroy(&t));
  }
}

// Solves the symmetric positive definite A x = b of order n in place by Gauss elimination.
static inline void SolveDense(PetscInt n, double *A, double *x)
{
  for (PetscInt k = 0; k < n; k++) {
    assert_true(A[k * n + k] > 0);
    for (PetscInt i = k + 1; i < n; i++) {
      const double factor = A[i * n + k] / A[k * n + k];

      if (factor == 0) continue;
      for (PetscInt j = k; j < n; j++) A[i * n + j] -= factor * A[k * n + j];
      x[i] -= factor * x[k];
    }
  }
  for (PetscInt k = n - 1; k >= 0; k--) {
    for (PetscInt j = k + 1; j < n; j++) x[k] -= A[k * n + j] * x[j];
    x[k] /= A[k * n + k];
  }
}

// Relative L2 error of the best approximation of u(x).
typedef double (*Value)(const void *ctx, double x);
static inline double BestError(SnaBasis b, Value u, const void *ctx)
{
  static double M[MAX_N * 2 * MAX_N], A[MAX_N * MAX_N], c[MAX_N], g[8000];
  SnaTabulation t;
  SnaBasisInfo  info;
  double        error2 = 0, norm2 = 0;

  Ok(SnaBasisGetInfo(b, &info));
  const PetscInt n = info.n, p = info.band;
  Ok(SnaTabulationCreate(b, info.points + 12, 0, &t));
  for (PetscInt q = 0; q < t.nq; q++) g[q] = u(ctx, t.x[q]);
  Ok(SnaIntegrateMatrix(b, &t, 0, 0, NULL, M));
  Ok(SnaIntegrateVector(b, &t, 0, g, c));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt j = 0; j < n; j++) A[i * n + j] = PetscAbsInt(i - j) <= p ? M[i * (2 * p + 1) + j - i + p] : 0;
  }
  SolveDense(n, A, c);
  for (PetscInt q = 0; q < t.nq; q++) {
    double f[MAX_N], value = 0;

    Functions(b, t.x[q], 0, f);
    for (PetscInt i = 0; i < n; i++) value += c[i] * f[i];
    error2 += t.w[q] * (value - g[q]) * (value - g[q]);
    norm2 += t.w[q] * g[q] * g[q];
  }
  Ok(SnaTabulationDestroy(&t));
  return sqrt(error2 / norm2);
}

#endif

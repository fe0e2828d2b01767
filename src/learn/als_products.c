// als_products.c - a sweep of alternating least squares for sums of products of all directions (CP), y_o = sum_m A[o][m] prod_d u_{m,d}(t_d).
//
// The product P_m of a mode's functions in all directions but the one at work is kept for every row; it goes from direction d to the next by
//
//   P_m <- P_m * u_{m,d}(new) / u_{m,d+1}(old)
//
// (where a factor is nearly 0, the product of the others anew), so that the derivatives of a row,
//
//   j[a R + m] = A[o][m] P_m B_{cell+a}(t_d),   a <= p,
//
// cost nothing but their own numbers, whatever nd. With the unknowns ordered function by function (i R + m) a row adds a dense square of width k = (p+1) R to
// the diagonal of the normal matrix, which is a band: 6 multiplications per row for one mode of degree 2, however many cells there are. Splines are evaluated
// from the coordinates whenever they are needed: polynomials are faster than memory.
//
// The new functions come from (J^T J + mu + N ridge) step = J^T (target - y) - N ridge w: the correction, so that what is small stays exact.
// Outputs with their own modes (unit weights) have systems of their own; learned weights are a last block (AlsSolveBlock).
#include "als_impl.h"
#include <math.h>

#define MAX_BAND ((PetscInt64)1 << 22) // numbers of a band
#define SMALL    1e-5                  // factors by which P is not divided
#define LANES    8                     // of the splines of a row, padded by zeros

// Vectors are passed between functions of this file alone, so that it does not matter how a processor without AVX would pass them.
#pragma GCC diagnostic ignored "-Wpsabi"
typedef double         Vec4 __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t        Int4 __attribute__((vector_size(32)));
#define V4(p)  (*(Vec4 *)(p))
#define CV4(p) (*(const Vec4 *)(p))

typedef struct { // the splines of ROWS rows in one direction: B[row*LANES + a] = B_{cell[row] + a}
  double  B[ROWS * LANES];
  int32_t cell[ROWS];
} Splines;

typedef struct {
  PetscInt nblock, nsystem, R,
    RP; // blocks of ROWS of this rank; systems; modes of one; the same padded: 1, or a multiple of 4
  PetscInt unknowns
    [SNA_MAX_DIM]; // of a system, padded: windows that begin inside reach up to 3 numbers beyond the end, where they add zeros
  double *polynomial[SNA_MAX_DIM]; // [cell][power][4, or LANES]
  double *W[SNA_MAX_DIM],
    *now;        // [system][i R + m]: functions by which P was multiplied; those of the direction at work
  double *P, *J; // [block][system][row][RP]; [row][round4(k) + 4]
  AlsSums sums;
} Products;

static PetscInt Round4(PetscInt n)
{
  return (n + 3) / 4 * 4;
}

static PetscInt ModesOfSystem(SnaSeparable s)
{
  return s->o.learned ? s->nmode : s->nmode / s->o.nout;
}

PetscBool AlsProductsFits(SnaFit fit)
{
  SnaSeparable s = fit->s;

  if (s->o.kind != SNA_SEPARABLE_PRODUCTS || !s->full) return PETSC_FALSE;
  for (PetscInt d = 0; d < s->o.nd; d++) {
    const PetscInt64 R = ModesOfSystem(s);

    if (s->table[d].n * R * ((s->table[d].p + 1) * R + 4) > MAX_BAND) return PETSC_FALSE;
  }
  return PETSC_TRUE;
}

PetscErrorCode AlsDestroyProducts(void **state)
{
  Products *c = (Products *)*state;

  PetscFunctionBeginUser;
  if (!c) PetscFunctionReturn(0);
  for (PetscInt d = 0; d < SNA_MAX_DIM; d++) PetscCall(PetscFree2(c->polynomial[d], c->W[d]));
  PetscCall(PetscFree3(c->P, c->J, c->now));
  PetscCall(AlsSumsDestroy(&c->sums));
  PetscCall(PetscFree(c));
  *state = NULL;
  PetscFunctionReturn(0);
}

static PetscErrorCode Create(SnaFit fit, Products **out)
{
  SnaSeparable s    = fit->s;
  PetscInt     band = 0, most = 0, window = 0;
  Products    *c;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&c));
  c->nblock  = (fit->train->n + ROWS - 1) / ROWS;
  c->nsystem = s->o.learned ? 1 : s->o.nout;
  c->R       = ModesOfSystem(s);
  c->RP      = c->R == 1 ? 1 : Round4(c->R);
  for (PetscInt d = 0; d < s->o.nd; d++) {
    const SplineTable *table = &s->table[d];
    const PetscInt     q = table->p + 1, lanes = q <= 4 ? 4 : LANES;

    c->unknowns[d] = table->n * c->R + LANES;
    PetscCall(PetscCalloc2(
      (size_t)(table->cells * q * lanes), &c->polynomial[d], (size_t)(c->nsystem * c->unknowns[d]), &c->W[d]));
    for (PetscInt cell = 0; cell < table->cells; cell++)
      for (PetscInt k = 0; k < q; k++)
        for (PetscInt a = 0; a < q; a++)
          c->polynomial[d][(cell * q + k) * lanes + a] = table->c_d[(cell * q + a) * q + k];
    band   = PetscMax(band, c->unknowns[d] * Round4(q * c->R));
    most   = PetscMax(most, c->unknowns[d]);
    window = PetscMax(window, q * c->R);
  }
  PetscCall(PetscCalloc3((size_t)(c->nblock * ROWS) * (size_t)(c->nsystem * c->RP), &c->P,
    (size_t)(ROWS * (Round4(window) + 4)), &c->J, (size_t)(c->nsystem * most), &c->now));
  PetscCall(AlsSumsCreate(c->nsystem * (band + most) + s->o.nout, &c->sums));
  *out = c;
  PetscFunctionReturn(0);
}

// ---- Functions at rows ----

// Always inlined, so that the degree is a constant. v: 0, or 4 for the splines from the fifth one on; lanes: of a polynomial's coefficients.
static inline __attribute__((always_inline)) void Horner(
  PetscInt n, int p, int v, int lanes, const double *polynomial, const double w[], Splines *s)
{
  for (PetscInt i = 0; i < n; i++) {
    const double *f = polynomial + s->cell[i] * (p + 1) * lanes + v;
    Vec4          B = CV4(f + p * lanes);

    for (int k = p - 1; k >= 0; k--) B = B * w[i] + CV4(f + k * lanes);
    V4(s->B + i * LANES + v) = B;
  }
}

static void Evaluate(const Products *c, const SplineTable *table, PetscInt d, PetscInt n, const double t[], Splines *s)
{
  const double *polynomial = c->polynomial[d], cells = (double)table->cells;
  const int     p = (int)table->p, last = (int)table->cells - 1;
  double        w[ROWS];

  for (PetscInt i = 0; i < n; i++) {
    const double z = t[i] > 0 ? t[i] : 0;

    w[i] = (z < 1 ? z : 1) * cells;
  }
  for (PetscInt i = 0; i < n; i++) {
    const int k = (int)w[i];

    s->cell[i] = k < last ? k : last;
    w[i] -= (double)s->cell[i] + 0.5;
  }
  if (p == 1)
    Horner(n, 1, 0, 4, polynomial, w, s);
  else if (p == 2)
    Horner(n, 2, 0, 4, polynomial, w, s);
  else if (p == 3)
    Horner(n, 3, 0, 4, polynomial, w, s);
  else
    for (int v = 0; v < LANES; v += 4) Horner(n, p, v, LANES, polynomial, w, s);
}

static inline double Sum4(Vec4 v)
{
  return (v[0] + v[2]) + (v[1] + v[3]);
}

// The function of a system with one mode at row i.
static inline double Value(int p, const double *W, const Splines *s, PetscInt i)
{
  Vec4 u = CV4(s->B + i * LANES) * CV4(W + s->cell[i]);

  if (p >= 4) u += CV4(s->B + i * LANES + 4) * CV4(W + s->cell[i] + 4);
  return Sum4(u);
}

// Four functions of a system with R modes, from W = those of the first one on.
static inline Vec4 Values(int p, int R, const double *W, const Splines *s, PetscInt i)
{
  const double *B = s->B + i * LANES, *w = W + s->cell[i] * R;
  Vec4          u = B[0] * CV4(w);

  for (int a = 1; a <= p; a++) u += B[a] * CV4(w + a * R);
  return u;
}

// Bits of the last four lanes of R modes, padded; what stands in the padding belongs to the next function.
static Int4 LastModes(int R)
{
  Int4 mask;

  for (int m = 0; m < 4; m++) mask[m] = (R - 1) / 4 * 4 + m < R ? -1 : 0;
  return mask;
}

static inline Vec4 Select(Int4 mask, Vec4 yes, Vec4 no)
{
  return (Vec4)(((Int4)yes & mask) | ((Int4)no & ~mask));
}

// P of row i (of this rank) and mode m of system j, without direction `without`, factor by factor.
static double ProductOfOthers(SnaFit fit, const Products *c, PetscInt without, PetscInt j, PetscInt m, PetscInt i)
{
  double product = 1;

  for (PetscInt d = 0; d < fit->s->o.nd; d++) {
    double  u = 0;
    Splines s;

    if (d == without) continue;
    Evaluate(c, &fit->s->table[d], d, 1, fit->train->t[d] + i, &s);
    for (PetscInt a = 0; a <= fit->s->table[d].p; a++)
      u += s.B[a] * c->W[d][j * c->unknowns[d] + (s.cell[0] + a) * c->R + m];
    product *= u;
  }
  return product;
}

// P of one system in one block: times the functions of direction d - 1, divided by those of d (d = 0: P is that of direction 0 already).
static void Advance(SnaFit fit, const Products *c, PetscInt d, PetscInt j, PetscInt first, PetscInt n,
  const Splines *before, const Splines *here, double *P)
{
  const int     p = (int)fit->s->table[d - 1].p, q = (int)fit->s->table[d].p, R = (int)c->R, RP = (int)c->RP;
  const double *Wp = c->W[d - 1] + j * c->unknowns[d - 1], *Wq = c->W[d] + j * c->unknowns[d];
  const Vec4    one = {1, 1, 1, 1}, none = {0};
  const Int4    all = {-1, -1, -1, -1}, last = LastModes(R);

  for (PetscInt i = 0; i < n; i++, P += RP) {
    PetscBool anew = PETSC_FALSE;

    if (R == 1) {
      const double u = Value(q, Wq, here, i);

      anew = (PetscBool)(!(fabs(u) > SMALL));
      P[0] *= Value(p, Wp, before, i) / u;
    } else
      for (int v = 0; v < RP; v += 4) {
        const Int4 mask  = v + 4 < RP ? all : last;
        const Vec4 u     = Select(mask, Values(q, R, Wq + v, here, i), one);
        const Int4 small = ~((u > SMALL) | (u < -SMALL));

        if (small[0] | small[1] | small[2] | small[3]) anew = PETSC_TRUE;
        V4(P + v) = Select(mask, CV4(P + v) * Values(p, R, Wp + v, before, i) / u, none);
      }
    for (int m = 0; m < R && anew; m++) P[m] = ProductOfOthers(fit, c, d, j, m, first + i);
  }
}

// Coefficients of direction d, function by function.
static void LoadFunctions(SnaSeparable s, const Products *c, PetscInt d, double W[])
{
  const PetscInt n = s->table[d].n, R = c->R;

  for (PetscInt k = 0; k < c->nsystem * R; k++)
    for (PetscInt i = 0; i < n; i++) W[k / R * c->unknowns[d] + i * R + k % R] = s->theta[s->start[d] + k * n + i];
}

// P of direction 0 for all rows.
static void StartProducts(SnaFit fit, Products *c)
{
  SnaSeparable s = fit->s;
  const int    R = (int)c->R, RP = (int)c->RP;
  const Vec4   none = {0};
  const Int4   all = {-1, -1, -1, -1}, last = LastModes(R);
  Splines      here;

  for (PetscInt b = 0; b < c->nblock; b++) {
    const PetscInt n     = PetscMin(ROWS, fit->train->n - b * ROWS);
    double        *block = c->P + b * ROWS * c->nsystem * RP;

    for (PetscInt j = 0; j < c->nsystem; j++)
      for (PetscInt i = 0; i < ROWS; i++)
        for (int m = 0; m < RP; m++) block[(j * ROWS + i) * RP + m] = m < R ? 1 : 0;
    for (PetscInt d = 1; d < s->o.nd; d++) {
      const int p = (int)s->table[d].p;

      Evaluate(c, &s->table[d], d, n, fit->train->t[d] + b * ROWS, &here);
      for (PetscInt j = 0; j < c->nsystem; j++) {
        const double *W = c->W[d] + j * c->unknowns[d];
        double       *P = block + j * ROWS * RP;

        for (PetscInt i = 0; i < n; i++, P += RP)
          if (R == 1)
            P[0] *= Value(p, W, &here, i);
          else
            for (int v = 0; v < RP; v += 4)
              V4(P + v) = Select(v + 4 < RP ? all : last, CV4(P + v) * Values(p, R, W + v, &here, i), none);
      }
    }
  }
}

// ---- Normal equations ----

// Derivatives of n rows for one output: J[row][ldj], zeros from k to ldj = round4(k) + 4. A: weights of the modes (NULL: 1).
static void Derivatives(PetscInt n, int p, int R, int RP, const Splines *s, const double *P, const double *A, double *J)
{
  const int k = (p + 1) * R, ldj = (k + 3) / 4 * 4 + 4;

  for (PetscInt i = 0; i < n; i++, J += ldj, P += RP) {
    V4(J + k)       = (Vec4){0};
    V4(J + ldj - 4) = (Vec4){0};
    for (int a = 0; a <= p; a++) // the padding of P is 0, and the next function's numbers take its place
      for (int v = 0; v < RP; v += 4) V4(J + a * R + v) = s->B[i * LANES + a] * CV4(P + v);
    for (int q = 0; q < k && A; q++) J[q] *= A[q % R];
  }
}

// Adds n rows of one output. Returns the sum of the residuals' squares.
static double AddRows(PetscInt n, PetscInt k, PetscInt R, const int32_t *cell, const double *J, const double *W,
  const double *target, double *band, double *rhs)
{
  const PetscInt ld = (k + 3) / 4 * 4, ldj = ld + 4;
  double         sse = 0;

  for (PetscInt i = 0; i < n; i++, J += ldj) {
    const PetscInt at = cell[i] * R;
    double        *A  = band + at * ld;
    Vec4           y  = {0};

    for (PetscInt v = 0; v < ld; v += 4) y += CV4(J + v) * CV4(W + at + v);
    const double r = target[i] - Sum4(y);
    sse += r * r;
    for (PetscInt v = 0; v < ld; v += 4) V4(rhs + at + v) += r * CV4(J + v);
    for (PetscInt q = 0; q < k; q++, A += ld)
      for (PetscInt v = 0; v < k - q; v += 4) V4(A + v) += J[q] * CV4(J + q + v);
  }
  return sse;
}

// The same for one mode of degree p <= 3, all in registers. Always inlined: p is a constant.
static inline __attribute__((always_inline)) double AddRowsOfOne(PetscInt n, int p, const Splines *s, const double *P,
  double weight, const double *W, const double *target, double *band, double *rhs)
{
  const Vec4 none = {0};
  double     sse  = 0;

  for (PetscInt i = 0; i < n; i++) {
    const PetscInt at = s->cell[i];
    const Vec4     J  = P[i] * weight * CV4(s->B + i * LANES);
    const double   r  = target[i] - Sum4(J * CV4(W + at));
    double        *A  = band + at * 4;

    sse += r * r;
    V4(rhs + at) += r * J;
    V4(A) += J[0] * J;
    V4(A + 4) += J[1] * __builtin_shuffle(J, none, (Int4){1, 2, 3, 4});
    if (p >= 2) V4(A + 8) += J[2] * __builtin_shuffle(J, none, (Int4){2, 3, 4, 4});
    if (p >= 3) V4(A + 12) += J[3] * __builtin_shuffle(J, none, (Int4){3, 4, 4, 4});
  }
  return sse;
}

// Normal equations of direction d; `advance`: P is still that of direction d - 1.
static PetscErrorCode Assemble(SnaFit fit, Products *c, PetscInt d, PetscBool advance)
{
  SnaSeparable   s = fit->s;
  const PetscInt p = s->table[d].p, R = c->R, k = (p + 1) * R, ld = c->unknowns[d], size = ld * Round4(k);
  PetscBool      again = PETSC_TRUE;
  Splines        here, before;

  PetscFunctionBeginUser;
  PetscCall(AlsSumsStart(c->nsystem * size, c->nsystem * ld, s->o.nout, &c->sums));
  for (; again; advance = PETSC_FALSE) {
    for (PetscInt b = 0; b < c->nblock; b++) {
      const PetscInt first = b * ROWS, n = PetscMin(ROWS, fit->train->n - first);
      double        *block = c->P + first * c->nsystem * c->RP;

      Evaluate(c, &s->table[d], d, n, fit->train->t[d] + first, &here);
      if (advance) Evaluate(c, &s->table[d - 1], d - 1, n, fit->train->t[d - 1] + first, &before);
      for (PetscInt j = 0; j < c->nsystem && advance; j++)
        Advance(fit, c, d, j, first, n, &before, &here, block + j * ROWS * c->RP);
      for (PetscInt o = 0; o < s->o.nout; o++) {
        const PetscInt j      = s->o.learned ? 0 : o;
        const double  *A      = s->o.learned ? s->theta + s->start[s->o.nd] + o * s->nmode : NULL;
        const double  *target = fit->train->y[o] + first, *W = c->now + j * ld, *P = block + j * ROWS * c->RP;
        double        *band = c->sums.slab[ALS_MATRIX] + j * size, *rhs = c->sums.slab[ALS_RHS] + j * ld, sse;

        if (R == 1 && p == 1)
          sse = AddRowsOfOne(n, 1, &here, P, A ? A[0] : 1, W, target, band, rhs);
        else if (R == 1 && p == 2)
          sse = AddRowsOfOne(n, 2, &here, P, A ? A[0] : 1, W, target, band, rhs);
        else if (R == 1 && p == 3)
          sse = AddRowsOfOne(n, 3, &here, P, A ? A[0] : 1, W, target, band, rhs);
        else {
          Derivatives(n, (int)p, (int)R, (int)c->RP, &here, P, A, c->J);
          sse = AddRows(n, k, R, here.cell, c->J, W, target, band, rhs);
        }
        c->sums.slab[ALS_SQUARES][o] += sse;
      }
      if ((b + 1) % (SNA_FIT_BLOCK / ROWS) == 0 || b + 1 == c->nblock) AlsSumsAddSlab(fit, &c->sums);
    }
    PetscCall(AlsSumsReduce(fit, &c->sums, &again));
  }
  PetscFunctionReturn(0);
}

// Solves the systems of direction d and adds the steps to theta; a system that cannot be solved keeps its functions.
static void Solve(SnaFit fit, Products *c, PetscInt d)
{
  SnaSeparable   s = fit->s;
  const PetscInt n = s->table[d].n, R = c->R, k = (s->table[d].p + 1) * R, lb = Round4(k), ld = c->unknowns[d];
  const double   ridge = fit->o.ridge * (double)fit->train->total;

  for (PetscInt j = 0; j < c->nsystem; j++) {
    double *band = c->sums.out[ALS_MATRIX] + j * ld * lb, *rhs = c->sums.out[ALS_RHS] + j * ld, mean = 0;

    for (PetscInt q = 0; q < n * R; q++) mean += band[q * lb] / (double)(n * R);
    for (PetscInt q = 0; q < n * R; q++) {
      band[q * lb] += ALS_PROXIMAL * mean + ridge;
      rhs[q] -= ridge * c->now[j * ld + q];
    }
    if (!AlsSolveBand(n * R, k, lb, band, rhs)) continue;
    for (PetscInt i = 0; i < n; i++)
      for (PetscInt m = 0; m < R; m++) s->theta[s->start[d] + (j * R + m) * n + i] += rhs[i * R + m];
  }
}

// Squares of the residuals when all directions are done.
static PetscErrorCode Residual(SnaFit fit, Products *c, double *sse)
{
  SnaSeparable   s = fit->s;
  const PetscInt d = s->o.nd - 1, p = s->table[d].p;
  PetscBool      again = PETSC_TRUE;
  Splines        here;

  PetscFunctionBeginUser;
  LoadFunctions(s, c, d, c->now);
  PetscCall(AlsSumsStart(0, 0, s->o.nout, &c->sums));
  while (again) {
    for (PetscInt b = 0; b < c->nblock; b++) {
      const PetscInt first = b * ROWS, n = PetscMin(ROWS, fit->train->n - first);

      Evaluate(c, &s->table[d], d, n, fit->train->t[d] + first, &here);
      for (PetscInt o = 0; o < s->o.nout; o++) {
        const PetscInt j = s->o.learned ? 0 : o;
        const double  *A = s->o.learned ? s->theta + s->start[s->o.nd] + o * s->nmode : NULL;
        const double  *W = c->now + j * c->unknowns[d], *P = c->P + (first * c->nsystem + j * ROWS) * c->RP;

        for (PetscInt i = 0; i < n; i++, P += c->RP) {
          double r = fit->train->y[o][first + i];

          for (PetscInt m = 0; m < c->R; m++) {
            double u = 0;

            for (PetscInt a = 0; a <= p; a++) u += here.B[i * LANES + a] * W[(here.cell[i] + a) * c->R + m];
            r -= A ? A[m] * P[m] * u : P[m] * u;
          }
          c->sums.slab[ALS_SQUARES][o] += r * r;
        }
      }
      if ((b + 1) % (SNA_FIT_BLOCK / ROWS) == 0 || b + 1 == c->nblock) AlsSumsAddSlab(fit, &c->sums);
    }
    PetscCall(AlsSumsReduce(fit, &c->sums, &again));
  }
  *sse = 0;
  for (PetscInt o = 0; o < s->o.nout; o++) *sse += c->sums.out[ALS_SQUARES][o];
  PetscFunctionReturn(0);
}

PetscErrorCode AlsSweepProducts(SnaFit fit, void **state, double *sse_before, double *sse)
{
  SnaSeparable s = fit->s;
  Products    *c;

  PetscFunctionBeginUser;
  if (!*state) PetscCall(Create(fit, (Products **)state));
  c = (Products *)*state;
  PetscCall(AlsFocus(s, -1, 0));
  for (PetscInt d = 0; d < s->o.nd; d++) LoadFunctions(s, c, d, c->W[d]);
  StartProducts(fit, c);
  for (PetscInt d = 0; d < s->o.nd; d++) {
    if (d) {
      PetscCall(AlsFocus(s, d - 1, d));
      LoadFunctions(s, c, d - 1, c->W[d - 1]); // W[d] stays what P was multiplied by
    }
    LoadFunctions(s, c, d, c->now);
    PetscCall(Assemble(fit, c, d, (PetscBool)(d > 0)));
    if (d == 0) {
      *sse_before = 0;
      for (PetscInt o = 0; o < s->o.nout; o++) *sse_before += c->sums.out[ALS_SQUARES][o];
    }
    Solve(fit, c, d);
  }
  PetscCall(Residual(fit, c, sse));
  PetscFunctionReturn(0);
}

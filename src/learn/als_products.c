// als_products.c - a sweep of alternating least squares for sums of products of all directions (CP), y_o = sum_m A[o][m] prod_d u_{m,d}(t_d).
//
// Of direction d the products before_m of the new functions e < d and after_m of the old ones e > d are kept for every row, so that the derivative of a row
//
//   j[a R + m] = A[o][m] before_m after_m B_{cell+a}(t_d),   a <= p,
//
// costs nothing but its own numbers, whatever nd. With the unknowns ordered function by function (i R + m) a row adds a dense square of width k = (p+1) R to
// the diagonal of the normal matrix, which is a band: 6 multiplications per row for one mode of degree 2, however many cells there are.
// The new functions come from (J^T J + mu + N ridge) step = J^T (target - y) - N ridge w: the correction, so that what is small stays exact.
//
// Outputs with their own modes (unit weights) have systems of their own; learned weights are a last block (AlsSolveBlock).
#include "als_impl.h"
#include <math.h>

#define MAX_BAND  ((PetscInt64)1 << 22) // numbers of a band
#define MAX_BYTES ((PetscInt64)1 << 32) // kept for the rows of all ranks

typedef double Vec4 __attribute__((vector_size(32), aligned(8), may_alias));
#define V4(p)  (*(Vec4 *)(p))
#define CV4(p) (*(const Vec4 *)(p))

typedef struct {
  PetscInt nblock, nsystem, R,
    RP;                 // blocks of ROWS of this rank; systems; modes of one; the same padded: 1, or a multiple of 4
  PetscInt    unknowns; // of all systems and the largest direction, padded
  SplineTable table[SNA_MAX_DIM]; // of s, none dense (coefficients borrowed)
  PetscInt    ld[SNA_MAX_DIM];    // of the band
  size_t      width, offset[SNA_MAX_DIM + 1],
    side;                  // numbers of one block: of bases, up to direction d; of products in one direction
  double  *basis;          // [block][d][a][row]
  int32_t *cell;           // [block][d][row]
  double  *before, *after; // [block][system][row][RP], of the direction at work; [block][d < nd - 1][system][row][RP]
  double  *W, *J;          // [system][i R + m] of one direction, padded; [row][ldj]
  AlsSums  sums;           // bands, right-hand sides, squares of residuals by output
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
  SnaSeparable s     = fit->s;
  PetscInt64   bytes = 0;

  if (s->o.kind != SNA_SEPARABLE_PRODUCTS || !s->full) return PETSC_FALSE;
  for (PetscInt d = 0; d < s->o.nd; d++) {
    const PetscInt64 R = ModesOfSystem(s), q = s->table[d].p + 1;

    if (s->table[d].n * R * (q * R + 4) > MAX_BAND) return PETSC_FALSE;
    bytes += 8 * (q + 1 + (R == 1 ? 1 : R + 3) * s->nmode / R);
  }
  return (PetscBool)(bytes <= MAX_BYTES / PetscMax(1, fit->train->total));
}

PetscErrorCode AlsDestroyProducts(void **state)
{
  Products *c = (Products *)*state;

  PetscFunctionBeginUser;
  if (!c) PetscFunctionReturn(0);
  PetscCall(PetscFree4(c->basis, c->cell, c->before, c->after));
  PetscCall(PetscFree2(c->W, c->J));
  PetscCall(AlsSumsDestroy(&c->sums));
  PetscCall(PetscFree(c));
  *state = NULL;
  PetscFunctionReturn(0);
}

static PetscErrorCode Create(SnaFit fit, Products **out)
{
  SnaSeparable      s     = fit->s;
  const SnaSamples *train = fit->train;
  const PetscInt    nd    = s->o.nd;
  PetscInt          band = 0, window = 0;
  Products         *c;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&c));
  c->nblock  = (train->n + ROWS - 1) / ROWS;
  c->nsystem = s->o.learned ? 1 : s->o.nout;
  c->R       = ModesOfSystem(s);
  c->RP      = c->R == 1 ? 1 : Round4(c->R);
  c->side    = (size_t)(c->nsystem * ROWS * c->RP);
  for (PetscInt d = 0; d < nd; d++) {
    const PetscInt k = (s->table[d].p + 1) * c->R;

    c->table[d]       = s->table[d];
    c->table[d].dense = PETSC_FALSE;
    c->ld[d]          = Round4(k);
    c->offset[d + 1]  = c->offset[d] + (size_t)((s->table[d].p + 1) * ROWS);
    // The last windows reach up to 3 numbers beyond the end, where they add zeros.
    band        = PetscMax(band, (s->table[d].n * c->R + 4) * c->ld[d]);
    c->unknowns = PetscMax(c->unknowns, c->nsystem * (s->table[d].n * c->R + 4));
    window      = PetscMax(window, k);
  }
  c->width = c->offset[nd];
  PetscCall(PetscMalloc4((size_t)c->nblock * c->width, &c->basis, (size_t)(c->nblock * nd * ROWS), &c->cell,
    (size_t)c->nblock * c->side, &c->before, (size_t)c->nblock * c->side * (size_t)(nd - 1), &c->after));
  PetscCall(PetscCalloc2((size_t)c->unknowns, &c->W, (size_t)(ROWS * (Round4(window) + 4)), &c->J));
  PetscCall(AlsSumsCreate(c->nsystem * band + c->unknowns + s->o.nout, &c->sums));
  for (PetscInt b = 0; b < c->nblock; b++)
    for (PetscInt d = 0; d < nd; d++)
      SnaSplineFillD(&c->table[d], PetscMin(ROWS, train->n - b * ROWS), train->t[d] + b * ROWS,
        c->basis + (size_t)b * c->width + c->offset[d], NULL, c->cell + (b * nd + d) * ROWS);
  *out = c;
  PetscFunctionReturn(0);
}

// Coefficients of direction d, function by function: W[(system*ld + i*R) + m].
static PetscInt LoadFunctions(SnaSeparable s, Products *c, PetscInt d)
{
  const PetscInt n = s->table[d].n, ld = n * c->R + 4;

  for (PetscInt k = 0; k < c->nsystem * c->R; k++)
    for (PetscInt i = 0; i < n; i++) c->W[k / c->R * ld + i * c->R + k % c->R] = s->theta[s->start[d] + k * n + i];
  return ld;
}

// out[row][m] = in[row][m] * u_{m,d}(row) (in NULL: 1) for the rows of one system in one block. W: of the system.
static void Multiply(
  const Products *c, PetscInt b, PetscInt d, PetscInt nd, const double *W, const double *in, double *out)
{
  const double  *basis = c->basis + (size_t)b * c->width + c->offset[d];
  const int32_t *cell  = c->cell + (b * nd + d) * ROWS;
  const int      p = (int)c->table[d].p, R = (int)c->R, RP = (int)c->RP;

  if (R == 1) {
    double u[ROWS];

    for (int i = 0; i < ROWS; i++) u[i] = W[cell[i]] * basis[i];
    for (int a = 1; a <= p; a++)
      for (int i = 0; i < ROWS; i++) u[i] += W[cell[i] + a] * basis[a * ROWS + i];
    for (int i = 0; i < ROWS; i++) out[i] = in ? in[i] * u[i] : u[i];
    return;
  }
  for (int i = 0; i < ROWS; i++)
    for (int v = 0; v < RP; v += 4) {
      const double *w = W + cell[i] * R + v;
      Vec4          u = basis[i] * CV4(w);

      for (int a = 1; a <= p; a++) u += basis[a * ROWS + i] * CV4(w + a * R);
      if (in)
        u *= CV4(in + i * RP + v);
      else
        for (int m = R - v; m < 4; m++) u[m] = 0; // what stands in the padding belongs to the next function
      V4(out + i * RP + v) = u;
    }
}

// after of all directions from the functions as they are.
static void MultiplyAfter(SnaSeparable s, Products *c)
{
  const PetscInt nd = s->o.nd;

  for (PetscInt d = nd - 1; d > 0; d--) {
    const PetscInt ld = LoadFunctions(s, c, d);

    for (PetscInt b = 0; b < c->nblock; b++)
      for (PetscInt k = 0; k < c->nsystem; k++) {
        double *out = c->after + ((size_t)(b * (nd - 1)) + (size_t)(d - 1)) * c->side + (size_t)(k * ROWS * c->RP);

        Multiply(c, b, d, nd, c->W + k * ld, d < nd - 1 ? out + c->side : NULL, out);
      }
  }
}

// Adds n rows of one output: J holds the derivatives [row][ldj], zeros from k to ldj = round4(k) + 4. Returns the sum of the residuals' squares.
// Always inlined, so that small k are constants.
static inline __attribute__((always_inline)) double AddRows(PetscInt n, PetscInt k, PetscInt R, const int32_t *cell,
  const double *J, const double *W, const double *target, double *band, double *rhs)
{
  const PetscInt ld = (k + 3) / 4 * 4, ldj = ld + 4;
  double         sse = 0;

  for (PetscInt i = 0; i < n; i++, J += ldj) {
    const PetscInt at = cell[i] * R;
    double        *A  = band + at * ld;
    Vec4           y  = {0};

    for (PetscInt v = 0; v < ld; v += 4) y += CV4(J + v) * CV4(W + at + v);
    const double r = target[i] - ((y[0] + y[1]) + (y[2] + y[3]));
    sse += r * r;
    for (PetscInt v = 0; v < ld; v += 4) V4(rhs + at + v) += r * CV4(J + v);
    for (PetscInt q = 0; q < k; q++, A += ld)
      for (PetscInt v = 0; v < k - q; v += 4) V4(A + v) += J[q] * CV4(J + q + v);
  }
  return sse;
}

// Derivatives of the rows of one block and one output: P[row][RP] products of the other directions, A the weights of the modes (NULL: 1).
static void Derivatives(const Products *c, PetscInt d, const double *basis, const double *before, const double *after,
  const double *A, double *J)
{
  const int p = (int)c->table[d].p, R = (int)c->R, RP = (int)c->RP, k = (p + 1) * R, ldj = (int)c->ld[d] + 4;
  double    P[ROWS];

  if (R == 1) {
    for (int i = 0; i < ROWS; i++) P[i] = A ? A[0] : 1;
    for (int i = 0; i < ROWS && before; i++) P[i] *= before[i];
    for (int i = 0; i < ROWS && after; i++) P[i] *= after[i];
    for (int i = 0; i < ROWS; i++, J += ldj) {
      for (int a = 0; a <= p; a++) J[a] = P[i] * basis[a * ROWS + i];
      for (int a = k; a < ldj; a++) J[a] = 0;
    }
    return;
  }
  for (int i = 0; i < ROWS; i++, J += ldj) {
    V4(J + k) = (Vec4){0};
    if (ldj - 4 > k) V4(J + ldj - 4) = (Vec4){0};
    for (int v = 0; v < RP; v += 4) {
      Vec4 product = {1, 1, 1, 1};

      for (int m = 0; m < 4; m++)
        if (v + m >= R)
          product[m] = 0;
        else if (A)
          product[m] = A[v + m];
      if (before) product *= CV4(before + i * RP + v);
      if (after) product *= CV4(after + i * RP + v);
      for (int a = 0; a <= p; a++) {
        const Vec4 j = basis[a * ROWS + i] * product;

        if (v + 4 <= R)
          V4(J + a * R + v) = j;
        else
          for (int m = 0; m < R - v; m++) J[a * R + v + m] = j[m];
      }
    }
  }
}

// Normal equations of direction d. advance: `before` is still that of direction d - 1, whose functions are `old` (as LoadFunctions, ld_old).
static PetscErrorCode Assemble(
  SnaFit fit, Products *c, PetscInt d, const double old[], PetscInt ld_old, PetscBool advance, PetscInt ld)
{
  SnaSeparable   s  = fit->s;
  const PetscInt nd = s->o.nd, R = c->R, per = SNA_FIT_BLOCK / ROWS, k = (s->table[d].p + 1) * R;
  const PetscInt size  = ld * c->ld[d];
  PetscBool      again = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(AlsSumsStart(c->nsystem * size, c->nsystem * ld, s->o.nout, &c->sums));
  for (; again; advance = PETSC_FALSE) {
    for (PetscInt b = 0; b < c->nblock; b++) {
      const double  *basis  = c->basis + (size_t)b * c->width + c->offset[d];
      const int32_t *cell   = c->cell + (b * nd + d) * ROWS;
      const PetscInt n      = PetscMin(ROWS, fit->train->n - b * ROWS);
      double        *before = c->before + (size_t)b * c->side,
             *after         = c->after + ((size_t)(b * (nd - 1)) + (size_t)d) * c->side;

      for (PetscInt j = 0; j < c->nsystem && advance; j++) {
        double *out = before + j * ROWS * c->RP;

        Multiply(c, b, d - 1, nd, old + j * ld_old, d > 1 ? out : NULL, out);
      }
      for (PetscInt o = 0; o < s->o.nout; o++) {
        const PetscInt j      = s->o.learned ? 0 : o;
        const double  *target = fit->train->y[o] + b * ROWS, *W = c->W + j * ld;
        const double  *A    = s->o.learned ? s->theta + s->start[nd] + o * s->nmode : NULL;
        double        *band = c->sums.slab[ALS_MATRIX] + j * size, *rhs = c->sums.slab[ALS_RHS] + j * ld, sse;

        Derivatives(
          c, d, basis, d > 0 ? before + j * ROWS * c->RP : NULL, d < nd - 1 ? after + j * ROWS * c->RP : NULL, A, c->J);
        if (R == 1 && k == 2)
          sse = AddRows(n, 2, 1, cell, c->J, W, target, band, rhs);
        else if (R == 1 && k == 3)
          sse = AddRows(n, 3, 1, cell, c->J, W, target, band, rhs);
        else if (R == 1 && k == 4)
          sse = AddRows(n, 4, 1, cell, c->J, W, target, band, rhs);
        else
          sse = AddRows(n, k, R, cell, c->J, W, target, band, rhs);
        c->sums.slab[ALS_SQUARES][o] += sse;
      }
      if ((b + 1) % per == 0 || b + 1 == c->nblock) AlsSumsAddSlab(fit, &c->sums);
    }
    PetscCall(AlsSumsReduce(fit, &c->sums, &again));
  }
  PetscFunctionReturn(0);
}

// Solves the systems of direction d and adds the steps to theta; a system that cannot be solved keeps its functions.
static void Solve(SnaFit fit, Products *c, PetscInt d, PetscInt ld)
{
  SnaSeparable   s = fit->s;
  const PetscInt n = s->table[d].n, unknowns = n * c->R, lb = c->ld[d], k = (s->table[d].p + 1) * c->R;
  const double   ridge = fit->o.ridge * (double)fit->train->total;

  for (PetscInt j = 0; j < c->nsystem; j++) {
    double *band = c->sums.out[ALS_MATRIX] + j * ld * lb, *rhs = c->sums.out[ALS_RHS] + j * ld, mean = 0;

    for (PetscInt q = 0; q < unknowns; q++) mean += band[q * lb] / (double)unknowns;
    for (PetscInt q = 0; q < unknowns; q++) {
      band[q * lb] += ALS_PROXIMAL * mean + ridge;
      rhs[q] -= ridge * c->W[j * ld + q];
    }
    if (!AlsSolveBand(unknowns, k, lb, band, rhs)) continue;
    for (PetscInt i = 0; i < n; i++)
      for (PetscInt m = 0; m < c->R; m++) s->theta[s->start[d] + (j * c->R + m) * n + i] += rhs[i * c->R + m];
  }
}

// Squares of the residuals when all directions are done: the last factor is multiplied in.
static PetscErrorCode Residual(SnaFit fit, Products *c, double *sse)
{
  SnaSeparable   s  = fit->s;
  const PetscInt nd = s->o.nd, d = nd - 1, per = SNA_FIT_BLOCK / ROWS, ld = LoadFunctions(s, c, d);
  PetscBool      again = PETSC_TRUE, advance = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(AlsSumsStart(0, 0, s->o.nout, &c->sums));
  for (; again; advance = PETSC_FALSE) {
    for (PetscInt b = 0; b < c->nblock; b++) {
      const PetscInt n = PetscMin(ROWS, fit->train->n - b * ROWS);

      for (PetscInt j = 0; j < c->nsystem && advance; j++) {
        double *out = c->before + (size_t)b * c->side + j * ROWS * c->RP;

        Multiply(c, b, d, nd, c->W + j * ld, nd > 1 ? out : NULL, out);
      }
      for (PetscInt o = 0; o < s->o.nout; o++) {
        const double *A       = s->o.learned ? s->theta + s->start[nd] + o * s->nmode : NULL;
        const double *product = c->before + (size_t)b * c->side + (A ? 0 : o) * ROWS * c->RP;

        for (PetscInt i = 0; i < n; i++, product += c->RP) {
          double r = fit->train->y[o][b * ROWS + i];

          for (PetscInt m = 0; m < c->R; m++) r -= A ? A[m] * product[m] : product[m];
          c->sums.slab[ALS_SQUARES][o] += r * r;
        }
      }
      if ((b + 1) % per == 0 || b + 1 == c->nblock) AlsSumsAddSlab(fit, &c->sums);
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
  double      *old;
  PetscInt     ld_old = 0;

  PetscFunctionBeginUser;
  if (!*state) PetscCall(Create(fit, (Products **)state));
  c = (Products *)*state;
  PetscCall(PetscMalloc1((size_t)c->unknowns, &old));
  PetscCall(AlsFocus(s, -1, 0));
  MultiplyAfter(s, c);
  for (PetscInt d = 0; d < s->o.nd; d++) {
    if (d) {
      PetscCall(AlsFocus(s, d - 1, d));
      ld_old = LoadFunctions(s, c, d - 1);
      PetscCall(PetscArraycpy(old, c->W, c->nsystem * ld_old));
    }
    const PetscInt ld = LoadFunctions(s, c, d);
    PetscCall(Assemble(fit, c, d, old, ld_old, (PetscBool)(d > 0), ld));
    if (d == 0) {
      *sse_before = 0;
      for (PetscInt o = 0; o < s->o.nout; o++) *sse_before += c->sums.out[ALS_SQUARES][o];
    }
    Solve(fit, c, d, ld);
  }
  PetscCall(Residual(fit, c, sse));
  PetscCall(PetscFree(old));
  PetscFunctionReturn(0);
}

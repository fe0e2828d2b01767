// np: 1 timeout: 60
// The separable class against its formulas: values by naive sums over SnaBasisEvaluate, derivatives by differences, blocks by linearity.
#include "separable_cases.h"

#define NPOINT 137 // two blocks and a part of one

static void near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

// Points inside cells, so that differences do not cross a knot; and all ends.
static void MakePoints(SnaSeparable s, PetscInt n, double *t[])
{
  for (PetscInt d = 0; d < s->o.nd; d++) {
    const double cells = (double)s->o.cells[d];

    Ok(PetscMalloc1((size_t)n, &t[d]));
    for (PetscInt i = 0; i < n; i++) {
      const double z = cells * SnaRandomUniform(6, (uint64_t)d, (uint64_t)i), in = z - floor(z);

      t[d][i] = (floor(z) + 0.1 + 0.8 * in) / cells;
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The formulas of learn.h, written down as they stand. size: the same with absolute values, the yardstick of round-off.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  double value, size;
} Number;

static Number Function(SnaSeparable s, PetscInt d, const double w[], double t)
{
  double   v[6];
  PetscInt first;
  Number   u = {0, 0};

  Ok(SnaBasisEvaluate(s->basis[d], t, 0, &first, v));
  for (PetscInt a = 0; a <= s->o.degree[d]; a++) {
    u.value += w[first + a] * v[a];
    u.size += fabs(w[first + a] * v[a]);
  }
  return u;
}

static double Sigma(SnaActivation activation, double x)
{
  switch (activation) {
  case SNA_TANH:
    return tanh(x);
  case SNA_EXP:
    return exp(x);
  case SNA_SOFTPLUS:
    return log(1 + exp(x));
  case SNA_SIGMOID:
    return 1 / (1 + exp(-x));
  default:
    return x;
  }
}

static Number NaiveProducts(SnaSeparable s, const double x[], PetscInt o)
{
  const SnaInteraction *in   = &s->o.interaction;
  const double         *w    = s->theta, *A;
  const PetscInt        copy = s->o.learned ? 1 : s->o.nout;
  PetscInt              per = 0, m = 0;
  Number               *product, y = {0, 0};

  for (PetscInt k = 0; k < in->nsubset; k++) per += in->rank[k];
  Ok(PetscMalloc1((size_t)(copy * per), &product));
  for (m = 0; m < copy * per; m++) product[m] = (Number){1, 1};
  for (PetscInt d = 0; d < s->o.nd; d++) {
    m = 0;
    for (PetscInt c = 0; c < copy; c++)
      for (PetscInt k = 0; k < in->nsubset; k++)
        for (PetscInt r = 0; r < in->rank[k]; r++, m++) {
          Number u;

          if (!(in->subset[k] >> d & 1)) continue;
          u = Function(s, d, w, x[d]);
          w += s->o.degree[d] + s->o.cells[d];
          product[m].value *= u.value;
          product[m].size *= u.size;
        }
  }
  A = w;
  for (m = 0; m < per; m++) {
    const Number p      = product[s->o.learned ? m : o * per + m];
    const double weight = s->o.learned ? A[o * per + m] : 1, sigma = Sigma(s->o.activation, p.value);

    y.value += weight * sigma;
    y.size += fabs(weight) * (s->o.activation == SNA_EXP ? sigma * (1 + p.size) : fabs(sigma) + p.size);
  }
  Ok(PetscFree(product));
  return y;
}

static Number NaiveTucker(SnaSeparable s, const double x[], PetscInt o)
{
  const PetscInt nd = s->o.nd, rank = s->o.rank;
  const double  *w = s->theta;
  Number         u[6][8], y = {0, 0};
  PetscInt       total = 1;

  for (PetscInt d = 0; d < nd; d++, total *= rank)
    for (PetscInt j = 0; j < rank; j++, w += s->o.degree[d] + s->o.cells[d]) u[d][j] = Function(s, d, w, x[d]);
  for (PetscInt k = 0; k < total; k++) {
    Number   p  = {w[o * total + k], fabs(w[o * total + k])};
    PetscInt at = k;

    for (PetscInt d = nd - 1; d >= 0; d--, at /= rank) {
      p.value *= u[d][at % rank].value;
      p.size *= u[d][at % rank].size;
    }
    y.value += p.value;
    y.size += p.size;
  }
  return y;
}

// Row vector times matrices, from the left.
static Number NaiveTrain(SnaSeparable s, const double x[], PetscInt o)
{
  const PetscInt *r        = s->r;
  const double   *w        = s->theta;
  Number          left[16] = {{0, 0}}, next[16];

  left[o] = (Number){1, 1};
  for (PetscInt d = 0; d < s->o.nd; d++) {
    const PetscInt n = s->o.degree[d] + s->o.cells[d];

    for (PetscInt b = 0; b < r[d + 1]; b++) {
      next[b] = (Number){0, 0};
      for (PetscInt a = 0; a < r[d]; a++) {
        const Number u = Function(s, d, w + (a * r[d + 1] + b) * n, x[d]);

        next[b].value += left[a].value * u.value;
        next[b].size += left[a].size * u.size;
      }
    }
    memcpy(left, next, sizeof(left));
    w += r[d] * r[d + 1] * n;
  }
  return left[0];
}

static Number Naive(SnaSeparable s, const double x[], PetscInt o)
{
  switch (s->o.kind) {
  case SNA_SEPARABLE_PRODUCTS:
    return NaiveProducts(s, x, o);
  case SNA_SEPARABLE_TUCKER:
    return NaiveTucker(s, x, o);
  default:
    return NaiveTrain(s, x, o);
  }
}

static void test_values(void **state)
{
  (void)state;
  for (int c = 0; c < NCASE; c++) {
    SnaSeparable s;
    double      *t[6], *y[3], *single[3];

    Make(&cases[c], &s);
    MakePoints(s, NPOINT, t);
    for (PetscInt d = 0; d < s->o.nd; d++) {
      t[d][0] = 0;
      t[d][1] = 1;
    }
    MakeArrays(s->o.nout, NPOINT, y);
    MakeArrays(s->o.nout, NPOINT, single);
    Ok(SnaSeparableEvaluate(s, NPOINT, (const double *const *)t, y, NULL));
    Ok(SnaSeparablePredict(s, NPOINT, (const double *const *)t, single));
    for (PetscInt i = 0; i < NPOINT; i++) {
      double x[6];

      for (PetscInt d = 0; d < s->o.nd; d++) x[d] = t[d][i];
      for (PetscInt o = 0; o < s->o.nout; o++) {
        const Number expected = Naive(s, x, o);

        near(y[o][i], expected.value, 1e-13 * expected.size);
        near(single[o][i], expected.value, 4e-6 * expected.size);
      }
    }
    FreeArrays(s->o.nd, t);
    FreeArrays(s->o.nout, y);
    FreeArrays(s->o.nout, single);
    Ok(SnaSeparableDestroy(&s));
    assert_null(s);
  }
}

// A point's value is the same alone, in a part of a block, and in the middle of many.
static void test_independent_points(void **state)
{
  (void)state;
  for (int c = 0; c < NCASE; c++) {
    SnaSeparable  s;
    double       *t[6], *y[3], *single[3], *dy[18], one[3], one_single[3], one_dy[18];
    const double *tp[6];
    double       *yp[3], *sp[3], *dp[18];

    Make(&cases[c], &s);
    MakePoints(s, NPOINT, t);
    MakeArrays(s->o.nout, NPOINT, y);
    MakeArrays(s->o.nout, NPOINT, single);
    MakeArrays(s->o.nout * s->o.nd, NPOINT, dy);
    Ok(SnaSeparableEvaluate(s, NPOINT, (const double *const *)t, y, dy));
    Ok(SnaSeparablePredict(s, NPOINT, (const double *const *)t, single));
    for (PetscInt o = 0; o < s->o.nout; o++) {
      yp[o] = &one[o];
      sp[o] = &one_single[o];
    }
    for (PetscInt k = 0; k < s->o.nout * s->o.nd; k++) dp[k] = &one_dy[k];
    for (PetscInt i = 0; i < NPOINT; i += 17) {
      for (PetscInt d = 0; d < s->o.nd; d++) tp[d] = &t[d][i];
      Ok(SnaSeparableEvaluate(s, 1, tp, yp, NULL));
      Ok(SnaSeparableEvaluate(s, 1, tp, NULL, dp));
      Ok(SnaSeparablePredict(s, 1, tp, sp));
      for (PetscInt o = 0; o < s->o.nout; o++) {
        assert_true(one[o] == y[o][i]);
        assert_true(one_single[o] == single[o][i]);
      }
      for (PetscInt k = 0; k < s->o.nout * s->o.nd; k++) assert_true(one_dy[k] == dy[k][i]);
    }
    FreeArrays(s->o.nd, t);
    FreeArrays(s->o.nout, y);
    FreeArrays(s->o.nout, single);
    FreeArrays(s->o.nout * s->o.nd, dy);
    Ok(SnaSeparableDestroy(&s));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Derivatives
// ---------------------------------------------------------------------------------------------------------------------
// Fourth-order differences of polynomials of degree 5 at most, of which points stay within a cell.
static void test_slopes(void **state)
{
  (void)state;
  for (int c = 0; c < NCASE; c++) {
    SnaSeparable s;
    double      *t[6], *y[4][3], *dy[18];

    Make(&cases[c], &s);
    MakePoints(s, NPOINT, t);
    MakeArrays(s->o.nout * s->o.nd, NPOINT, dy);
    for (int k = 0; k < 4; k++) MakeArrays(s->o.nout, NPOINT, y[k]);
    Ok(SnaSeparableEvaluate(s, NPOINT, (const double *const *)t, NULL, dy));
    for (PetscInt d = 0; d < s->o.nd; d++) {
      const double h = 2e-3 / (double)s->o.cells[d], step[4] = {-2, -1, 1, 2};

      for (int k = 0; k < 4; k++) {
        for (PetscInt i = 0; i < NPOINT; i++) t[d][i] += step[k] * h;
        Ok(SnaSeparableEvaluate(s, NPOINT, (const double *const *)t, y[k], NULL));
        for (PetscInt i = 0; i < NPOINT; i++) t[d][i] -= step[k] * h;
      }
      for (PetscInt o = 0; o < s->o.nout; o++) {
        double largest = 0;

        for (PetscInt i = 0; i < NPOINT; i++) largest = PetscMax(largest, fabs(y[0][o][i]));
        for (PetscInt i = 0; i < NPOINT; i++) {
          const double difference = (y[0][o][i] - 8 * y[1][o][i] + 8 * y[2][o][i] - y[3][o][i]) / (12 * h);

          near(dy[o * s->o.nd + d][i], difference, 1e-9 * (1 + largest) * (double)s->o.cells[d]);
        }
      }
    }
    FreeArrays(s->o.nd, t);
    FreeArrays(s->o.nout * s->o.nd, dy);
    for (int k = 0; k < 4; k++) FreeArrays(s->o.nout, y[k]);
    Ok(SnaSeparableDestroy(&s));
  }
}

typedef struct { // both precisions on the first block of the points
  double *y, *J, *g, *v, *work, *theta;
  float  *yf, *Jf, *gf, *vf, *workf, *thetaf;
} Buffers;

static void *Aligned(size_t count, size_t each)
{
  void *p = aligned_alloc(64, (count * each + 63) / 64 * 64);

  assert_non_null(p);
  memset(p, 0, (count * each + 63) / 64 * 64);
  return p;
}

static void MakeBuffers(SnaSeparable s, Buffers *b)
{
  const size_t np = (size_t)s->np, rows = (size_t)s->o.nout * ROWS;

  *b = (Buffers){.y = Aligned(rows, 8),
    .J              = Aligned(np * ROWS, 8),
    .g              = Aligned(np * 16, 8),
    .v              = Aligned(rows, 8),
    .work           = Aligned(s->d.work, 8),
    .theta          = s->theta,
    .yf             = Aligned(rows, 4),
    .Jf             = Aligned(np * ROWS, 4),
    .gf             = Aligned(np * 16, 4),
    .vf             = Aligned(rows, 4),
    .workf          = Aligned(s->f.work, 4),
    .thetaf         = Aligned(np, 4)};
  for (size_t p = 0; p < np; p++) b->thetaf[p] = (float)s->theta[p];
  for (size_t i = 0; i < rows; i++) {
    b->v[i]  = 2 * SnaRandomUniform(7, 0, i) - 1;
    b->vf[i] = (float)b->v[i];
  }
}

static void FreeBuffers(Buffers *b)
{
  void *all[] = {b->y, b->J, b->g, b->v, b->work, b->yf, b->Jf, b->gf, b->vf, b->workf, b->thetaf};

  for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) free(all[k]);
}

static double MaxAbs(size_t n, const double v[])
{
  double largest = 0;

  for (size_t i = 0; i < n; i++) largest = PetscMax(largest, fabs(v[i]));
  return largest;
}

// The Jacobian against differences in every parameter (exact for any step where y is linear in it), the gradient against v^T J, one block against
// all of them, single precision against double.
static void test_jacobian_and_gradient(void **state)
{
  (void)state;
  for (int c = 0; c < NCASE; c++) {
    SnaSeparable s;
    double      *t[6], *plus[3], *minus[3], *sum;
    BlockSet     set, single;
    Buffers      b;

    Make(&cases[c], &s);
    MakePoints(s, ROWS, t);
    MakeArrays(s->o.nout, ROWS, plus);
    MakeArrays(s->o.nout, ROWS, minus);
    MakeBuffers(s, &b);
    Ok(PetscCalloc1((size_t)s->np, &sum));
    Ok(BlockSetCreate(s, ROWS, (const double *const *)t, PETSC_FALSE, PETSC_FALSE, &set));
    Ok(BlockSetCreate(s, ROWS, (const double *const *)t, PETSC_TRUE, PETSC_FALSE, &single));
    s->d.forward(s, b.theta, &set.block_d[0], b.y, b.work);
    s->f.forward(s, b.thetaf, &single.block_f[0], b.yf, b.workf);

    for (PetscInt o = 0; o < s->o.nout; o++) {
      const double h = s->o.activation == SNA_IDENTITY ? 0.5 : 1e-4;
      double      *whole, largest;

      s->d.jacobian(s, b.theta, &set.block_d[0], o, -1, b.J, ROWS, b.work);
      s->f.jacobian(s, b.thetaf, &single.block_f[0], o, -1, b.Jf, ROWS, b.workf);
      largest = MaxAbs((size_t)s->np * ROWS, b.J);
      for (PetscInt p = 0; p < s->np; p++) {
        const double keep = s->theta[p];

        s->theta[p] = keep + h;
        Ok(SnaSeparableEvaluate(s, ROWS, (const double *const *)t, plus, NULL));
        s->theta[p] = keep - h;
        Ok(SnaSeparableEvaluate(s, ROWS, (const double *const *)t, minus, NULL));
        s->theta[p] = keep;
        for (PetscInt i = 0; i < ROWS; i++) {
          const double J = b.J[p * ROWS + i], size = 1 + largest + fabs(plus[o][i]);

          near(J, (plus[o][i] - minus[o][i]) / (2 * h), (s->o.activation == SNA_IDENTITY ? 1e-13 : 1e-7) * size);
          near((double)b.Jf[p * ROWS + i], J, 1e-5 * size);
          sum[p] += b.v[o * ROWS + i] * J;
        }
      }
      Ok(PetscMalloc1((size_t)s->np * ROWS, &whole));
      memcpy(whole, b.J, (size_t)s->np * ROWS * sizeof(double));
      for (PetscInt k = 0; k < s->nblock; k++) {
        const PetscInt n = s->start[k + 1] - s->start[k];

        s->d.jacobian(s, b.theta, &set.block_d[0], o, k, b.J, ROWS, b.work);
        for (PetscInt i = 0; i < n * ROWS; i++) assert_true(b.J[i] == whole[s->start[k] * ROWS + i]);
      }
      Ok(PetscFree(whole));
    }
    s->d.gradient(s, b.theta, &set.block_d[0], b.v, b.g, b.work);
    s->f.gradient(s, b.thetaf, &single.block_f[0], b.vf, b.gf, b.workf);
    for (PetscInt p = 0; p < s->np; p++) {
      double g = 0, gf = 0;

      for (int lane = 0; lane < 16; lane++) {
        g += b.g[p * 16 + lane];
        gf += (double)b.gf[p * 16 + lane];
      }
      near(g, sum[p], 1e-12 * (1 + MaxAbs((size_t)s->np, sum)));
      near(gf, sum[p], 1e-4 * (1 + MaxAbs((size_t)s->np, sum)));
    }
    FreeBuffers(&b);
    Ok(PetscFree(sum));
    Ok(BlockSetDestroy(&set));
    Ok(BlockSetDestroy(&single));
    FreeArrays(s->o.nd, t);
    FreeArrays(s->o.nout, plus);
    FreeArrays(s->o.nout, minus);
    Ok(SnaSeparableDestroy(&s));
  }
}

// y(p + q) - y(p) - y(q) + y(0) = 0 for the parameters of one block, all at once.
static void test_blocks_are_linear(void **state)
{
  (void)state;
  for (int c = 0; c < NCASE; c++) {
    const PetscInt *start;
    PetscInt        nblock, np;
    SnaSeparable    s;
    double         *t[6], *y[4][3], *theta;

    if (cases[c].activation != SNA_IDENTITY) continue;
    Make(&cases[c], &s);
    MakePoints(s, 20, t);
    for (int k = 0; k < 4; k++) MakeArrays(s->o.nout, 20, y[k]);
    Ok(SnaSeparableGetBlocks(s, &nblock, &start));
    Ok(SnaSeparableGetParameterCount(s, &np));
    Ok(SnaSeparableGetParameters(s, &theta));
    assert_int_equal(start[0], 0);
    assert_int_equal(start[nblock], np);
    for (PetscInt block = 0; block < nblock; block++) {
      const PetscInt n = start[block + 1] - start[block];
      double        *p = theta + start[block], *q, *keep;

      Ok(PetscMalloc2((size_t)n, &q, (size_t)n, &keep));
      for (PetscInt i = 0; i < n; i++) {
        keep[i] = p[i];
        q[i]    = SnaRandomUniform(8, (uint64_t)block, (uint64_t)i);
      }
      for (int k = 0; k < 4; k++) {
        for (PetscInt i = 0; i < n; i++) p[i] = (k & 1 ? keep[i] : 0) + (k & 2 ? q[i] : 0);
        Ok(SnaSeparableEvaluate(s, 20, (const double *const *)t, y[k], NULL));
      }
      for (PetscInt o = 0; o < s->o.nout; o++)
        for (PetscInt i = 0; i < 20; i++)
          near(y[3][o][i] + y[0][o][i], y[1][o][i] + y[2][o][i], 1e-12 * (1 + fabs(y[1][o][i]) + fabs(y[2][o][i])));
      for (PetscInt i = 0; i < n; i++) p[i] = keep[i];
      Ok(PetscFree2(q, keep));
    }
    FreeArrays(s->o.nd, t);
    for (int k = 0; k < 4; k++) FreeArrays(s->o.nout, y[k]);
    Ok(SnaSeparableDestroy(&s));
  }
}

// Outside of [0,1]: the value of the nearer end, slope zero; not a number stays so, in its row alone.
static void test_outside(void **state)
{
  const double outside[5] = {-0.3, 1.7, -INFINITY, INFINITY, -0.0}, end[5] = {0, 1, 0, 1, 0};

  (void)state;
  for (int c = 0; c < NCASE; c++) {
    SnaSeparable s;
    double      *t[6], *y[3], *dy[18], *inside[3], *slope[18], *single[3];

    Make(&cases[c], &s);
    MakePoints(s, 6, t);
    MakeArrays(s->o.nout, 6, y);
    MakeArrays(s->o.nout, 6, inside);
    MakeArrays(s->o.nout, 6, single);
    MakeArrays(s->o.nout * s->o.nd, 6, dy);
    MakeArrays(s->o.nout * s->o.nd, 6, slope);
    for (int i = 0; i < 5; i++) t[0][i] = end[i];
    Ok(SnaSeparableEvaluate(s, 6, (const double *const *)t, inside, slope));
    for (int i = 0; i < 5; i++) t[0][i] = outside[i];
    t[s->o.nd - 1][5] = NAN;
    Ok(SnaSeparableEvaluate(s, 6, (const double *const *)t, y, dy));
    Ok(SnaSeparablePredict(s, 6, (const double *const *)t, single));
    for (PetscInt o = 0; o < s->o.nout; o++) {
      for (int i = 0; i < 5; i++) {
        assert_true(y[o][i] == inside[o][i]);
        near(single[o][i], y[o][i], 1e-4);
        assert_true(dy[o * s->o.nd][i] == (i < 4 ? 0 : slope[o * s->o.nd][i]));
        for (PetscInt d = 1; d < s->o.nd; d++) assert_true(dy[o * s->o.nd + d][i] == slope[o * s->o.nd + d][i]);
      }
      assert_true(isnan(y[o][5]) && isnan(single[o][5]));
      for (PetscInt d = 0; d < s->o.nd; d++) assert_true(isnan(dy[o * s->o.nd + d][5]));
    }
    FreeArrays(s->o.nd, t);
    FreeArrays(s->o.nout, y);
    FreeArrays(s->o.nout, inside);
    FreeArrays(s->o.nout, single);
    FreeArrays(s->o.nout * s->o.nd, dy);
    FreeArrays(s->o.nout * s->o.nd, slope);
    Ok(SnaSeparableDestroy(&s));
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_values),
    cmocka_unit_test(test_independent_points),
    cmocka_unit_test(test_slopes),
    cmocka_unit_test(test_jacobian_and_gradient),
    cmocka_unit_test(test_blocks_are_linear),
    cmocka_unit_test(test_outside),
  };
  int failures;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  if (PetscFinalize()) failures++;
  return failures;
}

// B-spline bases, quadrature and 1-D integrals against mathematics.
#include <sna/sna.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MAX_P1   6
#define Ok(call) assert_int_equal(call, 0)

static void near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

// Knots t_0..t_{cells+2p} of the clamped uniform sequence on [lo, hi].
static double Knot(PetscInt p, PetscInt cells, double lo, double hi, PetscInt i)
{
  const PetscInt k = PetscMin(PetscMax(i - p, 0), cells);

  return lo + (hi - lo) * (double)k / (double)cells;
}

// B_{i,q}(x) by the plain recursion (de Boor, ch. IX-X), knots of degree p.
static double Recursion(PetscInt p, PetscInt cells, double lo, double hi, PetscInt i, PetscInt q, double x)
{
  const double t0 = Knot(p, cells, lo, hi, i), t1 = Knot(p, cells, lo, hi, i + 1), tq = Knot(p, cells, lo, hi, i + q),
               tr = Knot(p, cells, lo, hi, i + q + 1);
  double sum      = 0;

  if (q == 0) return t0 <= x && x < t1 ? 1 : 0;
  if (tq > t0) sum += (x - t0) / (tq - t0) * Recursion(p, cells, lo, hi, i, q - 1, x);
  if (tr > t1) sum += (tr - x) / (tr - t1) * Recursion(p, cells, lo, hi, i + 1, q - 1, x);
  return sum;
}

static void test_values(void **state)
{
  const double lo = -0.7, hi = 1.9;

  (void)state;
  for (PetscInt p = 1; p <= 5; p++) {
    for (PetscInt cells = 1; cells <= 7; cells += 2) {
      SnaBasis b;

      Ok(SnaBasisCreateBSpline("x", p, cells, lo, hi, PETSC_FALSE, PETSC_FALSE, &b));
      for (int k = 0; k < 101; k++) {
        const double x = lo + (hi - lo) * (k + 0.317) / 101.7;
        double       v[MAX_P1], sum = 0;
        PetscInt     first;

        Ok(SnaBasisEvaluate(b, x, 0, &first, v));
        for (PetscInt a = 0; a <= p; a++) {
          near(v[a], Recursion(p, cells, lo, hi, first + a, p, x), 1e-13);
          assert_true(v[a] >= 0);
          sum += v[a];
        }
        near(sum, 1, 1e-14);
      }
      Ok(SnaBasisDestroy(&b));
      assert_null(b);
    }
  }
}

// At the ends exactly one function is 1 and the others are exactly 0, so that dropping it is a Dirichlet condition to
// the last bit.
static void test_ends(void **state)
{
  const double ends[][2] = {{0, 1}, {-1, 1}, {0.1, 0.7}, {1e-3, 1e-2}, {-3.3, 4 * PETSC_PI / 3}};

  (void)state;
  for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
    for (PetscInt p = 1; p <= 5; p++) {
      for (PetscInt cells = 1; cells < 60; cells++) {
        SnaBasis b;
        double   v[MAX_P1];
        PetscInt first;

        Ok(SnaBasisCreateBSpline("x", p, cells, ends[e][0], ends[e][1], PETSC_FALSE, PETSC_FALSE, &b));
        Ok(SnaBasisEvaluate(b, ends[e][0], 0, &first, v));
        assert_int_equal(first, 0);
        for (PetscInt a = 0; a <= p; a++) assert_true(v[a] == (a == 0 ? 1 : 0));
        Ok(SnaBasisEvaluate(b, ends[e][1], 0, &first, v));
        assert_int_equal(first, cells - 1);
        for (PetscInt a = 0; a <= p; a++) assert_true(v[a] == (a == p ? 1 : 0));
        Ok(SnaBasisDestroy(&b));
      }
    }
  }
}

// Marsden's identity (de Boor, ch. IX): (x - y)^p = sum_i B_i(x) prod_{k=1..p} (t_{i+k} - y), with all
// derivatives in x, inside the domain and where the end cells continue outside it.
static void test_marsden(void **state)
{
  const double   lo = -0.7, hi = 1.9, y = 0.45;
  const PetscInt cells = 6;

  (void)state;
  for (PetscInt p = 1; p <= 5; p++) {
    SnaBasis b;

    Ok(SnaBasisCreateBSpline("x", p, cells, lo, hi, PETSC_FALSE, PETSC_FALSE, &b));
    for (int k = -5; k <= 105; k++) {
      const double x = lo + (hi - lo) * k / 100.;
      double       v[(MAX_P1 + 1) * MAX_P1], falling = 1;
      PetscInt     first;

      Ok(SnaBasisEvaluate(b, x, p + 1, &first, v));
      for (PetscInt m = 0; m <= p + 1; m++) {
        double sum = 0, scale = 0;

        for (PetscInt a = 0; a <= p; a++) {
          double c = v[m * (p + 1) + a];

          for (PetscInt i = 1; i <= p; i++) c *= Knot(p, cells, lo, hi, first + a + i) - y;
          sum += c;
          scale += fabs(c);
        }
        near(sum, m <= p ? falling * pow(x - y, (double)(p - m)) : 0, 1e-13 * (1 + scale));
        falling *= (double)(p - m);
      }
    }
    Ok(SnaBasisDestroy(&b));
  }
}

static void test_derivatives(void **state)
{
  const double   lo = 2, hi = 5, e = 1e-5;
  const PetscInt cells = 5;

  (void)state;
  for (PetscInt p = 1; p <= 5; p++) {
    SnaBasis b;

    Ok(SnaBasisCreateBSpline("x", p, cells, lo, hi, PETSC_FALSE, PETSC_FALSE, &b));
    for (int k = 0; k < 20; k++) {
      const double x = lo + (hi - lo) * (k + 0.5) / 20;
      double       v[MAX_P1 * MAX_P1], right[MAX_P1 * MAX_P1], left[MAX_P1 * MAX_P1];
      PetscInt     first, fr, fl;

      Ok(SnaBasisEvaluate(b, x, p, &first, v));
      Ok(SnaBasisEvaluate(b, x + e, p, &fr, right));
      Ok(SnaBasisEvaluate(b, x - e, p, &fl, left));
      assert_true(fr == first && fl == first);
      for (PetscInt m = 1; m <= p; m++) {
        for (PetscInt a = 0; a <= p; a++) {
          const double difference = (right[(m - 1) * (p + 1) + a] - left[(m - 1) * (p + 1) + a]) / (2 * e);

          near(v[m * (p + 1) + a], difference, 1e-6 * (1 + fabs(difference)));
        }
      }
    }
    Ok(SnaBasisDestroy(&b));
  }
}

// Derivatives up to p-1 are continuous across the knots.
static void test_smoothness(void **state)
{
  const double   lo = 0, hi = 1, e = 1e-12;
  const PetscInt cells = 8;

  (void)state;
  for (PetscInt p = 1; p <= 5; p++) {
    SnaBasis b;

    Ok(SnaBasisCreateBSpline("x", p, cells, lo, hi, PETSC_FALSE, PETSC_FALSE, &b));
    for (PetscInt c = 1; c < cells; c++) {
      double   left[MAX_P1 * MAX_P1], right[MAX_P1 * MAX_P1];
      PetscInt fl, fr;

      Ok(SnaBasisEvaluate(b, (double)c / (double)cells - e, p - 1, &fl, left));
      Ok(SnaBasisEvaluate(b, (double)c / (double)cells + e, p - 1, &fr, right));
      assert_int_equal(fl, c - 1);
      assert_int_equal(fr, c);
      for (PetscInt m = 0; m < p; m++) {
        const double scale = pow((double)(cells * p), (double)m);

        near(left[m * (p + 1)], 0, 1e-9 * scale);
        near(right[m * (p + 1) + p], 0, 1e-9 * scale);
        for (PetscInt a = 1; a <= p; a++) near(left[m * (p + 1) + a], right[m * (p + 1) + a - 1], 1e-9 * scale);
      }
    }
    Ok(SnaBasisDestroy(&b));
  }
}

static void test_gauss_legendre(void **state)
{
  static const PetscInt sizes[] = {1, 2, 3, 4, 5, 7, 10, 16, 33, 64, 101, 200};

  (void)state;
  for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
    const PetscInt n = sizes[s];
    double         x[200], w[200], sum = 0;

    Ok(SnaGaussLegendre(n, x, w));
    for (PetscInt i = 0; i < n; i++) {
      sum += w[i];
      assert_true(x[i] > (i ? x[i - 1] : -1) && x[i] < 1);
    }
    near(sum, 2, 1e-14);
    for (PetscInt k = 0; k < 2 * n; k++) { // exact for x^k, k <= 2n-1, also about another centre
      double even = 0, offset = 0;

      for (PetscInt i = 0; i < n; i++) {
        even += w[i] * pow(x[i], (double)k);
        offset += w[i] * pow((x[i] + 1) / 2, (double)k);
      }
      near(even, k % 2 ? 0 : 2 / (double)(k + 1), 1e-14);
      near(offset, 2 / (double)(k + 1), 1e-14);
    }
  }
  {
    double x[3], w[3];

    Ok(SnaGaussLegendre(3, x, w));
    near(x[2], sqrt(0.6), 1e-16);
    near(w[1], 8. / 9, 2e-16);
  }
}

// int_0^1 of the products of two linear hats in closed form: mass h/6 {1 4 1}, stiffness 1/h {-1 2 -1},
// mixed {-1/2 0 1/2}, end entries halved.
static void test_linear_matrices(void **state)
{
  const PetscInt cells = 9, n = cells + 1;
  const double   h = 1. / (double)cells;
  SnaBasis       b;
  SnaTabulation  t;
  double         mass[30], stiffness[30], mixed[30];

  (void)state;
  Ok(SnaBasisCreateBSpline("x", 1, cells, 0, 1, PETSC_FALSE, PETSC_FALSE, &b));
  Ok(SnaTabulationCreate(b, 2, 1, &t));
  Ok(SnaIntegrateMatrix(b, &t, 0, 0, NULL, mass));
  Ok(SnaIntegrateMatrix(b, &t, 1, 1, NULL, stiffness));
  Ok(SnaIntegrateMatrix(b, &t, 0, 1, NULL, mixed)); // int B_i B'_j
  for (PetscInt i = 0; i < n; i++) {
    const double end = i == 0 || i == n - 1 ? 0.5 : 1;

    near(mass[3 * i + 1], end * 4 * h / 6, 1e-15);
    near(stiffness[3 * i + 1], end * 2 / h, 1e-13);
    near(mixed[3 * i + 1], i == 0 ? -0.5 : (i == n - 1 ? 0.5 : 0), 1e-15);
    near(mass[3 * i + 2], i == n - 1 ? 0 : h / 6, 1e-15);
    near(stiffness[3 * i], i == 0 ? 0 : -1 / h, 1e-13);
    near(mixed[3 * i + 2], i == n - 1 ? 0 : 0.5, 1e-15);
    near(mixed[3 * i], i == 0 ? 0 : -0.5, 1e-15);
  }
  Ok(SnaTabulationDestroy(&t));
  Ok(SnaBasisDestroy(&b));
}

// Coefficients of x^k on the full basis: the polar form, sym. function of the p knots / binomial(p, k) (Marsden).
static double Monomial(PetscInt p, PetscInt cells, double lo, double hi, PetscInt i, PetscInt k)
{
  double e[MAX_P1] = {1}, binomial = 1; // elementary symmetric functions of t_{i+1}..t_{i+p}

  for (PetscInt j = 1; j <= p; j++) {
    for (PetscInt m = j; m >= 1; m--) e[m] += Knot(p, cells, lo, hi, i + j) * e[m - 1];
  }
  for (PetscInt m = 0; m < k; m++) binomial *= (double)(p - m) / (double)(m + 1);
  return e[k] / binomial;
}

static double FallingFactorial(PetscInt k, PetscInt m)
{
  double f = 1;

  for (PetscInt j = 0; j < m; j++) f *= (double)(k - j);
  return f;
}

// u^T M v = int x^g (d^a x^k)(d^b x^l) exactly, for every k, l <= p, every pair of orders, and g <= 2.
static void test_matrices_on_polynomials(void **state)
{
  const double   lo = 0.3, hi = 1.4;
  const PetscInt cells = 4;

  (void)state;
  for (PetscInt p = 1; p <= 5; p++) {
    SnaBasis      b;
    SnaTabulation t;
    double        M[16 * 11], f[16], g[40];

    Ok(SnaBasisCreateBSpline("x", p, cells, lo, hi, PETSC_FALSE, PETSC_FALSE, &b));
    Ok(SnaTabulationCreate(b, p + 2, p, &t));
    for (PetscInt power = 0; power <= 2; power++) {
      for (PetscInt q = 0; q < t.nq; q++) g[q] = pow(t.x[q], (double)power);
      for (PetscInt a = 0; a <= p; a++) {
        Ok(SnaIntegrateVector(b, &t, a, g, f));
        for (PetscInt k = a; k <= p; k++) {
          const double m     = (double)(k - a + power + 1);
          double       value = 0;

          for (PetscInt i = 0; i < cells + p; i++) value += f[i] * Monomial(p, cells, lo, hi, i, k);
          near(value, FallingFactorial(k, a) * (pow(hi, m) - pow(lo, m)) / m, 1e-9);
        }
        for (PetscInt o = 0; o <= p; o++) {
          Ok(SnaIntegrateMatrix(b, &t, a, o, g, M));
          for (PetscInt k = a; k <= p; k++) {
            for (PetscInt l = o; l <= p; l++) {
              const double m     = (double)(k - a + l - o + power + 1);
              const double exact = FallingFactorial(k, a) * FallingFactorial(l, o) * (pow(hi, m) - pow(lo, m)) / m;
              double       value = 0, scale = 0;

              for (PetscInt i = 0; i < cells + p; i++) {
                for (PetscInt j = PetscMax(0, i - p); j <= PetscMin(cells + p - 1, i + p); j++) {
                  const double c = Monomial(p, cells, lo, hi, i, k) * M[i * (2 * p + 1) + j - i + p] *
                                   Monomial(p, cells, lo, hi, j, l);

                  value += c;
                  scale += fabs(c);
                }
              }
              near(value, exact, 1e-13 * (1 + scale));
            }
          }
        }
      }
    }
    Ok(SnaTabulationDestroy(&t));
    Ok(SnaBasisDestroy(&b));
  }
}

// A dropped function is a row and column less, nothing else; bands stay inside the matrix.
static void test_dropped(void **state)
{
  const PetscInt cells = 3;

  (void)state;
  for (PetscInt p = 1; p <= 5; p++) {
    const PetscInt wide = 2 * p + 1, n = cells + p;
    double         full[8 * 11], some[8 * 11], ffull[8], fsome[8];
    SnaBasis       whole;
    SnaTabulation  t;

    Ok(SnaBasisCreateBSpline("x", p, cells, 0, 1, PETSC_FALSE, PETSC_FALSE, &whole));
    Ok(SnaTabulationCreate(whole, p + 1, 1, &t));
    Ok(SnaIntegrateMatrix(whole, &t, 0, 1, NULL, full));
    Ok(SnaIntegrateVector(whole, &t, 0, NULL, ffull));
    for (int drop = 0; drop < 4; drop++) {
      const PetscInt first = drop & 1, last = drop >> 1;
      SnaBasis       b;
      SnaBasisInfo   info;

      Ok(SnaBasisCreateBSpline("speed", p, cells, 0, 1, (PetscBool)first, (PetscBool)last, &b));
      Ok(SnaBasisGetInfo(b, &info));
      assert_int_equal(info.n, n - first - last);
      assert_string_equal(info.name, "speed");
      Ok(SnaIntegrateMatrix(b, &t, 0, 1, NULL, some));
      Ok(SnaIntegrateVector(b, &t, 0, NULL, fsome));
      for (PetscInt i = 0; i < info.n; i++) {
        assert_true(fsome[i] == ffull[i + first]);
        for (PetscInt k = -p; k <= p; k++) {
          const PetscBool inside = (PetscBool)(i + k >= 0 && i + k < info.n);

          assert_true(some[i * wide + k + p] == (inside ? full[(i + first) * wide + k + p] : 0));
        }
      }
      Ok(SnaBasisDestroy(&b));
    }
    Ok(SnaTabulationDestroy(&t));
    Ok(SnaBasisDestroy(&whole));
  }
}

// int of every B-spline: (t_{i+p+1} - t_i)/(p+1) (de Boor, ch. X).
static void test_integral_of_splines(void **state)
{
  const double   lo = -2, hi = 1;
  const PetscInt cells = 6;

  (void)state;
  for (PetscInt p = 1; p <= 5; p++) {
    SnaBasis      b;
    SnaTabulation t;
    double        f[11];

    Ok(SnaBasisCreateBSpline("x", p, cells, lo, hi, PETSC_FALSE, PETSC_FALSE, &b));
    Ok(SnaTabulationCreate(b, (p + 2) / 2, 0, &t));
    Ok(SnaIntegrateVector(b, &t, 0, NULL, f));
    for (PetscInt i = 0; i < cells + p; i++) {
      near(f[i], (Knot(p, cells, lo, hi, i + p + 1) - Knot(p, cells, lo, hi, i)) / (double)(p + 1), 1e-15);
    }
    Ok(SnaTabulationDestroy(&t));
    Ok(SnaBasisDestroy(&b));
  }
}

static void test_not_a_number(void **state)
{
  SnaBasis b;
  double   v[4];
  PetscInt first;

  (void)state;
  Ok(SnaBasisCreateBSpline("x", 3, 8, 0, 1, PETSC_FALSE, PETSC_FALSE, &b));
  Ok(SnaBasisEvaluate(b, (double)NAN, 0, &first, v));
  assert_true(first == 0 && isnan(v[0]));
  Ok(SnaBasisEvaluate(b, (double)INFINITY, 0, &first, v));
  assert_int_equal(first, 7);
  Ok(SnaBasisEvaluate(b, -1e300, 0, &first, v));
  assert_int_equal(first, 0);
  Ok(SnaBasisDestroy(&b));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_values),
    cmocka_unit_test(test_ends),
    cmocka_unit_test(test_marsden),
    cmocka_unit_test(test_derivatives),
    cmocka_unit_test(test_smoothness),
    cmocka_unit_test(test_gauss_legendre),
    cmocka_unit_test(test_linear_matrices),
    cmocka_unit_test(test_matrices_on_polynomials),
    cmocka_unit_test(test_dropped),
    cmocka_unit_test(test_integral_of_splines),
    cmocka_unit_test(test_not_a_number),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}

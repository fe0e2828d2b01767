// The least-squares functional as tables of 1-D integrals: which operators and functions are one, and the integrals
// against quadrature and closed forms. Lists of operators: the 6-D advection-diffusion problem
//   u_t + w (-y u_x + x u_y) - D (u_xx + u_yy + u_zz) = 0
#include <sna/solve.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

typedef double (*Function)(double x);

typedef struct { // a term with functions in place of tables; NULL stands for 1
  double   coefficient;
  Function value[SNA_MAX_DIM];
  PetscInt derivative[SNA_MAX_DIM];
} Term;

typedef struct {
  PetscInt      nd;
  SnaBasis      basis[SNA_MAX_DIM];
  SnaTabulation tab[SNA_MAX_DIM];
} Space;

static void Near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static void AddDirection(Space *space, PetscInt degree, PetscInt cells, double lo, double hi, PetscBool first,
  PetscBool last, PetscInt per_cell)
{
  const PetscInt d = space->nd++;

  Ok(SnaBasisCreateBSpline("x", degree, cells, lo, hi, first, last, &space->basis[d]));
  Ok(SnaTabulationCreate(space->basis[d], per_cell, 2, &space->tab[d]));
}

static void DestroySpace(Space *space)
{
  for (PetscInt d = 0; d < space->nd; d++) {
    Ok(SnaTabulationDestroy(&space->tab[d]));
    Ok(SnaBasisDestroy(&space->basis[d]));
  }
}

// Tables of the terms' functions; they are freed again before the functional is used, which owns copies.
static void CreateLsq(
  const Space *space, const Function weight[], PetscInt nk, const Term op[], PetscInt nm, const Term rhs[], SnaLsq *lsq)
{
  SnaLsqTerm *term;
  double     *w[SNA_MAX_DIM] = {NULL};

  Ok(PetscCalloc1((size_t)(nk + nm), &term));
  for (PetscInt k = 0; k < nk + nm; k++) {
    const Term *t = k < nk ? &op[k] : &rhs[k - nk];

    term[k].coefficient = t->coefficient;
    for (PetscInt d = 0; d < space->nd; d++) {
      const SnaTabulation *tab = &space->tab[d];
      double              *v;

      term[k].derivative[d] = t->derivative[d];
      if (!t->value[d]) continue;
      Ok(PetscMalloc1((size_t)tab->nq, &v));
      for (PetscInt q = 0; q < tab->nq; q++) v[q] = t->value[d](tab->x[q]);
      term[k].value[d] = v;
    }
  }
  for (PetscInt d = 0; weight && d < space->nd; d++) {
    if (!weight[d]) continue;
    Ok(PetscMalloc1((size_t)space->tab[d].nq, &w[d]));
    for (PetscInt q = 0; q < space->tab[d].nq; q++) w[d][q] = weight[d](space->tab[d].x[q]);
  }
  Ok(SnaLsqCreate(space->nd, space->basis, space->tab, weight ? (const double *const *)w : NULL, nk, term, nm,
    nm ? term + nk : NULL, lsq));
  for (PetscInt d = 0; d < space->nd; d++) {
    for (PetscInt k = 0; k < nk + nm; k++) {
      double *v = (double *)term[k].value[d];

      Ok(PetscFree(v));
    }
    Ok(PetscFree(w[d]));
  }
  Ok(PetscFree(term));
}

static void CheckCounts(SnaLsq lsq, PetscInt d, PetscInt nop, PetscInt npair, PetscInt nrhs)
{
  PetscInt a, b, c;

  Ok(SnaLsqGetCounts(lsq, d, &a, &b, &c));
  if (a != nop || b != npair || c != nrhs)
    fail_msg("direction %d: %d operators, %d pairs, %d functions; expected %d, %d, %d", (int)d, (int)a, (int)b, (int)c,
      (int)nop, (int)npair, (int)nrhs);
}

static double X(double x)
{
  return x;
}

static double Zero(double x)
{
  (void)x;
  return 0;
}

#define WIDTH2 (0.12 * 0.12)

static double GaussAt(double x, double centre, int derivative) // of exp(-(x-centre)^2/(2 s^2))
{
  const double y = x - centre, g = exp(-y * y / (2 * WIDTH2));

  return derivative == 0 ? g : derivative == 1 ? -y / WIDTH2 * g : (y * y / WIDTH2 - 1) / WIDTH2 * g;
}

static double Gx(double x)
{
  return GaussAt(x, 0.3, 0);
}

static double dGx(double x)
{
  return GaussAt(x, 0.3, 1);
}

static double ddGx(double x)
{
  return GaussAt(x, 0.3, 2);
}

static double xGx(double x)
{
  return x * GaussAt(x, 0.3, 0);
}

static double G(double x)
{
  return GaussAt(x, 0, 0);
}

static double dG(double x)
{
  return GaussAt(x, 0, 1);
}

static double ddG(double x)
{
  return GaussAt(x, 0, 2);
}

static double yG(double x)
{
  return x * GaussAt(x, 0, 0);
}

static void MakeSpace6(Space *space)
{
  space->nd = 0;
  for (int d = 0; d < 3; d++) AddDirection(space, 3, 8, -1, 1, PETSC_TRUE, PETSC_TRUE, 12);
  AddDirection(space, 3, 5, 0, 1, PETSC_TRUE, PETSC_FALSE, 6);
  AddDirection(space, 3, 3, 0, 2 * PETSC_PI / 3, PETSC_FALSE, PETSC_FALSE, 6);
  AddDirection(space, 3, 2, 1e-3, 1e-2, PETSC_FALSE, PETSC_FALSE, 6);
}

static void test_six_dimensions(void **state)
{
  static const Term op[] = {
    {1, {NULL}, {0, 0, 0, 1, 0, 0}},
    {-1, {NULL, X, NULL, NULL, X, NULL}, {1, 0, 0, 0, 0, 0}},
    {1, {X, NULL, NULL, NULL, X, NULL}, {0, 1, 0, 0, 0, 0}},
    {-1, {NULL, NULL, NULL, NULL, NULL, X}, {2, 0, 0, 0, 0, 0}},
    {-1, {NULL, NULL, NULL, NULL, NULL, X}, {0, 2, 0, 0, 0, 0}},
    {-1, {NULL, NULL, NULL, NULL, NULL, X}, {0, 0, 2, 0, 0, 0}},
  };
  // L u0 of the Gaussian u0; u0_t vanishes. In y, y g and g' are one function up to a factor; in x, around 0.3, not.
  static const Term rhs[] = {
    {1, {Gx, G, G, Zero, NULL, NULL}, {0}},
    {-1, {dGx, yG, G, NULL, X, NULL}, {0}},
    {1, {xGx, dG, G, NULL, X, NULL}, {0}},
    {-1, {ddGx, G, G, NULL, NULL, X}, {0}},
    {-1, {Gx, ddG, G, NULL, NULL, X}, {0}},
    {-1, {Gx, G, ddG, NULL, NULL, X}, {0}},
  };
  static const PetscInt count[6][3] = {{4, 16, 4}, {4, 16, 3}, {2, 4, 2}, {2, 4, 1}, {2, 4, 2}, {2, 4, 2}};
  const double          A = sqrt(PETSC_PI * WIDTH2), B = A / (2 * WIDTH2), E = 0.75 * A / (WIDTH2 * WIDTH2);
  Space                 space;
  SnaLsq                lsq;
  double                c0, rotation, diffusion;

  (void)state;
  MakeSpace6(&space);
  CreateLsq(&space, NULL, 6, op, 6, rhs, &lsq);
  assert_int_equal(lsq->nk, 6);
  assert_int_equal(lsq->nm, 5);
  for (PetscInt d = 0; d < 6; d++) CheckCounts(lsq, d, count[d][0], count[d][1], count[d][2]);

  // F(0) with integrals over all of x,y,z, since nothing of u0 lies outside the box: A = int g^2, B = int g'^2,
  // E = int g''^2, -B = int g g''. The rotation's part -(r0 y/s^2) w u0 is odd in y, so it does not meet the Laplacian.
  rotation  = pow(2 * PETSC_PI / 3, 3) / 3 * 9e-3 * pow(0.3 / WIDTH2, 2) * A * (WIDTH2 / 2 * A) * A;
  diffusion = 2 * PETSC_PI / 3 * (1e-6 - 1e-9) / 3 * (3 * E * A * A + 6 * B * B * A);
  Ok(SnaLsqGetConstant(lsq, &c0));
  Near(c0, rotation + diffusion, 1e-7 * rotation);
  Ok(SnaLsqDestroy(&lsq));
  assert_null(lsq);
  Ok(SnaLsqDestroy(&lsq));

  CreateLsq(&space, NULL, 6, op, 0, NULL, &lsq); // without right-hand side
  for (PetscInt d = 0; d < 6; d++) CheckCounts(lsq, d, count[d][0], count[d][1], 0);
  Ok(SnaLsqGetConstant(lsq, &c0));
  assert_true(c0 == 0);
  Ok(SnaLsqDestroy(&lsq));
  DestroySpace(&space);
}

static double TwiceX(double x)
{
  return 2 * x;
}

static double MinusX(double x)
{
  return -x;
}

static double Tenth(double x)
{
  return 0.1 * x;
}

static double Huge(double x)
{
  return -3e200 * x;
}

static double Square(double x)
{
  return 1 + x * x;
}

static double Parabola(double x)
{
  return x * x - 0.3 * x - 2;
}

static double Close(double x)
{
  return x + 1e-9 * x * x;
}

static double Two(double x)
{
  (void)x;
  return 2;
}

// Proportional factors are one operator, whose factor and sign are in the coefficient; another derivative, or a
// difference of 1e-9, makes another operator.
static void test_proportional(void **state)
{
  static const Term op[] = {
    {3, {X, NULL}, {1, 0}},
    {1, {TwiceX, NULL}, {1, 2}},
    {1, {MinusX, Two}, {1, 0}},
    {5, {Tenth, NULL}, {1, 2}},
    {1, {Huge, NULL}, {1, 0}},
    {0, {Close, Square}, {1, 0}},
    {7, {X, Zero}, {2, 1}},
  };
  static const Term other[] = {
    {1, {X, NULL}, {0, 0}},
    {1, {X, NULL}, {1, 0}},
    {1, {Close, NULL}, {0, 0}},
  };
  static const double ratio[] = {3, 2, -2, 0.5, -3e200};
  Space               space   = {0};
  SnaLsq              lsq;

  (void)state;
  AddDirection(&space, 3, 4, 0.5, 2, PETSC_FALSE, PETSC_FALSE, 5);
  AddDirection(&space, 2, 3, 0, 1, PETSC_FALSE, PETSC_FALSE, 5);
  CreateLsq(&space, NULL, 7, op, 0, NULL, &lsq);
  assert_int_equal(lsq->nk, 5); // the last two vanish
  CheckCounts(lsq, 0, 1, 1, 0);
  CheckCounts(lsq, 1, 2, 4, 0);
  for (PetscInt k = 1; k < 5; k++) Near(lsq->s[k] / lsq->s[0], ratio[k] / 3, 1e-14 * fabs(ratio[k]));
  Ok(SnaLsqDestroy(&lsq));
  CreateLsq(&space, NULL, 3, other, 0, NULL, &lsq);
  CheckCounts(lsq, 0, 3, 9, 0);
  CheckCounts(lsq, 1, 1, 1, 0);
  Ok(SnaLsqDestroy(&lsq));
  DestroySpace(&space);
}

#define MULTIPLES 12

// An odd function is largest at both ends, and round-off decides where: its multiples are one operator all the same.
static void test_odd_multiples(void **state)
{
  (void)state;
  for (PetscInt cells = 1; cells <= 40; cells++) {
    Space      space           = {0};
    SnaLsqTerm term[MULTIPLES] = {{0}};
    double    *table;
    SnaLsq     lsq;

    AddDirection(&space, 3, cells, -1, 1, PETSC_FALSE, PETSC_FALSE, 5);
    Ok(PetscMalloc1((size_t)(space.tab[0].nq * MULTIPLES), &table));
    for (PetscInt k = 0; k < MULTIPLES; k++) {
      const double multiple = k == 0 ? 1 : (k % 2 ? -1 : 1) * (0.1 + 0.37 * (double)k);
      double      *v        = table + k * space.tab[0].nq;

      for (PetscInt q = 0; q < space.tab[0].nq; q++) v[q] = multiple * space.tab[0].x[q];
      term[k].coefficient = 1 / multiple;
      term[k].value[0]    = v;
    }
    Ok(SnaLsqCreate(1, space.basis, space.tab, NULL, MULTIPLES, term, 0, NULL, &lsq));
    CheckCounts(lsq, 0, 1, 1, 0);
    for (PetscInt k = 0; k < MULTIPLES; k++) Near(lsq->s[k], lsq->s[0], 1e-14 * fabs(lsq->s[0]));
    Ok(SnaLsqDestroy(&lsq));
    Ok(PetscFree(table));
    DestroySpace(&space);
  }
}

// d^order of all active splines at x; n numbers.
static void Splines(SnaBasis basis, double x, PetscInt order, double B[])
{
  SnaBasisInfo info;
  PetscInt     first;
  double       v[3 * 6];

  Ok(SnaBasisGetInfo(basis, &info));
  Ok(SnaBasisEvaluate(basis, x, order, &first, v));
  for (PetscInt i = 0; i < info.n; i++) {
    const PetscInt a = i + info.drop_first - first;

    B[i] = a >= 0 && a <= info.degree ? v[order * (info.degree + 1) + a] : 0;
  }
}

static double ValueOf(Function f, double x)
{
  return f ? f(x) : 1;
}

// int w (a_k d^j B_i) (a_l d^m B_j) as n x n, int w (a_k d^j B_i) q as n, by a rule of its own: 10 points in a cell.
static void Direct(SnaBasis basis, Function weight, const Term *k, const Term *l, PetscInt d, double *M)
{
  SnaBasisInfo info;
  double       x[10], w[10], Bi[32], Bj[32];

  Ok(SnaBasisGetInfo(basis, &info));
  Ok(SnaGaussLegendre(10, x, w));
  assert_true(info.n <= 32);
  for (PetscInt i = 0; i < info.n * info.n; i++) M[i] = 0;
  for (PetscInt q = 0; q < 10 * info.cells; q++) {
    const double h = (info.hi - info.lo) / (double)info.cells;
    const double y = info.lo + h * ((double)(q / 10) + 0.5 + 0.5 * x[q % 10]);
    const double g = 0.5 * h * w[q % 10] * ValueOf(weight, y) * ValueOf(k->value[d], y) * ValueOf(l->value[d], y);

    Splines(basis, y, k->derivative[d], Bi);
    Splines(basis, y, l->derivative[d], Bj);
    for (PetscInt i = 0; i < info.n; i++) {
      for (PetscInt j = 0; j < info.n; j++) M[i * info.n + j] += g * Bi[i] * Bj[j];
    }
  }
}

static void DirectVector(SnaBasis basis, Function weight, const Term *k, const Term *rhs, PetscInt d, double *f)
{
  SnaBasisInfo info;
  double       x[10], w[10], B[32];

  Ok(SnaBasisGetInfo(basis, &info));
  Ok(SnaGaussLegendre(10, x, w));
  for (PetscInt i = 0; i < info.n; i++) f[i] = 0;
  for (PetscInt q = 0; q < 10 * info.cells; q++) {
    const double h = (info.hi - info.lo) / (double)info.cells;
    const double y = info.lo + h * ((double)(q / 10) + 0.5 + 0.5 * x[q % 10]);
    const double g = 0.5 * h * w[q % 10] * ValueOf(weight, y) * ValueOf(k->value[d], y) * ValueOf(rhs->value[d], y);

    Splines(basis, y, k->derivative[d], B);
    for (PetscInt i = 0; i < info.n; i++) f[i] += g * B[i];
  }
}

static double Weight(double x)
{
  return 1.25 - 0.5 * x;
}

static double Cubic(double x)
{
  return x * x * x - 0.2;
}

// A 2-D problem with different degrees, dropped functions and a weight. Scales may be moved between directions and
// coefficients, so that whole products are compared: s_k s_l M^0[i,j] M^1[I,J] for every pair of terms.
static void test_integrals(void **state)
{
  static const Term op[] = {
    {2, {Square, NULL}, {0, 1}},
    {-1, {NULL, X}, {2, 0}},
    {0.5, {TwiceX, Parabola}, {1, 2}},
    {1, {X, MinusX}, {1, 0}},
  };
  static const Term rhs[] = {
    {3, {Cubic, X}, {0}},
    {1, {NULL, MinusX}, {0}},
    {-0.25, {TwiceX, NULL}, {0}},
  };
  static const Function weight[2] = {Weight, NULL};
  const PetscInt        nk = 4, nm = 3;
  Space                 space = {0};
  SnaLsq                lsq;
  double                M[2][32 * 32], f[2][32], c0, closed, P2, Px;

  (void)state;
  AddDirection(&space, 3, 5, -1, 1, PETSC_TRUE, PETSC_FALSE, 7);
  AddDirection(&space, 2, 4, 0, 1.5, PETSC_FALSE, PETSC_TRUE, 7);
  CreateLsq(&space, weight, nk, op, nm, rhs, &lsq);
  assert_true(lsq->nk == nk && lsq->nm == nm);
  CheckCounts(lsq, 0, 3, 9, 3);
  CheckCounts(lsq, 1, 3, 9, 2);
  assert_int_equal(lsq->dir[0].n, 7);
  assert_int_equal(lsq->dir[1].n, 5);

  for (PetscInt k = 0; k < nk; k++) {
    for (PetscInt l = 0; l < nk; l++) {
      const double *own[2], s = lsq->s[k] * lsq->s[l], t = op[k].coefficient * op[l].coefficient;
      double        largest = 0;

      for (PetscInt d = 0; d < 2; d++) {
        const SnaLsqDirection *D = &lsq->dir[d];

        own[d] = D->M[D->pair[D->op[k] * D->nop + D->op[l]]];
        Direct(space.basis[d], weight[d], &op[k], &op[l], d, M[d]);
      }
      for (int pass = 0; pass < 2; pass++) {
        for (PetscInt i = 0; i < 49; i++) {
          for (PetscInt j = 0; j < 25; j++) {
            const PetscInt o0 = i % 7 - i / 7, o1 = j % 5 - j / 5;
            const double   a = o0 >= -3 && o0 <= 3 ? own[0][i / 7 * 7 + o0 + 3] : 0;
            const double   b = o1 >= -2 && o1 <= 2 ? own[1][j / 5 * 5 + o1 + 2] : 0;

            if (pass == 0)
              largest = fmax(largest, fabs(t * M[0][i] * M[1][j]));
            else
              Near(s * a * b, t * M[0][i] * M[1][j], 1e-13 * largest);
          }
        }
      }
    }
    for (PetscInt m = 0; m < nm; m++) {
      const double *own[2], s = lsq->s[k] * lsq->t[m], t = op[k].coefficient * rhs[m].coefficient;
      double        largest = 0;

      for (PetscInt d = 0; d < 2; d++) {
        const SnaLsqDirection *D = &lsq->dir[d];

        own[d] = D->f + (D->op[k] * D->nrhs + D->rhs[m]) * D->n;
        DirectVector(space.basis[d], weight[d], &op[k], &rhs[m], d, f[d]);
      }
      for (PetscInt i = 0; i < 35; i++) largest = fmax(largest, fabs(t * f[0][i / 5] * f[1][i % 5]));
      for (PetscInt i = 0; i < 35; i++)
        Near(s * own[0][i / 5] * own[1][i % 5], t * f[0][i / 5] * f[1][i % 5], 1e-13 * largest);
    }
  }

  // The tables of the solvers: every pair of terms once, its transpose in the place of the other order; linear terms.
  assert_true(lsq->nquad == nk * (nk + 1) / 2 && lsq->nall == nk * nk && lsq->nlin == nk * nm);
  for (PetscInt k = 0; k < nk; k++) {
    for (PetscInt l = 0; l < nk; l++) {
      const PetscInt j = lsq->all[k * nk + l], i = j >= 0 ? j : -1 - j;

      assert_true((j < 0) == (k > l) && lsq->twice[i] == (k != l));
      Near(lsq->quad_s[i], lsq->s[k] * lsq->s[l], 1e-15 * fabs(lsq->quad_s[i]));
      for (PetscInt d = 0; d < 2; d++) {
        const SnaLsqDirection *D = &lsq->dir[d];

        assert_int_equal(j < 0 ? D->transpose[D->quad[i]] : D->quad[i], D->pair[D->op[k] * D->nop + D->op[l]]);
      }
    }
    for (PetscInt m = 0; m < nm; m++) {
      Near(lsq->lin_t[k * nm + m], lsq->s[k] * lsq->t[m], 1e-15 * fabs(lsq->lin_t[k * nm + m]));
      for (PetscInt d = 0; d < 2; d++)
        assert_int_equal(lsq->dir[d].lin[k * nm + m], lsq->dir[d].op[k] * lsq->dir[d].nrhs + lsq->dir[d].rhs[m]);
    }
  }

  // Transposes: M_ba = M_ab^T, and the pairs a <= b come first.
  for (PetscInt d = 0; d < 2; d++) {
    const SnaLsqDirection *D     = &lsq->dir[d];
    const PetscInt         width = 2 * D->p + 1;

    for (PetscInt i = 0; i < D->npair; i++) {
      const PetscInt j       = D->transpose[i];
      double         largest = 0;

      assert_true(D->pair_a[i] == D->pair_b[j] && D->pair_b[i] == D->pair_a[j] && D->transpose[j] == i);
      assert_int_equal(D->pair[D->pair_a[i] * D->nop + D->pair_b[i]], i);
      assert_true((i < D->nupper) == (D->pair_a[i] <= D->pair_b[i]));
      for (PetscInt e = 0; e < D->n * width; e++) largest = fmax(largest, fabs(D->M[i][e]));
      for (PetscInt r = 0; r < D->n; r++) {
        for (PetscInt c = PetscMax(0, r - D->p); c <= PetscMin(D->n - 1, r + D->p); c++)
          Near(D->M[i][r * width + c - r + D->p], D->M[j][c * width + r - c + D->p], 1e-14 * largest);
      }
    }
  }

  // g = y P(x) - x/2, P = 3 x^3 - 1.6, squared and weighed with w = 5/4 - x/2; over [0, 3/2], int y^2 = int y = 9/8.
  P2     = 1.25 * (18.0 / 7 + 5.12) + 0.5 * 9.6 * 2 / 5; // int w P^2, P^2 = 9 x^6 - 9.6 x^3 + 2.56
  Px     = 1.25 * 3 * 2 / 5 + 0.5 * 1.6 * 2 / 3;         // int w P x
  closed = 9.0 / 8 * P2 - 9.0 / 8 * Px + 1.5 / 4 * (1.25 * 2 / 3);
  Ok(SnaLsqGetConstant(lsq, &c0));
  Near(c0, closed, 1e-13 * closed);
  Ok(SnaLsqDestroy(&lsq));
  DestroySpace(&space);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_six_dimensions),
    cmocka_unit_test(test_proportional),
    cmocka_unit_test(test_odd_multiples),
    cmocka_unit_test(test_integrals),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}

// np: 1 2 3 timeout: 60
// Multilinear forms against the integrals they stand for, point by point on the tensor grid, and their derivatives against central differences; the solver on a linear
// problem, on the inviscid Burgers equation, with both of TAO's methods, on any number of ranks, and taken up from a saved state.
#include <sna/solve.h>

#include <math.h>
#include <petscblaslapack.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)
#define MAX_ND   3

static void Near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static double Number(int stream, int index)
{
  return SnaRandomNormal(7, (uint64_t)stream, (uint64_t)index);
}

// ---------------------------------------------------------------------------------------------------------------------
// A random form: legendre tests (which are orthonormal as they are), two lift products, terms of a given power
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  PetscInt           nd, nterm, R;
  SnaBasis           trial[MAX_ND], test[MAX_ND];
  SnaTabulation      tab[MAX_ND];
  double            *factor[3][MAX_ND], *lift[2][MAX_ND];
  SnaMultilinearTerm term[3];
  SnaMultilinearLift product[2];
  SnaMultilinear     form;
  PetscInt           rows, unknowns;
  double            *x;
} Case;

static void Create(Case *c, PetscInt nd, PetscInt power)
{
  const char *const family[MAX_ND] = {"bspline", "fourier", "legendre"};

  *c = (Case){.nd = nd, .nterm = 3, .R = 2};
  for (PetscInt d = 0; d < nd; d++) {
    SnaBasisSpec spec = {.family = family[d], .degree = d == 0 ? 2 : 0, .resolution = 3 + d, .lo = -0.3, .hi = 1};
    if (d == 1) spec.end[0].kind = spec.end[1].kind = SNA_END_DIRICHLET;
    Ok(SnaBasisCreate("x", &spec, &c->trial[d]));
    spec = (SnaBasisSpec){.family = "legendre", .resolution = d == 1 ? 5 : 3, .lo = -0.3, .hi = 1};
    Ok(SnaBasisCreate("x", &spec, &c->test[d]));
    Ok(SnaTabulationCreate(c->trial[d], 7, 2, &c->tab[d]));
    for (int l = 0; l < 2; l++) { // exp(a x) with its derivatives
      const double a = 0.3 + l + 0.2 * (double)d;
      Ok(PetscMalloc1(3 * (size_t)c->tab[d].nq, &c->lift[l][d]));
      for (PetscInt m = 0; m < 3; m++)
        for (PetscInt q = 0; q < c->tab[d].nq; q++)
          c->lift[l][d][m * c->tab[d].nq + q] = pow(a, (double)m) * exp(a * c->tab[d].x[q]);
      c->product[l].value[d] = l == 1 && d == 0 ? NULL : c->lift[l][d];
    }
    for (int t = 0; t < 3; t++) {
      Ok(PetscMalloc1(c->tab[d].nq, &c->factor[t][d]));
      for (PetscInt q = 0; q < c->tab[d].nq; q++) c->factor[t][d][q] = cos((1 + t) * c->tab[d].x[q] + (double)d);
      c->term[t].value[d] = t == 1 && d == 0 ? NULL : c->factor[t][d];
    }
  }
  c->product[0].coefficient = 0.7;
  c->product[1].coefficient = -0.4;
  c->term[0].coefficient = 1.3;
  c->term[0].power       = power;
  c->term[1].coefficient = -0.6;
  c->term[1].power       = power;
  c->term[2].coefficient = 0.9; // a source
  for (PetscInt i = 0; i < power; i++) c->term[1].of[i][i % nd] = i == 1 ? 1 : 2; // term 0 has equal occurrences
  Ok(SnaMultilinearCreate(nd, c->trial, c->test, c->tab, NULL, c->nterm, c->term, 2, c->product, &c->form));
  Ok(SnaMultilinearGetSizes(c->form, &c->rows, &c->unknowns));
  Ok(PetscMalloc1((size_t)(c->R * c->unknowns), &c->x));
  for (PetscInt i = 0; i < c->R * c->unknowns; i++) c->x[i] = Number((int)power, (int)i);
}

static void Destroy(Case *c)
{
  Ok(SnaMultilinearDestroy(&c->form));
  Ok(PetscFree(c->x));
  for (PetscInt d = 0; d < c->nd; d++) {
    for (int l = 0; l < 2; l++) Ok(PetscFree(c->lift[l][d]));
    for (int t = 0; t < 3; t++) Ok(PetscFree(c->factor[t][d]));
    Ok(SnaTabulationDestroy(&c->tab[d]));
    Ok(SnaBasisDestroy(&c->trial[d]));
    Ok(SnaBasisDestroy(&c->test[d]));
  }
}

// Values of a derivative of every trial or test function at a point.
static void Functions(SnaBasis b, double x, PetscInt order, double values[])
{
  SnaBasisInfo    info;
  double          local[256];
  const PetscInt *index;
  PetscInt        cell;

  Ok(SnaBasisGetInfo(b, &info));
  Ok(SnaBasisEvaluate(b, x, order, &cell, local));
  Ok(SnaBasisGetIndex(b, cell, &index));
  for (PetscInt i = 0; i < info.n; i++) values[i] = 0;
  for (PetscInt a = 0; a < info.local; a++)
    if (index[a] >= 0) values[index[a]] = local[order * info.local + a];
}

// D u at the point q of the tensor grid.
static double Derivative(const Case *c, const PetscInt q[], const PetscInt of[])
{
  double u = 0;

  for (PetscInt r = 0; r < c->R; r++) {
    double   product = 1;
    PetscInt at      = 0;
    for (PetscInt d = 0; d < c->nd; d++) {
      SnaBasisInfo info;
      double       B[64], value = 0;
      Ok(SnaBasisGetInfo(c->trial[d], &info));
      Functions(c->trial[d], c->tab[d].x[q[d]], of[d], B);
      for (PetscInt i = 0; i < info.n; i++) value += B[i] * c->x[at + r * info.n + i];
      product *= value;
      at += c->R * info.n;
    }
    u += product;
  }
  for (int l = 0; l < 2; l++) {
    double product = c->product[l].coefficient;
    for (PetscInt d = 0; d < c->nd; d++)
      product *= c->product[l].value[d] ? c->product[l].value[d][of[d] * c->tab[d].nq + q[d]] : of[d] == 0 ? 1 : 0;
    u += product;
  }
  return u;
}

// F over all rows, by brute force. The order of the rows is that of the header: the direction with most tests (1 here) slowest, the others in order.
static void BruteForce(const Case *c, double F[])
{
  PetscInt q[MAX_ND] = {0}, nq = 1;

  for (PetscInt d = 0; d < c->nd; d++) nq *= c->tab[d].nq;
  for (PetscInt j = 0; j < c->rows; j++) F[j] = 0;
  for (PetscInt p = 0; p < nq; p++) {
    double   residual = 0, weight = 1, psi[MAX_ND][64];
    PetscInt rest = p;
    for (PetscInt d = 0; d < c->nd; d++) {
      q[d] = rest % c->tab[d].nq;
      rest /= c->tab[d].nq;
      weight *= c->tab[d].w[q[d]];
      Functions(c->test[d], c->tab[d].x[q[d]], 0, psi[d]);
    }
    for (PetscInt t = 0; t < c->nterm; t++) {
      double value = c->term[t].coefficient;
      for (PetscInt d = 0; d < c->nd; d++) value *= c->term[t].value[d] ? c->term[t].value[d][q[d]] : 1;
      for (PetscInt i = 0; i < c->term[t].power; i++) value *= Derivative(c, q, c->term[t].of[i]);
      residual += value;
    }
    for (PetscInt j = 0; j < c->rows; j++) {
      const PetscInt n2 = c->nd > 2 ? 3 : 1;
      F[j] += weight * residual * psi[0][j % 3] * psi[1][j / (3 * n2)] * (c->nd > 2 ? psi[2][j / 3 % 3] : 1);
    }
  }
}

static void test_residual_and_derivatives(void **state)
{
  (void)state;
  for (PetscInt nd = 2; nd <= 3; nd++) {
    for (PetscInt power = 1; power <= 3; power++) {
      Case     c;
      double  *exact, *F, *J, *plus, *minus, *g, largest = 0;
      PetscInt m, n;
      Create(&c, nd, power);
      m = c.rows;
      n = c.R * c.unknowns;
      Ok(PetscMalloc6(c.rows, &exact, m + 1, &F, (size_t)(m * n) + 1, &J, m + 1, &plus, m + 1, &minus, n, &g));
      BruteForce(&c, exact);
      for (PetscInt j = 0; j < c.rows; j++) largest = fmax(largest, fabs(exact[j]));
      Ok(SnaMultilinearResidual(c.form, c.R, c.x, F));
      for (PetscInt j = 0; j < m; j++) Near(F[j], exact[j], 1e-12 * largest);
      Ok(SnaMultilinearJacobian(c.form, c.R, c.x, J, PetscMax(1, m)));
      Ok(SnaMultilinearGradient(c.form, c.R, c.x, F, g));
      for (PetscInt i = 0; i < n; i++) {
        const double h = 1e-4, x = c.x[i];
        double       sum = 0;
        c.x[i]           = x + h;
        Ok(SnaMultilinearResidual(c.form, c.R, c.x, plus));
        c.x[i] = x - h;
        Ok(SnaMultilinearResidual(c.form, c.R, c.x, minus));
        c.x[i] = x;
        for (PetscInt j = 0; j < m; j++) {
          Near(J[i * m + j], (plus[j] - minus[j]) / (2 * h), 1e-6 * largest); // h^2 times a third derivative
          sum += J[i * m + j] * F[j];
        }
        Near(g[i], sum, 1e-11 * largest * largest);
      }
      Ok(PetscFree6(exact, F, J, plus, minus, g));
      Destroy(&c);
    }
  }
}

// Splines are no orthonormal tests: |F|^2 = b^T M^-1 b with b_j = int B_j r and the mass matrix M, here for r = u^2 in one direction, with a weight w(x) = 1 + x in both.
static void test_norm_of_the_projection(void **state)
{
  const SnaBasisSpec spec    = {.family = "bspline", .degree = 2, .resolution = 4, .lo = 0, .hi = 1};
  SnaMultilinearTerm term    = {.coefficient = 1, .power = 2};
  double             b[6]    = {0}, y[6], M[36] = {0}, x[6], F[6], *weight, norm = 0, expected = 0;
  PetscBLASInt       n       = 6, one = 1, err;
  SnaBasis           basis;
  SnaTabulation      tab;
  SnaMultilinear     form;

  (void)state;
  Ok(SnaBasisCreate("x", &spec, &basis));
  Ok(SnaTabulationCreate(basis, 6, 0, &tab));
  Ok(PetscMalloc1(tab.nq, &weight));
  for (int i = 0; i < 6; i++) x[i] = Number(50, i);
  for (PetscInt q = 0; q < tab.nq; q++) {
    double B[6], u = 0;
    weight[q] = 1 + tab.x[q];
    Functions(basis, tab.x[q], 0, B);
    for (int i = 0; i < 6; i++) u += B[i] * x[i];
    for (int i = 0; i < 6; i++) {
      b[i] += tab.w[q] * weight[q] * B[i] * u * u;
      for (int j = 0; j < 6; j++) M[i + 6 * j] += tab.w[q] * weight[q] * B[i] * B[j];
    }
  }
  memcpy(y, b, sizeof(b));
  LAPACKpotrf_("L", &n, M, &n, &err);
  assert_int_equal(err, 0);
  LAPACKpotrs_("L", &n, &one, M, &n, y, &n, &err);
  for (int i = 0; i < 6; i++) expected += b[i] * y[i];
  Ok(SnaMultilinearCreate(1, &basis, &basis, &tab, (const double *const *)&weight, 1, &term, 0, NULL, &form));
  Ok(SnaMultilinearResidual(form, 1, x, F));
  for (int i = 0; i < 6; i++) norm += F[i] * F[i];
  Near(norm, expected, 1e-12 * expected);
  Ok(SnaMultilinearDestroy(&form));
  Ok(PetscFree(weight));
  Ok(SnaTabulationDestroy(&tab));
  Ok(SnaBasisDestroy(&basis));
}

// ---------------------------------------------------------------------------------------------------------------------
// Solves. Stages are made by a function of the resolution; bases live until the end of a test.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  PetscInt      stages, resolution[4][2];
  PetscBool     burgers; // else -u_xx - u_yy = f on the unit square
  SnaBasis      trial[4][2];
  SnaTabulation tab[4][2];
} Problem;

static PetscErrorCode CreateForm(void *ctx, PetscInt stage, SnaMultilinear *form)
{
  Problem           *p       = (Problem *)ctx;
  SnaBasis           test[2];
  SnaMultilinearTerm term[4] = {{.coefficient = 0}};
  SnaMultilinearLift lift    = {.coefficient = 1};
  double            *value[2][2];

  PetscFunctionBeginUser;
  for (int d = 0; d < 2; d++) {
    SnaBasisSpec spec = {.family = p->burgers ? (d == 0 ? "fourier" : "chebyshev") : "bspline",
      .degree                    = p->burgers ? 0 : 3,
      .resolution                = p->resolution[stage][d],
      .lo                        = 0,
      .hi                        = p->burgers && d == 1 ? 0.2 : 1};
    SnaBasisInfo info;
    spec.end[0].kind = SNA_END_DIRICHLET;
    spec.end[1].kind = p->burgers && d == 1 ? SNA_END_FREE : SNA_END_DIRICHLET;
    if (!p->trial[stage][d]) {
      PetscCall(SnaBasisCreate("x", &spec, &p->trial[stage][d]));
      PetscCall(SnaBasisGetInfo(p->trial[stage][d], &info));
      PetscCall(SnaTabulationCreate(p->trial[stage][d], 2 * info.points, 2, &p->tab[stage][d]));
    }
    if (p->burgers && d == 1) spec.end[0].kind = SNA_END_FREE;
    PetscCall(SnaBasisCreate("x", &spec, &test[d]));
  }
  for (int d = 0; d < 2; d++) { // in direction d: sin(pi x), its derivatives; x (1 - x)
    const SnaTabulation *tab = &p->tab[stage][d];
    PetscCall(PetscMalloc1(3 * (size_t)tab->nq, &value[d][0]));
    PetscCall(PetscMalloc1(tab->nq, &value[d][1]));
    for (PetscInt q = 0; q < tab->nq; q++) {
      value[d][0][q]               = sin(PETSC_PI * tab->x[q]);
      value[d][0][tab->nq + q]     = PETSC_PI * cos(PETSC_PI * tab->x[q]);
      value[d][0][2 * tab->nq + q] = -PETSC_PI * PETSC_PI * sin(PETSC_PI * tab->x[q]);
      value[d][1][q]               = tab->x[q] * (1 - tab->x[q]);
    }
  }
  lift.value[0] = value[0][0];
  if (p->burgers) {
    term[0] = (SnaMultilinearTerm){.coefficient = 1, .power = 1, .of = {{0, 1}}};
    term[1] = (SnaMultilinearTerm){.coefficient = 1, .power = 2, .of = {{0, 0}, {1, 0}}};
  } else { // u = x (1 - x) y (1 - y)
    for (int d = 0; d < 2; d++) {
      term[d]                  = (SnaMultilinearTerm){.coefficient = -1, .power = 1};
      term[d].of[0][d]         = 2;
      term[2 + d]              = (SnaMultilinearTerm){.coefficient = -2};
      term[2 + d].value[1 - d] = value[1 - d][1];
    }
  }
  PetscCall(SnaMultilinearCreate(2, p->trial[stage], test, p->tab[stage], NULL, p->burgers ? 2 : 4, term,
    p->burgers ? 1 : 0, &lift, form));
  for (int d = 0; d < 2; d++) {
    PetscCall(PetscFree(value[d][0]));
    PetscCall(PetscFree(value[d][1]));
    PetscCall(SnaBasisDestroy(&test[d]));
  }
  PetscFunctionReturn(0);
}

static void DestroyProblem(Problem *p)
{
  for (PetscInt s = 0; s < p->stages; s++) {
    for (int d = 0; d < 2; d++) {
      Ok(SnaTabulationDestroy(&p->tab[s][d]));
      Ok(SnaBasisDestroy(&p->trial[s][d]));
    }
  }
}

static Problem Burgers(void)
{
  return (Problem){.stages = 2, .burgers = PETSC_TRUE, .resolution = {{6, 4}, {10, 6}}};
}

static SnaNewtonOptions Options(const Problem *p, PetscBool lmvm, PetscInt rank)
{
  SnaNewtonOptions o = {
    .lmvm = lmvm, .nstage = p->stages, .max_it = lmvm ? 20000 : 100, .rtol = 1e-6, .seed = 1, .prefix = "test_"};
  for (PetscInt s = 0; s < p->stages; s++) o.rank[s] = PetscMax(1, rank - p->stages + 1 + s);
  return o;
}

static void Solve(MPI_Comm comm, Problem *p, PetscBool lmvm, PetscInt rank, SnaNewtonState *state, SnaField *field)
{
  const SnaNewtonOptions options = Options(p, lmvm, rank);
  SnaNewton              newton;
  PetscBool              done = PETSC_FALSE;
  double                *C[2];

  Ok(SnaNewtonCreate(comm, &options, CreateForm, p, &newton));
  while (!done) Ok(SnaNewtonStep(newton, &done));
  Ok(SnaNewtonGetState(newton, state));
  assert_int_equal(state->failed, 0);
  Ok(SnaNewtonGetFactors(newton, C));
  if (field) Ok(SnaFieldCreateCP(2, p->trial[p->stages - 1], state->rank, (const double *const *)C, field));
  for (int d = 0; d < 2; d++) Ok(PetscFree(C[d]));
  Ok(SnaNewtonDestroy(&newton));
}

static double Value(SnaField f, double x, double y)
{
  const double *const point[2] = {&x, &y};
  double              u;

  Ok(SnaFieldEvaluate(f, 1, point, &u, NULL));
  return u;
}

// A linear problem whose solution is in the space: the closed form, which alternating least squares finds too.
static void test_linear(void **state)
{
  Problem         p = {.stages = 2, .resolution = {{2, 3}, {5, 4}}};
  SnaNewtonState  s;
  SnaField        f, als_field;
  SnaLsq          lsq;
  SnaAls          als;
  SnaLsqTerm      op[2] = {{.coefficient = -1, .derivative = {2, 0}}, {.coefficient = -1, .derivative = {0, 2}}};
  SnaLsqTerm      rhs[2] = {{.coefficient = -2}, {.coefficient = -2}};
  SnaAlsOptions   o      = {.nrung = 1, .rung = {2}, .sweeps = 50, .final_sweeps = 50, .tikhonov = 1e-13, .seed = 1};
  double         *C[2], *value[2];
  PetscBool       done = PETSC_FALSE;

  (void)state;
  Solve(PETSC_COMM_WORLD, &p, PETSC_FALSE, 2, &s, &f);
  for (int d = 0; d < 2; d++) {
    const SnaTabulation *tab = &p.tab[1][d];
    Ok(PetscMalloc1(tab->nq, &value[d]));
    for (PetscInt q = 0; q < tab->nq; q++) value[d][q] = tab->x[q] * (1 - tab->x[q]);
    rhs[1 - d].value[d] = value[d];
  }
  Ok(SnaLsqCreate(2, p.trial[1], p.tab[1], (const double *const[2]){NULL, NULL}, 2, op, 2, rhs, &lsq));
  Ok(SnaAlsCreate(PETSC_COMM_SELF, lsq, &o, &als));
  while (!done) Ok(SnaAlsStep(als, &done));
  Ok(SnaAlsGetFactors(als, C));
  Ok(SnaFieldCreateCP(2, p.trial[1], 2, (const double *const *)C, &als_field));
  for (int i = 1; i < 8; i++) {
    const double x = i / 8., y = 0.9 * x * x + 0.05, exact = x * (1 - x) * y * (1 - y);
    Near(Value(f, x, y), exact, 1e-9);
    Near(Value(als_field, x, y), exact, 1e-9);
  }
  for (int d = 0; d < 2; d++) {
    Ok(PetscFree(C[d]));
    Ok(PetscFree(value[d]));
  }
  Ok(SnaFieldDestroy(&f));
  Ok(SnaFieldDestroy(&als_field));
  Ok(SnaAlsDestroy(&als));
  Ok(SnaLsqDestroy(&lsq));
  DestroyProblem(&p);
}

// u = sin(pi s), x = s + t sin(pi s)
static double Characteristic(double x, double t)
{
  double lo = 0, hi = 1;

  for (int k = 0; k < 60; k++) {
    const double s = 0.5 * (lo + hi);
    if (s + t * sin(PETSC_PI * s) < x)
      lo = s;
    else
      hi = s;
  }
  return sin(PETSC_PI * lo);
}

static void test_burgers_both_methods(void **state)
{
  Problem        p = Burgers(), q = Burgers();
  SnaNewtonState brgn, lmvm;
  SnaField       f;

  (void)state;
  Solve(PETSC_COMM_WORLD, &p, PETSC_FALSE, 2, &brgn, &f);
  Solve(PETSC_COMM_WORLD, &q, PETSC_TRUE, 2, &lmvm, NULL);
  Near(lmvm.residual, brgn.residual, 1e-4 * brgn.residual);
  // two products beside the lift leave 0.035 up to t = 0.25 (singular values of the solution), much less at 0.15
  for (int i = 1; i < 8; i++) Near(Value(f, i / 8., 0.15) + sin(PETSC_PI * i / 8.), Characteristic(i / 8., 0.15), 0.02);
  Ok(SnaFieldDestroy(&f));
  DestroyProblem(&p);
  DestroyProblem(&q);
}

static void test_ranks_agree(void **state)
{
  Problem        p = Burgers(), q = Burgers();
  SnaNewtonState all, alone;
  SnaField       f, g;

  (void)state;
  Solve(PETSC_COMM_WORLD, &p, PETSC_FALSE, 3, &all, &f);
  Solve(PETSC_COMM_SELF, &q, PETSC_FALSE, 3, &alone, &g);
  assert_int_equal(all.total, alone.total);
  assert_true(all.residual == alone.residual);
  for (int i = 1; i < 8; i++) assert_true(Value(f, i / 8., 0.2) == Value(g, i / 8., 0.2));
  Ok(SnaFieldDestroy(&f));
  Ok(SnaFieldDestroy(&g));
  DestroyProblem(&p);
  DestroyProblem(&q);
}

// Interrupted after any step and taken up by a new solver: the same bits.
static void test_restart(void **state)
{
  (void)state;
  for (int lmvm = 0; lmvm < 2; lmvm++) {
    Problem          p = Burgers();
    SnaNewtonOptions options = Options(&p, (PetscBool)lmvm, 2);
    SnaNewton        newton;
    SnaNewtonState   at, straight;
    PetscBool        done = PETSC_FALSE;
    double          *C[2];
    options.rtol   = 0.1;
    options.max_it = lmvm ? 200 : 20;
    Ok(SnaNewtonCreate(PETSC_COMM_WORLD, &options, CreateForm, &p, &newton));
    while (!done) Ok(SnaNewtonStep(newton, &done));
    Ok(SnaNewtonGetState(newton, &straight));
    Ok(SnaNewtonDestroy(&newton));
    Ok(SnaNewtonCreate(PETSC_COMM_WORLD, &options, CreateForm, &p, &newton));
    for (done = PETSC_FALSE; !done;) {
      Ok(SnaNewtonStep(newton, &done));
      Ok(SnaNewtonGetState(newton, &at));
      Ok(SnaNewtonGetFactors(newton, C));
      Ok(SnaNewtonDestroy(&newton));
      Ok(SnaNewtonCreate(PETSC_COMM_WORLD, &options, CreateForm, &p, &newton));
      Ok(SnaNewtonSetState(newton, &at, (const double *const *)C));
      for (int d = 0; d < 2; d++) Ok(PetscFree(C[d]));
    }
    assert_true(at.residual == straight.residual);
    assert_int_equal(at.total, straight.total);
    Ok(SnaNewtonStep(newton, &done)); // a finished run stays finished
    assert_true(done);
    Ok(SnaNewtonGetState(newton, &at));
    assert_int_equal(at.total, straight.total);
    Ok(SnaNewtonDestroy(&newton));
    DestroyProblem(&p);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_residual_and_derivatives),
    cmocka_unit_test(test_norm_of_the_projection), cmocka_unit_test(test_linear),
    cmocka_unit_test(test_burgers_both_methods), cmocka_unit_test(test_ranks_agree), cmocka_unit_test(test_restart)};
  int failed;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failed = cmocka_run_group_tests_name("nonlinear", tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failed;
}

// np: 1 2 3 timeout: 60
// The fit: exact sums, gradients, Adam and Levenberg-Marquardt against mathematics; the same bits on any number of ranks; restart states.
#include "learn/fit_impl.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define NX 3

typedef struct {
  PetscInt   n;
  PetscInt64 total;
  double    *t[NX], *y[2];
  SnaSamples samples;
} Rows;

// Row g of the shuffled order is a function of g; block b is on rank b % size.
static void make_rows(MPI_Comm comm, PetscInt total, PetscInt ny, void (*f)(const double *, double *), Rows *rows)
{
  PetscMPIInt rank, size;

  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  *rows = (Rows){.total = total};
  for (PetscInt d = 0; d < NX; d++) assert_int_equal(PetscMalloc1(total, &rows->t[d]), 0);
  for (PetscInt o = 0; o < ny; o++) assert_int_equal(PetscMalloc1(total, &rows->y[o]), 0);
  for (PetscInt g = 0; g < total; g++) {
    double x[NX], y[2];

    if (g / SNA_FIT_BLOCK % size != rank) continue;
    for (PetscInt d = 0; d < NX; d++) rows->t[d][rows->n] = x[d] = SnaRandomUniform(5, (uint64_t)d, (uint64_t)g);
    f(x, y);
    for (PetscInt o = 0; o < ny; o++) rows->y[o][rows->n] = y[o];
    rows->n++;
  }
  rows->samples = (SnaSamples){rows->n, total, (const double *const *)rows->t, (const double *const *)rows->y};
}

static void free_rows(Rows *rows)
{
  for (PetscInt d = 0; d < NX; d++) PetscFree(rows->t[d]);
  for (PetscInt o = 0; o < 2; o++) PetscFree(rows->y[o]);
}

static void make_sums(PetscInt order, PetscInt rank, PetscInt nout, PetscBool learned, PetscInt cells,
  SnaActivation activation, SnaSeparable *s)
{
  SnaSeparableOptions o = {
    .kind = SNA_SEPARABLE_PRODUCTS, .nd = NX, .nout = nout, .learned = learned, .activation = activation};
  PetscBool ok;
  char      message[SNA_MAX_MESSAGE] = "";

  assert_int_equal(SnaInteractionCreate(NX, order, rank, PETSC_TRUE, &o.interaction, &ok), 0);
  for (PetscInt d = 0; d < NX; d++) {
    o.degree[d] = 2;
    o.cells[d]  = cells;
  }
  assert_int_equal(SnaSeparableCreate(&o, s, message), 0);
  assert_non_null(*s);
  assert_int_equal(SnaInteractionDestroy(&o.interaction), 0);
}

static void make_cp(
  PetscInt rank, PetscInt nout, PetscBool learned, PetscInt cells, SnaActivation activation, SnaSeparable *s)
{
  make_sums(NX, rank, nout, learned, cells, activation, s);
}

static void two_products(const double *x, double *y) // splines of degree 2 on one cell hold it exactly
{
  y[0] = (1 + x[0] * x[0]) * (2 - x[1]) * (1 + x[2]) + (x[0] - 0.3) * (1 + x[1] * x[1]) * (0.5 - x[2] * x[2]);
}

static void smooth(const double *x, double *y)
{
  y[0] = exp(-x[0]) * sin(2 * x[1]) + 1 / (1 + x[0] + x[2]);
  y[1] = cos(3 * x[0] * x[2]) + x[1];
}

static void classes(const double *x, double *y) // noisy borders, so that the optimum is finite
{
  y[0] = x[0] + 0.3 * sin(40 * x[2]) > 0.5 ? x[1] + 0.3 * cos(50 * x[0]) > 0.5 ? 2 : 1 : 0;
}

static void run(SnaFit fit)
{
  PetscBool done = PETSC_FALSE;

  while (!done) assert_int_equal(SnaFitStep(fit, &done), 0);
}

static void sums_do_not_depend_on_the_order(void **state)
{
  double  v[100], forwards, backwards, scale, largest = 0;
  int64_t a = 0, b = 0;

  (void)state;
  for (int i = 0; i < 100; i++) {
    v[i]    = (SnaRandomUniform(1, 1, (uint64_t)i) - 0.5) * pow(10, (double)(i % 7));
    largest = fmax(largest, fabs(v[i]));
  }
  assert_int_equal(SnaExactScale(PETSC_COMM_SELF, largest, 100, &scale), 0);
  for (int i = 0; i < 100; i++) assert_true(SnaExactAddD(1, &v[i], scale, &a) == fabs(v[i]));
  for (int i = 99; i >= 0; i--) (void)SnaExactAddD(1, &v[i], scale, &b);
  assert_int_equal(SnaExactReduce(PETSC_COMM_SELF, 1, &a, scale, &forwards), 0);
  assert_int_equal(SnaExactReduce(PETSC_COMM_SELF, 1, &b, scale, &backwards), 0);
  assert_true(forwards == backwards);
  long double exact = 0;
  for (int i = 0; i < 100; i++) exact += (long double)v[i];
  assert_true(fabs(forwards - (double)exact) <= 100 / scale);
  assert_true(100 / scale <= 1e-14 * largest);
  v[3] = NAN;
  assert_true(isinf(SnaExactAddD(1, &v[3], scale, &a)));
}

static void gradient_of_the_loss(void **state)
{
  (void)state;
  for (int loss = 0; loss < 2; loss++) {
    Rows          rows;
    SnaSeparable  s;
    SnaFit        fit;
    SnaFitOptions o;
    double        value, r2, *g, *theta, up, down;

    make_rows(PETSC_COMM_WORLD, 700, loss ? 1 : 2, loss ? classes : smooth, &rows);
    make_cp(2, loss ? 3 : 2, PETSC_TRUE, 3, SNA_TANH, &s);
    assert_int_equal(SnaFitSetDefaults(&o), 0);
    o.loss = loss ? SNA_FIT_SOFTMAX : SNA_FIT_SQUARES;
    assert_int_equal(SnaFitCreate(PETSC_COMM_WORLD, s, &o, &rows.samples, NULL, &fit), 0);
    assert_int_equal(PetscMalloc1(s->np, &g), 0);
    assert_int_equal(SnaSeparableGetParameters(s, &theta), 0);
    assert_int_equal(SnaFitEvaluate(fit, &rows.samples, theta, &value, &r2, g), 0);
    for (PetscInt p = 0; p < s->np; p += 5) {
      const double h = 1e-6, old = theta[p];

      theta[p] = old + h;
      assert_int_equal(SnaFitEvaluate(fit, &rows.samples, theta, &up, &r2, NULL), 0);
      theta[p] = old - h;
      assert_int_equal(SnaFitEvaluate(fit, &rows.samples, theta, &down, &r2, NULL), 0);
      theta[p] = old;
      assert_true(fabs((up - down) / (2 * h) - g[p]) < 1e-8);
    }
    PetscFree(g);
    SnaFitDestroy(&fit);
    SnaSeparableDestroy(&s);
    free_rows(&rows);
  }
}

// A function inside the class is found to round-off: single precision finds the basin, double the bottom.
static void inside_the_class(void **state)
{
  Rows          rows;
  SnaSeparable  s;
  SnaFit        fit;
  SnaFitOptions o;
  SnaFitState   result;

  (void)state;
  make_rows(PETSC_COMM_WORLD, 3000, 1, two_products, &rows);
  make_cp(2, 1, PETSC_FALSE, 1, SNA_IDENTITY, &s);
  assert_int_equal(SnaFitSetDefaults(&o), 0);
  o.full_max_it = 100;
  assert_int_equal(SnaFitCreate(PETSC_COMM_WORLD, s, &o, &rows.samples, NULL, &fit), 0);
  run(fit);
  assert_int_equal(SnaFitGetState(fit, &result), 0);
  assert_true(1 - result.r2 < 1e-24);
  SnaFitDestroy(&fit);
  SnaSeparableDestroy(&s);
  free_rows(&rows);
}

// Multinomial logistic regression is convex, and the Fisher matrix its Hessian: Newton's method to a vanishing gradient.
static void softmax_optimum(void **state)
{
  Rows          rows;
  SnaSeparable  s;
  SnaFit        fit;
  SnaFitOptions o;
  double        loss, accuracy, *g, *theta, norm = 0;

  (void)state;
  make_rows(PETSC_COMM_WORLD, 1500, 1, classes, &rows);
  make_sums(1, 1, 3, PETSC_FALSE, 3, SNA_IDENTITY, &s);
  assert_int_equal(SnaFitSetDefaults(&o), 0);
  o.loss  = SNA_FIT_SOFTMAX;
  o.ridge = 1e-3;
  o.rtol  = 1e-12;
  assert_int_equal(SnaFitCreate(PETSC_COMM_WORLD, s, &o, &rows.samples, NULL, &fit), 0);
  run(fit);
  assert_int_equal(PetscMalloc1(s->np, &g), 0);
  assert_int_equal(SnaSeparableGetParameters(s, &theta), 0);
  assert_int_equal(SnaFitEvaluate(fit, &rows.samples, theta, &loss, &accuracy, g), 0);
  for (PetscInt p = 0; p < s->np; p++) norm = fmax(norm, fabs(g[p] + o.ridge * theta[p]));
  if (!(norm < 1e-9)) print_error("gradient %g, loss %g, accuracy %g\n", norm, loss, accuracy);
  assert_true(norm < 1e-9);
  assert_true(accuracy > 0.7 && loss < 0.7);
  PetscFree(g);
  SnaFitDestroy(&fit);
  SnaSeparableDestroy(&s);
  free_rows(&rows);
}

// All ranks together and one rank alone with all rows come to the same bits.
static void same_bits_on_any_number_of_ranks(void **state)
{
  (void)state;
  for (int method = 0; method < 2; method++) {
    double *result[2];
    Rows    rows;

    for (int alone = 0; alone < 2; alone++) {
      MPI_Comm      comm = alone ? PETSC_COMM_SELF : PETSC_COMM_WORLD;
      SnaSeparable  s;
      SnaFit        fit;
      SnaFitOptions o;
      double       *theta;

      make_rows(comm, 3100, 2, smooth, &rows);
      make_cp(3, 2, PETSC_TRUE, 3, SNA_IDENTITY, &s);
      assert_int_equal(SnaFitSetDefaults(&o), 0);
      o.method  = method ? SNA_FIT_LM : SNA_FIT_HYBRID;
      o.lm_rows = 1024;
      assert_int_equal(SnaFitCreate(comm, s, &o, &rows.samples, NULL, &fit), 0);
      run(fit);
      assert_int_equal(SnaSeparableGetParameters(s, &theta), 0);
      assert_int_equal(PetscMalloc1(s->np, &result[alone]), 0);
      memcpy(result[alone], theta, (size_t)s->np * sizeof(double));
      if (alone) assert_memory_equal(result[0], result[1], (size_t)s->np * sizeof(double));
      SnaFitDestroy(&fit);
      SnaSeparableDestroy(&s);
      free_rows(&rows);
    }
    PetscFree(result[0]);
    PetscFree(result[1]);
  }
}

// Stopped after k steps and continued from the file: as if not stopped, with early stopping and two starts.
static void stopped_and_continued(void **state)
{
  Rows          rows, validation;
  SnaSeparable  straight, other;
  SnaFitOptions o;
  SnaFit        fit;
  double       *a, *b;

  (void)state;
  make_rows(PETSC_COMM_WORLD, 2500, 1, smooth, &rows);
  make_rows(PETSC_COMM_WORLD, 600, 1, smooth, &validation);
  make_cp(2, 1, PETSC_FALSE, 2, SNA_IDENTITY, &straight);
  make_cp(2, 1, PETSC_FALSE, 2, SNA_IDENTITY, &other);
  assert_int_equal(SnaFitSetDefaults(&o), 0);
  o.restarts    = 2;
  o.lm_rows     = 512;
  o.adam_visits = 6000;
  assert_int_equal(SnaFitCreate(PETSC_COMM_WORLD, straight, &o, &rows.samples, &validation.samples, &fit), 0);
  run(fit);
  SnaFitDestroy(&fit);
  assert_int_equal(SnaSeparableGetParameters(straight, &a), 0);
  for (int stop = 1; stop < 12; stop += 3) {
    SnaFile   file;
    PetscBool done = PETSC_FALSE;
    char      message[SNA_MAX_MESSAGE];

    assert_int_equal(SnaFitCreate(PETSC_COMM_WORLD, other, &o, &rows.samples, &validation.samples, &fit), 0);
    for (int k = 0; k < stop && !done; k++) assert_int_equal(SnaFitStep(fit, &done), 0);
    assert_false(done);
    assert_int_equal(SnaFileCreate(PETSC_COMM_WORLD, "test_fit.h5", &file), 0);
    assert_int_equal(SnaFitWrite(fit, file, "/fit"), 0);
    assert_int_equal(SnaFileClose(&file, message), 0);
    assert_string_equal(message, "");
    SnaFitDestroy(&fit);
    assert_int_equal(SnaSeparableInitialize(other, 99, 0, 1), 0);
    assert_int_equal(SnaFitCreate(PETSC_COMM_WORLD, other, &o, &rows.samples, &validation.samples, &fit), 0);
    assert_int_equal(SnaFileOpen(PETSC_COMM_WORLD, "test_fit.h5", &file), 0);
    assert_int_equal(SnaFitRead(fit, file, "/fit"), 0);
    assert_int_equal(SnaFileClose(&file, message), 0);
    assert_string_equal(message, "");
    run(fit);
    SnaFitDestroy(&fit);
    assert_int_equal(SnaSeparableGetParameters(other, &b), 0);
    assert_memory_equal(a, b, (size_t)straight->np * sizeof(double));
  }
  MPI_Barrier(PETSC_COMM_WORLD);
  (void)remove("test_fit.h5");
  SnaSeparableDestroy(&straight);
  SnaSeparableDestroy(&other);
  free_rows(&rows);
  free_rows(&validation);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(sums_do_not_depend_on_the_order),
    cmocka_unit_test(gradient_of_the_loss), cmocka_unit_test(inside_the_class), cmocka_unit_test(softmax_optimum),
    cmocka_unit_test(same_bits_on_any_number_of_ranks), cmocka_unit_test(stopped_and_continued)};
  int                     failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  PetscFinalize();
  return failed;
}

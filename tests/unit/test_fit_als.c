// np: 1 2 timeout: 60
// Alternating least squares and L-BFGS. Functions of the class itself are found again to round-off by every kind; losses never rise; the sweep for products
// and the one for any kind agree; one and two ranks give the same bits; linear problems have the solution that LAPACK gives.
#include "learn/als_impl.h"
#include <petscblaslapack.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

typedef struct {
  const char      *name;
  SnaSeparableKind kind;
  PetscInt         nd, nout, rank, order, degree, cells; // order: of products, 0: all directions
  PetscBool        learned;
  PetscInt         rows, sweeps;
  double           spread, start; // of the solution's functions; distance from it
} Case;

typedef struct {
  SnaSamples    samples;
  const double *t[SNA_MAX_DIM], *y[SNA_MAX_DIM];
} Data;

static SnaSeparable CreateSeparable(const Case *c)
{
  SnaSeparableOptions o = {.kind = c->kind, .nd = c->nd, .nout = c->nout, .rank = c->rank, .learned = c->learned};
  char                message[SNA_MAX_MESSAGE];
  PetscBool           ok;
  SnaSeparable        s;

  for (PetscInt d = 0; d < c->nd; d++) {
    o.degree[d] = c->degree;
    o.cells[d]  = c->cells + d % 2; // directions that differ
  }
  if (c->kind == SNA_SEPARABLE_PRODUCTS) {
    Ok(SnaInteractionCreate(
      c->nd, c->order ? c->order : c->nd, c->rank, (PetscBool)(c->order == 0), &o.interaction, &ok));
    assert_true(ok);
  }
  Ok(SnaSeparableCreate(&o, &s, message));
  if (c->kind == SNA_SEPARABLE_PRODUCTS) Ok(SnaInteractionDestroy(&o.interaction));
  assert_non_null(s);
  return s;
}

// Products: a function that is 0 in a whole cell, so that the product of the others cannot be had by a division.
static SnaSeparable CreateTruth(const Case *c)
{
  SnaSeparable truth = CreateSeparable(c);

  Ok(SnaSeparableInitialize(truth, 3, c->spread, 1));
  for (PetscInt i = 0; i <= c->degree && c->kind == SNA_SEPARABLE_PRODUCTS && c->nd > 1; i++)
    truth->theta[truth->start[1] + i] = 0;
  return truth;
}

// Rows of comm, in blocks as SnaRowsDeal deals them: coordinates are functions of the row's number, targets those of `truth` and noise.
static void CreateData(MPI_Comm comm, const Case *c, SnaSeparable truth, double noise, Data *data)
{
  PetscMPIInt rank, size;
  double     *t[SNA_MAX_DIM], *y[SNA_MAX_DIM];
  PetscInt    n = 0;

  Ok(MPI_Comm_rank(comm, &rank));
  Ok(MPI_Comm_size(comm, &size));
  for (PetscInt d = 0; d < c->nd; d++) Ok(PetscMalloc1((size_t)c->rows, &t[d]));
  for (PetscInt o = 0; o < c->nout; o++) Ok(PetscMalloc1((size_t)c->rows, &y[o]));
  for (PetscInt i = 0; i < c->rows; i++)
    if (i / SNA_FIT_BLOCK % size == rank) {
      for (PetscInt d = 0; d < c->nd; d++) t[d][n] = SnaRandomUniform(5, (uint64_t)d, (uint64_t)i);
      n++;
    }
  Ok(SnaSeparableEvaluate(truth, n, (const double *const *)t, y, NULL));
  for (PetscInt i = 0, k = 0; i < c->rows; i++)
    if (i / SNA_FIT_BLOCK % size == rank) {
      for (PetscInt o = 0; o < c->nout; o++) y[o][k] += noise * SnaRandomNormal(6, (uint64_t)o, (uint64_t)i);
      k++;
    }
  for (PetscInt d = 0; d < c->nd; d++) data->t[d] = t[d];
  for (PetscInt o = 0; o < c->nout; o++) data->y[o] = y[o];
  data->samples = (SnaSamples){.n = n, .total = c->rows, .t = data->t, .y = data->y};
}

static void DestroyData(const Case *c, Data *data)
{
  for (PetscInt d = 0; d < c->nd; d++) Ok(PetscFree(data->t[d]));
  for (PetscInt o = 0; o < c->nout; o++) Ok(PetscFree(data->y[o]));
}

static void Perturb(SnaSeparable s, SnaSeparable truth, double size)
{
  for (PetscInt p = 0; p < s->np; p++) s->theta[p] = truth->theta[p] * (1 + size * SnaRandomNormal(8, 0, (uint64_t)p));
}

static SnaFit CreateFit(MPI_Comm comm, SnaSeparable s, Data *data, double ridge, SnaFitMethod method)
{
  SnaFitOptions o;
  SnaFit        fit;

  Ok(SnaFitSetDefaults(&o));
  o.method = method;
  o.ridge  = ridge;
  o.rtol   = 0;
  Ok(SnaFitCreate(comm, s, &o, &data->samples, NULL, &fit)); // begins by itself: theta is set afterwards
  return fit;
}

// ---- Functions of the class ----

#define PRODUCTS SNA_SEPARABLE_PRODUCTS
#define TUCKER   SNA_SEPARABLE_TUCKER
#define TRAIN    SNA_SEPARABLE_TENSOR_TRAIN
// Modes that differ much (spread): alternating is slow where they are nearly parallel.
static const Case cases[] = {
  {"cp", PRODUCTS, 4, 1, 2, 0, 2, 3, PETSC_FALSE, 1500, 60, 1.2, 0.05},
  {"cp, one mode of many cells", PRODUCTS, 5, 1, 1, 0, 2, 24, PETSC_FALSE, 3000, 25, 0.4, 0.2},
  {"cp, lines", PRODUCTS, 3, 1, 1, 0, 1, 20, PETSC_FALSE, 1000, 20, 0.4, 0.2},
  {"cp, cubic", PRODUCTS, 3, 1, 1, 0, 3, 20, PETSC_FALSE, 1000, 20, 0.4, 0.2},
  {"cp, five modes", PRODUCTS, 4, 1, 5, 0, 1, 5, PETSC_FALSE, 3000, 120, 3, 0.02},
  {"cp of one input", PRODUCTS, 1, 1, 1, 0, 3, 4, PETSC_FALSE, 300, 3, 0.4, 0.2},
  {"cp, two outputs", PRODUCTS, 4, 2, 2, 0, 2, 3, PETSC_FALSE, 1500, 120, 1.2, 0.05},
  {"cp, learned weights", PRODUCTS, 3, 3, 2, 0, 2, 3, PETSC_TRUE, 1000, 60, 1.2, 0.05},
  {"additive, two outputs", PRODUCTS, 4, 2, 1, 1, 3, 3, PETSC_FALSE, 700, 40, 0.4, 0.5},
  {"quadratic", PRODUCTS, 3, 1, 1, 2, 1, 2, PETSC_FALSE, 1500, 80, 1.2, 0.05},
  {"quadratic, learned weights", PRODUCTS, 3, 2, 1, 2, 1, 2, PETSC_TRUE, 1500, 80, 1.2, 0.05},
  {"tucker", TUCKER, 3, 2, 2, 0, 2, 3, PETSC_FALSE, 1000, 40, 0.4, 0.05},
  {"tensor train", TRAIN, 4, 2, 2, 0, 2, 2, PETSC_FALSE, 1500, 60, 0.4, 0.05},
};

static const Case large_core = {"tucker, core of 2187", TUCKER, 7, 1, 3, 0, 2, 2, PETSC_FALSE, 600, 2, 0.3, 0.3};

static void FoundAgain(void **state)
{
  (void)state;
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(cases); k++) {
    const Case  *c     = &cases[k];
    SnaSeparable truth = CreateTruth(c), s = CreateSeparable(c);
    PetscBool    done;
    Data         data;
    SnaFit       fit;
    double       last = INFINITY;

    CreateData(PETSC_COMM_SELF, c, truth, 0, &data);
    fit = CreateFit(PETSC_COMM_SELF, s, &data, 0, SNA_FIT_ALS);
    Perturb(s, truth, c->start);
    for (PetscInt sweep = 0; sweep < c->sweeps; sweep++) {
      Ok(SnaFitStep_ALS(fit, &done));
      if (!(fit->state.loss <= last * (1 + 1e-9) + 1e-26))
        fail_msg("%s: sweep %d raised the loss from %g to %g", c->name, (int)sweep, last, fit->state.loss);
      last = fit->state.loss;
    }
    if (!(2 * last / fit->variance < 1e-20))
      fail_msg("%s: 1 - R^2 = %g after %d sweeps", c->name, 2 * last / fit->variance, (int)c->sweeps);
    assert_true(fabs(fit->state.r2 - 1) < 1e-12);
    Ok(SnaFitDestroy(&fit));
    DestroyData(c, &data);
    Ok(SnaSeparableDestroy(&truth));
    Ok(SnaSeparableDestroy(&s));
  }
}

// ---- What the sweeps share ----

static double Distance(SnaSeparable a, SnaSeparable b)
{
  double d = 0, size = 0;

  for (PetscInt p = 0; p < a->np; p++) {
    d += (a->theta[p] - b->theta[p]) * (a->theta[p] - b->theta[p]);
    size += b->theta[p] * b->theta[p];
  }
  return sqrt(d / size);
}

// The sweep for products against the one for any kind, block by block, with noise and ridge; the reported loss is that of the parameters.
static void SweepsAgree(void **state)
{
  (void)state;
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(cases); k++) {
    const Case *c = &cases[k];

    if (c->kind != PRODUCTS || c->order) continue;
    SnaSeparable truth = CreateTruth(c), a = CreateSeparable(c), b = CreateSeparable(c);
    double       sse, loss, r2;
    PetscBool    done;
    Data         data;
    SnaFit       fast, slow;

    CreateData(PETSC_COMM_WORLD, c, truth, 0.1, &data);
    fast = CreateFit(PETSC_COMM_WORLD, a, &data, 1e-3, SNA_FIT_ALS);
    slow = CreateFit(PETSC_COMM_WORLD, b, &data, 1e-3, SNA_FIT_ALS);
    Perturb(a, truth, 0.2);
    Perturb(b, truth, 0.2);
    for (int sweep = 0; sweep < 2; sweep++) {
      Ok(SnaFitStep_ALS(fast, &done));
      for (PetscInt block = 0; block < b->nblock; block++) {
        Ok(AlsFocus(b, block - 1, block));
        Ok(AlsSolveBlock(slow, block, &sse));
      }
      SnaSeparableBalance(b);
    }
    if (!(Distance(a, b) < 1e-9)) fail_msg("%s: parameters differ by %g", c->name, Distance(a, b));
    Ok(SnaFitEvaluate(fast, &data.samples, a->theta, &loss, &r2, NULL));
    if (!(fabs(fast->state.loss / loss - 1) < 1e-10 && fabs(fast->state.r2 - (1 - 2 * loss / fast->variance)) < 1e-10))
      fail_msg("%s: loss %g, R^2 %g of a step; the loss is %g", c->name, fast->state.loss, fast->state.r2, loss);
    Ok(SnaFitDestroy(&fast));
    Ok(SnaFitDestroy(&slow));
    DestroyData(c, &data);
    Ok(SnaSeparableDestroy(&truth));
    Ok(SnaSeparableDestroy(&a));
    Ok(SnaSeparableDestroy(&b));
  }
}

// All ranks with their rows, and each rank alone with all of them.
static void SameBits(void **state)
{
  (void)state;
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(cases) + 2; k++) { // L-BFGS, then ALS for all
    const Case *c     = k == 0 ? &cases[0] : k == 1 ? &large_core : &cases[k - 2];
    PetscBool   lbfgs = (PetscBool)(k == 0), done;
    double     *theta = NULL, loss = 0;

    for (int alone = 0; alone < 2; alone++) {
      const MPI_Comm comm  = alone ? PETSC_COMM_SELF : PETSC_COMM_WORLD;
      SnaSeparable   truth = CreateTruth(c), s = CreateSeparable(c);
      Data           data;
      SnaFit         fit;

      CreateData(comm, c, truth, 0.1, &data);
      fit = CreateFit(comm, s, &data, 1e-4, SNA_FIT_ALS);
      Perturb(s, truth, 0.1);
      for (int step = 0; step < 2; step++)
        if (lbfgs)
          Ok(SnaFitStep_LBFGS(fit, &done));
        else
          Ok(SnaFitStep_ALS(fit, &done));
      if (!alone) {
        Ok(PetscMalloc1((size_t)s->np, &theta));
        Ok(PetscArraycpy(theta, s->theta, s->np));
        loss = fit->state.loss;
      } else if (memcmp(theta, s->theta, (size_t)s->np * sizeof(double)) || fit->state.loss != loss)
        fail_msg("%s%s: other bits, losses %.17g and %.17g", c->name, lbfgs ? ", lbfgs" : "", loss, fit->state.loss);
      Ok(SnaFitDestroy(&fit));
      DestroyData(c, &data);
      Ok(SnaSeparableDestroy(&truth));
      Ok(SnaSeparableDestroy(&s));
    }
    Ok(PetscFree(theta));
  }
}

// Noise, many modes: no sweep raises the loss; a core too large for its matrix takes conjugate gradients.
static void NeverRises(void **state)
{
  static const Case hard[] = {
    {"cp, six modes", PRODUCTS, 5, 1, 6, 0, 2, 3, PETSC_FALSE, 1000, 10, 0.3, 0.3},
    {"cp, more parameters than rows", PRODUCTS, 5, 1, 3, 0, 2, 30, PETSC_FALSE, 300, 5, 0.3, 0.3},
    {"train, more parameters than rows", TRAIN, 5, 1, 4, 0, 2, 6, PETSC_FALSE, 300, 5, 0.3, 0.3},
  };

  (void)state;
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(hard); k++) {
    const Case  *c     = &hard[k];
    SnaSeparable truth = CreateTruth(c), s = CreateSeparable(c);
    double       first, last, r2;
    PetscBool    done;
    Data         data;
    SnaFit       fit;

    CreateData(PETSC_COMM_SELF, c, truth, 0.3, &data);
    fit = CreateFit(PETSC_COMM_SELF, s, &data, 0, SNA_FIT_ALS);
    Perturb(s, truth, c->start);
    Ok(SnaFitEvaluate(fit, &data.samples, s->theta, &first, &r2, NULL));
    last = first;
    for (PetscInt sweep = 0; sweep < c->sweeps; sweep++) {
      Ok(SnaFitStep_ALS(fit, &done));
      if (!(fit->state.loss <= last * (1 + 1e-9)))
        fail_msg("%s: sweep %d raised the loss from %g to %g", c->name, (int)sweep, last, fit->state.loss);
      last = fit->state.loss;
    }
    if (!(last < 0.8 * first)) fail_msg("%s: loss %g from %g", c->name, last, first);
    Ok(SnaFitDestroy(&fit));
    DestroyData(c, &data);
    Ok(SnaSeparableDestroy(&truth));
    Ok(SnaSeparableDestroy(&s));
  }
}

// ---- Linear problems ----

// (J^T J / N + ridge) theta = J^T y / N over the rows of all ranks.
static void Normal(SnaFit fit, Data *data, double ridge, double theta[])
{
  SnaSeparable s  = fit->s;
  const int    np = (int)s->np;
  double      *A, *J, *y, *work;
  PetscBLASInt n = np, one = 1, info;
  BlockSet     set;

  Ok(PetscCalloc4((size_t)(np * np), &A, (size_t)np * ROWS, &J, (size_t)s->o.nout * ROWS, &y, s->d.work, &work));
  Ok(PetscArrayzero(theta, np));
  Ok(BlockSetCreate(s, data->samples.n, data->samples.t, PETSC_FALSE, PETSC_FALSE, &set));
  for (PetscInt b = 0; b < set.nblock; b++)
    for (PetscInt o = 0; o < s->o.nout; o++) {
      s->d.forward(s, s->theta, &set.block_d[b], y, work);
      s->d.jacobian(s, s->theta, &set.block_d[b], o, -1, J, ROWS, work);
      for (PetscInt i = b * ROWS; i < PetscMin((b + 1) * ROWS, data->samples.n); i++)
        for (int p = 0; p < np; p++) {
          const double Jp = J[p * ROWS + i % ROWS] / (double)data->samples.total;

          theta[p] += Jp * data->y[o][i];
          for (int q = 0; q < np; q++) A[p * np + q] += Jp * J[q * ROWS + i % ROWS];
        }
    }
  Ok(MPI_Allreduce(MPI_IN_PLACE, A, np * np, MPI_DOUBLE, MPI_SUM, fit->comm));
  Ok(MPI_Allreduce(MPI_IN_PLACE, theta, np, MPI_DOUBLE, MPI_SUM, fit->comm));
  for (int p = 0; p < np; p++) A[p * np + p] += ridge;
  LAPACKpotrf_("L", &n, A, &n, &info);
  Ok(info);
  LAPACKpotrs_("L", &n, &one, A, &n, theta, &n, &info);
  Ok(BlockSetDestroy(&set));
  Ok(PetscFree4(A, J, y, work));
}

static void LinearProblem(void **state)
{
  static const Case additive = {"additive", PRODUCTS, 3, 2, 1, 1, 2, 4, PETSC_FALSE, 900, 0, 0.4, 0};
  const double      ridge    = 0.05;

  (void)state;
  for (int lbfgs = 0; lbfgs < 2; lbfgs++) {
    const Case  *c     = &additive;
    SnaSeparable truth = CreateTruth(c), s = CreateSeparable(c);
    PetscBool    done = PETSC_FALSE;
    double      *expected, gap = 0;
    PetscInt     steps = 0;
    Data         data;
    SnaFit       fit;

    CreateData(PETSC_COMM_SELF, c, truth, 0.1, &data);
    fit = CreateFit(PETSC_COMM_SELF, s, &data, ridge, lbfgs ? SNA_FIT_LBFGS : SNA_FIT_ALS);
    Ok(PetscMalloc1((size_t)s->np, &expected));
    Normal(fit, &data, ridge, expected);
    for (; steps < 500 && !(done && lbfgs); steps++)
      if (lbfgs)
        Ok(SnaFitStep_LBFGS(fit, &done));
      else
        Ok(SnaFitStep_ALS(fit, &done));
    for (PetscInt p = 0; p < s->np; p++) gap = PetscMax(gap, fabs(s->theta[p] - expected[p]));
    if (!(gap < (lbfgs ? 1e-7 : 1e-10)))
      fail_msg("%s: parameters differ by %g after %d steps", lbfgs ? "lbfgs" : "als", gap, (int)steps);
    Ok(PetscFree(expected));
    Ok(SnaFitDestroy(&fit));
    DestroyData(c, &data);
    Ok(SnaSeparableDestroy(&truth));
    Ok(SnaSeparableDestroy(&s));
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(FoundAgain),
    cmocka_unit_test(SweepsAgree),
    cmocka_unit_test(SameBits),
    cmocka_unit_test(NeverRises),
    cmocka_unit_test(LinearProblem),
  };
  int failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  return PetscFinalize() ? 1 : failed;
}

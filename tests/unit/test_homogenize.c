// np: 1 2 timeout: 120
// SnaHomogenize and the tensor helpers. Expected: closed forms (laminates in the limit of void, channels), exact zeros where nothing percolates, and one way of
// solving against another (octant and whole cell, kept solutions and tighter tolerances, restarts).
#include <sna/homog.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)
#define YOUNG    1.0
#define POISSON  0.3

static const double lambda = YOUNG * POISSON / ((1 + POISSON) * (1 - 2 * POISSON)), mu = YOUNG / (2 * (1 + POISSON));

static void Near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static void Isotropic(double l, double m, double C[6][6])
{
  memset(C, 0, 36 * sizeof(double));
  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < 3; j++) C[i][j] = l + (i == j ? 2 * m : 0);
    C[i + 3][i + 3] = m;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Tensors
// ---------------------------------------------------------------------------------------------------------------------
static void TestChecks(void **state)
{
  double C[6][6], zeros, triples;

  (void)state;
  Isotropic(lambda, mu, C);
  SnaTensorChecks((const double(*)[6])C, &zeros, &triples);
  Near(zeros, 0, 0);
  Near(triples, 0, 0);
  C[1][4] = 0.01 * C[0][0]; // in one half alone
  C[2][1] = 5;              // below the diagonal, where nothing is looked for
  C[5][5] += 0.02 * C[0][0];
  SnaTensorChecks((const double(*)[6])C, &zeros, &triples);
  Near(zeros, 0.01, 1e-14);
  Near(triples, 0.02, 1e-14);
  memset(C, 0, sizeof(C));
  SnaTensorChecks((const double(*)[6])C, &zeros, &triples);
  Near(zeros + triples, 0, 0);
  C[3][5] = -2; // no C11 to compare with
  SnaTensorChecks((const double(*)[6])C, &zeros, &triples);
  Near(zeros, 1, 0);
}

static void TestMixed(void **state)
{
  double          C[6][6], strain[6] = {0}, stress[6] = {3, 0, 0, 0, 0.5, 0};
  const PetscBool none[6] = {PETSC_FALSE}, first[6] = {PETSC_TRUE},
                  but_first[6] = {PETSC_FALSE, PETSC_TRUE, PETSC_TRUE, PETSC_TRUE, PETSC_TRUE, PETSC_TRUE};
  PetscBool ok;

  (void)state;
  Isotropic(lambda, mu, C);
  Ok(SnaTensorMixed((const double(*)[6])C, none, strain, stress, &ok)); // uniaxial stress and shear: Hooke
  assert_true(ok);
  Near(strain[0], 3 / YOUNG, 1e-14);
  Near(strain[1], -3 * POISSON / YOUNG, 1e-14);
  Near(strain[4], 0.5 / mu, 1e-14);
  Near(strain[5], 0, 0);
  memset(strain, 0, sizeof(strain));
  memset(stress, 0, sizeof(stress));
  strain[0] = 0.01; // the same by strain control
  Ok(SnaTensorMixed((const double(*)[6])C, first, strain, stress, &ok));
  assert_true(ok);
  Near(stress[0], 0.01 * YOUNG, 1e-16);
  Near(strain[2], -0.01 * POISSON, 1e-16);
  memset(strain, 0, sizeof(strain));
  stress[0] = 1; // oedometer: all other strains held
  Ok(SnaTensorMixed((const double(*)[6])C, but_first, strain, stress, &ok));
  assert_true(ok);
  Near(strain[0], 1 / (lambda + 2 * mu), 1e-15);
  Near(stress[1], lambda / (lambda + 2 * mu), 1e-15);
  for (int i = 0; i < 6; i++) C[i][1] = C[1][i] = 0; // a direction without stiffness
  Ok(SnaTensorMixed((const double(*)[6])C, none, strain, stress, &ok));
  assert_false(ok);
}

// ---------------------------------------------------------------------------------------------------------------------
// Cells
// ---------------------------------------------------------------------------------------------------------------------
// Value 0: void, insulating, fluid; 1: solid.
static SnaHomogSpec Spec(double rtol)
{
  SnaHomogSpec spec = {.nphase = 2, .max_it = 500, .rtol = {rtol, rtol, rtol}, .tuning = {.effort = "estimate"}};

  spec.phase[0] = (SnaPhase){.name = "void", .isotropic = PETSC_TRUE, .fluid = PETSC_TRUE};
  spec.phase[1] = (SnaPhase){.name = "solid", .value = 1, .isotropic = PETSC_TRUE};
  Isotropic(lambda, mu, spec.phase[1].C);
  for (int i = 0; i < 3; i++) spec.phase[1].k[i][i] = 2;
  return spec;
}

static SnaHomogTask Task(PetscBool elasticity, PetscBool conductivity, PetscBool permeability)
{
  SnaHomogTask task = {.physics = {elasticity, conductivity, permeability}};

  for (int p = 0; p < SNA_NPHYSICS; p++)
    for (int l = 0; l < 6; l++) task.load[p][l] = (PetscBool)(l < 3 || p == SNA_ELASTICITY);
  return task;
}

static SnaVoxels Make(SnaVoxelsShape shape)
{
  const double h[3] = {1.0 / (double)shape.n[0], 1.0 / (double)shape.n[0], 1.0 / (double)shape.n[0]};
  SnaVoxels    voxels;
  char         message[SNA_MAX_MESSAGE];

  Ok(SnaVoxelsMake(PETSC_COMM_WORLD, &shape, h, &voxels, message));
  assert_string_equal(message, "");
  return voxels;
}

static void Set(SnaVoxels v, PetscInt i, PetscInt j, PetscInt k, uint8_t phase)
{
  if (k >= v->z0 && k < v->z0 + v->nz) v->phase[((k - v->z0) * v->n[1] + j) * v->n[0] + i] = phase;
}

static PetscBool HasNote(const SnaHomogResult *result, const char text[])
{
  for (PetscInt i = 0; i < result->nnote; i++)
    if (strstr(result->note[i], text)) return PETSC_TRUE;
  return PETSC_FALSE;
}

static void Finite(const SnaHomogResult *result)
{
  for (int p = 0; p < SNA_NPHYSICS; p++)
    for (int i = 0; i < 6; i++)
      for (int j = 0; j < 6; j++) assert_true(isfinite(result->tensor[p].value[i][j]));
}

// One phase: its own tensors, and nothing is solved.
static void TestOnePhase(void **state)
{
  SnaHomogSpec   spec  = Spec(1e-6);
  SnaHomogTask   task  = Task(PETSC_TRUE, PETSC_TRUE, PETSC_TRUE);
  SnaVoxels      solid = Make((SnaVoxelsShape){.kind = "homogeneous", .n = {5, 4, 6}});
  SnaVoxels      empty = Make((SnaVoxelsShape){.kind = "homogeneous", .n = {5, 4, 6}, .inverse = PETSC_TRUE});
  SnaHomogResult result;

  (void)state;
  Ok(SnaHomogenize(solid, &spec, &task, NULL, NULL, NULL, &result));
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) Near(result.tensor[SNA_ELASTICITY].value[i][j], spec.phase[1].C[i][j], 0);
  Near(result.tensor[SNA_CONDUCTIVITY].value[1][1], 2, 0);
  Near(result.tensor[SNA_PERMEABILITY].mean[0][0], 0, 0);
  Near(result.volume_fraction, 1, 0);
  assert_true(HasNote(&result, "no voxel is fluid"));
  for (int p = 0; p < SNA_NPHYSICS; p++) {
    assert_int_equal(result.tensor[p].iterations, 0);
    assert_true(result.tensor[p].solved[2] && result.tensor[p].converged);
  }
  Ok(SnaHomogenize(empty, &spec, &task, NULL, NULL, NULL, &result));
  Finite(&result);
  Near(result.tensor[SNA_ELASTICITY].value[0][0] + result.tensor[SNA_CONDUCTIVITY].value[0][0] + result.volume_fraction,
    0, 0);
  assert_true(HasNote(&result, "all fluid"));
  assert_false(result.tensor[SNA_PERMEABILITY].solved[0]);
  Ok(SnaVoxelsDestroy(&solid));
  Ok(SnaVoxelsDestroy(&empty));
}

// Plates with normal a between void: no stiffness across, free plates along; conduction and, in the gaps, flow along.
static void TestPlates(void **state)
{
  const double f = 0.25, plate = 4 * mu * (lambda + mu) / (lambda + 2 * mu);

  (void)state;
  for (int a = 0; a < 3; a++) {
    const int      b = (a + 1) % 3, c = (a + 2) % 3;
    SnaHomogSpec   spec   = Spec(1e-9);
    SnaHomogTask   task   = Task(PETSC_TRUE, PETSC_TRUE, PETSC_TRUE);
    SnaVoxels      voxels = Make((SnaVoxelsShape){.kind = "laminate", .n = {8, 8, 8}, .axis = a, .radius = f});
    SnaHomogResult result;
    const double   w = 6;
    Ok(SnaHomogenize(voxels, &spec, &task, NULL, NULL, NULL, &result));
    Finite(&result);
    const SnaTensor *C = &result.tensor[SNA_ELASTICITY], *s = &result.tensor[SNA_CONDUCTIVITY],
                    *k = &result.tensor[SNA_PERMEABILITY];
    for (int j = 0; j < 6; j++) Near(C->value[a][j], 0, 0);
    Near(C->value[3 + b][3 + b] + C->value[3 + c][3 + c], 0, 0); // shears with the index a
    Near(C->value[b][b], f * plate, 1e-10);
    Near(C->value[c][c], f * plate, 1e-10);
    Near(C->value[b][c], f * plate * POISSON, 1e-10);
    Near(C->value[3 + a][3 + a], f * mu, 1e-10);
    assert_true(C->zero[a] && C->zero[3 + b] && !C->zero[b] && C->solved[a]);
    Near(s->value[a][a], 0, 0);
    Near(s->value[b][b], f * 2, 1e-10);
    Near(k->value[a][a], 0, 0);
    Near(k->value[b][b], (w * w * w + 2 * w) / (12 * 8) / 64, 1e-10); // (w^3 + 2w)/(12 n) voxels, in edges of the cell
    Near(k->open[c][c], ((w + 1) * (w + 1) * (w + 1) - (w + 1)) / (12 * 8) / 64, 1e-10);
    Near(k->mean[c][c], (k->value[c][c] + k->open[c][c]) / 2, 1e-15);
    assert_true(HasNote(&result, "does not percolate along"));
    assert_int_equal(C->loads, 3);
    Ok(SnaVoxelsDestroy(&voxels));
  }
}

// Islands carry nothing and closed pores let nothing through: the numbers are those of the cell without them, and both are told.
static void TestIslands(void **state)
{
  SnaHomogSpec   spec = Spec(1e-9);
  SnaHomogTask   task = Task(PETSC_TRUE, PETSC_FALSE, PETSC_TRUE);
  SnaHomogResult plain, more;

  (void)state;
  for (int pore = 0; pore < 2; pore++) {
    SnaVoxels voxels =
      Make((SnaVoxelsShape){.kind = pore ? "duct" : "frame", .n = {8, 8, 8}, .axis = 2, .radius = pore ? 0.5 : 0.25});
    task.physics[SNA_ELASTICITY]   = (PetscBool)!pore;
    task.physics[SNA_PERMEABILITY] = (PetscBool)pore;
    Ok(SnaHomogenize(voxels, &spec, &task, NULL, NULL, NULL, &plain));
    if (pore)
      Set(voxels, 0, 0, 1, 0);
    else
      Set(voxels, 5, 5, 5, 1);
    Ok(SnaHomogenize(voxels, &spec, &task, NULL, NULL, NULL, &more));
    Finite(&more);
    assert_true(HasNote(&more, pore ? "closed pores" : "islands"));
    assert_false(HasNote(&plain, "islands"));
    if (pore)
      Near(more.tensor[SNA_PERMEABILITY].mean[2][2], plain.tensor[SNA_PERMEABILITY].mean[2][2], 1e-12);
    else
      for (int i = 0; i < 6; i++)
        Near(more.tensor[SNA_ELASTICITY].value[i][i], plain.tensor[SNA_ELASTICITY].value[i][i], 1e-9);
    Ok(SnaVoxelsDestroy(&voxels));
  }
}

// Cubes that touch at edges alone: hinges, told; and percolation by faces says that nothing is carried.
static void TestHinges(void **state)
{
  SnaHomogSpec   spec   = Spec(1e-6);
  SnaHomogTask   task   = Task(PETSC_TRUE, PETSC_FALSE, PETSC_FALSE);
  SnaVoxels      voxels = Make((SnaVoxelsShape){.kind = "checkerboard", .n = {4, 4, 4}, .axis = 0});
  SnaHomogResult result;

  (void)state;
  Ok(SnaHomogenize(voxels, &spec, &task, NULL, NULL, NULL, &result));
  assert_true(HasNote(&result, "hinges"));
  assert_true(HasNote(&result, "does not percolate along y, z"));
  Near(result.tensor[SNA_ELASTICITY].value[1][1], 0, 0);
  assert_true(result.tensor[SNA_ELASTICITY].value[0][0] > YOUNG / 2); // the hinges hold the columns' sides
  Ok(SnaVoxelsDestroy(&voxels));
}

// ---------------------------------------------------------------------------------------------------------------------
// One way against another
// ---------------------------------------------------------------------------------------------------------------------
static void Compare(const SnaHomogResult *a, const SnaHomogResult *b, const PetscBool physics[], double rtol)
{
  for (int p = 0; p < SNA_NPHYSICS; p++) {
    const SnaTensor *s = &a->tensor[p], *t = &b->tensor[p];
    double           largest = 0;
    if (!physics[p]) continue;
    for (int i = 0; i < 6; i++) largest = fmax(largest, fabs(t->value[i][i]));
    assert_true(largest > 0);
    for (int i = 0; i < 6; i++)
      for (int j = 0; j < 6; j++) Near(s->value[i][j], t->value[i][j], rtol * largest);
    for (int i = 0; i < 3; i++)
      for (int j = 0; j < 3; j++) Near(s->mean[i][j], t->mean[i][j], rtol * largest);
  }
}

// The octant, the whole cell, cubic symmetry, solutions not kept.
static void TestWays(void **state)
{
  SnaHomogSpec spec   = Spec(1e-10);
  SnaHomogTask task   = Task(PETSC_TRUE, PETSC_TRUE, PETSC_TRUE);
  SnaVoxels    voxels = Make((SnaVoxelsShape){.kind = "spheres", .n = {4, 4, 4}, .radius = 0.4, .inverse = PETSC_TRUE});
  SnaHomogResult octant, whole, cubic, lost;

  (void)state;
  // a sphere that does not close the fluid: holes along all three axes
  for (PetscInt i = 0; i < 4; i++)
    for (PetscInt j = 1; j < 3; j++)
      for (PetscInt k = 1; k < 3; k++) {
        Set(voxels, i, j, k, 0);
        Set(voxels, j, i, k, 0);
        Set(voxels, j, k, i, 0);
      }
  Ok(SnaHomogenize(voxels, &spec, &task, NULL, NULL, NULL, &octant));
  assert_true(octant.octant && octant.cubic);
  assert_true(octant.tensor[SNA_PERMEABILITY].value[0][0] > 0);
  task.symmetry = SNA_SYMMETRY_NONE;
  Ok(SnaHomogenize(voxels, &spec, &task, NULL, NULL, NULL, &whole));
  assert_false(whole.octant);
  Compare(&octant, &whole, task.physics, 1e-10);
  task.symmetry = SNA_SYMMETRY_AUTO;
  task.cubic    = PETSC_TRUE;
  Ok(SnaHomogenize(voxels, &spec, &task, NULL, NULL, NULL, &cubic));
  assert_int_equal(cubic.tensor[SNA_ELASTICITY].loads, 2);
  Compare(&cubic, &whole, task.physics, 1e-9);
  task.cubic = PETSC_FALSE;
  task.lean  = PETSC_TRUE;
  for (int p = 0; p < SNA_NPHYSICS; p++) spec.rtol[p] = 1e-5;
  Ok(SnaHomogenize(voxels, &spec, &task, NULL, NULL, NULL, &lost));
  Compare(&lost, &whole, task.physics, 1e-7);
  Ok(SnaVoxelsDestroy(&voxels));
}

// On two ranks the octant has fewer planes (1) than there are ranks.
static void TestFewPlanes(void **state)
{
  SnaHomogSpec   spec   = Spec(1e-8);
  SnaHomogTask   task   = Task(PETSC_TRUE, PETSC_TRUE, PETSC_FALSE);
  SnaVoxels      voxels = Make((SnaVoxelsShape){.kind = "prism", .n = {8, 4, 2}, .axis = 2, .radius = 0.5});
  SnaHomogResult octant, whole;

  (void)state;
  Ok(SnaHomogenize(voxels, &spec, &task, NULL, NULL, NULL, &octant));
  assert_true(octant.octant);
  Near(octant.tensor[SNA_ELASTICITY].value[2][2], YOUNG / 4, 1e-8);
  Near(octant.tensor[SNA_CONDUCTIVITY].value[2][2], 2.0 / 4, 1e-8);
  task.symmetry = SNA_SYMMETRY_NONE;
  Ok(SnaHomogenize(voxels, &spec, &task, NULL, NULL, NULL, &whole));
  Compare(&octant, &whole, task.physics, 1e-8);
  Ok(SnaVoxelsDestroy(&voxels));
}

// Terms between loads have the accuracy of the diagonal: their error is quadratic in the tolerance, with kept solutions and without.
static void TestCoupling(void **state)
{
  SnaHomogTask   task   = Task(PETSC_TRUE, PETSC_TRUE, PETSC_FALSE);
  SnaHomogSpec   spec   = Spec(1e-10);
  SnaVoxels      voxels = Make((SnaVoxelsShape){.kind = "random", .n = {7, 6, 5}, .fraction = 0.8, .seed = 3});
  SnaHomogResult exact, loose;

  (void)state;
  Ok(SnaHomogenize(voxels, &spec, &task, NULL, NULL, NULL, &exact));
  assert_true(fabs(exact.tensor[SNA_ELASTICITY].value[0][3]) > 1e-4); // nothing is zero by symmetry
  for (int lean = 0; lean < 2; lean++) {
    spec      = Spec(1e-3);
    task.lean = (PetscBool)lean;
    Ok(SnaHomogenize(voxels, &spec, &task, NULL, NULL, NULL, &loose));
    Compare(&loose, &exact, task.physics, 1e-6);
    for (int i = 0; i < 6; i++)
      for (int j = 0; j < 6; j++) Near(loose.tensor[0].value[i][j], loose.tensor[0].value[j][i], 0);
  }
  Ok(SnaVoxelsDestroy(&voxels));
}

typedef struct {
  PetscInt       stop_in, calls; // stops within this solve
  SnaHomogResult seen;           // after the last load that ended
  double         work;
} Watch;

static PetscErrorCode Monitor(void *ctx, const SnaHomogIteration *it, PetscBool *stop)
{
  Watch *watch = (Watch *)ctx;

  PetscFunctionBeginUser;
  watch->calls++;
  assert_true(it->work >= watch->work && it->work <= 1 + 1e-12);
  watch->work = it->work;
  *stop       = (PetscBool)(it->solve == watch->stop_in && it->it >= 2);
  PetscFunctionReturn(0);
}

static PetscErrorCode Loaded(
  void *ctx, SnaCell cell, SnaVoxels image, const SnaHomogIteration *it, const SnaHomogResult *result, PetscBool *stop)
{
  Watch              *watch = (Watch *)ctx;
  PetscInt            n;
  const SnaCellField *fields;

  PetscFunctionBeginUser;
  PetscCall(SnaCellGetFields(cell, &n, &fields));
  assert_true(n > 1 && image->n[0] > 0 && it->solves == 12);
  watch->seen = *result;
  *stop       = PETSC_FALSE;
  PetscFunctionReturn(0);
}

// Stopped within a load and taken up again: the loads that are done are not solved again, and the numbers are the same.
static void TestResume(void **state)
{
  SnaHomogSpec   spec   = Spec(1e-5);
  SnaHomogTask   task   = Task(PETSC_TRUE, PETSC_FALSE, PETSC_TRUE);
  SnaVoxels      voxels = Make((SnaVoxelsShape){.kind = "gyroid", .n = {8, 8, 8}, .fraction = 0.5});
  SnaHomogResult through, stopped, resumed;
  Watch          watch = {.stop_in = -1};

  (void)state;
  task.loaded = Loaded;
  Ok(SnaHomogenize(voxels, &spec, &task, NULL, Monitor, &watch, &through));
  assert_int_equal(through.tensor[SNA_ELASTICITY].loads, 6);
  assert_int_equal(through.tensor[SNA_PERMEABILITY].loads, 6);
  Near(watch.work, 1, 0.2);
  for (PetscInt at = 0; at < 12; at += 5) {
    PetscInt before = 0;
    watch           = (Watch){.stop_in = at};
    Ok(SnaHomogenize(voxels, &spec, &task, NULL, Monitor, &watch, &stopped));
    assert_true(stopped.tensor[at < 6 ? SNA_ELASTICITY : SNA_PERMEABILITY].stopped);
    for (int p = 0; p < SNA_NPHYSICS; p++) before += stopped.tensor[p].loads;
    assert_int_equal(before, at);
    task.loaded = NULL;
    Ok(SnaHomogenize(voxels, &spec, &task, &stopped, NULL, NULL, &resumed));
    task.loaded = Loaded;
    for (PetscInt l = 0; l < PetscMin(at, 6); l++)
      assert_int_equal(resumed.tensor[0].outcome[0][l].iterations, through.tensor[0].outcome[0][l].iterations);
    assert_int_equal(resumed.tensor[SNA_ELASTICITY].loads, 6);
    Compare(&resumed, &through, task.physics, 1e-7);
  }
  Ok(SnaVoxelsDestroy(&voxels));
}

// Loads that were not asked for; the limit of iterations, and taking up what did not converge.
static void TestSubset(void **state)
{
  SnaHomogSpec   spec   = Spec(1e-6);
  SnaHomogTask   task   = Task(PETSC_TRUE, PETSC_FALSE, PETSC_TRUE), some;
  SnaVoxels      voxels = Make((SnaVoxelsShape){.kind = "gyroid", .n = {6, 6, 6}, .fraction = 0.5});
  SnaHomogResult all, part;

  (void)state;
  Ok(SnaHomogenize(voxels, &spec, &task, NULL, NULL, NULL, &all));
  some = task;
  for (int l = 0; l < 6; l++) some.load[SNA_ELASTICITY][l] = some.load[SNA_PERMEABILITY][l] = (PetscBool)(l == 1);
  Ok(SnaHomogenize(voxels, &spec, &some, NULL, NULL, NULL, &part));
  assert_int_equal(part.tensor[SNA_ELASTICITY].loads, 1);
  assert_true(part.tensor[SNA_ELASTICITY].solved[1] && !part.tensor[SNA_ELASTICITY].solved[0]);
  for (int j = 0; j < 6; j++)
    Near(part.tensor[SNA_ELASTICITY].value[1][j], all.tensor[SNA_ELASTICITY].value[1][j], 1e-8);
  Near(
    part.tensor[SNA_PERMEABILITY].mean[1][1], all.tensor[SNA_PERMEABILITY].mean[1][1], 1e-14); // all axes were solved
  assert_true(HasNote(&part, "needs every axis"));
  spec.max_it = 3;
  Ok(SnaHomogenize(voxels, &spec, &some, NULL, NULL, NULL, &part));
  assert_false(part.tensor[SNA_ELASTICITY].converged);
  assert_true(HasNote(&part, "not converged after 3 iterations"));
  Finite(&part);
  spec.max_it = 500;
  Ok(SnaHomogenize(voxels, &spec, &some, &part, NULL, NULL, &part));
  assert_true(part.tensor[SNA_ELASTICITY].converged);
  Near(part.tensor[SNA_ELASTICITY].value[1][1], all.tensor[SNA_ELASTICITY].value[1][1], 1e-8);
  Ok(SnaVoxelsDestroy(&voxels));
}

// Mirrors of the image are not enough: the materials decide too.
static void TestSymmetry(void **state)
{
  SnaHomogSpec spec   = Spec(1e-6);
  SnaVoxels    voxels = Make((SnaVoxelsShape){.kind = "spheres", .n = {4, 4, 4}, .radius = 0.3});
  PetscBool    mirrors[3], octant, cubic;

  (void)state;
  Ok(SnaHomogSymmetry(voxels, &spec, mirrors, &octant, &cubic));
  assert_true(mirrors[0] && mirrors[2] && octant && cubic);
  spec.phase[1].k[1][1] = 3;
  Ok(SnaHomogSymmetry(voxels, &spec, mirrors, &octant, &cubic));
  assert_true(octant && !cubic);
  spec.phase[1].C[0][4] = spec.phase[1].C[4][0] = 0.01;
  Ok(SnaHomogSymmetry(voxels, &spec, mirrors, &octant, &cubic));
  assert_true(mirrors[1] && !octant);
  Ok(SnaVoxelsDestroy(&voxels));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(TestChecks), cmocka_unit_test(TestMixed),
    cmocka_unit_test(TestOnePhase), cmocka_unit_test(TestPlates), cmocka_unit_test(TestIslands),
    cmocka_unit_test(TestHinges), cmocka_unit_test(TestWays), cmocka_unit_test(TestFewPlanes),
    cmocka_unit_test(TestCoupling), cmocka_unit_test(TestResume), cmocka_unit_test(TestSubset),
    cmocka_unit_test(TestSymmetry)};
  int                     failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  return PetscFinalize() || failed;
}

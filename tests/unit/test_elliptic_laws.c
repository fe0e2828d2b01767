// np: 1 2 3 4 timeout: 120
// Laws that every solution of the finite-element cell problem obeys: symmetries of the tensor and of space, scaling, what a tolerance is worth, the same
// numbers on any ranks and on an octant, and answers where there is nothing to find or no time to find it.
#include "cell_cases.h"

static const double   unit[3] = {1, 1, 1}, stretched[3] = {1, 2, 3};
static const PetscInt small[3] = {5, 4, 3};

// A spherical void in the middle of a cube, an eighth of which is of another material.
static uint8_t *Pore(PetscInt n)
{
  const PetscInt edge[3] = {n, n, n};
  uint8_t       *image   = RandomImage(edge, 1, 1);

  for (PetscInt k = 0, at = 0; k < n; k++)
    for (PetscInt j = 0; j < n; j++)
      for (PetscInt i = 0; i < n; i++, at++) {
        const PetscInt x = 2 * i + 1 - n, y = 2 * j + 1 - n, z = 2 * k + 1 - n;
        image[at] = 25 * (x * x + y * y + z * z) < 16 * n * n ? 0 : x < 0 && y < 0 && z < 0 ? 2 : 1;
      }
  return image;
}

// ---- Symmetry of the tensor, and what the tolerance is worth ----
// All cross terms, from both sides: C[i][j] is i's energy with the solution of j, solved last.
static void Crosses(SnaCell cell, double mean[6][6], double C[6][6], double *residual)
{
  for (int pass = 0; pass < 2; pass++)
    for (int j = 0; j < 6; j++) {
      double      load[6] = {0};
      SnaCellLoad result;
      load[j] = 1;
      Ok(SnaCellSolve(cell, load, NULL, NULL, &result));
      Ok(SnaCellKeep(cell, j));
      *residual = fmax(*residual, result.residual);
      for (int i = 0; pass == 1 && i < 6; i++) {
        Ok(SnaCellCross(cell, i, &C[i][j]));
        mean[i][j] = result.mean[i];
      }
    }
}

static void TestTolerance(void **state)
{
  const PetscInt n[3]  = {8, 8, 8};
  uint8_t       *image = Pore(8);
  double         exact[6][6], mean[6][6], C[6][6];

  (void)state;
  for (double rtol = 1e-9; rtol < .2; rtol *= rtol < 1e-8 ? 1e4 : 10) {
    SnaHomogSpec spec     = Porous(rtol);
    SnaVoxels    voxels   = Voxels(MPI_COMM_SELF, n, unit, image);
    double       diagonal = 0, cross = 0, linear = 0, asymmetry = 0, crooked = 0, residual = 0;
    SnaCell      cell;
    Ok(SnaCellCreate(voxels, PETSC_FALSE, SNA_ELASTICITY, 0, &spec, &cell));
    Crosses(cell, mean, rtol < 1e-8 ? exact : C, &residual);
    for (int i = 0; i < 6 && rtol > 1e-8; i++)
      for (int j = 0; j < 6; j++) {
        const double error = fabs(C[i][j] - exact[i][j]) / exact[0][0];
        if (i == j) diagonal = fmax(diagonal, error);
        if (i != j) cross = fmax(cross, error);
        linear    = fmax(linear, fabs(mean[i][j] - exact[i][j]) / exact[0][0]);
        asymmetry = fmax(asymmetry, fabs(C[i][j] - C[j][i]) / exact[0][0]);
        crooked   = fmax(crooked, fabs(mean[i][j] - mean[j][i]) / exact[0][0]);
      }
    if (rtol > 1e-8) {
      const double square = residual * residual;
      assert_true(.2 * square < diagonal && diagonal < 3 * square && cross < 3 * square);
      assert_true(asymmetry < 1e-7 * residual); // solutions are kept in single precision
    }
    if (rtol > 1e-8 && rtol < 2e-3) assert_true(linear > 50 * cross && crooked > 50 * cross); // without the cross terms
    Ok(SnaCellDestroy(&cell));
    Ok(SnaVoxelsDestroy(&voxels));
  }
  Ok(PetscFree(image));
}

// The estimate of the error that iterating left against the true one.
static void TestEstimate(void **state)
{
  const PetscInt n[3]  = {12, 12, 12};
  uint8_t       *image = Pore(12);

  (void)state;
  for (SnaPhysics physics = SNA_ELASTICITY; physics <= SNA_CONDUCTIVITY; physics++) {
    SnaHomogSpec spec = Porous(1e-7);
    Tensor       exact, t;
    Homogenise(MPI_COMM_SELF, n, unit, image, PETSC_FALSE, physics, &spec, &exact);
    for (double rtol = 1e-2; rtol > 1e-5; rtol /= 10) {
      spec.rtol[physics] = rtol;
      Homogenise(MPI_COMM_SELF, n, unit, image, PETSC_FALSE, physics, &spec, &t);
      for (int i = 0; i < Loads(physics); i++) {
        const double error = t.C[i][i] / exact.C[i][i] - 1;
        assert_true(error > 0); // from above
        assert_true(t.error[i] < 10 * error && error < 10 * t.error[i]);
      }
    }
  }
  Ok(PetscFree(image));
}

// ---- Symmetries of space ----
static int Voigt(int a, int b)
{
  return a == b ? a : 6 - a - b;
}

// Axis a of the new image is axis p[a] of the old one, reversed where flip[a], and moved by shift[a].
static void Move(const PetscInt n[3], const uint8_t image[], const int p[3], const PetscBool flip[3],
  const PetscInt shift[3], PetscInt m[3], uint8_t moved[])
{
  PetscInt at[3];

  for (int a = 0; a < 3; a++) m[a] = n[p[a]];
  for (at[2] = 0; at[2] < m[2]; at[2]++)
    for (at[1] = 0; at[1] < m[1]; at[1]++)
      for (at[0] = 0; at[0] < m[0]; at[0]++) {
        PetscInt old[3];
        for (int a = 0; a < 3; a++) {
          old[p[a]] = (at[a] + shift[a]) % m[a];
          if (flip[a]) old[p[a]] = m[a] - 1 - old[p[a]];
        }
        moved[(at[2] * m[1] + at[1]) * m[0] + at[0]] = image[(old[2] * n[1] + old[1]) * n[0] + old[0]];
      }
}

// The same change of axes for a tensor.
static void MoveTensor(
  SnaPhysics physics, const double C[6][6], const int p[3], const PetscBool flip[3], double moved[6][6])
{
  static const int pair[6][2] = {{0, 0}, {1, 1}, {2, 2}, {1, 2}, {0, 2}, {0, 1}};
  double           sign[6];
  int              from[6];

  for (int i = 0; i < 6; i++) {
    const int a = pair[i][0], b = pair[i][1];
    from[i] = physics == SNA_ELASTICITY ? Voigt(p[a], p[b]) : i < 3 ? p[i] : i;
    sign[i] = physics == SNA_ELASTICITY ? (flip[a] ? -1 : 1) * (flip[b] ? -1 : 1) : i < 3 && flip[i] ? -1 : 1;
  }
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) moved[i][j] = sign[i] * sign[j] * C[from[i]][from[j]];
}

static void CheckMove(SnaPhysics physics, const int p[3], const PetscBool flip[3], const PetscInt shift[3])
{
  uint8_t     *image = RandomImage(small, 3, 5), moved[60];
  SnaHomogSpec spec = Anisotropic(1e-7), turned = spec;
  PetscInt     n[3];
  double       h[3], expected[6][6];
  Tensor       t, u;

  Homogenise(MPI_COMM_SELF, small, stretched, image, PETSC_FALSE, physics, &spec, &t);
  Move(small, image, p, flip, shift, n, moved);
  for (int a = 0; a < 3; a++) h[a] = stretched[p[a]];
  for (int i = 0; i < 3; i++) {
    double k[6][6] = {{0}}, turned_k[6][6];
    for (int a = 0; a < 3; a++)
      for (int b = 0; b < 3; b++) k[a][b] = spec.phase[i].k[a][b];
    MoveTensor(SNA_ELASTICITY, spec.phase[i].C, p, flip, turned.phase[i].C);
    MoveTensor(SNA_CONDUCTIVITY, k, p, flip, turned_k);
    for (int a = 0; a < 3; a++)
      for (int b = 0; b < 3; b++) turned.phase[i].k[a][b] = turned_k[a][b];
  }
  Homogenise(MPI_COMM_SELF, n, h, moved, PETSC_FALSE, physics, &turned, &u);
  MoveTensor(physics, t.C, p, flip, expected);
  Near(Difference(u.C, expected), 0, 1e-10);
  Ok(PetscFree(image));
}

static void TestSpace(void **state)
{
  static const int       same[3] = {0, 1, 2}, axes[3][3] = {{1, 2, 0}, {0, 2, 1}, {2, 1, 0}};
  static const PetscBool none[3] = {PETSC_FALSE, PETSC_FALSE, PETSC_FALSE};

  (void)state;
  for (SnaPhysics physics = SNA_ELASTICITY; physics <= SNA_CONDUCTIVITY; physics++) {
    CheckMove(physics, same, none, (const PetscInt[3]){2, 3, 1});
    for (int i = 0; i < 3; i++) {
      CheckMove(physics, axes[i], none, (const PetscInt[3]){0, 0, 0});
      CheckMove(physics, same, (const PetscBool[3]){i == 0, i == 1, i == 2}, (const PetscInt[3]){0, 0, 0});
    }
  }
}

// ---- Scaling ----
// With x_i = h_i x'_i and u'_i = h_i u_i, strains are e'_ij = h_i h_j e_ij: a cell of voxels h of any material is one of unit voxels of another,
// C'_ijkl = C_ijkl/(h_i h_j h_k h_l), k'_ij = k_ij/(h_i h_j), and so are their trilinear elements.
static void TestStretch(void **state)
{
  static const double w[6] = {1, 4, 9, 6, 3, 2}, *h = stretched;
  uint8_t            *image = RandomImage(small, 3, 5);

  (void)state;
  for (SnaPhysics physics = SNA_ELASTICITY; physics <= SNA_CONDUCTIVITY; physics++) {
    SnaHomogSpec spec = Porous(1e-7), unstretched = spec;
    const int    n = Loads(physics);
    Tensor       t, u;
    for (int p = 0; p < 3; p++) {
      SnaPhase *phase  = &unstretched.phase[p];
      phase->isotropic = PETSC_FALSE;
      for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
          phase->C[i][j] /= w[i] * w[j];
          if (i < 3 && j < 3) phase->k[i][j] /= h[i] * h[j];
        }
    }
    Homogenise(MPI_COMM_SELF, small, stretched, image, PETSC_FALSE, physics, &spec, &t);
    Homogenise(MPI_COMM_SELF, small, unit, image, PETSC_FALSE, physics, &unstretched, &u);
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++)
        Near(u.C[i][j] * (n == 6 ? w[i] * w[j] : h[i] * h[j]), t.C[i][j], 1e-10 * Largest(t.C));
  }
  Ok(PetscFree(image));
}

static void TestScale(void **state)
{
  const double h[3]  = {3e-6, 6e-6, 9e-6};
  uint8_t     *image = RandomImage(small, 3, 5);

  (void)state;
  for (SnaPhysics physics = SNA_ELASTICITY; physics <= SNA_CONDUCTIVITY; physics++) {
    SnaHomogSpec spec = Anisotropic(1e-7), giant = spec;
    Tensor       t, u;
    for (int p = 0; p < 3; p++)
      for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
          giant.phase[p].C[i][j] *= 1e11;
          if (i < 3 && j < 3) giant.phase[p].k[i][j] *= 1e11;
        }
    Homogenise(MPI_COMM_SELF, small, stretched, image, PETSC_FALSE, physics, &spec, &t);
    Homogenise(MPI_COMM_SELF, small, h, image, PETSC_FALSE, physics, &giant, &u);
    for (int i = 0; i < 6; i++)
      for (int j = 0; j < 6; j++) u.C[i][j] *= 1e-11;
    Near(Difference(u.C, t.C), 0, 1e-11);
    for (int p = 0; p < 3; p++) spec.phase[p].isotropic = PETSC_FALSE; // the full path for all phases
    Homogenise(MPI_COMM_SELF, small, stretched, image, PETSC_FALSE, physics, &spec, &u);
    Near(Difference(u.C, t.C), 0, 1e-11);
  }
  Ok(PetscFree(image));
}

// What does not vary along an axis may be cut along it at will.
static void TestExtrusion(void **state)
{
  (void)state;
  for (int axis = 0; axis < 3; axis++)
    for (SnaPhysics physics = SNA_ELASTICITY; physics <= SNA_CONDUCTIVITY; physics++) {
      SnaHomogSpec spec    = Anisotropic(1e-7);
      PetscInt     thin[3] = {4, 5, 6}, thick[3] = {4, 5, 6}, at[3];
      double       h[3] = {1, 2, 3};
      uint8_t     *image, *extruded;
      Tensor       t, u;
      thin[axis]  = 1;
      thick[axis] = 3;
      image       = RandomImage(thin, 3, 9);
      extruded    = RandomImage(thick, 1, 9);
      for (at[2] = 0; at[2] < thick[2]; at[2]++)
        for (at[1] = 0; at[1] < thick[1]; at[1]++)
          for (at[0] = 0; at[0] < thick[0]; at[0]++) {
            const PetscInt i = axis == 0 ? 0 : at[0], j = axis == 1 ? 0 : at[1], k = axis == 2 ? 0 : at[2];
            extruded[(at[2] * thick[1] + at[1]) * thick[0] + at[0]] = image[(k * thin[1] + j) * thin[0] + i];
          }
      Homogenise(MPI_COMM_SELF, thin, h, image, PETSC_FALSE, physics, &spec, &t);
      h[axis] *= .21;
      Homogenise(MPI_COMM_SELF, thick, h, extruded, PETSC_FALSE, physics, &spec, &u);
      Near(Difference(u.C, t.C), 0, 1e-10);
      Ok(PetscFree(image));
      Ok(PetscFree(extruded));
    }
}

// ---- Any ranks, any grid ----
static void CheckRanks(const PetscInt n[3], SnaPhysics physics, const SnaHomogSpec *spec)
{
  MPI_Comm comm  = Ranks(n[2]);
  uint8_t *image = RandomImage(n, 3, 3);
  Tensor   t, alone;

  if (comm != MPI_COMM_NULL) {
    Homogenise(comm, n, stretched, image, PETSC_FALSE, physics, spec, &t);
    Homogenise(MPI_COMM_SELF, n, stretched, image, PETSC_FALSE, physics, spec, &alone);
    assert_true(t.converged && alone.converged);
    Near(Difference(t.C, alone.C), 0, 1e-10);
    for (int i = 0; i < Loads(physics); i++) assert_true(abs((int)(t.iterations[i] - alone.iterations[i])) <= 1);
    MPI_Comm_free(&comm);
  }
  Ok(PetscFree(image));
}

static void TestRanks(void **state)
{
  static const PetscInt n[][3] = {{5, 7, 12}, {7, 4, 3}, {1, 6, 4}, {3, 1, 5}, {6, 5, 1}, {1, 1, 6}, {2, 2, 2}};
  const SnaHomogSpec    porous = Porous(1e-6), anisotropic = Anisotropic(1e-6), mild = Mild(1e-6);

  (void)state;
  if (Crowded()) {
    CheckRanks(n[0], SNA_ELASTICITY, &mild);
    CheckRanks(n[1], SNA_CONDUCTIVITY, &mild);
  }
  for (int g = 0; g < 7 && !Crowded(); g++) {
    CheckRanks(n[g], SNA_ELASTICITY, g % 2 ? &anisotropic : &porous);
    CheckRanks(n[g], SNA_CONDUCTIVITY, g % 2 ? &porous : &anisotropic);
  }
}

// ---- The octant stands for the cell ----
static void CheckOctant(const PetscInt n[3], SnaPhysics physics, const SnaHomogSpec *spec)
{
  const PetscInt N[3]   = {2 * n[0], 2 * n[1], 2 * n[2]};
  MPI_Comm       comm   = Ranks(n[2]);
  uint8_t       *octant = RandomImage(n, 3, 3), *image = Mirrored(n, octant);
  Tensor         t, full;

  if (comm != MPI_COMM_NULL) {
    Homogenise(comm, n, stretched, octant, PETSC_TRUE, physics, spec, &t);
    Homogenise(MPI_COMM_SELF, N, stretched, image, PETSC_FALSE, physics, spec, &full);
    assert_true(t.converged && full.converged);
    Near(Difference(t.C, full.C), 0, 1e-10);
    for (int i = 0; i < Loads(physics); i++) assert_true(abs((int)(t.iterations[i] - full.iterations[i])) <= 1);
    for (int i = 0; i < Loads(physics); i++)
      for (int j = 0; j < i; j++)
        if (physics == SNA_CONDUCTIVITY || i >= 3) assert_true(t.C[i][j] == 0);
    MPI_Comm_free(&comm);
  }
  Ok(PetscFree(octant));
  Ok(PetscFree(image));
}

static void TestOctant(void **state)
{
  static const PetscInt n[][3] = {{5, 3, 4}, {3, 4, 5}, {1, 2, 3}, {8, 1, 2}, {4, 5, 1}, {1, 1, 1}, {7, 2, 2}};
  const SnaHomogSpec    porous = Porous(1e-7), mild = Mild(1e-7);
  SnaHomogSpec          orthotropic = Spec(1e-7);

  (void)state;
  if (Crowded()) {
    CheckOctant(n[0], SNA_ELASTICITY, &mild);
    CheckOctant(n[1], SNA_CONDUCTIVITY, &mild);
  }
  AddOrthotropic(&orthotropic, 1);
  AddIsotropic(&orthotropic, 0, .3, 0);
  AddIsotropic(&orthotropic, 4, .3, 2);
  for (int g = 0; g < 7 && !Crowded(); g++) {
    CheckOctant(n[g], SNA_ELASTICITY, g % 2 ? &orthotropic : &porous);
    CheckOctant(n[g], SNA_CONDUCTIVITY, g % 2 ? &porous : &orthotropic);
  }
}

// All three normal strains at once keep the mirrors.
static void TestOctantNormal(void **state)
{
  const double   load[6] = {1, -.3, .4};
  const PetscInt n[3] = {3, 4, 5}, N[3] = {6, 8, 10};
  uint8_t       *octant = RandomImage(n, 3, 3), *image = Mirrored(n, octant);
  SnaHomogSpec   spec = Porous(1e-7);
  SnaCellLoad    part, whole;

  (void)state;
  for (int full = 0; full < 2; full++) {
    SnaVoxels voxels = Voxels(MPI_COMM_SELF, full ? N : n, stretched, full ? image : octant);
    SnaCell   cell;
    Ok(SnaCellCreate(voxels, (PetscBool)!full, SNA_ELASTICITY, 0, &spec, &cell));
    Ok(SnaCellSolve(cell, load, NULL, NULL, full ? &whole : &part));
    Ok(SnaCellDestroy(&cell));
    Ok(SnaVoxelsDestroy(&voxels));
  }
  for (int i = 0; i < 6; i++) Near(part.mean[i], whole.mean[i], 1e-9);
  Near(part.error, whole.error, 1e-3 * whole.error);
  Ok(PetscFree(octant));
  Ok(PetscFree(image));
}

// ---- Nothing to find, or no time to find it ----
static void TestNothing(void **state)
{
  const PetscInt n[3]  = {6, 5, 4};
  uint8_t       *image = RandomImage(n, 1, 1);
  SnaHomogSpec   spec  = Porous(1e-5);
  Tensor         t;

  (void)state;
  for (SnaPhysics physics = SNA_ELASTICITY; physics <= SNA_CONDUCTIVITY; physics++)
    for (int octant = 0; octant < 2; octant++) {
      image[40] = 0; // void everywhere
      Homogenise(PETSC_COMM_WORLD, n, unit, image, (PetscBool)octant, physics, &spec, &t);
      assert_true(t.converged && Largest(t.C) == 0);
      image[40] = 1; // an island
      Homogenise(PETSC_COMM_WORLD, n, unit, image, (PetscBool)octant, physics, &spec, &t);
      assert_true(t.converged);
      Near(Largest(t.C), 0, 1e-10);
    }
  Ok(PetscFree(image));
}

typedef struct {
  PetscInt calls, load, stop_at;
} Watch;

static PetscErrorCode Look(void *ctx, const SnaHomogIteration *it, PetscBool *stop)
{
  Watch *watch = (Watch *)ctx;

  assert_int_equal(it->it, watch->calls++);
  assert_int_equal(it->load, watch->load);
  assert_true(it->it > 0 || it->residual == 1);
  *stop = (PetscBool)(it->it == watch->stop_at);
  return 0;
}

static void TestUnfinished(void **state)
{
  const PetscInt n[3]    = {8, 8, 8};
  const double   load[6] = {0, 0, 0, 0, 1, 0}, nothing[6] = {0};
  uint8_t       *image  = Pore(8);
  SnaHomogSpec   spec   = Porous(1e-6);
  SnaVoxels      voxels = Voxels(PETSC_COMM_WORLD, n, unit, image);
  Watch          watch  = {.load = 4, .stop_at = -1};
  SnaCellLoad    result, limited;
  SnaCell        cell;

  (void)state;
  Ok(SnaCellCreate(voxels, PETSC_FALSE, SNA_ELASTICITY, 0, &spec, &cell));
  Ok(SnaCellSolve(cell, load, Look, &watch, &result));
  assert_true(result.converged && !result.stopped && !result.breakdown && result.residual <= 1e-6);
  assert_int_equal(watch.calls, result.iterations + 1);
  for (PetscInt it = 0; it < 4; it += 3) {
    spec.max_it = it;
    Ok(SnaCellSolve(cell, load, NULL, NULL, &limited));
    assert_true(!limited.converged && !limited.stopped && limited.residual > 1e-6);
    assert_int_equal(limited.iterations, it);
    assert_true(isfinite(limited.error) && limited.mean[4] > result.mean[4]); // from above
  }
  spec.max_it = 100;
  watch       = (Watch){.load = 4, .stop_at = 3};
  Ok(SnaCellSolve(cell, load, Look, &watch, &limited));
  assert_true(!limited.converged && limited.stopped);
  assert_int_equal(limited.iterations, 3);
  Ok(SnaCellSolve(cell, nothing, NULL, NULL, &limited));
  assert_true(limited.converged && limited.mean[0] == 0 && limited.iterations == 0);
  Ok(SnaCellDestroy(&cell));
  Ok(SnaVoxelsDestroy(&voxels));
  Ok(PetscFree(image));
}

// A pore that is filled: iterations do not grow with the contrast as long as one phase carries or is enclosed, and stiffer is stiffer.
static void TestContrast(void **state)
{
  static const double filling[] = {0, 1e-6, .1, 1e4, 1e6};
  const PetscInt      n[3]      = {8, 8, 8};
  uint8_t            *image     = Pore(8);
  SnaHomogSpec        spec      = Spec(1e-6);
  Tensor              t[5];

  (void)state;
  for (SnaPhysics physics = SNA_ELASTICITY; physics <= SNA_CONDUCTIVITY; physics++) {
    for (int f = 0; f < 5; f++) {
      spec.nphase = 0;
      AddIsotropic(&spec, filling[f], .3, filling[f]);
      AddIsotropic(&spec, 1, .3, 1);
      AddIsotropic(&spec, 1, .3, 1);
      Homogenise(MPI_COMM_SELF, n, unit, image, PETSC_FALSE, physics, &spec, &t[f]);
      assert_true(t[f].converged);
      for (int i = 0; i < Loads(physics); i++) {
        assert_true(t[f].iterations[i] <= 30);
        if (f > 0) assert_true(t[f].C[i][i] > t[f - 1].C[i][i]);
      }
    }
    Near(Difference(t[1].C, t[0].C), 0, 1e-5);
    Near(Difference(t[4].C, t[3].C), 0, 1e-3);
  }
  Ok(PetscFree(image));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(TestRanks),
    cmocka_unit_test(TestOctant),
    cmocka_unit_test(TestNothing),
    cmocka_unit_test(TestUnfinished),
  };
  const struct CMUnitTest alone[] = {
    cmocka_unit_test(TestTolerance),
    cmocka_unit_test(TestEstimate),
    cmocka_unit_test(TestSpace),
    cmocka_unit_test(TestStretch),
    cmocka_unit_test(TestScale),
    cmocka_unit_test(TestExtrusion),
    cmocka_unit_test(TestOctantNormal),
    cmocka_unit_test(TestContrast),
  };
  int failed;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  if (RanksOf(PETSC_COMM_WORLD) == 1) failed += cmocka_run_group_tests(alone, NULL, NULL);
  PetscCall(PetscFinalize());
  return failed;
}

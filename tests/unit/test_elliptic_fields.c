// np: 1 2 3 4 timeout: 120
// Fields of the finite-element cell problem: averages against load, result and energy; a uniform cell; an octant's against those of the whole cell.
#include "cell_cases.h"

static const double stretched[3] = {1, 2, 3};

static void GetFields(MPI_Comm comm, const PetscInt n[3], const uint8_t image[], PetscBool octant, SnaPhysics physics,
  const double load[], const SnaHomogSpec *spec, float *data[4], PetscInt *z0, PetscInt *nz, SnaCellLoad *result)
{
  SnaVoxels           voxels = Voxels(comm, n, stretched, image);
  const SnaCellField *field;
  PetscInt            nfield;
  SnaCell             cell;

  Ok(SnaCellCreate(voxels, octant, physics, 0, spec, &cell));
  Ok(SnaCellSolve(cell, load, NULL, NULL, result));
  Ok(SnaCellGetFields(cell, &nfield, &field));
  assert_int_equal(nfield, 4);
  for (int f = 0; f < 4; f++) {
    static const PetscInt ncomp[2][4] = {{3, 6, 6, 1}, {1, 3, 3, 1}};
    assert_int_equal(field[f].ncomp, ncomp[physics][f]);
    Ok(PetscMalloc1((size_t)(voxels->nz * field[f].ncomp * n[0] * n[1]), &data[f]));
    Ok(SnaCellGetField(cell, f, data[f]));
  }
  *z0 = voxels->z0;
  *nz = voxels->nz;
  Ok(SnaCellDestroy(&cell));
  Ok(SnaVoxelsDestroy(&voxels));
}

// Averages: of the strain the load, of the stress the result, of the energy half of their product. A stress lives where there is material.
static void CheckAverages(SnaPhysics physics, const PetscInt n[3], const SnaHomogSpec *spec)
{
  const double load[6] = {.3, -.7, .2, .5, 1.1, -.4};
  const int    nl      = Loads(physics);
  uint8_t     *image   = RandomImage(n, 3, 4);
  MPI_Comm     comm    = Ranks(n[2]);
  float       *data[4];
  PetscInt     z0, nz;
  SnaCellLoad  result;

  if (comm != MPI_COMM_NULL) {
    const PetscInt layer     = n[0] * n[1];
    double         sum[3][6] = {{0}}, work = 0, scale = 0;
    GetFields(comm, n, image, PETSC_FALSE, physics, load, spec, data, &z0, &nz, &result);
    for (int f = 0; f < 3; f++)
      for (PetscInt k = 0; k < nz; k++)
        for (int c = 0; c < (f == 2 ? 1 : nl); c++)
          for (PetscInt i = 0; i < layer; i++) {
            const double value = (double)data[f + 1][(k * (f == 2 ? 1 : nl) + c) * layer + i];
            sum[f][c] += value / (double)Count(n);
            if (f > 0 && Entry(&spec->phase[image[(z0 + k) * layer + i]], physics, 0, 0) == 0) assert_true(value == 0);
          }
    MPI_Allreduce(MPI_IN_PLACE, sum, 18, MPI_DOUBLE, MPI_SUM, comm);
    for (int i = 0; i < nl; i++) {
      work += .5 * load[i] * result.mean[i];
      scale = fmax(scale, fabs(result.mean[i]));
    }
    for (int i = 0; i < nl; i++) {
      Near(sum[0][i], load[i], 1e-6);
      Near(sum[1][i], result.mean[i], 1e-6 * scale);
    }
    Near(sum[2][0], work, 1e-6 * work);
    for (int f = 0; f < 4; f++) Ok(PetscFree(data[f]));
    MPI_Comm_free(&comm);
  }
  Ok(PetscFree(image));
}

// A uniform cell: u = e x at the voxels' centres, the rest constant.
static void CheckUniform(SnaPhysics physics)
{
  const double   load[6] = {.3, -.7, .2, .5, 1.1, -.4};
  const PetscInt n[3]    = {3, 2, 5};
  const int      nl      = Loads(physics);
  uint8_t       *image   = RandomImage(n, 1, 4);
  SnaHomogSpec   spec    = Spec(1e-6);
  float         *data[4];
  PetscInt       z0, nz;
  SnaCellLoad    result;
  double         flux[6] = {0}, energy = 0;

  AddRandom(&spec, 21, 1);
  for (int i = 0; i < nl; i++)
    for (int j = 0; j < nl; j++) flux[i] += Entry(&spec.phase[0], physics, i, j) * load[j];
  for (int i = 0; i < nl; i++) energy += .5 * flux[i] * load[i];
  GetFields(PETSC_COMM_WORLD, n, image, PETSC_FALSE, physics, load, &spec, data, &z0, &nz, &result);
  for (PetscInt k = 0; k < nz; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++) {
        const PetscInt layer = n[0] * n[1], at = j * n[0] + i;
        const double   x = (double)i + .5, y = 2 * ((double)j + .5), z = 3 * ((double)(z0 + k) + .5);
        if (physics == SNA_ELASTICITY) {
          Near((double)data[0][(k * 3 + 0) * layer + at], load[0] * x + .5 * (load[5] * y + load[4] * z), 1e-5);
          Near((double)data[0][(k * 3 + 1) * layer + at], load[1] * y + .5 * (load[5] * x + load[3] * z), 1e-5);
          Near((double)data[0][(k * 3 + 2) * layer + at], load[2] * z + .5 * (load[4] * x + load[3] * y), 1e-5);
        } else
          Near((double)data[0][k * layer + at], load[0] * x + load[1] * y + load[2] * z, 1e-5);
        for (int c = 0; c < nl; c++) {
          Near((double)data[1][(k * nl + c) * layer + at], load[c], 1e-6);
          Near((double)data[2][(k * nl + c) * layer + at], flux[c], 1e-6);
        }
        Near((double)data[3][k * layer + at], energy, 1e-6);
      }
  for (int f = 0; f < 4; f++) Ok(PetscFree(data[f]));
  Ok(PetscFree(image));
}

static void TestFields(void **state)
{
  static const PetscInt n[][3]      = {{5, 4, 6}, {3, 1, 5}, {4, 3, 1}};
  const SnaHomogSpec    anisotropic = Anisotropic(1e-6), porous = Porous(1e-6), mild = Mild(1e-6);

  (void)state;
  for (SnaPhysics physics = SNA_ELASTICITY; physics <= SNA_CONDUCTIVITY; physics++) {
    CheckUniform(physics);
    if (Crowded()) CheckAverages(physics, n[0], &mild);
    for (int g = 0; g < 3 && !Crowded(); g++) {
      CheckAverages(physics, n[g], &anisotropic);
      CheckAverages(physics, n[g], &porous);
    }
  }
}

// Fields of an octant are those of the cell there.
static void TestOctantFields(void **state)
{
  static const PetscInt n[3] = {4, 3, 5}, N[3] = {8, 6, 10};
  uint8_t              *octant = RandomImage(n, 3, 3), *image = Mirrored(n, octant);
  const SnaHomogSpec    spec = Crowded() ? Mild(1e-7) : Porous(1e-7);

  (void)state;
  for (SnaPhysics physics = SNA_ELASTICITY; physics <= SNA_CONDUCTIVITY; physics++)
    for (int l = 0; l < Loads(physics); l += Crowded() ? 5 : 1) {
      static const PetscInt ncomp[2][4] = {{3, 6, 6, 1}, {1, 3, 3, 1}};
      double                load[6]     = {0};
      float                *part[4], *whole[4];
      PetscInt              z0, nz, full;
      SnaCellLoad           result;
      load[l] = 1;
      GetFields(PETSC_COMM_WORLD, n, octant, PETSC_TRUE, physics, load, &spec, part, &z0, &nz, &result);
      GetFields(MPI_COMM_SELF, N, image, PETSC_FALSE, physics, load, &spec, whole, &full, &full, &result);
      for (int f = 0; f < 4; f++) {
        for (PetscInt k = 0; k < nz * ncomp[physics][f]; k++)
          for (PetscInt j = 0; j < n[1]; j++)
            for (PetscInt i = 0; i < n[0]; i++) {
              const float a = part[f][(k * n[1] + j) * n[0] + i],
                          b = whole[f][((k + z0 * ncomp[physics][f]) * N[1] + j) * N[0] + i];
              Near((double)a, (double)b, 1e-5);
            }
        Ok(PetscFree(part[f]));
        Ok(PetscFree(whole[f]));
      }
    }
  Ok(PetscFree(octant));
  Ok(PetscFree(image));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(TestFields),
    cmocka_unit_test(TestOctantFields),
  };
  int failed;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failed;
}

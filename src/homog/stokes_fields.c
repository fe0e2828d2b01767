// stokes_fields.c - velocities of a solved permeability problem at the centres of the voxels: one more product with the Green operator.
#include "stokes.h"

const SnaCellField SnaStokesFields[2] = {{"velocity", 3}, {"speed", 1}};

// u = G f + U on the faces, into q; the plane above this rank's last into ghost[1], without padding.
static PetscErrorCode FaceVelocity(SnaCell cell)
{
  Stokes     *s = (Stokes *)cell->data;
  PetscMPIInt down, up;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < s->nz; k++) {
    for (PetscInt j = 0; j < s->points[1]; j++)
      for (PetscInt c = 0; c < 3; c++) {
        const uint8_t *code = SnaStokesCodes(s, k, j, c);
        const double  *f    = SnaStokesRow(s, s->f, k, j, c);
        double        *q    = SnaStokesBuffer(s, k, j, c);
        for (PetscInt i = 0; i < s->row; i++) q[i] = s->D[c][code[i]] * f[i];
      }
    PetscCall(SnaFftForwardPlane(s->fft, s->q + (size_t)k * (size_t)s->layout->plane));
  }
  PetscCall(SnaFftSpectrum(s->fft, s->q, SnaStokesGreen, s));
  for (PetscInt k = 0; k < s->nz; k++) {
    PetscCall(SnaFftBackwardPlane(s->fft, s->q + (size_t)k * (size_t)s->layout->plane));
    for (PetscInt j = 0; j < s->points[1]; j++)
      for (PetscInt c = 0; c < 3; c++) {
        double *q = SnaStokesBuffer(s, k, j, c);
        for (PetscInt i = 0; i < s->points[0]; i++) q[i] += s->load[c];
      }
  }
  for (PetscInt j = 0; j < s->points[1]; j++)
    for (PetscInt c = 0; c < 3; c++)
      PetscCall(PetscArraycpy(s->ghost[0] + (j * 3 + c) * s->row, SnaStokesBuffer(s, 0, j, c), (size_t)s->row));
  SnaStokesNeighbours(cell, &down, &up);
  PetscCallMPI(MPI_Sendrecv(s->ghost[0], (int)s->plane, MPI_DOUBLE, down, 2, s->ghost[1], (int)s->plane, MPI_DOUBLE, up,
    2, cell->comm, MPI_STATUS_IGNORE));
  PetscFunctionReturn(0);
}

// Means of the two faces of a voxel; zero in the solid, where the faces hold what is left of the residual.
PetscErrorCode SnaStokesField(SnaCell cell, PetscInt field, float data[])
{
  Stokes         *s = (Stokes *)cell->data;
  const SnaVoxels v = cell->voxels;
  const PetscInt *n = v->n, ncomp = SnaStokesFields[field].ncomp;
  PetscBool       fluid[256] = {PETSC_FALSE};

  PetscFunctionBeginUser;
  PetscCheck(s->fft, cell->comm, PETSC_ERR_ORDER, "a field before a solve");
  for (PetscInt m = 0; m < cell->spec->nphase; m++) fluid[cell->spec->phase[m].value] = cell->spec->phase[m].fluid;
  PetscCall(FaceVelocity(cell));
  for (PetscInt k = 0; k < v->nz; k++)
    for (PetscInt j = 0; j < n[1]; j++) {
      const uint8_t *phase = v->phase + (size_t)(k * n[1] + j) * (size_t)n[0];
      const double  *low[3], *high[3];

      for (PetscInt c = 0; c < 3; c++) low[c] = high[c] = SnaStokesBuffer(s, k, j, c);
      high[1] = SnaStokesBuffer(s, k, (j + 1) % s->points[1], 1);
      high[2] = k + 1 < s->nz ? SnaStokesBuffer(s, k + 1, j, 2) : s->ghost[1] + (j * 3 + 2) * s->row;
      for (PetscInt i = 0; i < n[0]; i++) {
        const double half = fluid[phase[i]] ? 0.5 : 0;
        const double u[3] = {half * (low[0][i] + high[0][(i + 1) % s->points[0]]), half * (low[1][i] + high[1][i]),
          half * (low[2][i] + high[2][i])};
        float       *at   = data + ((size_t)(k * ncomp) * (size_t)n[1] + (size_t)j) * (size_t)n[0] + (size_t)i;
        if (ncomp == 1)
          *at = (float)sqrt(u[0] * u[0] + u[1] * u[1] + u[2] * u[2]);
        else
          for (PetscInt c = 0; c < 3; c++) at[(size_t)c * (size_t)(n[1] * n[0])] = (float)u[c];
      }
    }
  PetscFunctionReturn(0);
}

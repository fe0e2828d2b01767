// stokes_support.c - which faces of the staggered grid carry forces of the solid: solid faces, and fluid faces along a wall.
//
// A face is solid when one of its two voxels is. A fluid face along axis c has four neighbours that are parallel to it, two along each of the other
// axes a, b; a solid one means a wall at half the voxel's width: velocity 0 there instead of at the neighbour doubles that difference, so that the
// wall takes the extra force  mu/h_a^2 u  per solid neighbour along a.
//
// Outside of an octant lie the mirror images of its voxels.
#include "stokes.h"

void SnaStokesKinds(PetscInt axis, SnaFftKind kind[3][3])
{
  // the flow is the same on both sides of all mirrors; across those normal to `axis` the other components change sign
  for (PetscInt c = 0; c < 3; c++)
    for (PetscInt a = 0; a < 3; a++) {
      const PetscBool odd = (PetscBool)(c != axis && (a == axis || a == c)), on = (PetscBool)(a == c);
      kind[c][a] = on ? (odd ? SNA_FFT_DST1 : SNA_FFT_DCT1) : (odd ? SNA_FFT_DST2 : SNA_FFT_DCT2);
    }
}

PetscInt SnaStokesBeside(SnaFftKind kind, PetscInt n, PetscInt j, PetscInt step, double *sign)
{
  const PetscBool on   = (PetscBool)(kind == SNA_FFT_DCT1 || kind == SNA_FFT_DST1);
  const PetscInt  last = on ? n : n - 1;

  *sign = 1;
  if (kind == SNA_FFT_PERIODIC) return (j + step + n) % n;
  if (j + step >= 0 && j + step <= last) return j + step;
  *sign = kind == SNA_FFT_DST1 || kind == SNA_FFT_DST2 ? -1 : 1;
  return on ? j - step : PetscMin(j, last);
}

void SnaStokesNeighbours(SnaCell cell, PetscMPIInt *down, PetscMPIInt *up)
{
  *down = (cell->rank - 1 + cell->size) % cell->size;
  *up   = (cell->rank + 1) % cell->size;
  if (cell->octant && cell->rank == 0) *down = MPI_PROC_NULL;
  if (cell->octant && cell->rank == cell->size - 1) *up = MPI_PROC_NULL;
}

// Planes below and above this rank's; octant: beyond the mirrors the image of the nearest plane.
static PetscErrorCode GhostPhases(SnaCell cell, uint8_t *below, uint8_t *above)
{
  const SnaVoxels v     = cell->voxels;
  const int       bytes = (int)(v->n[0] * v->n[1]);
  const uint8_t  *last  = v->phase + (size_t)(v->nz - 1) * (size_t)bytes;
  PetscMPIInt     down, up;

  PetscFunctionBeginUser;
  SnaStokesNeighbours(cell, &down, &up);
  if (cell->octant) {
    PetscCall(PetscArraycpy(below, v->phase, (size_t)bytes));
    PetscCall(PetscArraycpy(above, last, (size_t)bytes));
  }
  PetscCallMPI(
    MPI_Sendrecv(last, bytes, MPI_BYTE, up, 0, below, bytes, MPI_BYTE, down, 0, cell->comm, MPI_STATUS_IGNORE));
  PetscCallMPI(
    MPI_Sendrecv(v->phase, bytes, MPI_BYTE, down, 1, above, bytes, MPI_BYTE, up, 1, cell->comm, MPI_STATUS_IGNORE));
  PetscFunctionReturn(0);
}

// 1 where solid, with one voxel around the plane.
static void SolidPlane(
  const PetscInt n[3], PetscBool octant, const PetscBool fluid[256], const uint8_t *phase, uint8_t *solid)
{
  const PetscInt pitch = n[0] + 2;

  for (PetscInt j = -1; j <= n[1]; j++) {
    const PetscInt from = octant ? PetscMin(PetscMax(j, 0), n[1] - 1) : (j + n[1]) % n[1];
    const uint8_t *row  = phase + from * n[0];
    uint8_t       *to   = solid + (j + 1) * pitch + 1;
    for (PetscInt i = 0; i < n[0]; i++) to[i] = fluid[row[i]] ? 0 : 1;
    to[-1]   = octant ? to[0] : to[n[0] - 1];
    to[n[0]] = octant ? to[n[0] - 1] : to[0];
  }
}

// beside[0]: the two voxels of the faces of a row; beside[1..2], beside[3..4]: those of the neighbours along a, b.
static void CodeRow(
  PetscInt first, PetscInt end, PetscBool walls, const uint8_t *const beside[5][2], uint8_t *restrict code)
{
  for (PetscInt i = first; i < end; i++) {
    const uint8_t wa = (uint8_t)((beside[1][0][i] | beside[1][1][i]) + (beside[2][0][i] | beside[2][1][i]));
    const uint8_t wb = (uint8_t)((beside[3][0][i] | beside[3][1][i]) + (beside[4][0][i] | beside[4][1][i]));
    const uint8_t w  = walls ? (uint8_t)(wa + 3 * wb) : SNA_FACE_FREE;
    code[i]          = beside[0][0][i] | beside[0][1][i] ? SNA_FACE_SOLID : w;
  }
}

PetscErrorCode SnaStokesFaces(SnaCell cell, const SnaFftKind kind[][3], PetscBool walls, PetscInt row, uint8_t *code)
{
  const SnaVoxels v = cell->voxels;
  const PetscInt *n = v->n, more = cell->octant ? 1 : 0, pitch = n[0] + 2, size = pitch * (n[1] + 2);
  const PetscInt  points1    = n[1] + more;
  const PetscInt  nz         = v->nz + (cell->rank == cell->size - 1 ? more : 0);
  const PetscInt  in[3]      = {1, pitch, 0}; // offset of a neighbour in a plane
  PetscBool       fluid[256] = {PETSC_FALSE};
  uint8_t        *ghost[2], *solid, *window[3]; // planes k-1, k, k+1

  PetscFunctionBeginUser;
  for (PetscInt m = 0; m < cell->spec->nphase; m++) fluid[cell->spec->phase[m].value] = cell->spec->phase[m].fluid;
  PetscCall(
    PetscMalloc3((size_t)(n[0] * n[1]), &ghost[0], (size_t)(n[0] * n[1]), &ghost[1], (size_t)(3 * size), &solid));
  PetscCall(GhostPhases(cell, ghost[0], ghost[1]));
  for (PetscInt m = 0; m < 3; m++) window[m] = solid + m * size;
  SolidPlane(n, cell->octant, fluid, ghost[0], window[1]);
  SolidPlane(n, cell->octant, fluid, v->phase, window[2]);
  for (PetscInt k = 0; k < nz; k++) {
    uint8_t *const lowest = window[0];

    window[0] = window[1];
    window[1] = window[2];
    window[2] = lowest;
    SolidPlane(
      n, cell->octant, fluid, k + 1 < v->nz ? v->phase + (size_t)(k + 1) * (size_t)(n[0] * n[1]) : ghost[1], lowest);
    for (PetscInt j = 0; j < points1; j++)
      for (PetscInt c = 0; c < 3; c++) {
        uint8_t       *line    = code + ((size_t)(k * points1 + j) * 3 + (size_t)c) * (size_t)row;
        const PetscInt axes[2] = {c == 0 ? 1 : 0, c == 2 ? 1 : 2}, at[3] = {0, j, v->z0 + k};
        const PetscInt here     = (j + 1) * pitch + 1;
        PetscInt       first[3] = {0, 0, 0}, end[3] = {n[0], n[1], n[2]};
        const uint8_t *beside[5][2];

        PetscCall(PetscArrayzero(line, (size_t)row));
        for (PetscInt a = 0; kind && a < 3; a++) {
          first[a] = kind[c][a] == SNA_FFT_DST1 ? 1 : 0;
          end[a] += kind[c][a] == SNA_FFT_DCT1 ? 1 : 0;
        }
        if (at[1] < first[1] || at[1] >= end[1] || at[2] < first[2] || at[2] >= end[2]) continue;
        beside[0][0] = window[1] + here;
        beside[0][1] = (c == 2 ? window[0] : window[1]) + here - in[c];
        for (PetscInt m = 0; m < 4; m++) { // a -, a +, b -, b +
          const PetscInt a = axes[m / 2], step = m % 2 ? 1 : -1;
          for (PetscInt side = 0; side < 2; side++)
            beside[m + 1][side] =
              a == 2 ? window[1 + step] + (beside[0][side] - window[1]) : beside[0][side] + step * in[a];
        }
        CodeRow(first[0], end[0], walls, beside, line);
      }
  }
  PetscCall(PetscFree3(ghost[0], ghost[1], solid));
  PetscFunctionReturn(0);
}

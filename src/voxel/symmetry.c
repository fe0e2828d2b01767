// symmetry.c - mirrors and axis permutations of an image, its octant and back, refinement.
//
//   mirror about the middle of x      phase(i, j, k) = phase(n-1-i, j, k)
//   cubic                             phase(i, j, k) = phase(j, i, k) = phase(i, k, j)      two swaps generate all six permutations
//   octant                            i < n/2 on each axis: the corner at the origin
//
// Planes of z come from the ranks that hold them, a slab's worth per rank; the swap of y and z goes in blocks of
// (planes of one rank) x (planes of another). Symmetry planes elsewhere than in the middle of the image are not looked
// for.
#include <sna/voxel.h>
#include <string.h>

static size_t PlaneSize(SnaVoxels v)
{
  return (size_t)v->n[0] * (size_t)v->n[1];
}

// planes[]: `count` planes of the image from plane `first` on, wherever they are. Collective; each rank asks for its
// own.
static PetscErrorCode FetchPlanes(SnaVoxels v, PetscInt first, PetscInt count, uint8_t planes[])
{
  const PetscInt wish[2] = {first, count};
  PetscInt      *wishes;
  PetscMPIInt    size, rank, bytes, *n, *start, *from_n, *from_start;
  MPI_Datatype   plane;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(v->comm, &size));
  PetscCallMPI(MPI_Comm_rank(v->comm, &rank));
  bytes = (PetscMPIInt)PlaneSize(v);
  PetscCall(PetscMalloc5((size_t)size * 2, &wishes, (size_t)size, &n, (size_t)size, &start, (size_t)size, &from_n,
    (size_t)size, &from_start));
  PetscCallMPI(MPI_Allgather(wish, 2, MPIU_INT, wishes, 2, MPIU_INT, v->comm));
  for (PetscMPIInt r = 0; r < size; r++) {
    PetscInt z0, nz, lo, hi;

    lo       = PetscMax(wishes[2 * r], v->z0);
    hi       = PetscMin(wishes[2 * r] + wishes[2 * r + 1], v->z0 + v->nz);
    n[r]     = (PetscMPIInt)PetscMax(hi - lo, 0);
    start[r] = n[r] ? (PetscMPIInt)(lo - v->z0) : 0;
    SnaSplit(v->n[2], size, r, &z0, &nz);
    lo            = PetscMax(first, z0);
    hi            = PetscMin(first + count, z0 + nz);
    from_n[r]     = (PetscMPIInt)PetscMax(hi - lo, 0);
    from_start[r] = from_n[r] ? (PetscMPIInt)(lo - first) : 0;
  }
  PetscCallMPI(MPI_Type_contiguous(bytes, MPI_BYTE, &plane));
  PetscCallMPI(MPI_Type_commit(&plane));
  PetscCallMPI(MPI_Alltoallv(v->phase, n, start, plane, planes, from_n, from_start, plane, v->comm));
  PetscCallMPI(MPI_Type_free(&plane));
  PetscCall(PetscFree5(wishes, n, start, from_n, from_start));
  PetscFunctionReturn(0);
}

// Do two rows agree; `reversed`: the second is read backwards.
static PetscBool SameRow(const uint8_t a[], const uint8_t b[], PetscInt n, PetscBool reversed)
{
  if (!reversed) return (PetscBool)(memcmp(a, b, (size_t)n) == 0);
  for (PetscInt i = 0; i < n; i++) {
    if (a[i] != b[n - 1 - i]) return PETSC_FALSE;
  }
  return PETSC_TRUE;
}

static PetscErrorCode LocalMirrors(SnaVoxels v, PetscBool mirrors[3])
{
  const PetscInt nx = v->n[0], ny = v->n[1], nz = v->nz;
  uint8_t       *opposite;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(PlaneSize(v) * (size_t)nz, &opposite));
  PetscCall(FetchPlanes(v, v->n[2] - v->z0 - nz, nz, opposite));
  mirrors[0] = mirrors[1] = mirrors[2] = PETSC_TRUE;
  for (PetscInt k = 0; k < nz; k++) {
    const uint8_t *plane = v->phase + (size_t)k * PlaneSize(v), *other = opposite + (size_t)(nz - 1 - k) * PlaneSize(v);

    for (PetscInt j = 0; j < ny; j++) {
      const uint8_t *row = plane + (size_t)j * (size_t)nx;

      mirrors[0] = (PetscBool)(mirrors[0] && SameRow(row, row, nx, PETSC_TRUE));
      mirrors[1] = (PetscBool)(mirrors[1] && SameRow(row, plane + (size_t)(ny - 1 - j) * (size_t)nx, nx, PETSC_FALSE));
      mirrors[2] = (PetscBool)(mirrors[2] && SameRow(row, other + (size_t)j * (size_t)nx, nx, PETSC_FALSE));
    }
  }
  PetscCall(PetscFree(opposite));
  PetscFunctionReturn(0);
}

static PetscBool SwapsXY(SnaVoxels v)
{
  const size_t n = (size_t)v->n[0];

  for (PetscInt k = 0; k < v->nz; k++) {
    const uint8_t *plane = v->phase + (size_t)k * PlaneSize(v);

    for (size_t j = 1; j < n; j++) {
      for (size_t i = 0; i < j; i++) {
        if (plane[j * n + i] != plane[i * n + j]) return PETSC_FALSE;
      }
    }
  }
  return PETSC_TRUE;
}

// Row k of plane j, from the rank that holds plane j, against row j of plane k here: one block of (its planes) x (our
// planes) rows at a time.
static PetscErrorCode SwapsYZ(SnaVoxels v, PetscBool *same)
{
  const PetscInt n   = v->n[0];
  const size_t   row = (size_t)n;
  PetscMPIInt    size, rank, tag = 0, count, bytes;
  PetscInt       first, most;
  uint8_t       *block;
  MPI_Datatype   type, rows;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(v->comm, &size));
  PetscCallMPI(MPI_Comm_rank(v->comm, &rank));
  SnaSplit(n, size, 0, &first, &most);
  PetscCall(PetscMalloc1((size_t)most * (size_t)v->nz * row, &block));
  PetscCall(PetscMPIIntCast(n, &bytes));
  PetscCallMPI(MPI_Type_contiguous(bytes, MPI_BYTE, &type));
  PetscCallMPI(MPI_Type_commit(&type));
  *same = PETSC_TRUE;
  for (PetscMPIInt step = 0; step < size; step++) {
    const PetscMPIInt to = (rank + step) % size, from = (rank + size - step) % size;
    PetscInt          to_first, to_count, from_first, from_count;

    SnaSplit(n, size, to, &to_first, &to_count);
    SnaSplit(n, size, from, &from_first, &from_count);
    PetscCallMPI(MPI_Type_vector((PetscMPIInt)v->nz, (PetscMPIInt)to_count, (PetscMPIInt)n, type, &rows));
    PetscCallMPI(MPI_Type_commit(&rows));
    count = (PetscMPIInt)(from_count * v->nz); // at most n^2
    PetscCallMPI(MPI_Sendrecv(
      v->phase + (size_t)to_first * row, 1, rows, to, tag, block, count, type, from, tag, v->comm, MPI_STATUS_IGNORE));
    PetscCallMPI(MPI_Type_free(&rows));
    for (PetscInt j = 0; j < from_count && *same; j++) {
      for (PetscInt k = 0; k < v->nz && *same; k++) {
        const uint8_t *ours = v->phase + ((size_t)k * row + (size_t)(from_first + j)) * row;

        *same = SameRow(ours, block + ((size_t)j * (size_t)v->nz + (size_t)k) * row, n, PETSC_FALSE);
      }
    }
  }
  PetscCallMPI(MPI_Type_free(&type));
  PetscCall(PetscFree(block));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaVoxelsSymmetry(SnaVoxels v, PetscBool mirrors[3], PetscBool *cubic)
{
  const PetscInt *n = v->n;
  const double   *h = v->h;

  PetscFunctionBeginUser;
  PetscCall(LocalMirrors(v, mirrors));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, mirrors, 3, MPIU_BOOL, MPI_LAND, v->comm));
  *cubic = (PetscBool)(mirrors[0] && mirrors[1] && mirrors[2] && n[0] == n[1] && n[1] == n[2] &&
                       PetscAbsReal(h[1] - h[0]) <= 1e-12 * h[0] && PetscAbsReal(h[2] - h[0]) <= 1e-12 * h[0]);
  if (*cubic) {
    PetscCall(SwapsYZ(v, cubic));
    *cubic = (PetscBool)(*cubic && SwapsXY(v));
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, cubic, 1, MPIU_BOOL, MPI_LAND, v->comm));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaVoxelsToOctant(SnaVoxels v, SnaVoxels *octant)
{
  const PetscInt n[3] = {v->n[0] / 2, v->n[1] / 2, v->n[2] / 2};
  PetscMPIInt    size;
  uint8_t       *planes;
  SnaVoxels      o;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(v->comm, &size));
  for (int a = 0; a < 3; a++) {
    PetscCheck(v->n[a] % 2 == 0, v->comm, PETSC_ERR_ARG_SIZ, "%" PetscInt_FMT " voxels along %c have no half", v->n[a],
      "xyz"[a]);
  }
  PetscCheck(size <= n[2], v->comm, PETSC_ERR_ARG_SIZ,
    "The octant has %" PetscInt_FMT " planes for %d ranks: SnaVoxelsRedistribute() first", n[2], size);
  PetscCall(SnaVoxelsCreate(v->comm, n, v->h, &o));
  PetscCall(PetscMalloc1(PlaneSize(v) * (size_t)o->nz, &planes));
  PetscCall(FetchPlanes(v, o->z0, o->nz, planes));
  for (PetscInt k = 0; k < o->nz; k++) {
    for (PetscInt j = 0; j < n[1]; j++) {
      PetscCall(PetscMemcpy(o->phase + (size_t)k * PlaneSize(o) + (size_t)j * (size_t)n[0],
        planes + (size_t)k * PlaneSize(v) + (size_t)j * (size_t)v->n[0], (size_t)n[0]));
    }
  }
  PetscCall(PetscFree(planes));
  *octant = o;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaVoxelsFromOctant(SnaVoxels o, SnaVoxels *voxels)
{
  const PetscInt n[3] = {2 * o->n[0], 2 * o->n[1], 2 * o->n[2]};
  PetscInt       first, end;
  uint8_t       *planes;
  SnaVoxels      v;

  PetscFunctionBeginUser;
  PetscCall(SnaVoxelsCreate(o->comm, n, o->h, &v));
  // Planes z0 .. z0+nz-1 are, folded, a range too.
  first = PetscMin(v->z0, n[2] - v->z0 - v->nz);
  end   = v->z0 + v->nz <= o->n[2] ? v->z0 + v->nz : v->z0 >= o->n[2] ? n[2] - v->z0 : o->n[2];
  PetscCall(PetscMalloc1(PlaneSize(o) * (size_t)(end - first), &planes));
  PetscCall(FetchPlanes(o, first, end - first, planes));
  for (PetscInt k = 0; k < v->nz; k++) {
    const PetscInt z     = PetscMin(v->z0 + k, n[2] - 1 - v->z0 - k);
    const uint8_t *plane = planes + (size_t)(z - first) * PlaneSize(o);

    for (PetscInt j = 0; j < n[1]; j++) {
      const uint8_t *from = plane + (size_t)PetscMin(j, n[1] - 1 - j) * (size_t)o->n[0];
      uint8_t       *to   = v->phase + (size_t)k * PlaneSize(v) + (size_t)j * (size_t)n[0];

      for (PetscInt i = 0; i < o->n[0]; i++) to[i] = to[n[0] - 1 - i] = from[i];
    }
  }
  PetscCall(PetscFree(planes));
  *voxels = v;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaVoxelsRefine(SnaVoxels v, PetscInt factor, SnaVoxels *fine)
{
  PetscInt  n[3], first, count;
  double    h[3];
  uint8_t  *planes;
  SnaVoxels f;

  PetscFunctionBeginUser;
  PetscCheck(factor >= 1, v->comm, PETSC_ERR_ARG_OUTOFRANGE, "Refinement by %" PetscInt_FMT, factor);
  for (int a = 0; a < 3; a++) {
    PetscCall(PetscIntMultError(v->n[a], factor, &n[a]));
    h[a] = v->h[a] / (double)factor;
  }
  PetscCall(SnaVoxelsCreate(v->comm, n, h, &f));
  first = f->z0 / factor;
  count = (f->z0 + f->nz - 1) / factor - first + 1;
  PetscCall(PetscMalloc1(PlaneSize(v) * (size_t)count, &planes));
  PetscCall(FetchPlanes(v, first, count, planes));
  for (PetscInt k = 0; k < f->nz; k++) {
    const uint8_t *plane = planes + (size_t)((f->z0 + k) / factor - first) * PlaneSize(v);

    for (PetscInt j = 0; j < n[1]; j++) {
      const uint8_t *from = plane + (size_t)(j / factor) * (size_t)v->n[0];
      uint8_t       *to   = f->phase + (size_t)k * PlaneSize(f) + (size_t)j * (size_t)n[0];

      for (PetscInt i = 0; i < v->n[0]; i++) {
        for (PetscInt s = 0; s < factor; s++) *to++ = from[i];
      }
    }
  }
  PetscCall(PetscFree(planes));
  *fine = f;
  PetscFunctionReturn(0);
}

// cell.c - one discretised cell problem: the calls through a solver's table, and how much memory it will take.
#include "homog_impl.h"

PetscErrorCode SnaCellCreate(
  SnaVoxels voxels, PetscBool octant, SnaPhysics physics, PetscInt variant, const SnaHomogSpec *spec, SnaCell *cell)
{
  PetscFunctionBeginUser;
  PetscCall(PetscNew(cell));
  (*cell)->comm    = voxels->comm;
  (*cell)->voxels  = voxels;
  (*cell)->spec    = spec;
  (*cell)->octant  = octant;
  (*cell)->physics = physics;
  (*cell)->variant = variant;
  PetscCallMPI(MPI_Comm_size(voxels->comm, &(*cell)->size));
  PetscCallMPI(MPI_Comm_rank(voxels->comm, &(*cell)->rank));
  if (physics == SNA_PERMEABILITY)
    PetscCall(SnaCellCreate_Permeability(*cell));
  else
    PetscCall(SnaCellCreate_Elliptic(*cell));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCellDestroy(SnaCell *cell)
{
  PetscFunctionBeginUser;
  if (!*cell) PetscFunctionReturn(0);
  PetscCall((*cell)->ops.destroy(*cell));
  PetscCall(PetscFree(*cell));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCellSolve(SnaCell cell, const double load[], SnaHomogMonitor monitor, void *ctx, SnaCellLoad *result)
{
  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(result, sizeof(*result)));
  PetscCall(cell->ops.solve(cell, load, monitor, ctx, result));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCellKeep(SnaCell cell, PetscInt i)
{
  PetscFunctionBeginUser;
  PetscCall(cell->ops.keep(cell, i));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCellCross(SnaCell cell, PetscInt i, double *value)
{
  PetscFunctionBeginUser;
  PetscCall(cell->ops.cross(cell, i, value));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCellGetFields(SnaCell cell, PetscInt *n, const SnaCellField **fields)
{
  PetscFunctionBeginUser;
  *n      = cell->nfield;
  *fields = cell->field;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCellGetField(SnaCell cell, PetscInt field, float data[])
{
  PetscFunctionBeginUser;
  PetscCall(cell->ops.field(cell, field, data));
  PetscFunctionReturn(0);
}

double SnaCellMemory(const PetscInt n[3], PetscBool octant, SnaPhysics physics, PetscMPIInt size, PetscInt kept)
{
  if (physics == SNA_PERMEABILITY) return SnaCellMemory_Permeability(n, octant, size);
  return SnaCellMemory_Elliptic(n, octant, physics == SNA_ELASTICITY ? 3 : 1, size, kept);
}

PetscErrorCode SnaCellReport_Private(SnaCell cell, const double load[], PetscInt it, double residual, double rtol,
  SnaHomogMonitor monitor, void *ctx, PetscBool *stop)
{
  static const char *const name[] = {"elasticity", "conductivity", "permeability"};
  const PetscInt           n      = cell->physics == SNA_ELASTICITY ? 6 : 3;
  SnaHomogIteration        info;

  PetscFunctionBeginUser;
  *stop = PETSC_FALSE;
  if (!monitor) PetscFunctionReturn(0);
  info.physics = cell->physics;
  info.what =
    cell->physics == SNA_PERMEABILITY && cell->variant == 1 ? "permeability without walls" : name[cell->physics];
  info.load     = 0;
  info.it       = it;
  info.residual = residual;
  info.rtol     = rtol;
  for (PetscInt i = 1; i < n; i++)
    if (PetscAbsReal(load[i]) > PetscAbsReal(load[info.load])) info.load = i;
  PetscCall(monitor(ctx, &info, stop));
  PetscFunctionReturn(0);
}

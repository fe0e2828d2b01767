// Private to src/homog: a cell problem and what its solvers share.
#ifndef SNA_HOMOG_IMPL_H
#define SNA_HOMOG_IMPL_H

#include <sna/homog.h>

// Kernels run along x in vectors of this many doubles.
#define LANES 8
typedef double Vec __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double)), may_alias));
#define LOAD(p) (*(Vec *)(p)) // also to store; lines are padded to whole vectors

typedef struct { // implemented by each solver; keep, cross NULL: not offered
  PetscErrorCode (*solve)(SnaCell, const double load[], SnaHomogMonitor, void *ctx, SnaCellLoad *);
  PetscErrorCode (*keep)(SnaCell, PetscInt i);
  PetscErrorCode (*cross)(SnaCell, PetscInt i, double *value);
  PetscErrorCode (*field)(SnaCell, PetscInt field, float data[]);
  PetscErrorCode (*destroy)(SnaCell);
} SnaCellOps;

struct SnaCell_ {
  MPI_Comm            comm;
  PetscMPIInt         size, rank;
  SnaVoxels           voxels; // borrowed
  const SnaHomogSpec *spec;   // borrowed
  PetscBool           octant;
  SnaPhysics          physics;
  PetscInt            variant;
  SnaCellOps          ops;
  PetscInt            nfield;
  const SnaCellField *field;
  void               *data; // the solver's own struct
};

PetscErrorCode SnaCellCreate_Elliptic(SnaCell cell);     // elasticity and conductivity: elliptic.c
PetscErrorCode SnaCellCreate_Permeability(SnaCell cell); // stokes.c
double SnaCellMemory_Elliptic(const PetscInt n[3], PetscBool octant, PetscInt ncomp, PetscMPIInt size, PetscInt kept);
double SnaCellMemory_Permeability(const PetscInt n[3], PetscBool octant, PetscMPIInt size);

// Which unit load a load belongs to: the largest entry. Tells the monitor. *stop: end after this iteration.
PetscErrorCode SnaCellReport_Private(SnaCell cell, const double load[], PetscInt it, double residual, double rtol,
  SnaHomogMonitor monitor, void *ctx, PetscBool *stop);

#endif

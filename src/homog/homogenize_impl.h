// Private to src/homog: what the files of SnaHomogenize() share.
//
//   preflight.c    what is zero, what has to be solved          assemble.c    tensors from what the loads gave
//   homogenize.c   the solves
#ifndef SNA_HOMOGENIZE_IMPL_H
#define SNA_HOMOGENIZE_IMPL_H

#include <sna/homog.h>

typedef struct {
  SnaPhysics physics;
  PetscInt   variant, load;
  double     work; // relative to one elastic load
} Solve;

typedef struct {
  SnaVoxels           voxels; // whole cell
  const SnaHomogSpec *spec;
  const SnaHomogTask *task;
  SnaHomogMonitor     monitor;
  void               *ctx;
  SnaHomogResult     *result;
  PetscInt64          count[256]; // voxels of each value
  PetscBool           octant;     // stands for the cell
  PetscBool           diagonal;   // R is, by three mirrors of the image
  PetscBool           cubic;      // one normal and one shear load stand for all
  PetscBool           fill;       // closed pores are there
  SnaPhase            alone;      // the only phase of the image
  PetscBool           one_phase;
  PetscInt            nsolve, next;
  Solve               solve[18];
  double              work, work_done; // of solve[], before the present one
  double              largest;         // share of the present one, which only grows
  SnaHomogIteration   last;
  MPI_Comm            comm; // of the cells
} Homog;

// The two axes of a load: those of its strain, or its direction.
extern const int SnaHomogLoadAxes[6][2];

static inline PetscInt SnaHomogLoads(SnaPhysics physics)
{
  return physics == SNA_ELASTICITY ? 6 : 3;
}

void SnaHomogNote(SnaHomogResult *result, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(2, 3);
// Values of the phases that carry.
void           SnaHomogMembers(const SnaHomogSpec *spec, SnaPhysics physics, PetscBool member[256]);
PetscErrorCode SnaHomogPreflight(Homog *h);
void           SnaHomogAssemble(Homog *h, SnaPhysics physics);

#endif

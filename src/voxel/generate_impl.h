// What generate.c and generate_checks.c share: sets of voxels of an octant whose six faces are mirrors; solid is 1, pore 0, x fastest.
#ifndef SNA_GENERATE_IMPL_H
#define SNA_GENERATE_IMPL_H

#include <sna/voxel.h>

typedef struct { // scratch of SnaOctantLabel(): label[n^3] and tables of runs; pair[n^3] also for SnaOctantHinges()
  int32_t *label, *row, *parent, (*pair)[2];
} SnaOctantScratch;
PetscErrorCode SnaOctantScratchCreate(PetscInt n, SnaOctantScratch *scratch);
PetscErrorCode SnaOctantScratchDestroy(SnaOctantScratch *scratch);

typedef struct {
  PetscInt   count;     // components (faces)
  int32_t    largest;   // label of the largest one
  PetscInt64 elsewhere; // voxels of the others
  PetscBool  reaches;   // the largest touches all six sides of the octant
} SnaOctantComponents;

// Components of the voxels of value `phase`. Where there are several, label[v] tells them apart (>= 0; -1: another phase).
void SnaOctantLabel(
  PetscInt n, const uint8_t octant[], uint8_t phase, const SnaOctantScratch *scratch, SnaOctantComponents *components);
// Hinges: pairs of solid voxels that touch along an edge or at a corner without solid between them; at most one per block of eight. Returns how many.
PetscInt SnaOctantHinges(PetscInt n, const uint8_t octant[], int32_t pair[][2]);
// Euler number of the solid (neighbours by faces) of the periodic cell of 2n voxels per edge: components - tunnels + cavities.
PetscInt64 SnaOctantEuler(PetscInt n, const uint8_t octant[]);
// The union of all digital balls of diameter m inside the solid of the mirrored cell: morphological opening.
PetscErrorCode SnaOctantOpen(PetscInt n, const uint8_t octant[], PetscInt m, uint8_t opened[]);

#endif

// Private to src/homog: the faces of a permeability problem.
//
// Velocity component c lives on the face between voxels x - e_c and x. Everything here is laid out as
//
//   v[((k*points[1] + j)*3 + c)*row + i]      k < nz: this rank's planes; octant: n+1 points per axis
#ifndef SNA_HOMOG_STOKES_H
#define SNA_HOMOG_STOKES_H

#include "homog_impl.h"

// What a face is. Between: Wa + 3 Wb with Wa, Wb = 0, 1, 2 the solid faces beside it along the two other axes a < b.
enum { SNA_FACE_FREE = 0, SNA_FACE_SOLID = 9, SNA_FACE_CODES = 10 };

// Mirror kinds of the three components for a mean flow along `axis`.
void SnaStokesKinds(PetscInt axis, SnaFftKind kind[3][3]);
// The point beside slot j (step -1 or 1) of n cells, and the sign of its value there; periodic: wraps.
PetscInt SnaStokesBeside(SnaFftKind kind, PetscInt n, PetscInt j, PetscInt step, double *sign);
// Codes of this rank's faces, free where a component has no point; kind NULL: periodic. walls: count the solid faces beside fluid ones. Collective.
PetscErrorCode SnaStokesFaces(SnaCell cell, const SnaFftKind kind[][3], PetscBool walls, PetscInt row, uint8_t *code);

#endif

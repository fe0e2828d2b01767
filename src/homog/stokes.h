// Private to src/homog: a permeability problem.
//
// Velocity component c lives on the face between voxels x - e_c and x. Everything here is laid out as
//
//   v[((k*points[1] + j)*3 + c)*row + i]      k < nz: this rank's planes; octant: n+1 points per axis
#ifndef SNA_HOMOG_STOKES_H
#define SNA_HOMOG_STOKES_H

#include "homog_impl.h"

// What a face is. Between: Wa + 3 Wb with Wa, Wb = 0, 1, 2 the solid faces beside it along the two other axes a < b.
enum { SNA_FACE_FREE = 0, SNA_FACE_SOLID = 9 };

typedef struct {
  SnaFft              fft;
  const SnaFftLayout *layout;
  PetscInt            axis;               // octant: of the flow that transforms and faces are for; -1: none yet
  SnaFftKind          kind[3][3];         // by component and axis
  double              h[3], kappa, shift; // of the preconditioner, stokes.c
  PetscInt            points[3], z0, nz;
  PetscInt            row;                      // doubles from one row of f, r, p to the next
  size_t              plane;                    // doubles from one plane of them to the next
  double             *f, *r, *p;                // laid out as above
  double             *q;                        // the transform's buffer
  double             *ghost[2];                 // planes of r (or q) below and above; they stand before and behind r
  double             *memory;                   // r with its ghosts
  uint8_t            *code;                     // what each face is
  double              D[3][16], inverse[3][16]; // by component and code: D, 1/D; 0 where there is no force
  double             *weight;    // [3][row]: octant: 1/2 on mirrors, where a point belongs to two octants
  double             *sum;       // [3][row]: sums of a plane, by x
  double             *symbol[3]; // Re and Im of d along each axis, by double of a row, ky, kz
  double             *energy;    // [row]: u.f of a kernel's modes, by x
  double             *part;      // sums by plane, then by ky
  double              load[3];
} Stokes;

static inline double *SnaStokesRow(const Stokes *s, double *v, PetscInt k, PetscInt j, PetscInt c)
{
  return v + (ptrdiff_t)k * (ptrdiff_t)s->plane + (j * 3 + c) * s->row;
}

static inline const uint8_t *SnaStokesCodes(const Stokes *s, PetscInt k, PetscInt j, PetscInt c)
{
  return s->code + (size_t)k * s->plane + (j * 3 + c) * s->row;
}

static inline double *SnaStokesBuffer(const Stokes *s, PetscInt k, PetscInt j, PetscInt c)
{
  return s->q + (size_t)k * (size_t)s->layout->plane + (j * 3 + c) * s->layout->row;
}

// Mirror kinds of the three components for a mean flow along `axis`.
void SnaStokesKinds(PetscInt axis, SnaFftKind kind[3][3]);
// The point beside slot j (step -1 or 1) of n cells, and the sign of its value there; periodic: wraps.
PetscInt SnaStokesBeside(SnaFftKind kind, PetscInt n, PetscInt j, PetscInt step, double *sign);
// Codes of this rank's faces, free where a component has no point; kind NULL: periodic. walls: count the solid faces beside fluid ones. Collective.
PetscErrorCode SnaStokesFaces(SnaCell cell, const SnaFftKind kind[][3], PetscBool walls, PetscInt row, uint8_t *code);

// Ranks with the planes below and above; nobody beyond a mirror.
void SnaStokesNeighbours(SnaCell cell, PetscMPIInt *down, PetscMPIInt *up);

// SnaFftKernel with ctx Stokes: u^ = G^ f^ in place, and its part of u.f in s->part.
void SnaStokesGreen(void *ctx, PetscInt ky, double *block);

extern const SnaCellField SnaStokesFields[2];
PetscErrorCode            SnaStokesField(SnaCell cell, PetscInt field, float data[]);

#endif

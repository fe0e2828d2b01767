// Private to src/homog: the finite-element cell problem of elasticity (3 unknowns per node) and conductivity (1).
#ifndef SNA_HOMOG_ELLIPTIC_H
#define SNA_HOMOG_ELLIPTIC_H

#include "homog_impl.h"

// Products with the stiffness go layer by layer of voxels, between the node planes `lower` and `upper` (layout of SnaFftLayout; entry n0 of a periodic
// row repeats entry 0): the nodal forces of the layer are added to lower_force and upper_force. load: macroscopic strain or gradient, NULL for none; mean
// (NULL: not asked): the layer's sum of stress or flux times voxel volume is added to it.
typedef struct Elliptic_ Elliptic;
struct Elliptic_ {
  PetscInt            ncomp, nload; // 3, 6 or 1, 3
  PetscInt            n[3];
  double              h[3], volume; // of a voxel
  PetscBool           octant;
  const SnaFftLayout *layout; // of the current parity
  SnaFft              fft;
  SnaFftKind          kind[3][3]; // of the components, when octant
  PetscInt            parity;     // -1: none yet, periodic 0; octant: 0 normal loads (elasticity), 1 + i unit load i
  // materials, by value of a voxel
  PetscBool isotropic;
  double    lame[2][256];  // lambda, mu times volume; conductivity times volume in [0]
  double    full[21][256]; // upper triangle row by row (6 numbers of the conductivity), times volume
  PetscBool empty[256];    // no stiffness
  double    reference[2];  // lambda, mu or conductivity of the preconditioner's medium
  double   *scratch;       // rows of one element line
  double   *u, *r, *p,
    *b;           // planes of this rank, p and b one more for the neighbour's; b is the transform's and the product's
  double  *ghost; // a plane on its way
  double   load[6];
  PetscInt last; // the unit load of the last solution, -1: none or a combination
  double   mean[6], rho0;
  float   *kept[6];
  PetscInt kept_parity[6];
  double  *symbol[3]; // per axis: s, m, t of all wave numbers, one after the other
  double   rho;       // summed by the kernel
  PetscInt sign[3];   // of the couplings 23, 13, 12
  void (*layer)(Elliptic *e, const uint8_t *phase, const double *lower, const double *upper, double *lower_force,
    double *upper_force, const double *load, double *mean);
  SnaFftKernel kernel;
};

void SnaElasticLayer(Elliptic *e, const uint8_t *phase, const double *lower, const double *upper, double *lower_force,
  double *upper_force, const double *load, double *mean);
void SnaElasticKernel(void *ctx, PetscInt ky, double *block);
void SnaConductLayer(Elliptic *e, const uint8_t *phase, const double *lower, const double *upper, double *lower_force,
  double *upper_force, const double *load, double *mean);
void SnaConductKernel(void *ctx, PetscInt ky, double *block);

// A layer's forces of one line of elements: of the node x and of the node x+1 of element x, added to the line of nodes.
static inline void SnaAddLine(
  PetscInt n, PetscBool octant, const double *low, const double *high, double *restrict force)
{
  force[0] += low[0];
  for (PetscInt x = 1; x < n; x++) force[x] += low[x] + high[x - 1];
  force[octant ? n : 0] += high[n - 1];
}

PetscErrorCode SnaEllipticKeep(SnaCell cell, PetscInt i);
PetscErrorCode SnaEllipticCross(SnaCell cell, PetscInt i, double *value);
PetscErrorCode SnaEllipticField(SnaCell cell, PetscInt field, float data[]);
// The plane above this rank's last one of a vector with room for it: from the neighbour, or round the period. Collective.
PetscErrorCode SnaEllipticGhost(SnaCell cell, double *v, const double **above);

extern const SnaCellField SnaElasticFields[4], SnaConductFields[4];

#endif

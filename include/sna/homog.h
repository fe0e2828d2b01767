// sna/homog.h - effective properties of a periodic voxel cell: stiffness, conductivity, permeability.
//
// Layer: above base, fft, voxel. The judge of every designed cell: black box in, tensors and their numerical error out.
//
// Voigt order 11, 22, 33, 23, 13, 12 everywhere; strains hold engineering shears (gamma = 2 eps). Discretisation and algorithms: doc/homogenisation.md.
//   elasticity     trilinear hexahedra (2x2x2 Gauss) on the voxels, void exact; PCG with the Fourier symbol of a uniform medium
//   conductivity   the same with one unknown per node
//   permeability   Stokes flow on the MAC grid, conjugate gradients for the forces in the solid and at its walls
#ifndef SNA_HOMOG_H
#define SNA_HOMOG_H

#include <sna/fft.h>
#include <sna/voxel.h>

#define SNA_MAX_PHASES 16

typedef enum { SNA_ELASTICITY, SNA_CONDUCTIVITY, SNA_PERMEABILITY, SNA_NPHYSICS } SnaPhysics;

typedef struct { // material of one phase, by the voxel's value
  const char *name;
  uint8_t     value;
  double      C[6][6];   // stiffness, zero: void
  PetscBool   isotropic; // C is lambda, mu alone
  double      k[3][3];   // conductivity, zero: insulator
  PetscBool   fluid;     // for permeability
} SnaPhase;

typedef struct {
  PetscInt nphase; // every value of the image is one of these
  SnaPhase phase[SNA_MAX_PHASES];
  double   rtol
    [SNA_NPHYSICS]; // stopping: elasticity, conductivity sqrt(r.Mr / r0.M r0); permeability slip velocity / mean velocity
  PetscInt     max_it;
  SnaFftTuning tuning;
} SnaHomogSpec;

// Called after every iteration, collectively on the cell's communicator; sets *stop to end the solve.
typedef struct {
  SnaPhysics  physics;
  const char *what; // "elasticity", "wall", ...
  PetscInt    load; // 0..5 or 0..2
  PetscInt    it;   // of this load
  double      residual, rtol;
  // Filled by SnaHomogenize():
  MPI_Comm comm;          // ranks that work on the cell
  PetscInt solve, solves; // this is number `solve` (from 0) of so many
  double   work;          // share of the whole task that is done, an estimate from the residual's decay
} SnaHomogIteration;
typedef PetscErrorCode (*SnaHomogMonitor)(void *ctx, const SnaHomogIteration *it, PetscBool *stop);

// ---------------------------------------------------------------------------------------------------------------------
// SnaCell: one discretised problem on one image; solved for one macroscopic load after the other. `octant`: the image is one octant of a cell with
// three mirrors; everything returned is for the whole cell.
//
// For experts and tests; SnaHomogenize() below is what models use.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaCell_ *SnaCell;

typedef struct {
  PetscInt iterations;
  double   residual; // reached, in the norm of rtol
  double error; // estimate of the relative error of the energy of this load that iterating left (Hestenes and Stiefel)
  PetscBool converged, stopped, breakdown;
  double    seconds; // of iterations alone
  double    mean
    [6]; // average stress for unit strain; average flux for unit gradient; mean force on the solid per volume for unit mean velocity
} SnaCellLoad;

// variant: 0, or for permeability 0 walls at half a voxel, 1 no such walls. voxels and spec are borrowed. Collective on voxels->comm.
PetscErrorCode SnaCellCreate(
  SnaVoxels voxels, PetscBool octant, SnaPhysics physics, PetscInt variant, const SnaHomogSpec *spec, SnaCell *cell);
PetscErrorCode SnaCellDestroy(SnaCell *cell);
// load: 6 numbers (macroscopic strain), 3 (macroscopic gradient), 3 (mean velocity). octant: one of them may differ from 0, or the three normal strains.
PetscErrorCode SnaCellSolve(SnaCell cell, const double load[], SnaHomogMonitor monitor, void *ctx, SnaCellLoad *result);
// Of the last load: average over the cell of (unit load i) . (stress response), with i's own solution `earlier` when it was kept, which makes the error quadratic
// (elasticity, conductivity). SnaCellKeep stores the last solution in single precision as that of unit load i; SnaCellCross needs it.
PetscErrorCode SnaCellKeep(SnaCell cell, PetscInt i);
PetscErrorCode SnaCellCross(SnaCell cell, PetscInt i, double *value);
// Fields of the last load in plane k (local, 0..nz-1) of voxels: data[(c*n1 + j)*n0 + i], at voxel centres, of the image (octant: of the octant).
//   elasticity: displacement (3, periodic part + strain . x), strain (6), stress (6), energy (1)
//   conductivity: potential (1), gradient (3), flux (3), energy (1)      permeability: velocity (3), speed (1)
typedef struct {
  const char *name;
  PetscInt    ncomp;
} SnaCellField;
PetscErrorCode SnaCellGetFields(SnaCell cell, PetscInt *n, const SnaCellField **fields);
// Values of all local planes: data[((k*ncomp + c)*n1 + j)*n0 + i], nz*ncomp*n1*n0 floats. Collective.
PetscErrorCode SnaCellGetField(SnaCell cell, PetscInt field, float data[]);
// Bytes per rank that solving takes (fields, transforms), before anything is allocated. kept: number of SnaCellKeep().
double SnaCellMemory(const PetscInt n[3], PetscBool octant, SnaPhysics physics, PetscMPIInt size, PetscInt kept);

// ---------------------------------------------------------------------------------------------------------------------
// SnaHomogenize: pre-flight (connectivity, symmetry), loads, tensors, checks, notes. Never NaN: what does not percolate has property zero.
// ---------------------------------------------------------------------------------------------------------------------
typedef enum { SNA_SYMMETRY_AUTO, SNA_SYMMETRY_OCTANT, SNA_SYMMETRY_NONE } SnaSymmetryUse;

typedef struct SnaHomogResult_ SnaHomogResult;
// Called after every load with the cell that solved it (its fields are those of this load), the image it worked on (the octant, or the whole cell) and
// what is known so far; sets *stop to end. Collective on it->comm.
typedef PetscErrorCode (*SnaHomogLoaded)(
  void *ctx, SnaCell cell, SnaVoxels image, const SnaHomogIteration *it, const SnaHomogResult *result, PetscBool *stop);

typedef struct {
  PetscBool      physics[SNA_NPHYSICS];
  PetscBool      load[SNA_NPHYSICS][6]; // which unit loads to solve; the columns of the others are 0 and not `solved`
  SnaSymmetryUse symmetry;
  PetscBool      cubic; // a cell with cubic symmetry: one normal and one shear load, the rest by symmetry (AUTO only)
  // Solutions are kept (12 or 4 bytes per voxel each), so that terms between two loads get the accuracy of the diagonal at no cost. Lean: they are not, and
  // as where a restart has lost them, the later load of two is solved to rtol^1.75.
  PetscBool      lean;
  SnaHomogLoaded loaded; // NULL: none; ctx is that of the monitor
} SnaHomogTask;

typedef struct {
  double      value[6][6];               // C, sigma (3x3), permeability with walls at half a voxel (3x3)
  double      open[3][3], mean[3][3];    // permeability: without half-voxel walls, and the mean of both
  PetscBool   solved[6];                 // columns that were solved, or follow by symmetry or from percolation
  PetscBool   zero[6];                   // loads whose answer is zero because nothing percolates
  PetscBool   done[2][6];                // loads that were solved, [variant][load], ...
  SnaCellLoad outcome[2][6];             // ... and what SnaCellSolve() found
  PetscInt    iterations, loads;         // summed over loads and variants
  double      residual, error;           // worst load
  double      voxel_iterations, seconds; // of whole cells' voxels (of the octant's where it was used)
  PetscBool   converged, stopped;
} SnaTensor;

struct SnaHomogResult_ {
  double              volume_fraction; // of everything that is not void (elasticity), or fluid's complement
  PetscBool           octant, cubic, mirrors[3];
  SnaVoxelsComponents solid, fluid;
  SnaTensor           tensor[SNA_NPHYSICS];
  PetscInt            nnote;
  char                note[8][256]; // "the solid does not percolate along x: C11 = 0", "3 floating islands (24 voxels)"
};

// voxels: the whole cell. Loads that `resume` (a result of the same task, or NULL) has done and that converged are not solved again. Symmetry OCTANT needs
// what SnaHomogSymmetry() finds. Collective on voxels->comm.
PetscErrorCode SnaHomogenize(SnaVoxels voxels, const SnaHomogSpec *spec, const SnaHomogTask *task,
  const SnaHomogResult *resume, SnaHomogMonitor monitor, void *ctx, SnaHomogResult *result);
// Whether the octant may stand for the cell (*octant: three mirrors of the image and of the materials, even numbers of voxels), and whether the axes may be
// exchanged (*cubic: of the image, of its voxels, of the materials of all three physics). Collective on voxels->comm.
PetscErrorCode SnaHomogSymmetry(
  SnaVoxels voxels, const SnaHomogSpec *spec, PetscBool mirrors[3], PetscBool *octant, PetscBool *cubic);
// Bytes per rank that SnaHomogenize() takes on a cell of n voxels, its image included, on `size` ranks.
double SnaHomogMemory(const PetscInt n[3], PetscBool octant, const SnaHomogTask *task, PetscMPIInt size);
// Largest |entry| that three mirrors make zero, and largest relative difference of the equal triples of cubic symmetry, over C11.
void SnaTensorChecks(const double C[6][6], double *zeros, double *triples);
// Solves C e = s for the strains where strain_given[i] is false and the stresses elsewhere; FALSE in *ok when that block is singular.
PetscErrorCode SnaTensorMixed(
  const double C[6][6], const PetscBool strain_given[6], double strain[6], double stress[6], PetscBool *ok);

// ---------------------------------------------------------------------------------------------------------------------
// A cantilever of n cells in a row (beam.c). Nothing here is collective; every modulus is positive.
// ---------------------------------------------------------------------------------------------------------------------
// Deflection at the tip under a force of 1: of bending, and what shear adds. edge: of a cell; E along the beam, G across it.
void SnaBeamDeflection(PetscInt n, double edge, const double E[], const double G[], double *bending, double *shear);
typedef struct {
  double local_max, local_rms; // of E_i/target_i - 1
  double r2;                   // coefficient of determination over the cells; 0 where the target is constant
  double energy;               // norm of the difference of curvatures, relative
  double tip;                  // deflection / that of the target - 1, in bending
} SnaBeamError;
void SnaBeamCompare(PetscInt n, const double E[], const double target[], SnaBeamError *error);
// Stiffness of the row, infinitely wide, as a laminate of n homogeneous layers of equal thickness normal to 1: what the cells have beyond orthotropy
// (terms that three mirrors make zero) is left out.
void SnaBeamRow(PetscInt n, const double C[][6][6], double row[6][6]);

#endif

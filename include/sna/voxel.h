// sna/voxel.h - voxel images: one phase (0..255) per voxel of a periodic cell. Read, make, look at, change.
//
// Layer: above base and io. libtiff and zlib are used inside src/voxel and nowhere else.
//
// Axes. A voxel is (i, j, k) along x, y, z; x varies fastest in memory, as in VTK, ParaView and most raw files, z is dealt to the ranks:
//
//   phase[(k - z0)*n[0]*n[1] + j*n[0] + i]      k = z0 .. z0+nz-1: this rank's planes (those of SnaSplit)
//
// An HDF5 data set of an image has the shape [z][y][x]; a NumPy array a[i, j, k] has the shape (nx, ny, nz) whatever its memory order (doc/homogenisation.md).
#ifndef SNA_VOXEL_H
#define SNA_VOXEL_H

#include <sna/io.h>

typedef struct SnaVoxels_ {
  MPI_Comm comm;
  PetscInt n[3]; // voxels along x, y, z
  double   h[3]; // edges of a voxel, in the user's unit of length
  PetscInt z0, nz;
  uint8_t *phase;
} * SnaVoxels;

// An image of zeros. comm must not have more ranks than n[2]. Collective.
PetscErrorCode SnaVoxelsCreate(MPI_Comm comm, const PetscInt n[3], const double h[3], SnaVoxels *voxels);
PetscErrorCode SnaVoxelsDestroy(SnaVoxels *voxels);
PetscErrorCode SnaVoxelsDuplicate(SnaVoxels voxels, SnaVoxels *copy);
// voxels[] of each phase over all ranks. Collective.
PetscErrorCode SnaVoxelsCount(SnaVoxels voxels, PetscInt64 count[256]);

// ---------------------------------------------------------------------------------------------------------------------
// Files. The kind follows the ending: .npy, .vti, .tif/.tiff, .h5/.hdf5 (FILE.h5:/path/dataset), anything else raw bytes.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  const char *file;
  PetscInt    n[3];   // needed for raw files (all zero: not given); elsewhere checked against the file when given
  PetscBool   z_fast; // raw: the last axis varies fastest instead of x
  PetscInt    cell;   // which image of a data set with a leading axis of cells; -1: the file holds one image
  const char *array;  // vti: name of the cell array (or point array); NULL: the first
  PetscBool   mirror; // the file holds octants of mirror-symmetric cells: n is theirs, what is read is the cell of 2n
  // Values become phases: with nthreshold = 0 a value v must be an integer 0..255 (signed bytes and reals accepted when they are); otherwise the phase is
  // the number of thresholds that are <= v.
  PetscInt nthreshold;
  double   threshold[16];
} SnaVoxelsFile;
// The shape of the image(s) in a file: *cells is 1 or the length of the leading axis. message is empty when all went well. Collective.
PetscErrorCode SnaVoxelsFileInfo(
  MPI_Comm comm, const SnaVoxelsFile *file, PetscInt n[3], PetscInt *cells, char message[SNA_MAX_MESSAGE]);
// Each rank its own planes; comm must not have more ranks than planes (SnaVoxelsFileInfo). On a user error (no such file or data set, wrong size, truncated, a value that is no phase) *voxels is NULL and message names file and cure.
PetscErrorCode SnaVoxelsRead(
  MPI_Comm comm, const SnaVoxelsFile *file, const double h[3], SnaVoxels *voxels, char message[SNA_MAX_MESSAGE]);
// Writes .npy, .vti, raw, or HDF5 by the ending (HDF5: data set /phase unless FILE.h5:/dataset says otherwise, one byte per voxel, compressed). Collective.
PetscErrorCode SnaVoxelsWrite(SnaVoxels voxels, const char path[], char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// Shapes, exactly as doc/homogenisation.md defines them. Phase 1 is the material of the shape, phase 0 the rest.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  const char           *
    kind; // homogeneous | laminate | frame | spheres | cylinders | prism | checkerboard | gyroid | schwarz_p | channel | duct | tube | random
  PetscInt    n[3]; // voxels of the cell
  const char *array; // spheres: sc | bcc | fcc
  double
            radius; // spheres, cylinders, tube: in edges of the cell; frame: width of a bar, laminate: share of phase 1, prism, duct, channel: width of the opening
  double    fraction; // gyroid, schwarz_p, random: volume fraction of phase 1
  PetscBool sheet;    // gyroid, schwarz_p: |g| <= t instead of g <= t
  PetscBool inverse;  // swap phases 0 and 1
  PetscInt  axis; // laminate: normal; cylinders, prism, checkerboard, duct, tube: axis; channel: normal to the walls
  PetscInt  seed; // random
} SnaVoxelsShape;
extern const char SnaVoxelsShapeKinds[]; // "homogeneous|laminate|..."
// message: empty, or why the shape cannot be (a width of no whole number of voxels, a radius that does not fit, ...). Collective.
PetscErrorCode SnaVoxelsMake(
  MPI_Comm comm, const SnaVoxelsShape *shape, const double h[3], SnaVoxels *voxels, char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// Connectivity and symmetry. A set of phases is given as member[256] (TRUE: in the set). The cell is periodic, or one octant of a mirror-symmetric cell
// (mirror: the voxel beyond a face is the voxel itself).
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  PetscInt   count;   // connected components (faces) of the set
  PetscInt64 voxels;  // in the set
  PetscInt64 largest; // voxels of the largest component
  PetscBool
    percolates[3];   // some component connects with its own periodic image along x, y, z (mirror: touches both faces)
  PetscInt64 inert;  // voxels of components that do not percolate along any axis (floating islands, closed pores)
  PetscInt64 hinges; // edges and corners where voxels of the set touch without a face between them
} SnaVoxelsComponents;
// Collective. hinges are counted only when asked for.
PetscErrorCode SnaVoxelsConnect(
  SnaVoxels voxels, const PetscBool member[256], PetscBool mirror, PetscBool hinges, SnaVoxelsComponents *components);
// Gives every voxel of the set that lies in a component without percolation along `axis` (0..2; -1: along any) the phase `fill`. Collective.
PetscErrorCode SnaVoxelsFill(
  SnaVoxels voxels, const PetscBool member[256], PetscBool mirror, PetscInt axis, uint8_t fill, PetscInt64 *filled);
// Is the image its own mirror image about the middle of each axis (mirrors[3]), and does it stay the same under all permutations of the axes (*cubic, needs
// three mirrors)? Collective.
PetscErrorCode SnaVoxelsSymmetry(SnaVoxels voxels, PetscBool mirrors[3], PetscBool *cubic);
// The octant i < n/2 ... of a cell with three mirrors and even n, and back. Collective.
PetscErrorCode SnaVoxelsToOctant(SnaVoxels voxels, SnaVoxels *octant);
PetscErrorCode SnaVoxelsFromOctant(SnaVoxels octant, SnaVoxels *voxels);
// Every voxel cut into factor^3. Collective.
PetscErrorCode SnaVoxelsRefine(SnaVoxels voxels, PetscInt factor, SnaVoxels *fine);
// The image on another communicator of at most n[2] ranks (a subset of the ranks of voxels->comm; MPI_COMM_NULL on the others, *copy is NULL there). Collective on voxels->comm.
PetscErrorCode SnaVoxelsRedistribute(SnaVoxels voxels, MPI_Comm comm, SnaVoxels *copy);

// ---------------------------------------------------------------------------------------------------------------------
// The generator of open, bicontinuous cells with identical faces (doc/microstructure.md). One rank makes one cell: its octant, the
// corner i = j = k = 0 of which is the corner of the cell; i = 0 lies on a face of the cell, i = n-1 at the mirror plane in its middle.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  const char *family;       // one of SnaGeneratorFamilies
  PetscInt    n;            // voxels per edge of the octant
  double      fraction[2];  // the volume fraction of solid is uniform in this interval
  PetscBool   orthotropic;  // omit the symmetrisation over the axis permutations
  PetscInt    min_ligament; // voxels; a cell with a thinner solid ligament is rejected; 1: none is
  uint64_t    seed;
} SnaGenerator;
extern const char SnaGeneratorFamilies[]; // "bicontinuous|schwarz_p|iwp|frd|neovius"

typedef enum { // why a candidate is no cell, in the order of the checks
  SNA_ACCEPTED,
  SNA_REJECT_FRACTION, // the volume fraction is out of reach
  SNA_REJECT_ISLANDS,  // more than 2 % of the voxels lie in islands and closed pores, or filling them does not end
  SNA_REJECT_SOLID,    // the solid is not connected or does not reach all faces
  SNA_REJECT_PORE,     // the pore space is not
  SNA_REJECT_HINGE, // solid that touches solid along an edge or at a corner only, and one voxel more does not mend it
  SNA_REJECT_LIGAMENT, // thinner than min_ligament
  SNA_NVERDICTS
} SnaVerdict;
extern const char *const SnaVerdicts[SNA_NVERDICTS]; // in a word or two

typedef struct {
  SnaVerdict verdict;
  double     target, fraction; // of solid: asked for and reached, within one voxel of the cell's octant
  double     k0, w, tau;       // of the random field; its bias with sign
  PetscInt64 filled;           // voxels of islands and closed pores that changed phase
  PetscInt64
    euler; // Euler number of the solid of the whole periodic cell; of accepted cells with min_ligament > 1, else 0
} SnaGenerated;

// message: empty, or why no cell can be made, and *field which of family, n, min_ligament, fraction is wrong. Not collective.
PetscErrorCode SnaGeneratorCheck(const SnaGenerator *generator, const char **field, char message[SNA_MAX_MESSAGE]);
// A candidate for `cell`: its octant (x fastest, solid 1) into octant[n^3]. The target of the volume fraction belongs to (seed, cell), everything else
// to (seed, cell, attempt), so that the fractions of cells are uniform although some are accepted less often. A pure function of its arguments, the
// same on every rank. Not collective.
PetscErrorCode SnaGenerate(
  const SnaGenerator *generator, uint64_t cell, uint64_t attempt, uint8_t octant[], SnaGenerated *generated);

#endif

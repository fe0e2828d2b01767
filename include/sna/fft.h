// sna/fft.h - Fourier, cosine and sine transforms of fields on a regular grid that is cut into slabs.
//
// Layer: above base. FFTW is used inside src/fft and nowhere else.
//
// A field has `ncomp` components on a grid whose first axis, x, varies fastest; z is dealt to the ranks in slabs:
//
//   data[((iz*ny + iy)*ncomp + c)*row + ix]     ix < points[0] <= row, iy < points[1] = ny, iz < nz: this rank's planes z0..z0+nz-1
//
//        z ^   +-----------+  rank 1         a plane is contiguous: plane = ny*ncomp*row doubles; the components of one line of voxels
//          |   +-----------+                 stand beside each other, so that a line of a vector field is one piece of memory
//          |   +-----------+  rank 0
//          +--> y, x
//
// Solvers that precondition with Fourier transforms read and write their vectors once per pass, so the transform comes in three parts that
// can be woven into those passes:
//
//   SnaFftForwardPlane    x and y, in place, one plane, local                            (r -= alpha q; then its transform)
//   SnaFftSpectrum        z there, `kernel` on every line of wave numbers, z back        (symbol; r.z by Parseval)
//   SnaFftBackwardPlane   y and x back, in place, one plane, local                       (p = z + beta p; product with the stiffness)
//
// SnaFftSpectrum exchanges a few wave-number lines at a time (one ky per rank), which stay in the cache: no transposed copy of the field.
// Nothing is normalised: forward, spectrum with a kernel that does nothing, backward gives data/scale.
//
// Periodic: Fourier series; points = n. Mirror: the grid is one octant of a cell of 2n points per axis that is mirror-symmetric about x = 0, n and so
// on; every component is even or odd about the mirror planes of each axis, its points on these planes (n+1 of them) or between them (n):
//
//   DCT1 even, on planes      DST1 odd, on planes (zero there)      DCT2 even, between      DST2 odd, between
//
// All have n+1 slots per axis before and after: slot k of the spectrum belongs to theta = pi k/n, what a kind does not have (slot n of the points
// of DCT2 and DST2; slot 0 and n of DST1, slot n of DCT2, slot 0 of DST2 of the spectrum) is read as zero and written as zero.
#ifndef SNA_FFT_H
#define SNA_FFT_H

#include <sna/base.h>

typedef enum { SNA_FFT_PERIODIC, SNA_FFT_DCT1, SNA_FFT_DST1, SNA_FFT_DCT2, SNA_FFT_DST2 } SnaFftKind;

typedef struct SnaFft_ *SnaFft;

typedef struct {
  PetscInt  n[3];      // cells of the grid (of the octant)
  PetscInt  points[3]; // n, or n+1 when mirror
  PetscInt  ncomp;
  PetscBool mirror;
  PetscInt  z0, nz; // this rank's planes, of points[2]
  PetscInt  row;    // doubles from one line to the next: 2*(n/2+1), or n+1, rounded up to a multiple of 8
  PetscInt  plane;  // doubles from one plane to the next
  // Per double of a row (axis 0), per ky, per kz: the wave number theta in (-pi, pi] (periodic) or [0, pi] (mirror), and the weight in
  //   sum over the whole cell of a b = scale * sum_k weight_x weight_y weight_z a^ b^      (real and imaginary parts each)
  // Weights of doubles that hold no spectrum (padding) are 0, their theta is 0.
  PetscInt      modes[3]; // doubles of a row with a spectrum: 2*(n/2+1) as (re, im) pairs, or n+1; ky; kz
  const double *theta[3], *weight[3];
  double        scale; // 1/(n0 n1 n2), mirror: 1/(8 n0 n1 n2)
} SnaFftLayout;

extern const SnaOption SnaFftOptions[]; // fft_effort, fft_wisdom

typedef struct {
  const char *effort; // estimate | measure | patient
  const char *wisdom; // file of plans, read if it is there and renewed; NULL: none
} SnaFftTuning;
PetscErrorCode SnaFftTuningFromOptions(SnaDeck deck, SnaFftTuning *tuning);

// kind: NULL for periodic, otherwise ncomp x 3 (x, y, z) mirror kinds. The planes are those of SnaSplit(n[2]); mirror: the last rank has one
// more. comm must not have more ranks than n[2]. tuning may be NULL (measure, no wisdom). Collective.
PetscErrorCode SnaFftCreate(MPI_Comm comm, const PetscInt n[3], PetscInt ncomp, const SnaFftKind kind[][3],
  const SnaFftTuning *tuning, SnaFft *fft);
PetscErrorCode SnaFftDestroy(SnaFft *fft);
PetscErrorCode SnaFftGetLayout(SnaFft fft, const SnaFftLayout **layout); // borrowed
// Memory for a field, aligned and zero: nplane planes. PetscFree-like partner below; *data is NULL afterwards. Not collective.
PetscErrorCode SnaFftMalloc(SnaFft fft, PetscInt nplane, double **data);
PetscErrorCode SnaFftFree(double **data);
// Bytes that Create and Spectrum take on this rank beside the caller's fields.
double SnaFftMemory(const PetscInt n[3], PetscInt ncomp, PetscBool mirror, PetscMPIInt size);

// plane: one plane of SnaFftMalloc() (alignment of its first plane). Not collective.
PetscErrorCode SnaFftForwardPlane(SnaFft fft, double *plane);
PetscErrorCode SnaFftBackwardPlane(SnaFft fft, double *plane);
// All lines of one ky: block[(kz*ncomp + c)*row + s], s a double of the row, all kz. Multiplies them in place.
typedef void (*SnaFftKernel)(void *ctx, PetscInt ky, double *block);
// Between the forward and the backward transform of all planes of `data`. Every ky is given to one rank. Collective.
PetscErrorCode SnaFftSpectrum(SnaFft fft, double *data, SnaFftKernel kernel, void *ctx);

#endif

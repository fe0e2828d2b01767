// Cosine and sine transforms of many lines of n+1 slots at once, in place, unnormalised (forward then backward gives 2n times the data).
//
// Private to src/fft. Forward is FFTW's REDFT00, RODFT00, REDFT10, RODFT10 (DCT1, DST1, DCT2, DST2), backward REDFT00, RODFT00, REDFT01, RODFT01:
//
//   kind   points (at j)          modes (theta = pi k/n)   forward                                    backward
//   DCT1   slots j = 0..n         slots k = 0..n           x_0 + (-1)^k x_n + 2 sum x_j cos(theta j)  the same
//   DST1   slots j = 1..n-1       slots k = 1..n-1         2 sum x_j sin(theta j)                     the same
//   DCT2   slots j = 0..n-1       slots k = 0..n-1         2 sum x_j cos(theta (j+1/2))               X_0 + 2 sum X_k cos(theta (j+1/2))
//   DST2   slots j = 0..n-1       slots k = 1..n           2 sum x_j sin(theta (j+1/2))               (-1)^j X_n + 2 sum X_k sin(theta (j+1/2))
//
// A sum runs over the slots between those that stand before it. Slots that a kind does not have are read as zero whatever they hold (NaN too) and written as zero.
// Lines are treated in pairs: a NaN in a slot that is there, and rounding errors of a larger line, reach the neighbour.
#ifndef SNA_FFT_DCT_H
#define SNA_FFT_DCT_H

#include <sna/fft.h>

typedef struct SnaDct_ *SnaDct;

// n >= 1. fftw_effort: FFTW_ESTIMATE, FFTW_MEASURE or FFTW_PATIENT. The object holds scratch memory: one call at a time. Not collective.
PetscErrorCode SnaDctCreate(PetscInt n, unsigned fftw_effort, SnaDct *dct);
PetscErrorCode SnaDctDestroy(SnaDct *dct);
// Element j of line l is data[j*stride + l], l < m (lines beside each other), stride >= m.
PetscErrorCode SnaDctLines(SnaDct dct, SnaFftKind kind, PetscBool backward, PetscInt m, PetscInt stride, double *data);
// Line l is data[l*ld + j], j = 0..n (elements beside each other), ld >= n+1.
PetscErrorCode SnaDctRows(SnaDct dct, SnaFftKind kind, PetscBool backward, PetscInt nrow, PetscInt ld, double *data);
// Bytes that an object of this n takes.
double SnaDctMemory(PetscInt n);

#endif

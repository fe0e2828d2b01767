// sna/data.h - data to learn from: test functions and designs of experiments, scaling, splits, signals and their principal components.
//
// Layer: above base and io. GSL (wavelets) is used inside src/data and nowhere else.
//
// Arrays of points are "structure of arrays": x[d][i] is input d of row i.
#ifndef SNA_DATA_H
#define SNA_DATA_H

#include <sna/base.h>
#include <sna/io.h>

// ---------------------------------------------------------------------------------------------------------------------
// Test functions with exact definitions (Surjanovic & Bingham, Virtual Library of Simulation Experiments; doc/khronos.md):
//   borehole 8, otl_circuit 6, wing_weight 10, piston 7, ishigami 3, friedman1 any >= 5, sobol_g any >= 1
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  const char *name;
  PetscInt    nd; // inputs; with a free dimension the one asked for
  const char *input[SNA_MAX_DIM];
  double      lo[SNA_MAX_DIM], hi[SNA_MAX_DIM]; // inputs are uniform on the box
} SnaTestFunction;

const char *SnaTestFunctionNames(void); // "borehole|sobol_g|..."
// nd: 0 for the function's own (sobol_g: 20, friedman1: 10). A dimension that the function does not have is a user error: message.
PetscErrorCode SnaTestFunctionGet(const char name[], PetscInt nd, SnaTestFunction *f, char message[SNA_MAX_MESSAGE]);
// y[i] at points in physical units. sobol_g: a_i = (i-1)/2. Not collective.
PetscErrorCode SnaTestFunctionEvaluate(const SnaTestFunction *f, PetscInt n, const double *const x[], double y[]);

// Points first..first+n-1 of a design of `total` points in (0,1)^nd; functions of (kind, seed, total, index) alone, so independent of the ranks.
//   lhs     Latin hypercube, a random permutation of the strata in every dimension (random access by a keyed bijection), a random point in each
//   sobol   Sobol' sequence (direction numbers of Joe & Kuo 2008, at least SNA_MAX_DIM dimensions), digitally shifted by the seed
//   random  independent uniform
PetscErrorCode SnaDesignPoints(
  const char kind[], uint64_t seed, PetscInt64 total, PetscInt nd, PetscInt64 first, PetscInt n, double *const x[]);

// ---------------------------------------------------------------------------------------------------------------------
// Scaling: t = (g(x) - shift) / width, g = x or ln x.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  PetscBool log;
  double    shift, width;
  double    lo, hi; // range of x in the rows it was made from (inputs: of the domain)
} SnaScale;

double SnaScaleForward(const SnaScale *s, double x);
double SnaScaleBackward(const SnaScale *s, double t);
double SnaScaleDerivative(const SnaScale *s, double x); // dt/dx
// What the rows of all ranks say about a column: the same to the last bit on any number of ranks (sums in fixed point or over fixed blocks of the row numbers).
typedef struct {
  double     min, max, mean, deviation; // deviation: sqrt(sum (x-mean)^2 / n), 0 for a constant column
  double     log_mean, log_deviation;   // of ln x, where min > 0; else 0
  PetscInt64 n;
} SnaColumnStatistics;
// Values must be finite. Collective.
PetscErrorCode SnaColumnGetStatistics(MPI_Comm comm, PetscInt n, const double x[], SnaColumnStatistics *s);
// kind of an input:  linear [min,max] -> [0,1];  log the same of ln x;  standard: mean -+ 3 deviations, cut to [min,max], -> [0,1]
//         a target:  none t = x;  standard (x-mean)/deviation;  deviation x/deviation (keeps products products);  log standard of ln x
// A kind that cannot be (log of values <= 0, constant column) is a user error: message without the column's name.
PetscErrorCode SnaScaleOfInput(
  const SnaColumnStatistics *c, const char kind[], SnaScale *s, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaScaleOfTarget(
  const SnaColumnStatistics *c, const char kind[], SnaScale *s, char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// Rows of inputs and targets, and their split in parts.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct { // plain; this rank's rows
  PetscInt    nx, ny, n;
  PetscInt64  total;  // over all ranks
  double    **x, **y; // x[d][i], y[o][i]
  PetscInt64 *row;    // number of the row in its source, 0 first
} SnaRows;
PetscErrorCode SnaRowsCreate(PetscInt nx, PetscInt ny, PetscInt n, SnaRows *rows); // zeros; total is the caller's
PetscErrorCode SnaRowsDestroy(SnaRows *rows);

typedef enum { SNA_PART_TRAIN, SNA_PART_VALIDATION, SNA_PART_TEST, SNA_NPARTS } SnaPart;

// Image of i under a pseudo-random bijection of 0..n-1 keyed by (seed, stream): Feistel network on pairs of about sqrt(n) numbers each, walked until inside.
PetscInt64 SnaPermute(uint64_t seed, uint64_t stream, PetscInt64 n, PetscInt64 i);
// Parts by seed: exactly round(test * total) rows and round(validation * total), or what is left; row r gets the part of position SnaPermute(seed, 0, total, r), train first.
PetscErrorCode SnaSplitRandom(
  uint64_t seed, PetscInt64 total, double validation, double test, PetscInt n, const PetscInt64 row[], SnaPart part[]);
// Parts of fold `fold` of `folds`: its rows are the test rows; validation is a share of the others.
PetscErrorCode SnaSplitFold(uint64_t seed, PetscInt64 total, PetscInt folds, PetscInt fold, double validation,
  PetscInt n, const PetscInt64 row[], SnaPart part[]);
// Deals the rows of each part to the ranks in an order that depends on (seed, number of the row) alone: position k of the shuffled part belongs to block
// k / SNA_DEAL_BLOCK, block b to rank b % size, where it is block b / size. The first rows of a part are thus a random sample of it, spread over all
// ranks, and the rows of a block are the same on any number of ranks. The row at place j of a part of n rows has position SnaPermute(seed, 1 + part, n, j).
// `rows` must ascend in number, over all ranks. Collective.
#define SNA_DEAL_BLOCK 256
PetscErrorCode SnaRowsDeal(
  MPI_Comm comm, const SnaRows *rows, const SnaPart part[], uint64_t seed, SnaRows out[SNA_NPARTS]);

// ---------------------------------------------------------------------------------------------------------------------
// Signals: samples x time, each sample a row of `length` numbers; rows distributed as they come.
// ---------------------------------------------------------------------------------------------------------------------
// Discrete wavelet transform (GSL) of signals padded to the next power of two by their last value; the first `keep` coefficients in GSL's order (coarse to
// fine) are kept, the others are zero on the way back. family: haar|daubechies|bspline; order as in GSL (daubechies 4, 6, .. 20; bspline 103, ...).
typedef struct SnaWavelet_ *SnaWavelet;
PetscErrorCode              SnaWaveletCreate(
               const char family[], PetscInt order, PetscInt length, PetscInt keep, SnaWavelet *w, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaWaveletDestroy(SnaWavelet *w);
PetscErrorCode SnaWaveletForward(
  SnaWavelet w, PetscInt n, const double signal[], double coefficient[]); // n x length -> n x keep
PetscErrorCode SnaWaveletBackward(SnaWavelet w, PetscInt n, const double coefficient[], double signal[]);

// Principal components of n x width numbers (rows distributed): singular value decomposition of the centred table by a tree of QR factorisations
// (LAPACK), on the shorter side. Signs: the largest entry of each component is positive. The same to round-off on any number of ranks.
typedef struct { // plain
  PetscInt width, count;
  double  *mean;      // width
  double  *component; // count x width, orthonormal rows
  double  *deviation; // count: standard deviation of the scores
  double  *share;     // count: share of the variance
} SnaPca;
// count > 0: so many; count = 0: as many as hold the share `variance` of the variance. At most min(rows - 1, width). Collective.
PetscErrorCode SnaPcaFit(MPI_Comm comm, PetscInt n, PetscInt width, const double table[], PetscInt count,
  double variance, SnaPca *pca, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaPcaDestroy(SnaPca *pca);
PetscErrorCode SnaPcaForward(
  const SnaPca *pca, PetscInt n, const double table[], double score[]); // n x width -> n x count
PetscErrorCode SnaPcaBackward(const SnaPca *pca, PetscInt n, const double score[], double table[]);
// Groups in a result file; reading: *ok false with a sticky error in the file where it does not fit. Collective on the file.
PetscErrorCode SnaPcaWrite(const SnaPca *pca, SnaFile file, const char group[]);
PetscErrorCode SnaPcaRead(SnaFile file, const char group[], SnaPca *pca, PetscBool *ok);

// Synthetic thermal histories of layered thin walls with mechanical properties (doc/khronos.md has the formulas): row i of a data set of `seed`.
//   signal: n x length temperatures [K]; property: n x SNA_NPROPERTIES: yield strength, ultimate strength [MPa], modulus [GPa] (independent of the history)
#define SNA_NPROPERTIES 3
extern const char *const SnaPropertyNames[SNA_NPROPERTIES]; // "ys", "uts", "modulus"
PetscErrorCode           SnaThermalHistory(
            uint64_t seed, PetscInt64 first, PetscInt n, PetscInt length, double signal[], double property[]);

#endif

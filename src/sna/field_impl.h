// field_impl.h - what the formats of SnaField share; not part of the public face.
#ifndef SNA_FIELD_IMPL_H
#define SNA_FIELD_IMPL_H

#include <sna/sna.h>

// A format is one such table and a reader in the list of field.c. The functions take what the public ones of the same
// name take, and
//   evaluate  grad is NULL or has at least one entry that is not
//   write     makes one dataset <group>/<direction> for each direction; field.c adds the attributes
//   destroy   frees what `data` holds
typedef struct {
  const char *format;
  PetscErrorCode (*getparametercount)(SnaField, PetscInt *);
  PetscErrorCode (*evaluate)(SnaField, PetscInt, const double *const[], double[], double *const[]);
  PetscErrorCode (*marginal)(SnaField, PetscInt, double[]);
  PetscErrorCode (*write)(SnaField, SnaFile, const char[]);
  PetscErrorCode (*destroy)(SnaField);
} SnaFieldOps;

struct SnaField_ {
  const SnaFieldOps *ops;
  PetscInt           nd;
  SnaBasis           basis[SNA_MAX_DIM]; // borrowed
  SnaBasisInfo       info[SNA_MAX_DIM];
  void              *data;
};

// A field without data.
PetscErrorCode SnaFieldCreate_Private(PetscInt nd, const SnaBasis bases[], const SnaFieldOps *ops, SnaField *f);
// Reads the datasets that write() made; the attributes agree with the bases already. *f NULL and the file's error set
// when they are wrong.
PetscErrorCode SnaFieldRead_CP(SnaFile file, const char group[], PetscInt nd, const SnaBasis bases[], SnaField *f);
PetscErrorCode SnaFieldRead_TT(SnaFile file, const char group[], PetscInt nd, const SnaBasis bases[], SnaField *f);
// "x,y,t"; PetscFree it.
PetscErrorCode SnaFieldJoinNames_Private(PetscInt nd, const SnaBasisInfo info[], char **names);
// Dataset of `ndim` <= 3 dimensions of expected[] numbers, 0: any number from 1 on. dims gets its sizes, *data the
// numbers; *data is NULL and the file's error set when it has others, or a number that is not finite.
PetscErrorCode SnaFieldReadNumbers_Private(
  SnaFile file, const char path[], int ndim, const PetscInt expected[], PetscInt dims[], double **data);

// ---------------------------------------------------------------------------------------------------------------------
// Vectors
// ---------------------------------------------------------------------------------------------------------------------
// Doubles in a register. Wider vectors than the processor's would be correct and slow.
#if defined(__AVX512F__)
#  define SNA_WIDTH 8
#elif defined(__AVX__)
#  define SNA_WIDTH 4
#else
#  define SNA_WIDTH 2
#endif

typedef double SnaVector __attribute__((vector_size(SNA_WIDTH * sizeof(double))));

// One definition is compiled for many constant arguments, which unroll it.
#define SNA_INLINE static inline __attribute__((always_inline))

static inline double SnaVectorSum(SnaVector v)
{
  double sum = v[0];

  for (int lane = 1; lane < SNA_WIDTH; lane++) sum += v[lane];
  return sum;
}

// `vectors` zeros; *memory is what to PetscFree.
PetscErrorCode SnaVectorCalloc(size_t vectors, SnaVector **v, char **memory);

// ---------------------------------------------------------------------------------------------------------------------
// Splines at a block of points
// ---------------------------------------------------------------------------------------------------------------------
#define SNA_MAX_P1 6 // degree + 1

// The splines of a cell are polynomials of the distance to its midpoint, tabulated once. Directions of lower degree
// than the highest have zero weights for the rest.
typedef struct {
  PetscInt p1;                                      // highest degree + 1
  double   length[SNA_MAX_DIM], cells[SNA_MAX_DIM]; // of the domains; cells/length: of weights to derivatives
  // shape[d][(cell*(degree+1) + m)*p1 + a]: coefficient of t^m of spline cell + a, t: distance to the midpoint in cells
  double   *shape[SNA_MAX_DIM];
  double   *weight; // [point][direction][values of p1 splines, their derivatives in cells]
  PetscInt *row;    // [point][direction]: the cell, full index of the first of its splines
} SnaFieldWeights;
PetscErrorCode SnaFieldWeightsCreate_Private(SnaField f, PetscInt block, SnaFieldWeights *w);
PetscErrorCode SnaFieldWeightsDestroy_Private(SnaField f, SnaFieldWeights *w);
// weight and row of n <= block points from `begin` on. Without gradient there are no derivatives between the values.
void SnaFieldWeightsOfBlock_Private(
  SnaField f, const SnaFieldWeights *w, PetscBool gradient, PetscInt begin, PetscInt n, const double *const x[]);

// ---------------------------------------------------------------------------------------------------------------------
// Integrals of functions phi_j = sum_i C[i*m + j] B_i of one direction
// ---------------------------------------------------------------------------------------------------------------------
// G[j*m + k] = int phi_j phi_k.
PetscErrorCode SnaFieldGram_Private(SnaBasis b, PetscInt m, const double C[], double G[]);
// mass[c] = sum_jk H[j*m + k] int_c phi_j phi_k over cell c.
PetscErrorCode SnaFieldCellMass_Private(SnaBasis b, PetscInt m, const double C[], const double H[], double mass[]);

#endif

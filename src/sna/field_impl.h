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
  PetscErrorCode (*marginal)(SnaField, PetscInt, PetscInt, double[]);
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
// Functions at a block of points
// ---------------------------------------------------------------------------------------------------------------------
#define SNA_MAX_P1 6 // degree + 1

// At a point direction d has count[d] weights, which multiply rows of coefficients. A format keeps rows[d] of them, that of active function i in row
// i + first[d].
//
//   all directions uniform (field_splines.c)   weights: splines of the cell, p1 in every direction, zero above its own degree;
//                                              weight a belongs to row cell + a, rows of dropped functions are zero
//   otherwise (field_general.c)                weights: entries of the basis; weight a belongs to row index[piece*count + a], a piece is a cell, or all
//                                              of them where the basis has one index. Dropped entries have weight zero and some row.
//                                              With leaf[d] (n x modes): the modes' values instead, one piece, weight j belongs to row j of modes
//
// The splines of a uniform cell are polynomials of the distance to its midpoint, tabulated once.
typedef struct {
  PetscBool     uniform;
  PetscInt      p1, stride; // largest count, sum of the counts
  PetscInt      count[SNA_MAX_DIM], begin[SNA_MAX_DIM], pieces[SNA_MAX_DIM], first[SNA_MAX_DIM], rows[SNA_MAX_DIM];
  double        length[SNA_MAX_DIM], cells[SNA_MAX_DIM], scale[SNA_MAX_DIM]; // scale: of the weights' derivatives
  const double *leaf[SNA_MAX_DIM];                                           // borrowed
  PetscInt     *index[SNA_MAX_DIM];                                          // NULL when all are uniform
  // uniform directions: shape[d][(cell*(degree+1) + m)*entries + a]: coefficient of t^m of spline cell + a, t: distance to the midpoint in cells;
  // entries: p1 when all are uniform, otherwise degree + 1
  double   *shape[SNA_MAX_DIM];
  double   *weight; // [point][direction, from begin[d] on][count[d] values, count[d] derivatives]
  PetscInt *row;    // [point][direction]: the cell (uniform), the piece
  double   *values; // entries of a point before they are multiplied by a leaf
} SnaFieldWeights;
// modes[d] and leaf[d] as above; leaf NULL: none. Ignored where all directions are uniform.
PetscErrorCode SnaFieldWeightsCreate_Private(
  SnaField f, PetscInt block, const PetscInt modes[], const double *const leaf[], SnaFieldWeights *w);
PetscErrorCode SnaFieldWeightsDestroy_Private(SnaField f, SnaFieldWeights *w);
// weight and row of n <= block points from `begin` on. Without gradient there are no derivatives between the values.
PetscErrorCode SnaFieldWeightsOfBlock_Private(
  SnaField f, const SnaFieldWeights *w, PetscBool gradient, PetscInt begin, PetscInt n, const double *const x[]);
// field_general.c: the same where a direction is not uniform, and the sizes and indices for it.
PetscErrorCode SnaFieldGeneralCreate_Private(
  SnaField f, const PetscInt modes[], const double *const leaf[], SnaFieldWeights *w);
PetscErrorCode SnaFieldGeneralOfBlock_Private(
  SnaField f, const SnaFieldWeights *w, PetscBool gradient, PetscInt begin, PetscInt n, const double *const x[]);
// Values (and derivatives in cells) of the degree + 1 splines at one point in a uniform direction of such a field; returns the cell.
PetscInt SnaFieldSplineWeights_Private(
  SnaField f, const SnaFieldWeights *w, PetscInt d, PetscBool gradient, double x, double weight[]);

// ---------------------------------------------------------------------------------------------------------------------
// Integrals of functions phi_j = sum_i C[i*m + j] B_i of one direction
// ---------------------------------------------------------------------------------------------------------------------
// G[j*m + k] = int phi_j phi_k.
PetscErrorCode SnaFieldGram_Private(SnaBasis b, PetscInt m, const double C[], double G[]);
// mass[c] = sum_jk H[j*m + k] int_c phi_j phi_k over the c-th of nbin equal parts of the domain.
PetscErrorCode SnaFieldBinMass_Private(
  SnaBasis b, PetscInt m, const double C[], const double H[], PetscInt nbin, double mass[]);

#endif

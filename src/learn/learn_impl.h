// Private to src/learn: rows in blocks, and what the three kinds of separable functions implement.
#ifndef SNA_LEARN_IMPL_H
#define SNA_LEARN_IMPL_H

#include <sna/learn.h>

// Engines work on ROWS rows at a time, so that every inner loop runs over rows with a constant length and unit stride. Blocks with fewer rows are
// padded by copies of the last row, which callers give no weight.
#define ROWS 64
// Up to DENSE functions per direction all of them are tabulated, zeros included: then a 1-D function is a small matrix product over rows. Beyond, the
// degree + 1 that are not zero, and the first one's index.
#define DENSE 16

typedef struct { // one direction's splines on [0,1] as polynomials per cell
  PetscInt  n, p, cells;
  PetscBool dense;
  // B_{cell+a}(t) = sum_k c[((cell*(p+1) + a)*(p+1) + k] z^k,  w = t*cells - cell - 1/2
  double *c_d;
  float  *c_f;
} SplineTable;

// One block of ROWS rows: basis[d][i*ROWS + row], i < n (dense) or i <= p (then cell[d][row] is the first function's index); slope: derivatives d/dt in
// the same layout, NULL unless asked for.
#define BLOCK_TYPE(T)                                                                                                  \
  struct {                                                                                                             \
    const T       *basis[SNA_MAX_DIM], *slope[SNA_MAX_DIM];                                                            \
    const int32_t *cell[SNA_MAX_DIM];                                                                                  \
  }
typedef BLOCK_TYPE(float) BlockF;
typedef BLOCK_TYPE(double) BlockD;

// A kind of function in one precision T. `work` has `work` numbers (aligned to 64 bytes); forward fills it, the others read it, with the same theta and block.
#define ENGINE_TYPE(T, Block)                                                                                                  \
  struct {                                                                                                                     \
    size_t work;                                                                                                               \
    /* y[o*ROWS + row] */                                                                                                      \
    void (*forward)(SnaSeparable, const T theta[], const Block *, T y[], T work[]);                                            \
    /* adds sum_{o,row} v[o*ROWS + row] dy_o/dtheta_p into any of g[p*16 .. p*16+15]; their sum is the derivative */           \
    void (*gradient)(SnaSeparable, const T theta[], const Block *, const T v[], T g[], T work[]);                              \
    /* J[(p - start)*ld + row] = dy_o/dtheta_p of block `block` (start: its first parameter), or of all (block -1, start 0) */ \
    void (*jacobian)(                                                                                                          \
      SnaSeparable, const T theta[], const Block *, PetscInt o, PetscInt block, T J[], size_t ld, T work[]);                   \
    /* dy[(o*nd + d)*ROWS + row] = dy_o/dt_d; needs block->slope */                                                            \
    void (*slope)(SnaSeparable, const T theta[], const Block *, T dy[], T work[]);                                             \
  }
typedef ENGINE_TYPE(float, BlockF) EngineF;
typedef ENGINE_TYPE(double, BlockD) EngineD;

struct SnaSeparable_ {
  SnaSeparableOptions o;
  SnaBasis            basis[SNA_MAX_DIM];
  SplineTable         table[SNA_MAX_DIM];
  PetscInt            np, nblock, start[SNA_MAX_DIM + 2];
  double             *theta;
  EngineF             f;
  EngineD             d;
  // products
  PetscInt  nmode;            // of all outputs
  uint32_t *mode;             // subset of each
  PetscInt *owner;            // output of each; -1: of all (learned weights)
  PetscInt  nof[SNA_MAX_DIM]; // modes that contain direction d
  PetscInt *of[SNA_MAX_DIM];  // which, increasing
  PetscBool full;             // every mode contains every direction
  // functions are numbered by direction, then by mode: offset[d] + k is that of mode of[d][k]; those of mode m, by direction: factor[first[m]..first[m+1]-1]
  PetscInt *factor, *first, offset[SNA_MAX_DIM + 1];
  // tensor_train
  PetscInt r[SNA_MAX_DIM + 1];
  // work space of SnaSeparableEvaluate and Predict
  void *scratch;
};

// Each kind: fills np, nblock, start, f, d (and its own members). Create_Private has set o, basis, table.
PetscErrorCode SnaSeparableSetUp_Products(SnaSeparable s);
PetscErrorCode SnaSeparableDestroy_Products(SnaSeparable s); // what SetUp allocated
PetscErrorCode SnaSeparableSetUp_Tucker(SnaSeparable s);
PetscErrorCode SnaSeparableSetUp_TensorTrain(SnaSeparable s);

PetscErrorCode SnaSplineTableCreate(SnaBasis b, SplineTable *s); // b on [0,1], nothing dropped
PetscErrorCode SnaSplineTableDestroy(SplineTable *s);
// Basis values (and slopes unless NULL) of ROWS points t (n valid, the rest copies) of direction d. basis: width*ROWS numbers, width = n (dense) or p+1.
void SnaSplineFillF(const SplineTable *s, PetscInt n, const double t[], float basis[], float slope[], int32_t cell[]);
void SnaSplineFillD(const SplineTable *s, PetscInt n, const double t[], double basis[], double slope[], int32_t cell[]);
PetscInt SnaSplineWidth(const SplineTable *s);

// One block of n <= ROWS rows first.. of t; memory: SnaBlockBytes, aligned to 64 bytes, lives as long as the block.
size_t SnaBlockBytes(SnaSeparable s, PetscBool single, PetscBool slopes);
void   SnaBlockFillF(
    SnaSeparable s, PetscInt first, PetscInt n, const double *const t[], PetscBool slopes, void *memory, BlockF *b);
void SnaBlockFillD(
  SnaSeparable s, PetscInt first, PetscInt n, const double *const t[], PetscBool slopes, void *memory, BlockD *b);

// Memory on a cache line, which vectors of 64 bytes then do not straddle. Free with SnaAlignedFree, which sets the pointer to NULL.
PetscErrorCode SnaAlignedMalloc(size_t bytes, void *pointer); // pointer: the address of one
PetscErrorCode SnaAlignedFree(void *pointer);

// Rows prepared once: nblock blocks of ROWS rows. Memory: nblock * ROWS * sum_d width numbers.
typedef struct {
  PetscInt n, nblock; // rows; blocks of ROWS
  BlockF  *block_f;   // or NULL
  BlockD  *block_d;   // or NULL
  void    *memory;
} BlockSet;
PetscErrorCode BlockSetCreate(
  SnaSeparable s, PetscInt n, const double *const t[], PetscBool single, PetscBool slopes, BlockSet *set);
PetscErrorCode BlockSetDestroy(BlockSet *set);

#endif

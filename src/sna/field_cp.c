// SnaField of format "cp": u(x) = sum_{r<R} prod_d phi^d_r(x_d), phi^d_r = sum_i C_d[i,r] B^d_i (paper eq. 2-3).
//
// Per point and direction the rows of C_d that matter (p+1 of splines) are combined into phi^d_r and its derivative, for a group of
// columns r at once;
//   du/dx_d = sum_r (prod_{e<d} phi^e_r) phi'^d_r (prod_{e>d} phi^e_r)
// comes from prefix and suffix products, without division. With q = nd (p+1) R: about 2q flops for a value, 4q + 5 nd R
// with the gradient.
//
// Columns are cut into tiles of one vector register and the tile of all rows is contiguous, so that a group of tiles in
// all directions stays in the first-level cache while a block of points passes (W: doubles in a register):
//
//   tile[d][k*rows[d] + j] = C_d[j - first, kW .. kW+W-1],   j: full index of a uniform spline (first: how many are dropped),
//                            otherwise the active function; zero for dropped functions and beyond column R
//
// Not done here: derivatives above the first.
#include "field_impl.h"

#define GROUP (SNA_WIDTH == 2 ? 4 : 2) // tiles that pass together
#define BLOCK 64                       // points that pass together

typedef struct {
  PetscInt        rank, ntile;
  SnaVector      *tile[SNA_MAX_DIM];
  SnaFieldWeights weights; // of one block of points
  SnaVector      *partial; // [point][value, derivatives] of the block: sums over the tiles, lanes kept apart
  char           *memory;  // what tile and partial point into
} FieldCP;

static PetscErrorCode SnaFieldDestroy_CP(SnaField f)
{
  FieldCP *cp = (FieldCP *)f->data;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldWeightsDestroy_Private(f, &cp->weights));
  PetscCall(PetscFree(cp->memory));
  PetscCall(PetscFree(f->data));
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaFieldGetParameterCount_CP(SnaField f, PetscInt *n)
{
  const FieldCP *cp = (const FieldCP *)f->data;

  PetscFunctionBeginUser;
  *n = 0;
  for (PetscInt d = 0; d < f->nd; d++) *n += cp->rank * f->info[d].n;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Evaluation
// ---------------------------------------------------------------------------------------------------------------------
// Adds the columns of tiles k .. k+nt-1 to the partial sums of n points.
// p1 = 0: not all directions are uniform.
SNA_INLINE void TilesOfBlock(SnaField f, const PetscInt p1, const int nt, const int gradient, PetscInt n, PetscInt k)
{
  const FieldCP  *cp     = (const FieldCP *)f->data;
  const PetscInt  nd     = f->nd;
  const double   *weight = cp->weights.weight;
  const PetscInt *row    = cp->weights.row;
  const SnaVector one    = (SnaVector){0} + 1.0;
  SnaVector      *sum    = cp->partial;

  for (PetscInt i = 0; i < n; i++, row += nd, sum += 1 + gradient * nd) {
    SnaVector phi[SNA_MAX_DIM][GROUP], others[SNA_MAX_DIM][GROUP], product[GROUP];

    for (int v = 0; v < nt; v++) product[v] = one;
    for (PetscInt d = 0; d < nd; d++) {
      const PetscInt   count = p1 ? p1 : cp->weights.count[d], rows = cp->weights.rows[d];
      const PetscInt  *at = p1 ? NULL : cp->weights.index[d] + row[d] * count;
      const SnaVector *C  = cp->tile[d] + k * rows + (p1 ? row[d] : 0);
      SnaVector        value[GROUP], slope[GROUP];

      for (int v = 0; v < nt; v++) {
        const SnaVector c = C[v * rows + (p1 ? 0 : at[0])];

        value[v] = c * weight[0];
        slope[v] = gradient ? c * weight[count] : one;
      }
      for (PetscInt a = 1; a < count; a++) {
        for (int v = 0; v < nt; v++) {
          const SnaVector c = C[v * rows + (p1 ? a : at[a])];

          value[v] += c * weight[a];
          if (gradient) slope[v] += c * weight[count + a];
        }
      }
      for (int v = 0; v < nt; v++) {
        if (gradient) {
          phi[d][v]    = value[v];
          others[d][v] = product[v] * slope[v];
        }
        product[v] *= value[v];
      }
      weight += (1 + gradient) * count;
    }
    for (int v = 0; v < nt; v++) sum[0] = k + v > 0 ? sum[0] + product[v] : product[v];
    if (!gradient) continue;
    for (int v = 0; v < nt; v++) product[v] = one; // from here the product over the directions behind d
    for (PetscInt d = nd - 1; d >= 0; d--) {
      for (int v = 0; v < nt; v++) {
        const SnaVector share = others[d][v] * product[v];

        sum[1 + d] = k + v > 0 ? sum[1 + d] + share : share;
        product[v] *= phi[d][v];
      }
    }
  }
}

SNA_INLINE void BlockOfDegree(SnaField f, const PetscInt p1, const int gradient, PetscInt n)
{
  const FieldCP *cp = (const FieldCP *)f->data;
  PetscInt       k  = 0;

  for (; k + GROUP <= cp->ntile; k += GROUP) TilesOfBlock(f, p1, GROUP, gradient, n, k);
  for (; k < cp->ntile; k++) TilesOfBlock(f, p1, 1, gradient, n, k);
}

SNA_INLINE void Block(SnaField f, const int gradient, PetscInt n)
{
  const SnaFieldWeights *w = &((const FieldCP *)f->data)->weights;

  switch (w->uniform ? w->p1 : 0) {
  case 0:
    BlockOfDegree(f, 0, gradient, n);
    break;
  case 2:
    BlockOfDegree(f, 2, gradient, n);
    break;
  case 3:
    BlockOfDegree(f, 3, gradient, n);
    break;
  case 4:
    BlockOfDegree(f, 4, gradient, n);
    break;
  case 5:
    BlockOfDegree(f, 5, gradient, n);
    break;
  default:
    BlockOfDegree(f, SNA_MAX_P1, gradient, n);
    break;
  }
}

// Two functions, so that the compiler may treat each of them for itself.
static void BlockOfValues(SnaField f, PetscInt n)
{
  Block(f, 0, n);
}

static void BlockOfGradients(SnaField f, PetscInt n)
{
  Block(f, 1, n);
}

static PetscErrorCode SnaFieldEvaluate_CP(
  SnaField f, PetscInt n, const double *const x[], double u[], double *const grad[])
{
  const FieldCP *cp = (const FieldCP *)f->data;

  PetscFunctionBeginUser;
  for (PetscInt begin = 0; begin < n; begin += BLOCK) {
    const PetscInt size = PetscMin(BLOCK, n - begin), stride = grad ? 1 + f->nd : 1;

    PetscCall(SnaFieldWeightsOfBlock_Private(f, &cp->weights, (PetscBool)(grad != NULL), begin, size, x));
    if (grad)
      BlockOfGradients(f, size);
    else
      BlockOfValues(f, size);
    for (PetscInt i = 0; i < size; i++) u[begin + i] = SnaVectorSum(cp->partial[i * stride]);
    for (PetscInt d = 0; grad && d < f->nd; d++) {
      const double scale = cp->weights.scale[d];

      if (!grad[d]) continue;
      for (PetscInt i = 0; i < size; i++) grad[d][begin + i] = scale * SnaVectorSum(cp->partial[i * stride + 1 + d]);
    }
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Creation
// ---------------------------------------------------------------------------------------------------------------------
static double *Entry(const FieldCP *cp, PetscInt d, PetscInt i, PetscInt r)
{
  const SnaFieldWeights *w = &cp->weights;

  return (double *)(cp->tile[d] + (r / SNA_WIDTH) * w->rows[d] + i + w->first[d]) + r % SNA_WIDTH;
}

static const SnaFieldOps cp_ops;

PetscErrorCode SnaFieldCreateCP(
  PetscInt nd, const SnaBasis bases[], PetscInt rank, const double *const C[], SnaField *f)
{
  SnaField   field;
  FieldCP   *cp;
  size_t     vectors;
  SnaVector *next;

  PetscFunctionBeginUser;
  PetscCheck(rank >= 1, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "Rank %" PetscInt_FMT, rank);
  PetscCall(SnaFieldCreate_Private(nd, bases, &cp_ops, &field));
  PetscCall(PetscNew(&cp));
  field->data = cp;
  cp->rank    = rank;
  cp->ntile   = (rank + SNA_WIDTH - 1) / SNA_WIDTH;
  PetscCall(SnaFieldWeightsCreate_Private(field, BLOCK, NULL, NULL, &cp->weights));

  vectors = (size_t)BLOCK * (size_t)(nd + 1);
  for (PetscInt d = 0; d < nd; d++) vectors += (size_t)cp->ntile * (size_t)cp->weights.rows[d];
  PetscCall(SnaVectorCalloc(vectors, &next, &cp->memory));
  cp->partial = next;
  next += (size_t)BLOCK * (size_t)(nd + 1);
  for (PetscInt d = 0; d < nd; d++) {
    cp->tile[d] = next;
    next += (size_t)cp->ntile * (size_t)cp->weights.rows[d];
    for (PetscInt i = 0; i < field->info[d].n; i++) {
      for (PetscInt r = 0; r < rank; r++) *Entry(cp, d, i, r) = C[d][i * rank + r];
    }
  }
  *f = field;
  PetscFunctionReturn(0);
}

// PetscFree *C.
static PetscErrorCode CopyFactor(SnaField f, PetscInt d, double **C)
{
  const FieldCP *cp = (const FieldCP *)f->data;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)f->info[d].n * (size_t)cp->rank, C));
  for (PetscInt i = 0; i < f->info[d].n; i++) {
    for (PetscInt r = 0; r < cp->rank; r++) (*C)[i * cp->rank + r] = *Entry(cp, d, i, r);
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldGetCP(SnaField f, PetscInt *rank, double *C[])
{
  PetscFunctionBeginUser;
  PetscCheck(f->ops == &cp_ops, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "The field's format is %s", f->ops->format);
  *rank = ((const FieldCP *)f->data)->rank;
  for (PetscInt d = 0; d < f->nd; d++) PetscCall(CopyFactor(f, d, &C[d]));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Marginals
// ---------------------------------------------------------------------------------------------------------------------
// H is the Hadamard product of the Gram matrices of the other directions.
static PetscErrorCode SnaFieldMarginal_CP(SnaField f, PetscInt d, PetscInt nbin, double mass[])
{
  const PetscInt R = ((const FieldCP *)f->data)->rank;
  double        *C, *G, *H;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)R * (size_t)R, &G, (size_t)R * (size_t)R, &H));
  for (PetscInt k = 0; k < R * R; k++) H[k] = 1;
  for (PetscInt e = 0; e < f->nd; e++) {
    if (e == d) continue;
    PetscCall(CopyFactor(f, e, &C));
    PetscCall(SnaFieldGram_Private(f->basis[e], R, C, G));
    PetscCall(PetscFree(C));
    for (PetscInt k = 0; k < R * R; k++) H[k] *= G[k];
  }
  PetscCall(CopyFactor(f, d, &C));
  PetscCall(SnaFieldBinMass_Private(f->basis[d], R, C, H, nbin, mass));
  PetscCall(PetscFree(C));
  PetscCall(PetscFree2(G, H));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode SnaFieldWrite_CP(SnaField f, SnaFile file, const char group[])
{
  const PetscInt rank = ((const FieldCP *)f->data)->rank;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < f->nd; d++) {
    const PetscInt dims[2] = {f->info[d].n, rank};
    char           path[PETSC_MAX_PATH_LEN];
    double        *C;

    PetscCall(PetscSNPrintf(path, sizeof(path), "%s/%s", group, f->info[d].name));
    PetscCall(CopyFactor(f, d, &C));
    PetscCall(SnaFileWriteArray(file, path, 2, dims, C));
    PetscCall(PetscFree(C));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldRead_CP(SnaFile file, const char group[], PetscInt nd, const SnaBasis bases[], SnaField *f)
{
  double   *C[SNA_MAX_DIM] = {NULL};
  PetscInt  rank           = 0; // not known yet
  PetscBool complete       = PETSC_TRUE;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < nd && complete; d++) {
    SnaBasisInfo info;
    char         path[PETSC_MAX_PATH_LEN];
    PetscInt     dims[2];

    PetscCall(SnaBasisGetInfo(bases[d], &info));
    PetscCall(PetscSNPrintf(path, sizeof(path), "%s/%s", group, info.name));
    PetscCall(SnaFieldReadNumbers_Private(file, path, 2, (const PetscInt[]){info.n, rank}, dims, &C[d]));
    complete = (PetscBool)(C[d] != NULL);
    if (complete) rank = dims[1];
  }
  if (complete) PetscCall(SnaFieldCreateCP(nd, bases, rank, (const double *const *)C, f));
  for (PetscInt d = 0; d < nd; d++) PetscCall(PetscFree(C[d]));
  PetscFunctionReturn(0);
}

static const SnaFieldOps cp_ops = {
  .format            = "cp",
  .getparametercount = SnaFieldGetParameterCount_CP,
  .evaluate          = SnaFieldEvaluate_CP,
  .marginal          = SnaFieldMarginal_CP,
  .write             = SnaFieldWrite_CP,
  .destroy           = SnaFieldDestroy_CP,
};

// SnaField of format "cp": u(x) = sum_{r<R} prod_d phi^d_r(x_d), phi^d_r = sum_i C_d[i,r] B^d_i (paper eq. 2-3).
//
// Per point and direction the p+1 rows of C_d that matter are combined into phi^d_r and its derivative, for a group of
// columns r at once;
//   du/dx_d = sum_r (prod_{e<d} phi^e_r) phi'^d_r (prod_{e>d} phi^e_r)
// comes from prefix and suffix products, without division. With q = nd (p+1) R: about 2q flops for a value, 4q + 5 nd R
// with the gradient.
//
// Columns are cut into tiles of one vector register and the tile of all rows is contiguous, so that a group of tiles in
// all directions stays in the first-level cache while a block of points passes (W: doubles in a register):
//
//   tile[d][k*rows[d] + j] = C_d[j - drop_first, kW .. kW+W-1],   j: full index,
//                            zero for dropped functions and beyond column R
//
// The splines of a cell are evaluated as polynomials of the distance to its midpoint, tabulated once.
// Not done here: derivatives above the first.
#include "field_impl.h"

// Wider vectors than the processor's would be correct and slow.
#if defined(__AVX512F__)
#  define WIDTH 8
#  define GROUP 2
#elif defined(__AVX__)
#  define WIDTH 4
#  define GROUP 2
#else
#  define WIDTH 2
#  define GROUP 4
#endif
#define BLOCK  64 // points that pass together
#define MAX_P1 6  // degree + 1

typedef double Vector __attribute__((vector_size(WIDTH * sizeof(double))));

typedef struct {
  PetscInt rank, ntile;
  PetscInt p1; // largest degree + 1; directions of lower degree have zero weights for the rest
  PetscInt rows[SNA_MAX_DIM];
  double   length[SNA_MAX_DIM], cells[SNA_MAX_DIM];
  Vector  *tile[SNA_MAX_DIM];
  // shape[d][(cell*(degree+1) + m)*p1 + a]: coefficient of t^m of spline cell + a, t: distance to the midpoint in cells
  double *shape[SNA_MAX_DIM];
  // One block of points:
  Vector   *partial; // [point][value, derivatives]: sums over the tiles, lanes kept apart
  double   *weight;  // [point][direction][values of p1 splines, their derivatives]
  PetscInt *row;     // [point][direction]: the first of the p1 rows
  char     *memory;  // what tile and partial point into, aligned
} FieldCP;

static PetscErrorCode SnaFieldDestroy_CP(SnaField f)
{
  FieldCP *cp = (FieldCP *)f->data;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < f->nd; d++) PetscCall(PetscFree(cp->shape[d]));
  PetscCall(PetscFree2(cp->weight, cp->row));
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
// One definition is compiled for every number of splines, one or two tiles, with and without gradient: the constant
// arguments unroll it.
#define INLINE static inline __attribute__((always_inline))

INLINE void WeightsOfBlock(
  SnaField f, const PetscInt p1, const int gradient, PetscInt begin, PetscInt n, const double *const x[])
{
  const FieldCP *cp     = (const FieldCP *)f->data;
  double        *weight = cp->weight;

  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt d = 0; d < f->nd; d++, weight += (1 + gradient) * p1) {
      const double   s    = (x[d][begin + i] - f->info[d].lo) / cp->length[d] * cp->cells[d];
      const PetscInt last = f->info[d].cells - 1, p = f->info[d].degree;
      // NaN falls into the first cell instead of into an undefined conversion.
      const PetscInt cell  = s > 0 ? (s < (double)last ? (PetscInt)s : last) : 0;
      const double   t     = s - (double)cell - 0.5;
      const double  *shape = cp->shape[d] + (cell * (p + 1) + p) * p1;

      double value[MAX_P1], slope[MAX_P1];

      for (PetscInt a = 0; a < p1; a++) {
        value[a] = shape[a];
        slope[a] = 0;
      }
      for (PetscInt m = 0; m < p; m++) {
        shape -= p1;
        for (PetscInt a = 0; a < p1; a++) {
          if (gradient) slope[a] = slope[a] * t + value[a];
          value[a] = value[a] * t + shape[a];
        }
      }
      for (PetscInt a = 0; a < p1; a++) weight[a] = value[a];
      for (PetscInt a = 0; gradient && a < p1; a++) weight[p1 + a] = slope[a];
      cp->row[i * f->nd + d] = cell;
    }
  }
}

// Adds the columns of tiles k .. k+nt-1 to the partial sums of n points.
INLINE void TilesOfBlock(SnaField f, const PetscInt p1, const int nt, const int gradient, PetscInt n, PetscInt k)
{
  const FieldCP  *cp     = (const FieldCP *)f->data;
  const PetscInt  nd     = f->nd;
  const double   *weight = cp->weight;
  const PetscInt *row    = cp->row;
  const Vector    one    = (Vector){0} + 1.0;
  Vector         *sum    = cp->partial;

  for (PetscInt i = 0; i < n; i++, row += nd, sum += 1 + gradient * nd) {
    Vector phi[SNA_MAX_DIM][GROUP], others[SNA_MAX_DIM][GROUP], product[GROUP];

    for (int v = 0; v < nt; v++) product[v] = one;
    for (PetscInt d = 0; d < nd; d++, weight += (1 + gradient) * p1) {
      for (int v = 0; v < nt; v++) {
        const Vector *C     = cp->tile[d] + (k + v) * cp->rows[d] + row[d];
        Vector        value = C[0] * weight[0], slope;

        for (PetscInt a = 1; a < p1; a++) value += C[a] * weight[a];
        if (gradient) {
          slope = C[0] * weight[p1];
          for (PetscInt a = 1; a < p1; a++) slope += C[a] * weight[p1 + a];
          phi[d][v]    = value;
          others[d][v] = product[v] * slope;
        }
        product[v] *= value;
      }
    }
    for (int v = 0; v < nt; v++) sum[0] = k + v > 0 ? sum[0] + product[v] : product[v];
    if (!gradient) continue;
    for (int v = 0; v < nt; v++) product[v] = one; // from here the product over the directions behind d
    for (PetscInt d = nd - 1; d >= 0; d--) {
      for (int v = 0; v < nt; v++) {
        const Vector share = others[d][v] * product[v];

        sum[1 + d] = k + v > 0 ? sum[1 + d] + share : share;
        product[v] *= phi[d][v];
      }
    }
  }
}

INLINE void BlockOfDegree(
  SnaField f, const PetscInt p1, const int gradient, PetscInt begin, PetscInt n, const double *const x[])
{
  const FieldCP *cp = (const FieldCP *)f->data;
  PetscInt       k  = 0;

  WeightsOfBlock(f, p1, gradient, begin, n, x);
  for (; k + GROUP <= cp->ntile; k += GROUP) TilesOfBlock(f, p1, GROUP, gradient, n, k);
  for (; k < cp->ntile; k++) TilesOfBlock(f, p1, 1, gradient, n, k);
}

INLINE void Block(SnaField f, const int gradient, PetscInt begin, PetscInt n, const double *const x[])
{
  switch (((const FieldCP *)f->data)->p1) {
  case 2:
    BlockOfDegree(f, 2, gradient, begin, n, x);
    break;
  case 3:
    BlockOfDegree(f, 3, gradient, begin, n, x);
    break;
  case 4:
    BlockOfDegree(f, 4, gradient, begin, n, x);
    break;
  case 5:
    BlockOfDegree(f, 5, gradient, begin, n, x);
    break;
  default:
    BlockOfDegree(f, MAX_P1, gradient, begin, n, x);
    break;
  }
}

// Two functions, so that the compiler may treat each of them for itself.
static void BlockOfValues(SnaField f, PetscInt begin, PetscInt n, const double *const x[])
{
  Block(f, 0, begin, n, x);
}

static void BlockOfGradients(SnaField f, PetscInt begin, PetscInt n, const double *const x[])
{
  Block(f, 1, begin, n, x);
}

static double SumLanes(Vector v)
{
  double sum = v[0];

  for (int lane = 1; lane < WIDTH; lane++) sum += v[lane];
  return sum;
}

static PetscErrorCode SnaFieldEvaluate_CP(
  SnaField f, PetscInt n, const double *const x[], double u[], double *const grad[])
{
  const FieldCP *cp = (const FieldCP *)f->data;

  PetscFunctionBeginUser;
  for (PetscInt begin = 0; begin < n; begin += BLOCK) {
    const PetscInt size = PetscMin(BLOCK, n - begin), stride = grad ? 1 + f->nd : 1;

    if (grad)
      BlockOfGradients(f, begin, size, x);
    else
      BlockOfValues(f, begin, size, x);
    for (PetscInt i = 0; i < size; i++) u[begin + i] = SumLanes(cp->partial[i * stride]);
    for (PetscInt d = 0; grad && d < f->nd; d++) {
      const double scale = cp->cells[d] / cp->length[d];

      if (!grad[d]) continue;
      for (PetscInt i = 0; i < size; i++) grad[d][begin + i] = scale * SumLanes(cp->partial[i * stride + 1 + d]);
    }
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Creation
// ---------------------------------------------------------------------------------------------------------------------
static double *Entry(const FieldCP *cp, const SnaBasisInfo *info, PetscInt d, PetscInt i, PetscInt r)
{
  const PetscInt j = i + (info->drop_first ? 1 : 0);

  return (double *)(cp->tile[d] + (r / WIDTH) * cp->rows[d] + j) + r % WIDTH;
}

// Taylor coefficients about the midpoints of the cells.
static PetscErrorCode TabulateShapes(SnaBasis b, const SnaBasisInfo *info, PetscInt p1, double shape[])
{
  const PetscInt p      = info->degree;
  const double   length = info->hi - info->lo;
  double         values[MAX_P1 * MAX_P1];
  PetscInt       first;

  PetscFunctionBeginUser;
  for (PetscInt c = 0; c < info->cells; c++) {
    double scale = 1; // cell width^m / m!

    PetscCall(SnaBasisEvaluate(b, info->lo + length * ((double)c + 0.5) / (double)info->cells, p, &first, values));
    for (PetscInt m = 0; m <= p; m++) {
      for (PetscInt a = 0; a <= p; a++) shape[(c * (p + 1) + m) * p1 + a] = scale * values[m * (p + 1) + a];
      scale *= length / (double)info->cells / (double)(m + 1);
    }
  }
  PetscFunctionReturn(0);
}

static const SnaFieldOps cp_ops;

PetscErrorCode SnaFieldCreateCP(
  PetscInt nd, const SnaBasis bases[], PetscInt rank, const double *const C[], SnaField *f)
{
  SnaField field;
  FieldCP *cp;
  size_t   vectors;
  Vector  *next;

  PetscFunctionBeginUser;
  PetscCheck(rank >= 1, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "Rank %" PetscInt_FMT, rank);
  PetscCall(SnaFieldCreate_Private(nd, bases, &cp_ops, &field));
  PetscCall(PetscNew(&cp));
  field->data = cp;
  cp->rank    = rank;
  cp->ntile   = (rank + WIDTH - 1) / WIDTH;
  for (PetscInt d = 0; d < nd; d++) cp->p1 = PetscMax(cp->p1, field->info[d].degree + 1);
  PetscCheck(cp->p1 <= MAX_P1, PETSC_COMM_SELF, PETSC_ERR_PLIB, "Degree %" PetscInt_FMT, cp->p1 - 1);
  PetscCall(
    PetscMalloc2((size_t)BLOCK * (size_t)nd * 2 * (size_t)cp->p1, &cp->weight, (size_t)BLOCK * (size_t)nd, &cp->row));

  vectors = (size_t)BLOCK * (size_t)(nd + 1);
  for (PetscInt d = 0; d < nd; d++) {
    cp->rows[d] = field->info[d].cells + cp->p1 - 1;
    vectors += (size_t)cp->ntile * (size_t)cp->rows[d];
  }
  PetscCall(PetscCalloc1((vectors + 1) * sizeof(Vector), &cp->memory));
  next        = (Vector *)(((uintptr_t)cp->memory + sizeof(Vector) - 1) / sizeof(Vector) * sizeof(Vector));
  cp->partial = next;
  next += (size_t)BLOCK * (size_t)(nd + 1);
  for (PetscInt d = 0; d < nd; d++) {
    const SnaBasisInfo *info = &field->info[d];

    cp->length[d] = info->hi - info->lo;
    cp->cells[d]  = (double)info->cells;
    cp->tile[d]   = next;
    next += (size_t)cp->ntile * (size_t)cp->rows[d];
    for (PetscInt i = 0; i < info->n; i++) {
      for (PetscInt r = 0; r < rank; r++) *Entry(cp, info, d, i, r) = C[d][i * rank + r];
    }
    PetscCall(PetscCalloc1((size_t)info->cells * (size_t)(info->degree + 1) * (size_t)cp->p1, &cp->shape[d]));
    PetscCall(TabulateShapes(bases[d], info, cp->p1, cp->shape[d]));
  }
  *f = field;
  PetscFunctionReturn(0);
}

static PetscErrorCode CopyFactor(SnaField f, PetscInt d, double C[])
{
  const FieldCP *cp = (const FieldCP *)f->data;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < f->info[d].n; i++) {
    for (PetscInt r = 0; r < cp->rank; r++) C[i * cp->rank + r] = *Entry(cp, &f->info[d], d, i, r);
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Marginals
// ---------------------------------------------------------------------------------------------------------------------
// H[r*R + s] *= sum_ij C[i,r] M_ij C[j,s], M the mass matrix of direction d.
static PetscErrorCode MultiplyByGram(SnaField f, PetscInt d, double H[])
{
  const SnaBasisInfo *info = &f->info[d];
  const PetscInt      R = ((const FieldCP *)f->data)->rank, p = info->degree;
  SnaTabulation       t;
  double             *M, *C, *G, *MC;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc4(
    (size_t)info->n * (size_t)(2 * p + 1), &M, (size_t)info->n * (size_t)R, &C, (size_t)R * (size_t)R, &G, R, &MC));
  PetscCall(CopyFactor(f, d, C));
  PetscCall(SnaTabulationCreate(f->basis[d], p + 1, 0, &t));
  PetscCall(SnaIntegrateMatrix(f->basis[d], &t, 0, 0, NULL, M));
  PetscCall(SnaTabulationDestroy(&t));
  PetscCall(PetscArrayzero(G, (size_t)R * (size_t)R));
  for (PetscInt i = 0; i < info->n; i++) {
    PetscCall(PetscArrayzero(MC, R));
    for (PetscInt j = PetscMax(0, i - p); j <= PetscMin(info->n - 1, i + p); j++) {
      for (PetscInt s = 0; s < R; s++) MC[s] += M[i * (2 * p + 1) + (j - i + p)] * C[j * R + s];
    }
    for (PetscInt r = 0; r < R; r++) {
      for (PetscInt s = 0; s < R; s++) G[r * R + s] += C[i * R + r] * MC[s];
    }
  }
  for (PetscInt k = 0; k < R * R; k++) H[k] *= G[k];
  PetscCall(PetscFree4(M, C, G, MC));
  PetscFunctionReturn(0);
}

// mass[c] = sum_ab (int_c B_a B_b) C[a,:] H C[b,:]^T with H the Hadamard product of the Gram matrices of the other
// directions.
static PetscErrorCode SnaFieldMarginal_CP(SnaField f, PetscInt d, double mass[])
{
  const SnaBasisInfo *info = &f->info[d];
  const PetscInt      R = ((const FieldCP *)f->data)->rank, p1 = info->degree + 1, shift = info->drop_first ? 1 : 0;
  SnaTabulation       t;
  double             *C, *H, *CH;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc3((size_t)info->n * (size_t)R, &C, (size_t)R * (size_t)R, &H, (size_t)info->n * (size_t)R, &CH));
  for (PetscInt k = 0; k < R * R; k++) H[k] = 1;
  for (PetscInt e = 0; e < f->nd; e++) {
    if (e != d) PetscCall(MultiplyByGram(f, e, H));
  }
  PetscCall(CopyFactor(f, d, C));
  PetscCall(PetscArrayzero(CH, (size_t)info->n * (size_t)R));
  for (PetscInt i = 0; i < info->n; i++) {
    for (PetscInt r = 0; r < R; r++) {
      for (PetscInt s = 0; s < R; s++) CH[i * R + s] += C[i * R + r] * H[r * R + s];
    }
  }
  PetscCall(SnaTabulationCreate(f->basis[d], p1, 0, &t));
  for (PetscInt c = 0; c < info->cells; c++) {
    mass[c] = 0;
    for (PetscInt a = PetscMax(0, shift - c); a < p1 && c + a - shift < info->n; a++) {
      for (PetscInt b = PetscMax(0, shift - c); b < p1 && c + b - shift < info->n; b++) {
        double integral = 0, product = 0;

        for (PetscInt q = c * p1; q < (c + 1) * p1; q++)
          integral += t.w[q] * t.values[q * p1 + a] * t.values[q * p1 + b];
        for (PetscInt r = 0; r < R; r++) product += CH[(c + a - shift) * R + r] * C[(c + b - shift) * R + r];
        mass[c] += integral * product;
      }
    }
  }
  PetscCall(SnaTabulationDestroy(&t));
  PetscCall(PetscFree3(C, H, CH));
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
    PetscCall(PetscMalloc1((size_t)dims[0] * (size_t)rank, &C));
    PetscCall(CopyFactor(f, d, C));
    PetscCall(SnaFileWriteArray(file, path, 2, dims, C));
    PetscCall(PetscFree(C));
  }
  PetscFunctionReturn(0);
}

// *rank < 0: not known yet. *C NULL on error.
static PetscErrorCode ReadFactor(SnaFile file, const char group[], const SnaBasisInfo *info, PetscInt *rank, double **C)
{
  char        path[PETSC_MAX_PATH_LEN];
  const char *message;
  int         ndim    = 0;
  PetscInt    dims[4] = {0}, bad = -1;

  PetscFunctionBeginUser;
  *C = NULL;
  PetscCall(PetscSNPrintf(path, sizeof(path), "%s/%s", group, info->name));
  PetscCall(SnaFileReadArraySize(file, path, &ndim, dims));
  PetscCall(SnaFileGetError(file, &message));
  if (message) PetscFunctionReturn(0);
  if (ndim != 2) {
    PetscCall(SnaFileSetError(file, "%s: %d-dimensional, expected rows and columns", path, ndim));
    PetscFunctionReturn(0);
  }
  if (dims[0] != info->n || dims[1] < 1 || (*rank >= 0 && dims[1] != *rank)) {
    PetscCall(SnaFileSetError(file,
      "%s: %" PetscInt_FMT " x %" PetscInt_FMT " numbers, expected %" PetscInt_FMT " x %" PetscInt_FMT, path, dims[0],
      dims[1], info->n, *rank >= 0 ? *rank : PetscMax(1, dims[1])));
    PetscFunctionReturn(0);
  }
  *rank = dims[1];
  PetscCall(PetscCalloc1((size_t)dims[0] * (size_t)dims[1], C));
  PetscCall(SnaFileReadArray(file, path, dims[0] * dims[1], *C));
  PetscCall(SnaFileGetError(file, &message));
  for (PetscInt i = 0; !message && i < dims[0] * dims[1] && bad < 0; i++) {
    if (PetscIsInfOrNanReal((*C)[i])) bad = i;
  }
  if (bad >= 0) {
    PetscCall(SnaFileSetError(file, "%s: entry %" PetscInt_FMT ",%" PetscInt_FMT " is not a finite number", path,
      bad / dims[1], bad % dims[1]));
  }
  if (bad >= 0 || message) PetscCall(PetscFree(*C));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldRead_CP(SnaFile file, const char group[], PetscInt nd, const SnaBasis bases[], SnaField *f)
{
  double   *C[SNA_MAX_DIM] = {NULL};
  PetscInt  rank           = -1;
  PetscBool complete       = PETSC_TRUE;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < nd && complete; d++) {
    SnaBasisInfo info;

    PetscCall(SnaBasisGetInfo(bases[d], &info));
    PetscCall(ReadFactor(file, group, &info, &rank, &C[d]));
    complete = (PetscBool)(C[d] != NULL);
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

// band.c - block-band Cholesky factorisation on tiles (see band.h).
//
// Left-looking by groups of tile columns: every tile is written once, as A - sum_k L(row,k) L(column,k)^T with k
// running over the whole envelope of the row, then divided by the diagonal tile. The inner loop keeps 24 x 8 numbers in
// registers (4 x 8 or 2 x 8 where vectors are short) and reads contiguous streams, so blocks of 4 and of 256 columns
// run through the same code and nothing is packed or padded to blocks. Diagonal tiles hold the unit lower factor of
// L_tile = unit * diag(root); 1/root is kept in `scale`. Inside a tile this shortens the chain of dependent operations,
// which is what small blocks wait for.
//
// Compile with -ffp-contract=fast: without fused multiply-add (which strict ISO C forbids) half of the speed is lost.
// It does not pivot: an indefinite matrix is reported, not repaired. References: Golub & Van Loan, Matrix Computations,
// ch. 4 (block and band Cholesky); for the register tile, Goto & van de Geijn, ACM TOMS 34(3), 2008.
#include "band.h"
#include <string.h>

#define TILE   8 // rows and columns of a tile
#define AREA   (TILE * TILE)
#define STRIPE 3 // most tile rows that the kernel treats at once

// Rows in one register, and tile rows that the kernel treats at once: three need 32 registers.
#if defined(__AVX512F__)
#  define LANES 8
#  define ROWS  STRIPE
#elif defined(__AVX__)
#  define LANES 4
#  define ROWS  1
#else
#  define LANES 2
#  define ROWS  1
#endif
#define GROUP 12 // tile columns between two passes over the rows below; a multiple of STRIPE

#define INLINE static inline __attribute__((always_inline))

typedef double    Vec __attribute__((vector_size(TILE * sizeof(double)), may_alias));
typedef double    Part __attribute__((vector_size(LANES * sizeof(double)), may_alias));
typedef long long Mask __attribute__((vector_size(TILE * sizeof(double)), may_alias));

// Macros, because functions that take or return vectors have no fixed binary interface where the processor has shorter
// ones.
#define LOAD(x)          (*(const Vec *)(x))
#define STORE(x, v)      (*(Vec *)(x) = (v))
#define LOAD_PART(x)     (*(const Part *)(x))
#define STORE_PART(x, v) (*(Part *)(x) = (v))

struct SnaBand_ {
  PetscInt  blocks, eliminated, p, m;
  PetscInt  pad;          // identity rows in front
  PetscInt  split, tiles; // tile rows: eliminated, all
  PetscInt *start;        // first tile column of each tile row
  size_t   *offset;       // first number of each tile row in L
  double   *L;            // the caller's, see SnaBandSetStorage
  double   *scale, *vector;
  void     *memory; // what scale and vector point into, not aligned
  size_t    size;   // numbers in L
};

static PetscErrorCode AllocateAligned(size_t count, void **memory, double **aligned)
{
  const size_t line = sizeof(Vec);
  PetscFunctionBeginUser;
  PetscCall(PetscMalloc(count * sizeof(double) + line, memory));
  *aligned = (double *)(((uintptr_t)*memory + line - 1) / line * line);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBandCreate(PetscInt blocks, PetscInt eliminated, PetscInt p, PetscInt m, SnaBand *band)
{
  SnaBand  b;
  PetscInt rest = (blocks - eliminated) * m;
  size_t   extra;

  PetscFunctionBeginUser;
  PetscCheck(blocks >= 0 && eliminated >= 0 && eliminated <= blocks && p >= 0 && m >= 1, PETSC_COMM_SELF,
    PETSC_ERR_ARG_OUTOFRANGE, "band of %" PetscInt_FMT " blocks", blocks);
  PetscCall(PetscNew(&b));
  b->blocks     = blocks;
  b->eliminated = eliminated;
  b->p          = p;
  b->m          = m;
  b->split      = (eliminated * m + TILE - 1) / TILE;
  b->pad        = b->split * TILE - eliminated * m;
  b->tiles      = b->split + (rest + TILE - 1) / TILE;
  PetscCall(PetscMalloc2(b->tiles, &b->start, b->tiles + 1, &b->offset));
  b->size = 0;
  for (PetscInt row = 0; row < b->tiles; row++) {
    PetscInt scalar = PetscMax(0, row * TILE - b->pad); // first row of the tile that is not padding
    PetscInt block  = PetscMax(0, scalar / m - p);      // its first block column
    b->start[row]   = block == 0 ? 0 : (b->pad + block * m) / TILE;
    b->offset[row]  = b->size;
    b->size += (size_t)(row + 1 - b->start[row]) * AREA;
  }
  b->offset[b->tiles] = b->size;
  extra               = 2 * (size_t)b->tiles * TILE; // scale and vector
  PetscCall(AllocateAligned(extra, &b->memory, &b->scale));
  b->vector = b->scale + extra / 2;
  PetscCall(PetscArrayzero(b->scale, extra));
  *band = b;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBandGetSize(SnaBand band, size_t *numbers)
{
  PetscFunctionBeginUser;
  *numbers = band->size;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBandSetStorage(SnaBand band, double *storage)
{
  PetscFunctionBeginUser;
  PetscCheck((uintptr_t)storage % sizeof(Vec) == 0, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "storage is not aligned");
  band->L = storage;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBandDestroy(SnaBand *band)
{
  PetscFunctionBeginUser;
  if (!*band) PetscFunctionReturn(0);
  PetscCall(PetscFree((*band)->memory));
  PetscCall(PetscFree2((*band)->start, (*band)->offset));
  PetscCall(PetscFree(*band));
  PetscFunctionReturn(0);
}

// First number of the tile (row, column).
INLINE double *Tile(SnaBand b, PetscInt row, PetscInt column)
{
  return b->L + b->offset[row] + (size_t)(column - b->start[row]) * AREA;
}

// First number of column `column` (a scalar's index) in a tile row.
INLINE double *Column(SnaBand b, PetscInt row, PetscInt column)
{
  return b->L + b->offset[row] + (size_t)(column - b->start[row] * TILE) * TILE;
}

// acc[t] += sign * a[t] * b^T over `steps` columns for the tile rows t = 0..n-1, LANES rows of each; a and b are moved
// behind what was read.
INLINE void Accumulate(
  const int n, const int sign, Part acc[STRIPE][TILE], const double *a[STRIPE], const double **b, PetscInt steps)
{
  const double *a0 = a[0], *a1 = n > 1 ? a[1] : NULL, *a2 = n > 2 ? a[2] : NULL, *bk = *b;

  for (PetscInt k = 0; k < steps; k++) {
    const Part v0 = LOAD_PART(a0), v1 = n > 1 ? LOAD_PART(a1) : v0, v2 = n > 2 ? LOAD_PART(a2) : v0;
#pragma GCC unroll 8
    for (int c = 0; c < TILE; c++) {
      const double s = bk[c];
      acc[0][c]      = sign > 0 ? acc[0][c] + v0 * s : acc[0][c] - v0 * s;
      if (n > 1) acc[1][c] = sign > 0 ? acc[1][c] + v1 * s : acc[1][c] - v1 * s;
      if (n > 2) acc[2][c] = sign > 0 ? acc[2][c] + v2 * s : acc[2][c] - v2 * s;
    }
    a0 += TILE;
    if (n > 1) a1 += TILE;
    if (n > 2) a2 += TILE;
    bk += TILE;
  }
  a[0] = a0;
  if (n > 1) a[1] = a1;
  if (n > 2) a[2] = a2;
  *b = bk;
}

// C[t] -= sum_k a[t](k) b(k)^T for n tiles of one tile column. The envelope of a lower tile row begins later: stage s
// (steps[s] columns) works on the tile rows 0..s.
INLINE void UpdateTiles(
  const int n, double *const C[STRIPE], const double *const a[STRIPE], const double *b, const PetscInt steps[STRIPE])
{
  for (int part = 0; part < TILE; part += LANES) {
    Part          acc[STRIPE][TILE];
    const double *ak[STRIPE] = {a[0] + part, n > 1 ? a[1] + part : NULL, n > 2 ? a[2] + part : NULL}, *bk = b;
#pragma GCC unroll 8
    for (int c = 0; c < TILE; c++) {
      acc[0][c] = LOAD_PART(C[0] + c * TILE + part);
      if (n > 1) acc[1][c] = LOAD_PART(C[1] + c * TILE + part);
      if (n > 2) acc[2][c] = LOAD_PART(C[2] + c * TILE + part);
    }
    Accumulate(1, -1, acc, ak, &bk, steps[0]);
    if (n > 1) Accumulate(2, -1, acc, ak, &bk, steps[1]);
    if (n > 2) Accumulate(3, -1, acc, ak, &bk, steps[2]);
#pragma GCC unroll 8
    for (int c = 0; c < TILE; c++) {
      STORE_PART(C[0] + c * TILE + part, acc[0][c]);
      if (n > 1) STORE_PART(C[1] + c * TILE + part, acc[1][c]);
      if (n > 2) STORE_PART(C[2] + c * TILE + part, acc[2][c]);
    }
  }
}

// C[t] := C[t] L^-T with the diagonal tile L = unit * diag(1/scale), for n tiles of its column.
INLINE void DivideTiles(const int n, double *const C[STRIPE], const double *unit, const double *scale)
{
  for (int t = 0; t < n; t++) {
    for (int part = 0; part < TILE; part += LANES) {
      double *to = C[t] + part;
      Part    x[TILE];
#pragma GCC unroll 8
      for (int j = 0; j < TILE; j++) x[j] = LOAD_PART(to + j * TILE);
#pragma GCC unroll 8
      for (int j = 0; j < TILE; j++) {
#pragma GCC unroll 8
        for (int i = j + 1; i < TILE; i++) x[i] -= x[j] * unit[j * TILE + i];
      }
#pragma GCC unroll 8
      for (int j = 0; j < TILE; j++) STORE_PART(to + j * TILE, x[j] * scale[j]);
    }
  }
}

// Factorises a diagonal tile in place. Only its lower triangle is read. Returns whether all pivots were positive.
static PetscBool FactorTile(double *C, double *scale)
{
  static const Mask lane = {0, 1, 2, 3, 4, 5, 6, 7};
  Vec               x[TILE];
  double            pivot[TILE];
  PetscBool         ok = PETSC_TRUE;

#pragma GCC unroll 8
  for (int j = 0; j < TILE; j++) x[j] = LOAD(C + j * TILE);
#pragma GCC unroll 8
  for (int j = 0; j < TILE; j++) {
    pivot[j]    = x[j][j];
    const Vec u = x[j] * (1.0 / pivot[j]);
#pragma GCC unroll 8
    for (int i = j + 1; i < TILE; i++) x[i] -= u * x[j][i];
    STORE(C + j * TILE, (Vec)((Mask)u & (lane > j)));
  }
  for (int j = 0; j < TILE; j++) {
    ok       = (PetscBool)(ok && pivot[j] > 0);
    scale[j] = 1.0 / PetscSqrtReal(pivot[j]);
  }
  return ok;
}

// One column of tiles within a stripe: the tile rows row..row+n-1 against tile column `column` < row or, for n = 1, ==
// row; the sum runs over the tile columns [from, to).
INLINE PetscBool SweepTiles(
  SnaBand b, const int n, PetscInt row, PetscInt column, PetscInt from, PetscInt to, PetscBool finish)
{
  double       *C[STRIPE];
  const double *a[STRIPE];
  PetscInt      first[STRIPE + 1], steps[STRIPE];

  for (int t = 0; t < n; t++) {
    C[t]     = Tile(b, row + t, column);
    first[t] = PetscMin(PetscMax(b->start[row + t], from), to);
    a[t]     = Tile(b, row + t, first[t]);
  }
  first[n] = to;
  for (int t = 0; t < n; t++) steps[t] = (first[t + 1] - first[t]) * TILE;
  UpdateTiles(n, C, a, Tile(b, column, first[0]), steps);
  if (finish && column == row) return FactorTile(C[0], b->scale + row * TILE);
  if (finish) DivideTiles(n, C, Tile(b, column, column), b->scale + column * TILE);
  return PETSC_TRUE;
}

static PetscBool SweepStripe(
  SnaBand b, int n, PetscInt row, PetscInt column, PetscInt from, PetscInt to, PetscBool finish)
{
  switch (n) {
  case 1:
    return SweepTiles(b, 1, row, column, from, to, finish);
  case 2:
    return SweepTiles(b, 2, row, column, from, to, finish);
  default:
    return SweepTiles(b, 3, row, column, from, to, finish);
  }
}

// Tile columns [first, last) of all rows below: subtracts the products over the tile columns [from, to), and finishes
// the factor if asked.
static PetscBool Sweep(SnaBand b, PetscInt first, PetscInt last, PetscInt from, PetscInt to, PetscBool finish)
{
  PetscBool ok = PETSC_TRUE;

  for (PetscInt g = first; g < last && ok; g += GROUP) {
    const PetscInt end = PetscMin(g + GROUP, last);
    PetscInt       n;
    for (PetscInt row = g; row < b->tiles && b->start[row] < end && ok; row += n) {
      n = PetscMin(ROWS, (row < b->split ? b->split : b->tiles) - row); // a stripe lies on one side of the split
      for (PetscInt column = PetscMax(g, b->start[row]); column < PetscMin(end, row + n) && ok; column++) {
        const PetscInt upper = PetscMin(column, to);
        PetscInt       top = row, count = n;
        if (column >= row) {
          ok    = SweepStripe(b, 1, column, column, from, upper, finish);
          top   = column + 1;
          count = row + n - top;
        }
        while (count > 0 && b->start[top + count - 1] > column) count--; // rows whose envelope begins later
        if (count > 0) (void)SweepStripe(b, (int)count, top, column, from, upper, finish);
      }
    }
  }
  return ok;
}

PetscErrorCode SnaBandEliminate(SnaBand b, PetscBool *ok)
{
  PetscFunctionBeginUser;
  *ok = Sweep(b, 0, b->split, 0, b->split, PETSC_TRUE);
  if (*ok) *ok = Sweep(b, b->split, b->tiles, 0, b->split, PETSC_FALSE);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBandFactorRest(SnaBand b, PetscBool *ok)
{
  PetscFunctionBeginUser;
  *ok = Sweep(b, b->split, b->tiles, b->split, b->tiles, PETSC_TRUE);
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Assembly: block (i,j) is a sum over terms of a number of M times W, for all blocks at once the product of a (W
// entries) x (terms) and a (terms) x (blocks) matrix, so the kernel above serves again: a stripe is three columns of W,
// `b` the coefficients of eight blocks. The lower triangle wants its rows contiguous; entry (r,s) of block (i,j) is
// taken as entry (s,r) of block (j,i), the same by symmetry.
// ---------------------------------------------------------------------------------------------------------------------
#define CHUNK 24 // columns of W that are gathered at once, a multiple of STRIPE

typedef struct {
  PetscInt i, j;
} Block;

// Where eight rows r.. of a block go: the tile row that holds the first of them and, when tiles and blocks do not
// coincide, the next one.
typedef struct {
  double  *to[2];             // column 0 of the block in that tile row
  PetscInt first[2], last[2]; // rows of the tile that are meant
  PetscInt columns[2];        // how many columns of the block lie in the envelope
} Target;

static Target FindTarget(SnaBand b, Block at, PetscInt r)
{
  const PetscInt row = b->pad + at.i * b->m + r, column = b->pad + at.j * b->m, count = PetscMin(TILE, b->m - r);
  Target         target;

  for (int part = 0; part < 2; part++) {
    const PetscInt tile  = row / TILE + part;
    target.first[part]   = part == 0 ? row % TILE : 0;
    target.last[part]    = PetscMax(0, PetscMin(TILE, row % TILE + count - part * TILE));
    target.columns[part] = target.last[part] > 0 ? PetscMin(b->m, (tile + 1) * TILE - column) : 0;
    target.to[part]      = target.last[part] > 0 ? Column(b, tile, column) : NULL;
  }
  return target;
}

// x[l] := from[l] for the rows first <= l < last; all of from is read.
INLINE void Blend(double *x, const double *from, PetscInt first, PetscInt last)
{
  const Mask lane = {0, 1, 2, 3, 4, 5, 6, 7}, some = (lane >= (long long)first) & (lane < (long long)last);
  Mask       read;

  memcpy(&read, from, sizeof(read)); // not aligned
  *(Mask *)x = (read & some) | (*(Mask *)x & ~some);
}

// Columns s..s+n-1 of up to eight blocks; w and coefficient as gathered below. whole: tiles and blocks coincide.
INLINE void PutProducts(const int n, const PetscBool whole, const Target target[TILE], PetscInt nat, PetscInt s,
  PetscInt nk, const double *w, const double *coefficient)
{
  double lanes[(STRIPE * TILE + 2) * TILE] __attribute__((aligned(sizeof(Vec))));

  for (int part = 0; part < TILE; part += LANES) {
    Part          acc[STRIPE][TILE];
    const double *ak[STRIPE] = {w + part, w + nk * TILE + part, w + 2 * nk * TILE + part}, *bk = coefficient;
#pragma GCC unroll 8
    for (int c = 0; c < TILE; c++) {
#pragma GCC unroll 3
      for (int t = 0; t < n; t++) acc[t][c] = (Part){0};
    }
    Accumulate(n, 1, acc, ak, &bk, nk);
#pragma GCC unroll 8
    for (int c = 0; c < TILE; c++) {
#pragma GCC unroll 3
      for (int t = 0; t < n; t++) {
        if (!whole) {
          STORE_PART(lanes + (1 + t * TILE + c) * TILE + part, acc[t][c]);
        } else if (c < nat && s + t < target[c].columns[0]) {
          STORE_PART(target[c].to[0] + (s + t) * TILE + part, acc[t][c]);
        }
      }
    }
  }
  if (whole) return;
  STORE(lanes, (Vec){0});
  STORE(lanes + (1 + n * TILE) * TILE, (Vec){0});
  for (int c = 0; c < nat; c++) {
    const Target  *to  = target + c;
    const PetscInt row = to->first[0]; // of the tile, where row r of the block is
    for (int part = 0; part < 2; part++) {
      const double *from = lanes + (1 + c + part) * TILE - row;
      for (PetscInt t = 0; t < PetscMin(n, to->columns[part] - s); t++) {
        Blend(to->to[part] + (s + t) * TILE, from + t * TILE * TILE, to->first[part], to->last[part]);
      }
    }
  }
}

static void PutChunk(PetscBool whole, const Target target[TILE], PetscInt nat, PetscInt s0, PetscInt chunk, PetscInt nk,
  const double *w, const double *coefficient)
{
  PetscInt s = 0;

  for (; whole && s + ROWS <= chunk; s += ROWS)
    PutProducts(ROWS, PETSC_TRUE, target, nat, s0 + s, nk, w + s * nk * TILE, coefficient);
  for (; s + ROWS <= chunk; s += ROWS)
    PutProducts(ROWS, PETSC_FALSE, target, nat, s0 + s, nk, w + s * nk * TILE, coefficient);
  for (; s < chunk; s++) PutProducts(1, PETSC_FALSE, target, nat, s0 + s, nk, w + s * nk * TILE, coefficient);
}

PetscErrorCode SnaBandAssemble(SnaBand b, PetscInt n, PetscBool reversed, PetscBool rest, PetscInt nk,
  const double *const M[], const double *const W[], PetscInt ldw, double shift)
{
  const PetscInt p = b->p, m = b->m, width = 2 * p + 1;
  PetscInt       nat = 0, groups;
  Block         *at;
  Target        *target;
  void          *memory;
  double        *coefficient = NULL, *w;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)b->blocks * (size_t)(p + 1), &at, (size_t)b->blocks * (size_t)(p + 1), &target));
  for (PetscInt i = 0; i < b->blocks; i++) {
    for (PetscInt j = PetscMax(0, i - p); j <= i; j++) {
      if (j < b->eliminated || rest) at[nat++] = (Block){i, j};
    }
  }
  groups = (nat + TILE - 1) / TILE;
  PetscCall(AllocateAligned((size_t)nk * (size_t)(groups * TILE + CHUNK * TILE), &memory, &coefficient));
  w = coefficient + groups * nk * TILE;
  PetscCall(PetscArrayzero(coefficient, groups * nk * TILE));
  for (PetscInt q = 0; q < nat; q++) {
    const PetscInt i = reversed ? n - 1 - at[q].i : at[q].i, j = reversed ? n - 1 - at[q].j : at[q].j;
    double        *to = coefficient + (q / TILE) * nk * TILE + q % TILE;
    for (PetscInt k = 0; k < nk; k++) to[k * TILE] = M[k][j * width + i - j + p];
  }
  // Zeros: everything when tiles and blocks do not coincide, otherwise what the other end assembles.
  if (m % TILE != 0)
    PetscCall(PetscArrayzero(b->L, b->size));
  else if (!rest) {
    for (PetscInt row = b->split; row < b->tiles; row++)
      PetscCall(PetscArrayzero(Tile(b, row, b->split), (row + 1 - b->split) * AREA));
  }
  for (PetscInt r = 0; r < m; r += TILE) {
    const PetscInt count = PetscMin(TILE, m - r);
    for (PetscInt q = 0; q < nat; q++) target[q] = FindTarget(b, at[q], r);
    for (PetscInt s0 = 0; s0 < m; s0 += CHUNK) {
      const PetscInt chunk = PetscMin(CHUNK, m - s0);
      for (PetscInt k = 0; k < nk; k++) {
        for (PetscInt s = 0; s < chunk; s++) {
          const double *from = W[k] + (s0 + s) * ldw + r;
          double       *to   = w + (s * nk + k) * TILE;
          if (count == TILE)
            PetscCall(PetscArraycpy(to, from, TILE));
          else {
            for (PetscInt l = 0; l < TILE; l++) to[l] = l < count ? from[l] : 0;
          }
        }
      }
      for (PetscInt g = 0; g < nat; g += TILE)
        PutChunk(
          (PetscBool)(m % TILE == 0), target + g, PetscMin(TILE, nat - g), s0, chunk, nk, w, coefficient + g * nk);
    }
  }
  for (PetscInt row = 0; row < b->tiles; row++) {
    double *C = Tile(b, row, row);
    for (PetscInt l = 0; l < TILE; l++) {
      const PetscInt scalar = row * TILE + l - b->pad;
      if (scalar < 0 || scalar >= b->blocks * m)
        C[l * TILE + l] = 1;
      else if (scalar < b->eliminated * m || rest)
        C[l * TILE + l] += shift;
    }
  }
  PetscCall(PetscFree(memory));
  PetscCall(PetscFree2(at, target));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The other end's share of the middle
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode SnaBandGetRest(SnaBand b, double rest[])
{
  const PetscInt size = (b->blocks - b->eliminated) * b->m;

  PetscFunctionBeginUser;
  for (PetscInt column = 0; column < size; column++) {
    for (PetscInt row = column; row < size; row++)
      *rest++ = Column(b, b->split + row / TILE, b->split * TILE + column)[row % TILE];
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBandAddRestReversed(SnaBand b, const double rest[])
{
  const PetscInt m = b->m, count = b->blocks - b->eliminated;

  PetscFunctionBeginUser;
  // Entry (x,r; y,s), x >= y, of the other end is block (count-1-x, count-1-y) here: in the upper triangle, so its
  // transpose is meant.
  for (PetscInt y = 0; y < count; y++) {
    for (PetscInt s = 0; s < m; s++) {
      for (PetscInt x = y; x < count; x++) {
        for (PetscInt r = x == y ? s : 0; r < m; r++) {
          const PetscInt other = (count - 1 - x) * m + r, mine = (count - 1 - y) * m + s;
          const PetscInt row = PetscMax(mine, other), column = PetscMin(mine, other);
          Column(b, b->split + row / TILE, b->split * TILE + column)[row % TILE] += *rest++;
        }
      }
    }
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Solves
// ---------------------------------------------------------------------------------------------------------------------
// y(rows) := L^-1 y over the tile columns [from, to); rows from `to` on only have the product subtracted.
static void ForwardRows(SnaBand b, PetscInt first, PetscInt last, PetscInt from, PetscInt to)
{
  double *y = b->vector;

  for (PetscInt row = first; row < last; row++) {
    const PetscInt begin = PetscMax(b->start[row], from), end = PetscMin(row, to);
    if (end > begin) {
      const double *a      = Tile(b, row, begin);
      Vec           sum[4] = {{0}, {0}, {0}, {0}};
      for (PetscInt k = begin * TILE; k < end * TILE; k += 4) {
        for (int u = 0; u < 4; u++) sum[u] += LOAD(a + u * TILE) * y[k + u];
        a += 4 * TILE;
      }
      STORE(y + row * TILE, LOAD(y + row * TILE) - ((sum[0] + sum[1]) + (sum[2] + sum[3])));
    }
    if (row < to) {
      const double *unit = Tile(b, row, row);
      Vec           x    = LOAD(y + row * TILE);
      for (int j = 0; j < TILE; j++) x -= LOAD(unit + j * TILE) * x[j];
      STORE(y + row * TILE, x * LOAD(b->scale + row * TILE));
    }
  }
}

// Lane l of v[0] becomes the sum of the lanes of v[l]: pairs, then pairs of pairs, then halves.
INLINE void SumLanes(Vec v[TILE])
{
#if defined(__clang__)
#  define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#  define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (Mask){__VA_ARGS__})
#endif
#pragma GCC unroll 8
  for (int l = 0; l < TILE; l += 2) {
    v[l] = SHUFFLE(v[l], v[l + 1], 0, 8, 2, 10, 4, 12, 6, 14) + SHUFFLE(v[l], v[l + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
#pragma GCC unroll 8
  for (int l = 0; l < TILE; l += 4) {
    v[l] = SHUFFLE(v[l], v[l + 2], 0, 1, 8, 9, 4, 5, 12, 13) + SHUFFLE(v[l], v[l + 2], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  v[0] = SHUFFLE(v[0], v[4], 0, 1, 2, 3, 8, 9, 10, 11) + SHUFFLE(v[0], v[4], 4, 5, 6, 7, 12, 13, 14, 15);
#undef SHUFFLE
}

// y := L^-T y for the rows [first, last), and their share subtracted from the tile columns [from, first).
static void BackwardRows(SnaBand b, PetscInt first, PetscInt last, PetscInt from, PetscInt to)
{
  double *y = b->vector;

  for (PetscInt row = last - 1; row >= first; row--) {
    const PetscInt begin = PetscMax(b->start[row], from), end = PetscMin(row, to);
    double        *x = y + row * TILE;
    Vec            xv;
    if (row < to) {
      const double *unit = Tile(b, row, row);
      for (int j = TILE - 1; j >= 0; j--) {
        double sum = x[j] * b->scale[row * TILE + j];
        for (int i = j + 1; i < TILE; i++) sum -= unit[j * TILE + i] * x[i];
        x[j] = sum;
      }
    }
    xv = LOAD(x);
    for (PetscInt k = begin; k < end; k++) {
      const double *a = Tile(b, row, k);
      Vec           product[TILE];
#pragma GCC unroll 8
      for (int c = 0; c < TILE; c++) product[c] = LOAD(a + c * TILE) * xv;
      SumLanes(product);
      STORE(y + k * TILE, LOAD(y + k * TILE) - product[0]);
    }
  }
}

PetscErrorCode SnaBandForward(SnaBand b)
{
  PetscFunctionBeginUser;
  for (PetscInt l = 0; l < b->pad; l++) b->vector[l] = 0;
  for (PetscInt l = b->pad + b->blocks * b->m; l < b->tiles * TILE; l++) b->vector[l] = 0;
  ForwardRows(b, 0, b->tiles, 0, b->split);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBandSolveRest(SnaBand b)
{
  PetscFunctionBeginUser;
  ForwardRows(b, b->split, b->tiles, b->split, b->tiles);
  BackwardRows(b, b->split, b->tiles, b->split, b->tiles);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBandBackward(SnaBand b)
{
  PetscFunctionBeginUser;
  BackwardRows(b, b->split, b->tiles, 0, b->split);
  BackwardRows(b, 0, b->split, 0, b->split);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBandGetVector(SnaBand b, double **eliminated, double **rest)
{
  PetscFunctionBeginUser;
  *eliminated = b->vector + b->pad;
  *rest       = b->vector + b->split * TILE;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaBandGetBytes(SnaBand b, double *bytes)
{
  PetscFunctionBeginUser;
  *bytes = (double)(b->size + 2 * (size_t)b->tiles * TILE) * sizeof(double);
  PetscFunctionReturn(0);
}

double SnaBandFlops(PetscInt blocks, PetscInt eliminated, PetscInt p, PetscInt m)
{
  const double cube = (double)m * (double)m * (double)m;
  double       sum  = 0;

  for (PetscInt j = 0; j < eliminated; j++) {
    const double below = (double)PetscMin(p, blocks - 1 - j);
    sum += cube * (1.0 / 3 + below + below * below);
  }
  return sum;
}
